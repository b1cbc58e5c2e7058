"""The inverse problem: weights that give the information asked for, or the reason why none do."""
