"""Objectives that predict what is hidden, in values or in features."""
