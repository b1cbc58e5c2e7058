"""What strangers hand over: files that must be files, JSON that must be JSON, trees that must have their shape."""
