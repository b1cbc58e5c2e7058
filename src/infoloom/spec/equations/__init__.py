"""Equations and distributions as text: parsed into trees, never evaluated."""
