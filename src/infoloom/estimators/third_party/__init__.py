"""Estimators of others: callables, objects, programs, and packages that are called by name."""
