"""Trained flows: their network, their steps, their inverse and their certificate."""
