"""Kinds of sources: arrays, archives, tables, folders; each becomes rows."""
