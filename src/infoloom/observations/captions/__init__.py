"""Captions: sentences out of words, and words out of sentences."""
