"""Information where causes are not Gaussian or equations are not linear: by quadrature or Monte Carlo, with errors."""
