"""Mixtures: a hidden label moves one column of x and one of y; canonical pairs carry what the label does not.

p(x, y) = Σ_c w_c φ(x − s μ_c) φ(y − s ν_c). The information of the label's pair is a sum over a grid, which converges
faster than any power of the spacing for such densities; its error is the difference to every second node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from infoloom.benchmark.meta.laws.base import MISS, Family, Float32, Frame, excess, rising, split
from infoloom.benchmark.meta.laws.normal import canonical_pairs
from infoloom.information.quantity import QUADRATURE, Quantity

__all__ = ["MIXTURE", "MixtureLaw", "label_information"]

_Array = NDArray[np.float64]
_MOST: Final = 0.2  # what two groups of unequal weights, as far apart as they get here, always carry
_PAIR_MOST: Final = 8.0
_APART: Final = 3.0
_BOUNDS: Final = (1e-5, 12.0)  # of the distance where it is solved exactly
_FAINT: Final = 1e-4  # nats below which a difference of entropies loses digits
_SPACING: Final = 0.25
_REACH: Final = 7.0
_GROUPS: Final = (2, 5)
_NODES: Final = 64


@dataclass(frozen=True)
class MixtureLaw:
    """Column 0 of x and y belongs to the label's pair, the next ones to canonical pairs.

    Args:
        frame: Columns of x and y.
        weights: Of the groups (groups,).
        centres_x: Of the groups in x, in units of their width (groups,).
        centres_y: Likewise in y.
        nats: Of the canonical pairs.
        label: Information of the label's pair, and its error (nats).
    """

    frame: Frame
    weights: _Array
    centres_x: _Array
    centres_y: _Array
    nats: _Array
    label: tuple[float, float] = (0.0, 0.0)

    @property
    def truth(self) -> Quantity:
        """The label's pair by quadrature, the others in closed form (nats)."""
        if not self.centres_y.any():
            return Quantity(float(self.nats.sum()))
        value, error = self.label
        return Quantity(value + float(self.nats.sum()), method=QUADRATURE, tolerance=error)

    @property
    def heavy(self) -> bool:
        """No: rows are of about one size."""
        return False

    @property
    def discrete(self) -> tuple[bool, bool]:
        """Neither side."""
        return False, False

    @property
    def params(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        arrays = {
            "weights": self.weights,
            "centres_x": self.centres_x,
            "centres_y": self.centres_y,
            "pairs": self.nats,
        }
        return {name: values.tolist() for name, values in arrays.items()}

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Float32, Float32]:
        """x (rows, dim_x) and y (rows, dim_y), columns of variance 1."""
        x, y = canonical_pairs(rng, rows, self.frame, np.concatenate([[0.0], self.nats]))
        label = np.searchsorted(np.cumsum(self.weights)[:-1], rng.random(rows), side="right")
        for side, centres in ((x, self.centres_x), (y, self.centres_y)):
            mean = float(self.weights @ centres)
            std = np.sqrt(1.0 + float(self.weights @ (centres - mean) ** 2))
            side[:, 0] = (side[:, 0] + (centres[label] - mean)) / std
        return x, y


def label_information(
    weights: _Array, centres_x: _Array, centres_y: _Array, spacing: float = _SPACING
) -> tuple[float, float]:
    """Information of the pair that a hidden label makes, and the change when every second node is left out (nats).

    A difference of entropies; where that is little, the mean excess of p(x, y) / (p(x) p(y)), which keeps its digits.
    """
    (px, x_groups), (py, y_groups) = (_density(weights, c, spacing) for c in (centres_x, centres_y))
    joint = (x_groups * weights) @ y_groups.T
    fine = _entropies(px, spacing) + _entropies(py, spacing) - _entropies(joint, spacing**2)
    half = (px[::2], py[::2], joint[::2, ::2])
    coarse = (
        _entropies(half[0], 2.0 * spacing)
        + _entropies(half[1], 2.0 * spacing)
        - _entropies(half[2], 4.0 * spacing**2)
    )
    if fine < _FAINT:
        x_change, y_change = x_groups / px[:, None] - 1.0, y_groups / py[:, None] - 1.0
        above = excess((x_change * weights) @ y_change.T)
        fine = spacing**2 * float(px @ above @ py)
        coarse = 4.0 * spacing**2 * float(px[::2] @ above[::2, ::2] @ py[::2])
    return fine, abs(fine - coarse)


def _density(weights: _Array, centres: _Array, spacing: float) -> tuple[_Array, _Array]:
    """A side's density at its nodes (nodes,), and that of each group (nodes, groups)."""
    nodes = np.arange(centres.min() - _REACH, centres.max() + _REACH + spacing, spacing)
    groups = np.exp(-0.5 * (nodes[:, None] - centres) ** 2) / np.sqrt(2.0 * np.pi)
    return groups @ weights, groups


