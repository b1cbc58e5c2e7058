"""Figures and pages of the benchmark of estimators."""
