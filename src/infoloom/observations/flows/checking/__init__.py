"""Certificates of trained flows: round trips, eigenvalues, rows apart, every class; what is kept in a file."""
