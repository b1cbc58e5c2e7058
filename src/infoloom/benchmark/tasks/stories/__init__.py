"""Tasks behind which a story stands: two of its variables, plain or as they are seen."""
