"""Benchmarks: the only place where estimates and learners meet the truth."""
