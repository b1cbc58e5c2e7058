"""Suites and standings of the first version, whose problems and rule of scoring were others."""
