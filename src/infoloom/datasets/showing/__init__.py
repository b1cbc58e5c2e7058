"""Datasets and stories for people: card, pictures, sound."""
