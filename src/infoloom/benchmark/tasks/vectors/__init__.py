"""Tasks made of a law and one injective map on each side."""
