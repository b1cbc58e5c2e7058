"""Autoencoders of several modalities: evidence bounds and how experts are joined."""
