"""Datasets in other people's formats, value for value."""

from infoloom.datasets.exports.named import KINDS, export

__all__ = ["KINDS", "export"]