def _entropies(density: _Array, cell: float) -> float:
    """−∫ p log p."""
    flat = density.ravel()
    return float(-cell * (flat @ np.log(np.maximum(flat, 1e-300))))


def _sketch(rng: np.random.Generator, frame: Frame) -> tuple[MixtureLaw, float]:
    """The law with centres at distance about 1, and the share of the information that the label shall have."""
    groups = int(rng.integers(_GROUPS[0], _GROUPS[1] + 1))
    weights = 0.5 / groups + 0.5 * rng.dirichlet(np.full(groups, 2.0))
    centres = np.arange(groups) + rng.uniform(-0.3, 0.3, (2, groups))
    pairs = frame.pairs - 1
    inner = Frame(frame.dim_x - 1, frame.dim_y - 1, min(frame.nats, _PAIR_MOST * pairs))
    if pairs == 0 or frame.nats == 0.0:
        return MixtureLaw(frame, weights, centres[0], rng.permutation(centres[1]), np.zeros(0)), 1.0
    share = rng.uniform(0.05, 0.98)
    return (
        MixtureLaw(frame, weights, centres[0], rng.permutation(centres[1]), split(rng, inner, _PAIR_MOST)),
        share,
    )


def _settle(sketches: Sequence[tuple[MixtureLaw, float]]) -> list[MixtureLaw]:
    """Centres apart so that the label has its share or all it can; pairs take the rest."""
    groups = np.zeros((3, len(sketches), _GROUPS[1]))  # weights, centres in x and in y
    for row, (law, _) in enumerate(sketches):
        groups[:, row, : len(law.weights)] = law.weights, law.centres_x, law.centres_y
    wanted = np.array([share * law.frame.nats for law, share in sketches])
    apart = rising(lambda v: _coarse(v[:, None], groups), wanted, 0.0, _APART, halvings=2, secants=5)
    return [_settled(*sketch, float(s)) for sketch, s in zip(sketches, apart, strict=True)]


def _settled(law: MixtureLaw, share: float, apart: float) -> MixtureLaw:
    """Centres as far apart as they were found, or anew where pairs cannot take the rest."""
    nats, total = law.frame.nats, float(law.nats.sum())
    if nats == 0.0:
        return replace(law, centres_y=np.zeros_like(law.centres_y))
    least = nats - _PAIR_MOST * (law.frame.pairs - 1)
    label = _label(law, apart)
    if not (least <= label[0] <= nats if total else abs(label[0] - nats) <= MISS * nats):
        apart = _distance(law, max(share * nats, least) if label[0] > nats else least)
        label = _label(law, apart)
    rest = law.nats * ((nats - label[0]) / total) if total else law.nats
    return replace(
        law, centres_x=apart * law.centres_x, centres_y=apart * law.centres_y, nats=rest, label=label
    )


def _label(law: MixtureLaw, apart: float) -> tuple[float, float]:
    return label_information(law.weights, apart * law.centres_x, apart * law.centres_y)


def _distance(law: MixtureLaw, wanted: float) -> float:
    """How far apart centres are where the label has the wanted nats: a root of the exact value, in logarithms."""

    def miss(v: float) -> float:
        return float(np.log(max(_label(law, float(np.exp(v)))[0], 1e-300) / wanted))

    low, high = np.log(_BOUNDS)
    return float(np.exp(brentq(miss, low, high, xtol=1e-12)))


def _coarse(apart: _Array, groups: _Array) -> _Array:
    """Information of many labels' pairs on few nodes (n,): good to about 1e-5 nats."""
    weights = groups[0]
    bumps, total, cell = [], np.zeros(len(weights)), np.ones(len(weights))
    for side in (apart * groups[1], apart * groups[2]):  # a centre that is not there lies at 0, inside
        low = side.min(axis=1) - _REACH
        spacing = (side.max(axis=1) + _REACH - low) / (_NODES - 1)
        nodes = low[:, None] + spacing[:, None] * np.arange(_NODES)
        bumps.append(np.exp(-0.5 * (nodes[:, :, None] - side[:, None, :]) ** 2) / np.sqrt(2.0 * np.pi))
        density = (bumps[-1] @ weights[:, :, None])[:, :, 0]
        total -= spacing * (density * np.log(density)).sum(axis=1)
        cell *= spacing
    joint = (bumps[0] * weights[:, None, :]) @ np.swapaxes(bumps[1], 1, 2)
    return np.asarray(total + cell * (joint * np.log(np.maximum(joint, 1e-300))).sum(axis=(1, 2)))


MIXTURE: Final = Family(_sketch, _settle, _MOST, _PAIR_MOST)
