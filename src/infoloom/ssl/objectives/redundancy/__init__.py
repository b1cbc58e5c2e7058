"""Objectives that bring modalities together and keep features from being redundant."""
