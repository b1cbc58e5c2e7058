"""The commands `infoloom bench`."""
