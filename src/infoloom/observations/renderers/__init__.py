"""Renderers: injective maps of a few named factors to pictures, spectra, curves and sounds."""
