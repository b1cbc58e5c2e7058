"""Mixtures of normal laws whose information is an integral over two numbers, known to a stated tolerance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.stats import chi2

from infoloom.benchmark.tasks.base import Array
from infoloom.benchmark.tasks.laws.closed_form import CanonicalLaw, stream
from infoloom.benchmark.tasks.laws.mixture_truths import chi_panels, log_density, refined
from infoloom.information.quantity import Quantity

__all__ = ["InlierLaw", "MixtureLaw"]

_NUMBERS: Final = 2**22


@dataclass(frozen=True)
class MixtureLaw:
    """x and y from one of several normal laws, the same one for both.

    Args:
        weights: Of the components, (k,).
        means: Of x and y side by side, (k, dim_x + dim_y).
        covariances: Likewise, (k, dim_x + dim_y, dim_x + dim_y).
        columns: Columns of x.
        truth: Finds the information.
    """

    weights: Array
    means: Array
    covariances: Array
    columns: int
    truth: Callable[[], Quantity]
    gaussian: bool = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.columns

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return int(self.means.shape[1]) - self.columns

    @cached_property
    def quantity(self) -> Quantity:
        """The information with its tolerance (nats)."""
        return self.truth()

    @property
    def mutual_information(self) -> float:
        """The information (nats)."""
        return self.quantity.value

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, dim_x) and y (rows, dim_y)."""
        edges = np.cumsum(self.weights)[:-1]
        chosen = np.searchsorted(edges, stream(seed, 4).uniform(size=rows), side="right")
        normal = stream(seed, 0).standard_normal((rows, self.means.shape[1]))
        roots, moved = np.linalg.cholesky(self.covariances), np.empty_like(normal)
        step = max(1, _NUMBERS // roots[0].size)  # rows whose matrices fit
        for first in range(0, rows, step):
            part = slice(first, first + step)
            moved[part] = np.einsum("nij,nj->ni", roots[chosen[part]], normal[part])
        both = self.means[chosen] + moved
        return both[:, : self.columns], both[:, self.columns :]

    def pmi(self, x: Array, y: Array) -> Array:
        """log p(x, y) − log p(x) − log p(y) of every row (n,), nats."""
        first, rest = slice(0, self.columns), slice(self.columns, None)
        both = np.concatenate([x, y], axis=1)
        return self._log(both, slice(None)) - self._log(x, first) - self._log(y, rest)

    def _log(self, rows: Array, part: slice) -> Array:
        """Log density of some columns, (n,)."""
        return log_density(rows, self.weights, self.means[:, part], self.covariances[:, part, part])


@dataclass(frozen=True)
class InlierLaw:
    """Canonical pairs, except that in a share of the rows y has nothing to do with x; marginals stay the same.

    p(x, y) / (p(x) p(y)) = (1 − a) L + a with the ratio L of the pairs. Under the pairs, log L = m I + ½ ρ (A − B);
    under independence, m I + ½ (ρ/(1+ρ) A − ρ/(1−ρ) B); A and B are independent χ² variables, m degrees of freedom.
    """

    pairs: CanonicalLaw
    share: float
    gaussian: bool = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.pairs.dim_x

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.pairs.dim_y

    @cached_property
    def quantity(self) -> Quantity:
        """The information with its tolerance (nats)."""
        return refined(self._integral)

    @property
    def mutual_information(self) -> float:
        """The information (nats)."""
        return self.quantity.value

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, dim_x) and y (rows, dim_y)."""
        x, y = self.pairs.draw(rows, seed)
        alone = stream(seed, 4).uniform(size=(rows, 1)) < self.share
        return x, np.where(alone, stream(seed, 2).standard_normal(y.shape), y)

    def pmi(self, x: Array, y: Array) -> Array:
        """log((1 − a) L + a) of every row (n,), nats."""
        return self._mixed(self.pairs.pmi(x, y))

    def _mixed(self, log_ratio: Array) -> Array:
        with np.errstate(divide="ignore"):
            return np.asarray(np.logaddexp(np.log1p(-self.share) + log_ratio, np.log(self.share)))

    def _integral(self, panels: int) -> float:
        """The mean of the pointwise information, on a grid of probabilities of A and of B."""
        count = len(self.pairs.nats)
        rho = float(np.sqrt(-np.expm1(-2.0 * self.pairs.nats[0]))) if count else 0.0
        if not count or rho == 0.0:
            return 0.0
        nodes, weights = chi_panels(count, panels)
        a, b = nodes[:, None] ** 2, nodes[None, :] ** 2
        mass = weights * 2.0 * nodes * chi2.pdf(nodes**2, count)
        total = self.pairs.mutual_information
        signal = self._mixed(total + 0.5 * rho * (a - b))
        noise = self._mixed(total + 0.5 * (rho / (1.0 + rho) * a - rho / (1.0 - rho) * b))
        return float(mass @ ((1.0 - self.share) * signal + self.share * noise) @ mass)
