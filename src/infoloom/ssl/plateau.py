"""Where a loss on held-out rows stands: how long it has not improved, and whether that is a plateau."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from infoloom.ssl.settings import Stopping

__all__ = ["Look", "Plateau", "standing"]

#: Epoch, from 1, and the loss on held-out rows after it.
Look = tuple[int, float]


@dataclass(frozen=True)
class Plateau:
    """What the looks at a loss so far say.

    Attributes:
        best: The smallest loss; one that is no finite number is never the best.
        best_epoch: After which epoch it was seen; 0 before the first look at a finite loss.
        waited: Epochs since then, or since the rate dropped.
        drops: How often the rate has dropped.
        reached: Whether the training ends here.
    """

    best: float = math.inf
    best_epoch: int = 0
    waited: int = 0
    drops: int = 0
    reached: bool = False

    def after(self, look: Look, rules: Stopping) -> Plateau:
        """The same after one more look."""
        epoch, loss = look
        better = math.isinf(self.best) or loss < self.best - rules.tolerance * abs(self.best)
        if better and math.isfinite(loss):
            return replace(self, best=loss, best_epoch=epoch, waited=0)
        waited = self.waited + (epoch > rules.floor)
        if waited < rules.patience:
            return replace(self, waited=waited)
        if self.drops == rules.drops:
            return replace(self, waited=waited, reached=True)
        return replace(self, waited=0, drops=self.drops + 1)


def standing(looks: Iterable[Look], rules: Stopping) -> Plateau:
    """What some looks say, in their order.

    Example:
        >>> rules = Stopping(floor=1, patience=2, drops=0)
        >>> found = standing([(1, 3.0), (2, 2.0), (3, 2.5), (4, 2.1)], rules)
        >>> found.best_epoch, found.reached
        (2, True)
    """
    found = Plateau()
    for look in looks:
        found = found.after(look, rules)
    return found
