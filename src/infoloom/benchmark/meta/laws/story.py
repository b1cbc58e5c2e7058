"""Random stories: causes reach two modalities through templates, beside a common field, an edge and noise.

x = Σ_k a_k s_k u_k + b F + ε,  y = e x + Σ_k b_k t_k u_k + c F + η: the equations of a story with two modalities.
Field and edge need equal sizes, and go through the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import brentq

from infoloom.benchmark.meta.laws.base import MISS, Family, Float32, Frame, log_uniform, rising
from infoloom.information.quantity import Quantity

__all__ = ["STORY", "StoryLaw", "information"]

_Array = NDArray[np.float64]
_CAUSES: Final = 6
_SCALES: Final = (-9.0, 8.5)  # logarithms
_MOST: Final = 4.0  # nats a shared cause
_LARGE: Final = 1e5
_FAINT: Final = 1e-4  # nats below which a difference of determinants loses digits
_BOUNDS: Final = (-25.0, 12.0)  # logarithms of scales where one is solved exactly


@dataclass(frozen=True)
class StoryLaw:
    """A story of two modalities.

    Args:
        frame: Columns of x and y.
        into_x: Weighted templates of the causes in x (dim_x, causes).
        into_y: Likewise (dim_y, causes).
        field_x: Weight of the common field in x.
        field_y: Its weight in y.
        edge: Weight of x in y.
    """

    frame: Frame
    into_x: _Array
    into_y: _Array
    field_x: float = 0.0
    field_y: float = 0.0
    edge: float = 0.0

    @cached_property
    def truth(self) -> Quantity:
        """In closed form (nats)."""
        if not (
            self.edge
            or self.field_x * self.field_y
            or (self.into_x.any(axis=0) & self.into_y.any(axis=0)).any()
        ):
            return Quantity(0.0)
        return Quantity(information(self))

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
        enters = [
            [round(float(np.linalg.norm(column)) / np.sqrt(len(into)), 6) for column in into.T]
            for into in (self.into_x, self.into_y)
        ]
        return {
            "weights_x": enters[0],
            "weights_y": enters[1],
            "field_x": self.field_x,
            "field_y": self.field_y,
            "edge": self.edge,
        }

    def scaled(self, scale: float) -> StoryLaw:
        """Every weight but those of the noise, times a number."""
        return StoryLaw(
            self.frame,
            scale * self.into_x,
            scale * self.into_y,
            scale * self.field_x,
            scale * self.field_y,
            scale * self.edge,
        )

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Float32, Float32]:
        """x (rows, dim_x) and y (rows, dim_y), columns of variance 1."""
        causes = rng.standard_normal((rows, self.into_x.shape[1]))
        x = causes @ self.into_x.T + rng.standard_normal((rows, self.frame.dim_x))
        y = causes @ self.into_y.T + rng.standard_normal((rows, self.frame.dim_y))
        if self.field_x or self.field_y:
            field = rng.standard_normal((rows, self.frame.dim_x))
            x += self.field_x * field
            y += self.field_y * field
        if self.edge:
            y += self.edge * x
        std_x, std_y = self.deviations
        return (x / std_x).astype(np.float32), (y / std_y).astype(np.float32)

    @property
    def deviations(self) -> tuple[_Array, _Array]:
        """Standard deviations of the columns (dim_x,) and (dim_y,)."""
        own, edge = self.into_y, self.edge
        total = edge * self.into_x + own if edge else own
        var_x = 1.0 + self.field_x**2 + (self.into_x**2).sum(axis=1)
        field = edge * self.field_x + self.field_y
        var_y = 1.0 + edge**2 + field**2 + (total**2).sum(axis=1)
        return np.sqrt(var_x), np.sqrt(var_y)


def information(law: StoryLaw) -> float:
    """Information of the story (nats), to about 1e-10 whatever its weights, and to as many digits where it is little.

    The noise, field and edge have one 2 × 2 covariance N in every component; the causes add their loadings.
    """
    b, c, e = law.field_x, law.field_y, law.edge
    own = e * b + c
    n_xx, n_xy, n_yy, det = 1.0 + b**2, e + b * own, 1.0 + e**2 + own**2, 1.0 + b**2 + c**2
    x = law.into_x
    y = e * x + law.into_y if e else law.into_y
    given = (y - (n_xy / n_xx) * x if n_xy else y) / np.sqrt(det / n_xx)  # y less what the noise of x says
    alone = law.frame.dim_x * np.log(n_xx) + law.frame.dim_y * np.log(n_yy)
    coupled = law.frame.pairs * np.log(det)
    white_x, white_y = x / np.sqrt(n_xx), y / np.sqrt(n_yy)
    rise = _rise(white_x) + _rise(white_y) - _rise(np.vstack([white_x, given]))
    value = float(0.5 * (alone - coupled) + rise)
    return value if value > _FAINT else _faint(x, y, (n_xx, n_xy, n_yy))


def _faint(x: _Array, y: _Array, noise: tuple[float, float, float]) -> float:
    """−½ Σ log(1 − ρ²) over the canonical correlations, from loadings and N."""
    roots = [np.linalg.cholesky(v @ v.T + n * np.eye(len(v))) for v, n in ((x, noise[0]), (y, noise[2]))]
    cross = x @ y.T
    if noise[1]:
        cross += noise[1] * np.eye(len(x))
    half = solve_triangular(roots[0], cross, lower=True)
    rho = np.linalg.svd(solve_triangular(roots[1], half.T, lower=True), compute_uv=False)
    return float(-0.5 * np.log1p(-(rho**2)).sum())


def _rise(loadings: _Array) -> float:
    """½ log det(I + LᵀL), by a triangle where the square would lose digits."""
    causes = loadings.shape[1]
    gram = loadings.T @ loadings
    if np.trace(gram) < _LARGE:
        return float(0.5 * np.linalg.slogdet(np.eye(causes) + gram)[1])
    corner = np.linalg.qr(np.vstack([np.eye(causes), loadings]), mode="r")
    return float(np.log(np.abs(np.diag(corner))).sum())


def _parts(laws: Sequence[StoryLaw]) -> tuple[_Array, _Array, _Array]:
    """Gram matrices (n, 3, causes, causes), columns (n, 2), and weights of field and edge (n, 3)."""
    sizes = np.array([[law.frame.dim_x, law.frame.dim_y] for law in laws], dtype=np.float64)
    weights = np.array([[law.field_x, law.field_y, law.edge] for law in laws])
    return np.stack([_grams(law) for law in laws]), sizes, weights


def _grams(law: StoryLaw) -> _Array:
    """XᵀX, XᵀY and YᵀY of the loadings, filled up with zeros."""
    causes = law.into_x.shape[1]
    padded = np.zeros((3, _CAUSES, _CAUSES))
    pairs = ((law.into_x, law.into_x), (law.into_x, law.into_y), (law.into_y, law.into_y))
    for place, (one, other) in zip(padded, pairs, strict=True):
        if len(one) == len(other):
            place[:causes, :causes] = one.T @ other
    return padded


def _information(grams: _Array, sizes: _Array, weights: _Array, scale: _Array) -> _Array:
    """Information of many stories, each with all its weights times a scale, (n,) nats: quick, and less exact.

    With the Gram matrices of the loadings every determinant is one of size causes × causes.
    """
    b, c, e = (scale * column for column in weights.T)
    own = e * b + c
    n_xx, n_xy, n_yy = 1.0 + b**2, e + b * own, 1.0 + e**2 + own**2
    det = 1.0 + b**2 + c**2  # of N, by the formula of Cauchy and Binet
    s, e3 = (scale**2)[:, None, None], e[:, None, None]
    xx, xy, yy = (s * grams[:, part] for part in range(3))
    both = e3 * xx + xy
    y_gram = e3 * (both + np.swapaxes(xy, 1, 2)) + yy
    cross = both + np.swapaxes(both, 1, 2)
    n_xx3, n_xy3, n_yy3, det3 = (part[:, None, None] for part in (n_xx, n_xy, n_yy, det))
    joint = (n_yy3 * xx - n_xy3 * cross + n_xx3 * y_gram) / det3
    alone = sizes[:, 0] * np.log(n_xx) + sizes[:, 1] * np.log(n_yy)
    coupled = np.minimum(sizes[:, 0], sizes[:, 1]) * np.log(det)
    return np.asarray(
        0.5 * (alone - coupled + _log_det(xx / n_xx3) + _log_det(y_gram / n_yy3) - _log_det(joint))
    )


def _log_det(gram: _Array) -> _Array:
    """log det(I + G)."""
    return np.asarray(np.linalg.slogdet(np.eye(_CAUSES) + gram)[1])


def _sketch(rng: np.random.Generator, frame: Frame) -> StoryLaw:
    smaller, larger = sorted((frame.dim_x, frame.dim_y))
    shared = max(1, int(np.ceil(frame.nats / _MOST)))
    causes = log_uniform(rng, (shared, min(_CAUSES, larger)))
    enters = rng.random((2, causes)) < 0.75
    enters[:, rng.permutation(causes)[:shared]] = True
    if causes > smaller:  # else what the small side sees of a private cause would bound the information
        enters[int(frame.dim_x < frame.dim_y)] = True
    weights = rng.uniform(0.3, 1.0, (2, causes)) * enters
    sides = [
        np.stack([w * template(rng, dim, first=k == 0) for k, w in enumerate(row)], axis=1)
        for row, dim in zip(weights, (frame.dim_x, frame.dim_y), strict=True)
    ]
    law = StoryLaw(frame, sides[0], sides[1])
    if frame.dim_x != frame.dim_y or frame.nats == 0.0:
        return law
    kind = rng.integers(4)
    return replace(
        law,
        field_x=rng.uniform(0.1, 0.6) if kind in (1, 3) else 0.0,
        field_y=rng.uniform(0.1, 0.6) if kind in (1, 3) else 0.0,
        edge=rng.uniform(-0.6, 0.6) if kind in (2, 3) else 0.0,
    )


def template(rng: np.random.Generator, dim: int, *, first: bool) -> _Array:
    """A pattern over components, ‖t‖² = dim: even for the first cause at most, a wave, a patch, or noise.

    All but the even one are rough, so that no cause hides behind others.
    """
    kind = rng.integers(4)
    values = 0.3 * rng.standard_normal(dim)
    if kind == 0 and first:
        values = np.ones(dim)
    elif kind == 1:
        phase = np.pi * (np.arange(dim) + 0.5) / dim
        values += np.cos(rng.uniform(0.5, 3.0) * phase + rng.uniform(0.0, 1.0))
    elif kind == 2:
        start, width = int(rng.integers(dim)), int(rng.integers(1, dim + 1))
        values[start : start + width] += 1.0
    return np.asarray(values * np.sqrt(dim / (values**2).sum()))


def _settle(laws: Sequence[StoryLaw]) -> list[StoryLaw]:
    """Every weight times one number a story, so that its information is the wanted one."""
    wanted = np.array([law.frame.nats for law in laws])
    parts = _parts(laws)
    scales = rising(lambda v: _information(*parts, np.exp(v)), wanted, *_SCALES, secants=12)
    return [
        _exact(law, law.scaled(float(np.exp(s)))) if n else _apart(law)
        for law, s, n in zip(laws, scales, wanted, strict=True)
    ]


def _exact(law: StoryLaw, found: StoryLaw) -> StoryLaw:
    """The story as it was found, or anew where it misses its nats: by a root of the exact value, in logarithms.

    A common field that holds the information below is left out, then the edge, then what differs between templates.
    """
    nats = law.frame.nats
    if abs(found.truth.value - nats) <= MISS * nats:
        return found

    def miss(v: float, of: StoryLaw) -> float:
        return float(np.log(max(information(of.scaled(float(np.exp(v)))), 1e-300) / nats))

    fieldless = replace(law, field_x=0.0, field_y=0.0)
    for of, high in (
        (law, _SCALES[1]),
        (fieldless, _SCALES[1]),
        (replace(fieldless, edge=0.0), _BOUNDS[1]),
        (_bare(law), _BOUNDS[1]),
    ):
        if miss(high, of) > 0.0:
            break
    return of.scaled(float(np.exp(brentq(miss, _BOUNDS[0], high, args=(of,), xtol=1e-12))))


def _bare(law: StoryLaw) -> StoryLaw:
    """The story whose causes enter one component of each modality, each its own."""
    causes = min(law.into_x.shape[1], law.frame.pairs)
    into = [np.sqrt(len(full)) * np.eye(len(full), causes) for full in (law.into_x, law.into_y)]
    return StoryLaw(law.frame, into[0], into[1])


def _apart(law: StoryLaw) -> StoryLaw:
    """The story whose causes enter one modality each: no information."""
    into_x, into_y = law.into_x.copy(), law.into_y.copy()
    into_x[:, 1::2], into_y[:, 0::2] = 0.0, 0.0
    return StoryLaw(law.frame, into_x, into_y)


STORY: Final = Family(_sketch, _settle, _MOST, _MOST, _CAUSES)
