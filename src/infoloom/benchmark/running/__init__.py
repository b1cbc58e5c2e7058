"""Runs in processes of their own: limits, failures, results."""
