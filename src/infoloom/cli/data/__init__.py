"""The commands about a dataset: make, join, check, show, export."""
