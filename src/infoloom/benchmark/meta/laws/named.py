"""Families of random laws by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infoloom.benchmark.meta.laws.additive import ADDITIVE
from infoloom.benchmark.meta.laws.base import Family
from infoloom.benchmark.meta.laws.labels import DISCRETE, MIXED
from infoloom.benchmark.meta.laws.mixture import MIXTURE
from infoloom.benchmark.meta.laws.normal import GAUSSIAN, STUDENT
from infoloom.benchmark.meta.laws.story import STORY

__all__ = ["FAMILIES"]

FAMILIES: Final[Mapping[str, Family]] = {
    "story": STORY,
    "gaussian": GAUSSIAN,
    "student": STUDENT,
    "additive": ADDITIVE,
    "mixture": MIXTURE,
    "discrete": DISCRETE,
    "mixed": MIXED,
}
