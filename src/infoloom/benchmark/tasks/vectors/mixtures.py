"""Mixtures of normal laws behind maps: two crossed lines, letters, spirals, waves, spheres in spheres, inliers.

They are those of the second version of the benchmark of "Beyond Normal", rebuilt from their description, with any
parameter. Where that benchmark estimates a truth from rows, these are integrals over one or two numbers.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, Final

import numpy as np

from infoloom.benchmark.tasks.base import Array, expect, whole
from infoloom.benchmark.tasks.laws.closed_form import correlated
from infoloom.benchmark.tasks.laws.mixture_truths import plane_information, radial_information
from infoloom.benchmark.tasks.laws.mixtures import InlierLaw, MixtureLaw
from infoloom.benchmark.tasks.vectors import maps as m
from infoloom.benchmark.tasks.vectors.base import VectorTask
from infoloom.benchmark.tasks.vectors.gaussian import read_dims
from infoloom.benchmark.tasks.vectors.maps import IDENTITY, Map
from infoloom.information.quantity import Quantity

__all__ = ["MIXTURES", "ConcentricTask", "CrossTask", "GalaxyTask", "InlierTask", "LettersTask", "WavesTask"]

_SOURCE: Final = "Czyż et al. 2023 to 2025, Beyond Normal and its second version (mixtures of normal laws)"
#: Variance of y about the number of its sphere.
_LEVEL: Final = 1e-4
_MOST_DIM: Final = 256
_MOST_BALLS: Final = 100
_MOST_STRIPS: Final = 64
_MOST_STRENGTH: Final = 30.0


@dataclass(frozen=True)
class _MixtureTask(VectorTask):
    """A mixture behind maps; its truth is an integral."""

    source: ClassVar[str] = _SOURCE

    @property
    def truth(self) -> Quantity:
        """The information with its tolerance (nats)."""
        return _known(self)

    @cached_property
    @abstractmethod
    def law(self) -> MixtureLaw | InlierLaw:
        """Where rows come from."""

    @cached_property
    def maps(self) -> tuple[Map, Map]:
        """None, where a task has no maps of its own."""
        return IDENTITY, IDENTITY


@dataclass(frozen=True)
class CrossTask(_MixtureTask):
    """Two normal laws with opposite correlations, an X: no linear relation at all.

    Args:
        correlation: Of one of them, from 0 to below 1.
    """

    correlation: float = 0.9

    family: ClassVar[str] = "mixture-x"

    def __post_init__(self) -> None:
        _between("correlation", self.correlation, 0.0, 1.0)

    @property
    def name(self) -> str:
        """Name for people."""
        return f"X 1 × 1, correlation {self.correlation:g}"

    @cached_property
    def law(self) -> MixtureLaw:
        """The two laws."""
        both = np.array(
            [[[1.0, sign * self.correlation], [sign * self.correlation, 1.0]] for sign in (-1, 1)]
        )
        return _plane(np.zeros((2, 2)), both)


@dataclass(frozen=True)
class LettersTask(_MixtureTask):
    """Six normal laws that draw the letters A and I."""

    family: ClassVar[str] = "mixture-ai"

    @property
    def name(self) -> str:
        """Name for people."""
        return "AI 1 × 1"

    @cached_property
    def law(self) -> MixtureLaw:
        """The strokes of I, then those of A."""
        slant = 0.95 * math.sqrt(0.04 * 0.2)
        strokes = [
            (1.0, 0.0, 0.01, 0.2, 0.0),
            (1.0, 1.0, 0.05, 0.001, 0.0),
            (1.0, -1.0, 0.05, 0.001, 0.0),
            (-0.8, -0.2, 0.03, 0.001, 0.0),
            (-1.2, 0.0, 0.04, 0.2, slant),
            (-0.4, 0.0, 0.04, 0.2, -slant),
        ]
        means = np.array([(x, y) for x, y, *_ in strokes])
        return _plane(means, np.array([[[v, c], [c, w]] for _, _, v, w, c in strokes]))


@dataclass(frozen=True)
class GalaxyTask(_MixtureTask):
    """Two balls in three dimensions; the plane of x is wound up around the middle.

    Args:
        speed: Radians by which a point of distance 1 is turned; the angle grows with the square of the distance.
        distance: Between the balls along each axis.
    """

    speed: float = 0.5
    distance: float = 3.0

    family: ClassVar[str] = "mixture-galaxy"

    def __post_init__(self) -> None:
        _between("speed", self.speed, 0.0, 100.0)
        _between("distance", self.distance, 0.0, 100.0)

    @property
    def name(self) -> str:
        """Name for people."""
        return f"Galaxy 2 × 1, speed {self.speed:g}, distance {self.distance:g}"

    @cached_property
    def law(self) -> MixtureLaw:
        """The balls; of x only the coordinate along the line between them tells."""
        side = np.array([-0.5, 0.5])[:, None] * self.distance
        line = side * np.array([math.sqrt(2.0), 1.0])
        full = np.broadcast_to(np.eye(3), (2, 3, 3))

        def truth() -> Quantity:
            return plane_information(_even(2), line, full[:, :2, :2])

        return MixtureLaw(_even(2), side * np.ones(3), full, 2, truth)

    @cached_property
    def maps(self) -> tuple[Map, Map]:
        """The winding."""
        return m.spiral(2, 0, self.speed), IDENTITY


@dataclass(frozen=True)
class WavesTask(_MixtureTask):
    """Strips of x at four levels of y, bent into waves.

    Args:
        components: Number of strips.
        amplitude: Of the waves.
        frequency: Of the waves.
    """

    components: int = 12
    amplitude: float = 5.0
    frequency: float = 3.0

    family: ClassVar[str] = "mixture-waves"

    def __post_init__(self) -> None:
        _components(self.components, _MOST_STRIPS)
        _between("amplitude", self.amplitude, 0.0, 100.0)
        _between("frequency", self.frequency, 0.0, 100.0)

    @property
    def name(self) -> str:
        """Name for people."""
        return f"Waves 2 × 1, {self.components} strips"

    @cached_property
    def law(self) -> MixtureLaw:
        """The strips; the second column of x is the same in all."""
        count = np.arange(self.components)
        means = 1.5 * np.stack([count, np.zeros_like(count), count % 4], axis=1).astype(np.float64)
        full = np.broadcast_to(np.diag([0.1, 1.0, 0.1]), (len(count), 3, 3))
        kept = np.ix_(range(len(count)), [0, 2], [0, 2])

        def truth() -> Quantity:
            return plane_information(_even(len(count)), means[:, [0, 2]], full[kept])

        return MixtureLaw(_even(len(count)), means, full, 2, truth)

    @cached_property
    def maps(self) -> tuple[Map, Map]:
        """The waves."""
        return m.waves(self.amplitude, self.frequency), IDENTITY


@dataclass(frozen=True)
class ConcentricTask(_MixtureTask):
    """Balls of growing size about one middle; y is the number of the ball, with a little noise.

    Args:
        dim: Columns of x.
        components: Number of balls.
    """

    dim: int = 3
    components: int = 5

    family: ClassVar[str] = "mixture-concentric"

    def __post_init__(self) -> None:
        fits = whole(self.dim) and 1 <= self.dim <= _MOST_DIM
        expect(fits, "dim", self.dim, f"a whole number from 1 to {_MOST_DIM}", "Use 3.")
        _components(self.components, _MOST_BALLS)

    @property
    def name(self) -> str:
        """Name for people."""
        return f"Concentric {self.dim} × 1, {self.components} balls"

    @cached_property
    def law(self) -> MixtureLaw:
        """The balls. Levels of y are a hundred standard deviations apart, so I(x; y) = I(x; ball) to e^-1250."""
        count = np.arange(1.0, self.components + 1.0)
        means = np.zeros((len(count), self.dim + 1))
        means[:, -1] = count
        full = np.stack([np.diag([*([k * k] * self.dim), _LEVEL]) for k in count])
        return MixtureLaw(
            _even(len(count)), means, full, self.dim, lambda: radial_information(count, self.dim)
        )


@dataclass(frozen=True)
class InlierTask(_MixtureTask):
    """Canonical pairs in many columns; in a share of the rows y is drawn anew.

    Args:
        dims: Columns of x and of y, such as `5v5`.
        pairs: Pairs that depend on each other.
        strength: Weight of a common factor of each pair beside noise of weight 1.
        share: Of the rows in which y knows nothing of x.
    """

    dims: str = "5v5"
    pairs: int = 2
    strength: float = 2.0
    share: float = 0.2

    family: ClassVar[str] = "mixture-inliers"

    def __post_init__(self) -> None:
        most = min(read_dims(self.dims))
        fits = whole(self.pairs) and 1 <= self.pairs <= most
        expect(fits, "pairs", self.pairs, f"a whole number from 1 to {most}", "Use fewer or more columns.")
        fits = 0.0 <= self.strength <= _MOST_STRENGTH
        wanted = f"a number from 0 to {_MOST_STRENGTH:g}, up to which the integral is exact"
        expect(fits, "strength", self.strength, wanted, "Use 2.0.")
        _between("share", self.share, 0.0, 1.0)

    @property
    def name(self) -> str:
        """Name for people."""
        return f"Multinormal {self.dims.replace('v', ' × ')} (sparse, {100 * self.share:g} % inliers)"

    @cached_property
    def law(self) -> InlierLaw:
        """The pairs."""
        shared = self.strength**2
        return InlierLaw(correlated(*read_dims(self.dims), shared / (1.0 + shared), self.pairs), self.share)


@lru_cache(maxsize=1024)
def _known(task: _MixtureTask) -> Quantity:
    """The truth of a task, integrated once."""
    return task.law.quantity


#: The mixtures.
MIXTURES: Final = (CrossTask, LettersTask, GalaxyTask, WavesTask, ConcentricTask, InlierTask)


def _even(count: int) -> Array:
    return np.full(count, 1.0 / count)


def _plane(means: Array, covariances: Array) -> MixtureLaw:
    """Equally likely normal laws in the plane of x and y."""
    weights = _even(len(means))
    return MixtureLaw(weights, means, covariances, 1, lambda: plane_information(weights, means, covariances))


def _between(name: str, value: float, low: float, high: float) -> None:
    expect(low <= value < high, name, value, f"a number from {low:g} to below {high:g}", "Change it.")


def _components(count: int, most: int) -> None:
    fits = whole(count) and 1 <= count <= most
    expect(fits, "components", count, f"a whole number from 1 to {most}", "Use 5.")
