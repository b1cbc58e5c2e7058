"""What a person writes: the spec, its equations and presets. No arrays, no torch."""
