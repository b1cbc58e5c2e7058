"""Averages over special causes behind noise: sums over nodes, importance sampling, scales of normal laws."""
