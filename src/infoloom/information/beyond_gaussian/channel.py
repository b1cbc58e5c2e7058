"""What a set of variables tells about the special causes: a Gaussian channel y = A f(s) + N(0, I).

Given the special causes s a story is Gaussian, and only the span depends on them. After whitening by the covariance
given s, a set of variables is a linear observation of the features f(s) with unit noise, so the information
J = I(s; y) depends on the Gram matrix AᵀA alone; parts that share no cause add up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.linalg

from infoloom.errors import QueryError
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.sources.features import Features
from infoloom.law.triangle import triangle

__all__ = ["Channel", "Component", "direction", "make_channel"]

_ZERO: Final = 1e-12
_LOOSE: Final = 1e-10  # a correlation that ties features by less than 1e-20 nats
_FLAT: Final = 1e-13
_SCAN: Final = 4001


@dataclass(frozen=True)
class Component:
    """Features that no others are tied to, observed through y = gram^½ f(s) + N(0, I).

    Attributes:
        features: The features.
        gram: AᵀA, shape (F, F).
        columns: Which of all features they are.
        given: Causes in them that are known without noise, each with its value in a row.
    """

    features: Features
    gram: Array
    columns: tuple[int, ...]
    given: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[tuple[str, ...], bytes, tuple[str, ...]]:
        """Equal for components with the same information."""
        return self.features.labels, np.round(self.gram, 13).tobytes(), self.given


@dataclass(frozen=True)
class Channel:
    """How a set of variables observes the features of a story.

    Attributes:
        known: Causes that the set determines, because it shows them without noise.
        components: Independent parts of the rest.
        whitening: From in-span coordinates to A, shape (k, rows): whitened coordinates given s.
        weights: A over all features, shape (k, F).
        exact: Combinations of in-span coordinates that show features without noise, shape (q, rows).
        shown: Those features, shape (q, F).
        noise: Loadings of the whitened coordinates given s on the story's other sources, shape (k, sources).
    """

    known: frozenset[str]
    components: tuple[Component, ...]
    whitening: Array
    weights: Array
    exact: Array
    shown: Array
    noise: Array


def make_channel(covariance: StructuredCovariance, names: Sequence[str]) -> Channel:
    """The channel from the special causes to some variables.

    Raises:
        QueryError: The variables determine a combination of special causes, but not the causes.
    """
    law = covariance.system.law
    rows = np.concatenate([law.drawn[name] for name in names] or [np.zeros((0, len(law.columns) or 1))])
    at = list(law.columns)
    special = rows[:, at] if len(rows) else np.zeros((0, len(at)))
    plain = np.delete(rows, at, axis=1)
    whitening, exact = _whitened(plain)
    weights = whitening @ special
    shown = exact @ special
    scale = np.abs(special).max(initial=0.0)
    kept = np.abs(shown).max(axis=1, initial=0.0) > _ZERO * scale if len(shown) else np.zeros(0, dtype=bool)
    exact, shown = exact[kept], shown[kept]
    known = _known(law.features, shown, names)
    gram = weights.T @ weights
    noise = whitening @ plain
    return Channel(
        known, tuple(_components(law.features, gram, known)), whitening, weights, exact, shown, noise
    )


def direction(part: Component) -> Array | None:
    """Weights a of a component whose channel is y = a · f(s) + N(0, 1), shape (F,), if it is one."""
    if part.given:
        return None
    values, vectors = np.linalg.eigh(part.gram)
    variance = float(np.trace(part.features.covariance))
    if len(values) > 1 and max(0.0, values[-2]) * variance > max(_FLAT, _FLAT * values[-1]):
        return None
    return np.asarray(math.sqrt(values[-1]) * vectors[:, -1])


def _whitened(rows: Array) -> tuple[Array, Array]:
    """Combinations of rows of loadings: one set with covariance I, and one that does not vary."""
    size = len(rows)
    found = triangle(rows)
    free, tied = found.order[: found.rank], found.order[found.rank :]
    whitening = np.zeros((found.rank, size))
    if found.rank:
        upper = found.r[: found.rank, : found.rank]
        whitening[:, free] = scipy.linalg.solve_triangular(upper, np.eye(found.rank), trans="T")
    exact = np.zeros((len(tied), size))
    for i, row in enumerate(tied):
        exact[i, row] = 1.0
        exact[i] -= whitening.T @ (whitening @ rows @ rows[row]) if found.rank else 0.0
    return whitening, exact


def _known(features: Features, shown: Array, names: Sequence[str]) -> frozenset[str]:
    """Causes that noise-free observations of features determine."""
    known: set[str] = set()
    rest = shown
    while len(rest):
        open_at = [i for i, f in enumerate(features.features) if not set(f.causes) <= known]
        rest = rest[np.abs(rest[:, open_at]).max(axis=1, initial=0.0) > 0.0] if open_at else rest[:0]
        if not len(rest):
            break
        found = {cause for cause in features.distributions if _pins(features, rest, open_at, cause)} - known
        if not found:
            causes = dict.fromkeys(
                c
                for i in open_at
                if np.any(rest[:, i])
                for c in features.features[i].causes
                if c not in known
            )
            raise QueryError(
                f"{_listed(names)}: without noise of their own they fix a function of {_listed(causes)}, but not "
                f"the value of each. Add noise to a target among them, such as `+ 0.1*noise`."
            )
        known |= found
    return frozenset(known)


def _pins(features: Features, shown: Array, open_at: Sequence[int], cause: str) -> bool:
    """Whether noise-free observations determine one cause, the others being unknown."""
    own = [i for i in open_at if features.features[i].causes == (cause,)]
    others = [i for i in open_at if i not in own]
    basis = scipy.linalg.null_space(shown[:, others].T).T @ shown if others else shown
    if not own or not np.abs(basis[:, own]).max(initial=0.0) > _ZERO * np.abs(shown).max():
        return False
    linear = [i for i in own if features.features[i].linear]
    unit = np.zeros(basis.shape[1])
    unit[linear] = 1.0
    solved, *_ = np.linalg.lstsq(basis[:, own].T, unit[own], rcond=None)
    if linear and np.abs(basis[:, own].T @ solved - unit[own]).max() < 1e-9:
        return True
    distribution = features.distributions[cause]
    low, high = distribution.ends(5.0)
    values = distribution.atoms[0] if distribution.discrete else np.linspace(low, high, _SCAN)
    curve = np.stack([features.features[i].values({cause: values}) for i in own], axis=1) @ basis[:, own].T
    if distribution.discrete:
        return len(np.unique(np.round(curve, 12), axis=0)) == len(values)
    steps = np.diff(curve, axis=0)
    return bool(np.any(np.all(steps > 0.0, axis=0) | np.all(steps < 0.0, axis=0)))


def _components(features: Features, gram: Array, known: frozenset[str]) -> list[Component]:
    """Features that are observed, split where neither a cause nor the Gram matrix ties them."""
    left = [i for i, f in enumerate(features.features) if gram[i, i] > 0.0 and not set(f.causes) <= known]
    scale = np.sqrt(np.diag(gram))[left]
    tied = np.abs(gram[np.ix_(left, left)]) > _LOOSE * np.outer(scale, scale)
    causes_at: dict[str, int] = {}
    for place, i in enumerate(left):
        for cause in set(features.features[i].causes) - known:
            tied[causes_at.setdefault(cause, place), place] = True
    from scipy.sparse.csgraph import connected_components  # slow to import

    count, label = connected_components(tied, directed=False)
    parts = []
    for mark in range(count):
        at = [i for i, own in zip(left, label, strict=True) if own == mark]
        chosen = tuple(features.features[i] for i in at)
        causes = {c: features.distributions[c] for f in chosen for c in f.causes}
        given = tuple(sorted(known & causes.keys()))
        parts.append(Component(Features(chosen, causes), gram[np.ix_(at, at)], tuple(at), given))
    return parts


def _listed(names: Sequence[str] | dict[str, None]) -> str:
    return ", ".join(f"`{name}`" for name in names)
