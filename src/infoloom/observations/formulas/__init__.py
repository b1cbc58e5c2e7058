"""Bijections by formula: elementwise, linear and coupling maps."""
