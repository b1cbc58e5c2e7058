"""Objectives that tell the modalities of a row from those of other rows."""
