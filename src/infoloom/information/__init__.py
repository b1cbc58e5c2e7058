"""What is known before a single row exists: measures, their notation, the truth table, pointwise values."""
