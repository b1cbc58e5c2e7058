"""The channel of a component in as few dimensions as its signal needs: y = A f(s) + N(0, I), axes of the signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from infoloom.information.beyond_gaussian.channel import Component
from infoloom.law.equations import Array

__all__ = ["Reduced", "reduce"]

_NOTHING: Final = 1e-13


@dataclass(frozen=True)
class Reduced:
    """A component's channel.

    Attributes:
        axes: A, shape (k, F); the rows' signals are uncorrelated, the strongest first.
        back: From statistics b = Aᵀy, shape (F,), to y, shape (F, k).
        lost: Bound on the information in the directions that were left out, nats.
        still: From statistics b, shape (F,), to y in the directions that were left out, shape (F, m).
        level: The mean signal there, shape (m,): it hardly varies, but need not be 0.
    """

    axes: Array
    back: Array
    lost: float
    still: Array
    level: Array

    def constant(self, seen: Array) -> Array:
        """The share of log E exp(b · f − ½ fᵀ gram f) of the directions that were left out, shape (n,).

        Args:
            seen: Statistics b, shape (n, F).
        """
        return np.asarray(seen @ (self.still @ self.level) - 0.5 * float(self.level @ self.level))


def reduce(part: Component, negligible: float = _NOTHING) -> Reduced:
    """Rotate the channel onto its signal's principal axes and leave out those that carry next to nothing.

    Args:
        part: The component.
        negligible: Information of all directions that may be left out, nats.
    """
    values, vectors = np.linalg.eigh(part.gram)
    kept = values > 1e-15 * max(values[-1], 0.0)
    root = np.sqrt(values[kept])
    axes = root[:, None] * vectors[:, kept].T
    signal, turn = np.linalg.eigh(axes @ part.features.covariance @ axes.T)
    order = np.argsort(-signal)
    carried = 0.5 * np.log1p(np.maximum(signal[order], 0.0))
    below = np.cumsum(carried[::-1])[::-1]
    count = max(1, int(np.sum(below > negligible)))
    back = (vectors[:, kept] / root) @ turn[:, order]
    axes = turn[:, order].T @ axes
    return Reduced(
        axes[:count],
        back[:, :count],
        float(below[count]) if count < len(below) else 0.0,
        back[:, count:],
        axes[count:] @ part.features.mean,
    )
