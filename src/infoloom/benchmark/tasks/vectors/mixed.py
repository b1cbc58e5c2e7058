"""Tasks of discrete, mixed and mixture variables whose information is a closed form or an integral of one dimension."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from infoloom.benchmark.tasks.base import PairTask, expect, whole
from infoloom.benchmark.tasks.laws.mixed import AtomsLaw, ChannelLaw, ClassesLaw, StepsLaw, ZeroInflatedLaw
from infoloom.benchmark.tasks.vectors.base import VectorTask
from infoloom.benchmark.tasks.vectors.maps import IDENTITY, Map
from infoloom.information.quantity import QUADRATURE, Quantity

__all__ = [
    "MIXED",
    "AtomsTask",
    "ChannelTask",
    "ClassesTask",
    "StepsTask",
    "ZeroInflatedTask",
    "mixed_tasks",
    "null_tasks",
]

_TOLERANCE: Final = 1e-12
_MOST_VALUES: Final = 1_000_000
_MOST_CLASSES: Final = 1000
_MOST_COLUMNS: Final = 100_000


class _PlainTask(VectorTask):
    """Rows of a law as they are."""

    @cached_property
    def maps(self) -> tuple[Map, Map]:
        """Nothing hides them."""
        return IDENTITY, IDENTITY


@dataclass(frozen=True)
class StepsTask(_PlainTask):
    """x uniform on 0 … m − 1, y uniform on (x, x + 2), in several independent copies.

    Args:
        values: m.
        copies: Columns of each side.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> task = StepsTask(5)
        >>> task.id, task.kinds, round(task.mutual_information, 6)
        ('uniform-steps:values=5,copies=1', ('discrete', 'continuous'), 1.05492)
    """

    values: int
    copies: int = 1

    family: ClassVar[str] = "uniform-steps"
    source: ClassVar[str] = "Gao, Kannan, Oh and Viswanath 2017: copies (log m - (m - 1)/m log 2)"
    kinds = ("discrete", "continuous")

    def __post_init__(self) -> None:
        _expect_whole("values", self.values, 2, _MOST_VALUES)
        _expect_whole("copies", self.copies, 1, _MOST_COLUMNS)

    @property
    def name(self) -> str:
        """Name for people."""
        return f"{self.values} overlapping steps, {self.copies} × {self.copies}"

    @cached_property
    def law(self) -> StepsLaw:
        """Where rows come from."""
        return StepsLaw(self.values, self.copies)


@dataclass(frozen=True)
class ChannelTask(_PlainTask):
    """A symmetric channel: y is the symbol x, or with some probability any other one, in several independent copies.

    Args:
        symbols: How many.
        error: Probability of another symbol; (symbols − 1) / symbols leaves nothing.
        copies: Columns of each side.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> task = ChannelTask(2, 0.11)
        >>> task.id, task.kind, round(task.mutual_information, 4)
        ('channel:symbols=2,error=0.11,copies=1', 'discrete', 0.3466)
    """

    symbols: int
    error: float
    copies: int = 1

    family: ClassVar[str] = "channel"
    source: ClassVar[str] = "log K - H(error) of a symmetric channel; Cover and Thomas 2006, section 7.2"
    kinds = ("discrete", "discrete")

    def __post_init__(self) -> None:
        _expect_whole("symbols", self.symbols, 2, _MOST_VALUES)
        _expect_whole("copies", self.copies, 1, _MOST_COLUMNS)
        _expect_share("error", self.error)

    @property
    def name(self) -> str:
        """Name for people."""
        return f"{self.symbols} symbols, {self.error:g} wrong, {self.copies} × {self.copies}"

    @cached_property
    def law(self) -> ChannelLaw:
        """Where rows come from."""
        return ChannelLaw(self.symbols, self.error, self.copies)


@dataclass(frozen=True)
class ClassesTask(_PlainTask):
    """x one of equally likely classes, y normal around the mean of its class on the diagonal of its columns.

    Args:
        classes: How many.
        apart: Distance of neighbouring means in standard deviations; 0 leaves nothing.
        dim: Columns of y, which all hold a part.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> task = ClassesTask(2, 2.0)
        >>> task.id, task.truth.text()
        ('normal-classes:classes=2,apart=2.0,dim=1', '0.336830820 ± 0.000000000 (quadrature)')
    """

    classes: int
    apart: float
    dim: int = 1

    family: ClassVar[str] = "normal-classes"
    source: ClassVar[str] = "equally likely normal classes; quadrature of log p(y | x) / p(y)"
    kinds = ("discrete", "continuous")

    def __post_init__(self) -> None:
        _expect_whole("classes", self.classes, 2, _MOST_CLASSES)
        _expect_whole("dim", self.dim, 1, _MOST_COLUMNS)
        expect(0.0 <= self.apart < 100.0, "apart", self.apart, "a number from 0 to below 100", "Use 2.0.")

    @property
    def name(self) -> str:
        """Name for people."""
        return f"{self.classes} normal classes {self.apart:g} apart, 1 × {self.dim}"

    @cached_property
    def law(self) -> ClassesLaw:
        """Where rows come from."""
        return ClassesLaw(self.classes, self.apart, self.dim)

    @property
    def truth(self) -> Quantity:
        """By quadrature (nats)."""
        return Quantity(self.law.mutual_information, method=QUADRATURE, tolerance=_TOLERANCE)


@dataclass(frozen=True)
class ZeroInflatedTask(_PlainTask):
    """x exponential; y a Poisson count of mean x, or 0 with some probability without being counted.

    Args:
        share: Probability that y is not counted.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> task = ZeroInflatedTask(0.15)
        >>> task.id, task.kinds, round(task.mutual_information, 6)
        ('zero-inflated:share=0.15', ('continuous', 'discrete'), 0.229776)
    """

    share: float

    family: ClassVar[str] = "zero-inflated"
    source: ClassVar[str] = (
        "Gao, Kannan, Oh and Viswanath 2017 (law); closed form of our own, theirs for share 0"
    )
    kinds = ("continuous", "discrete")

    def __post_init__(self) -> None:
        expect(0.0 <= self.share < 1.0, "share", self.share, "a number from 0 to below 1", "Use 0.15.")

    @property
    def name(self) -> str:
        """Name for people."""
        return f"Poisson counts, {self.share:g} lost"

    @cached_property
    def law(self) -> ZeroInflatedLaw:
        """Where rows come from."""
        return ZeroInflatedLaw(self.share)


@dataclass(frozen=True)
class AtomsTask(_PlainTask):
    """A normal pair, or with some probability a pair of signs: both sides are mixtures of real numbers and atoms.

    Args:
        correlation: Of the normal pair.
        share: Probability of the normal pair.
        agree: Probability that two signs agree.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> task = AtomsTask()
        >>> task.kinds, round(task.mutual_information, 6)
        (('mixture', 'mixture'), 1.292362)
    """

    correlation: float = 0.9
    share: float = 0.5
    agree: float = 0.9

    family: ClassVar[str] = "normal-atoms"
    source: ClassVar[str] = (
        "Gao, Kannan, Oh and Viswanath 2017: H(share) + the share's part of each information"
    )
    kinds = ("mixture", "mixture")

    def __post_init__(self) -> None:
        expect(-1.0 < self.correlation < 1.0, "correlation", self.correlation, "between -1 and 1", "Use 0.9.")
        expect(0.0 < self.share < 1.0, "share", self.share, "between 0 and 1", "Use 0.5.")
        _expect_share("agree", self.agree)

    @property
    def name(self) -> str:
        """Name for people."""
        return f"normal pair or signs, {self.share:g} normal"

    @cached_property
    def law(self) -> AtomsLaw:
        """Where rows come from."""
        return AtomsLaw(self.correlation, self.share, self.agree)


#: Their families.
MIXED: Final[tuple[type[PairTask], ...]] = (StepsTask, ChannelTask, ClassesTask, ZeroInflatedTask, AtomsTask)


def mixed_tasks() -> Iterator[PairTask]:
    """Some of every family."""
    yield from (StepsTask(5), StepsTask(5, 3))
    yield from (ChannelTask(2, 0.1), ChannelTask(5, 0.3, 2))
    yield from (ClassesTask(2, 2.0), ClassesTask(10, 1.0, 4))
    yield from (ZeroInflatedTask(0.0), ZeroInflatedTask(0.15), AtomsTask())


def null_tasks() -> Iterator[PairTask]:
    """Independent pairs, discrete and mixed."""
    yield from (ChannelTask(4, 0.75), ChannelTask(2, 0.5, 3), ClassesTask(10, 0.0, 4))


def _expect_whole(name: str, value: int, least: int, most: int) -> None:
    fits = whole(value) and least <= value <= most
    expect(fits, name, value, f"a whole number from {least} to {most:,}", f"Use {max(least, 2)}.")


def _expect_share(name: str, value: float) -> None:
    expect(0.0 <= value <= 1.0 and math.isfinite(value), name, value, "a probability from 0 to 1", "Use 0.1.")
