"""Random joint laws by family: each draws its settings, is settled to an information value, and draws rows."""
