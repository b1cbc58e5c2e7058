"""Distributions of causes, standardised to mean 0 and variance 1: densities, draws and where to integrate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.special

from infoloom.plugins import load
from infoloom.spec.equations.distribution import DISTRIBUTIONS, DistributionCall, parse_distribution

__all__ = ["Array", "Distribution", "atoms_of", "gauss_legendre", "make_distribution", "panel_nodes"]

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

TAIL: Final = 8.3  # in standard normal units: what lies beyond has probability 1e-16
MAX_PANELS: Final = 20_000
_BISECTIONS: Final = 80


@dataclass(frozen=True)
class Distribution:
    """A standardised distribution of one scalar cause.

    Attributes:
        name: One of `infoloom.spec.equations.distribution.DISTRIBUTIONS`.
        args: Its numbers, as written; a mixture's are weights, means and widths before standardisation.
    """

    name: str = "normal"
    args: tuple[float, ...] = ()

    @property
    def normal(self) -> bool:
        """Whether it is the standard normal."""
        return self.name == "normal"

    @property
    def plugin(self) -> Any:
        """What an installed package says of it, see `infoloom.testing.check_distribution`; None for our own."""
        return None if self.name in DISTRIBUTIONS else load("distributions", self.name)

    @property
    def discrete(self) -> bool:
        """Whether it has finitely many values."""
        return self.name == "categorical"

    @property
    def atoms(self) -> tuple[Array, Array]:
        """Values and probabilities of a discrete distribution, each of shape (k,)."""
        k = round(self.args[0])
        values = (np.arange(k) - (k - 1) / 2.0) / math.sqrt((k * k - 1) / 12.0)
        return np.asarray(values, dtype=np.float64), np.full(k, 1.0 / k)

    @property
    def parts(self) -> tuple[Array, Array, Array]:
        """Weights, means and widths of a mixture after standardisation."""
        weights, means, widths = (np.array(self.args[i::3]) for i in range(3))
        weights = weights / weights.sum()
        mean = float(weights @ means)
        spread = math.sqrt(float(weights @ ((means - mean) ** 2 + widths**2)))
        return weights, (means - mean) / spread, widths / spread

    @property
    def centres(self) -> tuple[float, ...]:
        """Points where the density has a kink or an edge, or around which it varies fastest."""
        if self.plugin is not None:
            return tuple(float(centre) for centre in self.plugin.centres(self.args))
        if self.name == "uniform":
            return (-math.sqrt(3.0), math.sqrt(3.0))
        return tuple(self.parts[1].tolist()) if self.name == "mixture" else (0.0,)

    @property
    def width(self) -> float:
        """Length over which the density is smooth."""
        if self.plugin is not None:
            return float(self.plugin.width(self.args))
        match self.name:
            case "student_t":
                return min(1.0, math.sqrt(self.args[0] - 2.0))
            case "mixture":
                return float(self.parts[2].min())
            case "uniform":
                return math.sqrt(12.0)
        return 0.7

    def ends(self, tail: float = TAIL) -> tuple[float, float]:
        """An interval that leaves out the probability that a normal has beyond ± `tail`, or none."""
        low, high = self.from_normal(np.array([-tail, tail]))
        return float(low), float(high)

    def density(self, values: Array) -> Array:
        """Probability density of a continuous distribution at some values."""
        if self.plugin is not None:
            return np.asarray(self.plugin.density(values, self.args), dtype=np.float64)
        match self.name:
            case "laplace":
                return np.asarray(math.sqrt(0.5) * np.exp(-math.sqrt(2.0) * np.abs(values)))
            case "student_t":
                df = self.args[0]
                constant = math.lgamma((df + 1.0) / 2.0) - math.lgamma(df / 2.0)
                constant -= 0.5 * math.log((df - 2.0) * math.pi)
                return np.asarray(np.exp(constant - (df + 1.0) / 2.0 * np.log1p(values**2 / (df - 2.0))))
            case "uniform":
                return np.where(np.abs(values) <= math.sqrt(3.0), 1.0 / math.sqrt(12.0), 0.0)
            case "mixture":
                weights, means, widths = self.parts
                away = (values[..., None] - means) / widths
                return np.asarray(np.exp(-0.5 * away**2) @ (weights / (widths * math.sqrt(2.0 * math.pi))))
        return np.asarray(np.exp(-0.5 * values**2) / math.sqrt(2.0 * math.pi))

    def from_normal(self, normal: Array) -> Array:
        """The rising map from standard normal values to values of this distribution.

        Each tail is computed from its own tail probability, so that neither loses digits.
        """
        if self.plugin is not None:
            return np.asarray(self.plugin.from_normal(normal, self.args), dtype=np.float64)
        tail: Array = np.asarray(scipy.special.ndtr(-np.abs(normal)))
        side = np.sign(normal)
        match self.name:
            case "laplace":
                log_tail = scipy.special.log_ndtr(-np.abs(normal))
                return np.asarray(-side * (math.log(2.0) + log_tail) / math.sqrt(2.0))
            case "student_t":
                df = self.args[0]
                below = np.asarray(scipy.special.stdtrit(df, tail))
                return np.asarray(-side * below * math.sqrt((df - 2.0) / df))
            case "uniform":
                return np.asarray(math.sqrt(3.0) * scipy.special.erf(normal / math.sqrt(2.0)))
            case "categorical":
                values, _ = self.atoms
                below = scipy.special.ndtr(normal) * len(values)
                return np.asarray(values[np.minimum(below.astype(int), len(values) - 1)])
            case "mixture":
                return self._mixture_from_normal(normal, tail)
        return np.asarray(normal, dtype=np.float64)

    def nodes(
        self,
        kinks: tuple[float, ...] = (),
        finest: float = math.inf,
        widest: float = math.inf,
        tail: float = TAIL,
    ) -> tuple[Array, Array]:
        """Points and weights for integrals of piecewise smooth functions against this distribution.

        Args:
            kinks: Where the functions are not smooth.
            finest: Panels are at most this wide near the kinks and centres.
            widest: Panels are at most this wide anywhere, for functions that oscillate.
            tail: Where to stop, in standard normal units.

        Returns:
            Values and probabilities, each of shape (n,); the probabilities add up to 1.
        """
        if self.discrete:
            return self.atoms
        return panel_nodes(self.edges(kinks, finest, widest, tail), self)

    def edges(
        self,
        kinks: tuple[float, ...] = (),
        finest: float = math.inf,
        widest: float = math.inf,
        tail: float = TAIL,
    ) -> Array:
        """Edges of panels that grow geometrically away from centres and kinks, shape (k,); see `nodes`."""
        low, high = self.ends(tail)
        smallest = min(self.width, finest)
        count = max(2, math.ceil(math.log2((high - low) / smallest)) + 2)
        steps = smallest * 2.0 ** np.arange(count)
        offsets = np.concatenate([-steps[::-1], [0.0], steps])
        reach = min(high, widest * MAX_PANELS / 2)  # far out there is too little probability to matter
        fine = np.arange(max(low, -reach), reach, widest) if widest < high - low else np.zeros(0)
        points = np.concatenate(
            [centre + offsets for centre in (*self.centres, *kinks)] + [fine, [low, high]]
        )
        points = np.unique(points[(points >= low) & (points <= high)])
        return np.asarray(points[np.concatenate([[True], np.diff(points) > 1e-12])])

    def _mixture_from_normal(self, normal: Array, tail: Array) -> Array:
        weights, means, widths = self.parts
        sign = np.where(normal > 0, -1.0, 1.0)  # the distribution function of the mirrored upper tail
        reach = np.abs(normal).max(initial=1.0) + 1.0
        low = np.full(normal.shape, float((means - reach * widths).min()))
        high = np.full(normal.shape, float((means + reach * widths).max()))
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            away = sign[..., None] * (middle[..., None] - means) / widths
            below = sign * (scipy.special.ndtr(away) @ weights - tail) < 0
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high))


def make_distribution(call: DistributionCall | str) -> Distribution:
    """The distribution of a call such as `student_t(5)`.

    Example:
        >>> make_distribution("categorical(2)").atoms[0].tolist()
        [-1.0, 1.0]
    """
    call = parse_distribution(call) if isinstance(call, str) else call
    return Distribution(call.name, call.args)


def atoms_of(call: str) -> tuple[float, ...]:
    """The values of a discrete distribution, ascending; none of a continuous one.

    Example:
        >>> atoms_of("categorical(2)"), atoms_of("laplace")
        ((-1.0, 1.0), ())
    """
    made = make_distribution(call)
    return tuple(map(float, made.atoms[0])) if made.discrete else ()


def panel_nodes(edges: Array, distribution: Distribution, order: int = 20) -> tuple[Array, Array]:
    """Gauss–Legendre points of all panels with the probabilities that a density gives them."""
    points, weights = gauss_legendre(order)
    half = 0.5 * np.diff(edges)[:, None]
    values = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * points).ravel()
    mass = (half * weights).ravel() * distribution.density(values)
    return values, mass / mass.sum()


def gauss_legendre(order: int) -> tuple[Array, Array]:
    """Points and weights on [−1, 1]."""
    points, weights = np.polynomial.legendre.leggauss(order)
    return np.asarray(points), np.asarray(weights)
