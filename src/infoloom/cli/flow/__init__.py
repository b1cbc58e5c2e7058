"""The commands `infoloom flow`."""
