"""Figures and pages of the benchmark of learners."""
