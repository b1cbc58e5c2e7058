"""Datasets: made shard by shard, stored as Parquet with a card that holds the truth, read as arrays."""

from infoloom.datasets.checking.outcome import Check, Report
from infoloom.datasets.checking.verify import verify
from infoloom.datasets.finish import finish
from infoloom.datasets.generate import begin, generate, make_shards
from infoloom.datasets.making.plan import Plan, make_plan
from infoloom.datasets.reading.read import Dataset, open_dataset

__all__ = [
    "Check",
    "Dataset",
    "Plan",
    "Report",
    "begin",
    "finish",
    "generate",
    "make_plan",
    "make_shards",
    "open_dataset",
    "verify",
]
