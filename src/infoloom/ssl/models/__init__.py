"""Encoders, and what is built from them."""
