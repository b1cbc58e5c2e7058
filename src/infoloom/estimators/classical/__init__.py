"""Estimators without a trained network."""
