"""What is known before a single row exists: information measures, their notation, the truth table, pointwise values."""
