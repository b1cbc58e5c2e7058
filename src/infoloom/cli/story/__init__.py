"""The commands about a story: no rows, no files of data."""
