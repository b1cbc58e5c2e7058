"""Joint laws of two vectors whose information is known: a closed form, or an integral."""
