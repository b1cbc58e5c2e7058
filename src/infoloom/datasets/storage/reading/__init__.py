"""Rows of a dataset's folder read back: from shards or memory-mapped copies, in views and in an order."""
