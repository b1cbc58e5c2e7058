"""Observation maps of increasing difficulty: the same latents, seen plain and through one map after another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from infoloom.benchmark.tasks.base import expect
from infoloom.benchmark.tasks.stories.designed import SharedPairTask, shared_pair
from infoloom.spec.flows.flow import flow_shape
from infoloom.story import Story

__all__ = ["FLOWS", "MAPS", "LadderTask", "ladder"]

#: Trained flows by name: the expressions of x and of y.
FLOWS: Final = {
    "digits": ("digits[3]", "digits[8]"),
    "heartbeat": ("heartbeat-one", "heartbeat-one"),
    "mnist": ("mnist[3]", "mnist[8]"),
    "spoken": ("spoken[3]", "spoken[8]"),
    "cifar10": ("cifar10[frog]", "cifar10[truck]"),
}
_TURN: Final = "rotation(seed={turn})"
_WARP: Final = ("power(exponent=1.5)", "asinh(scale=3)")

#: Rungs from the easiest to the hardest, each but the last with the steps of those before it.
MAPS: Final = ("plain", "rotation", "warps", "coupling", "flow")


@dataclass(frozen=True)
class LadderTask(SharedPairTask):
    """Two modalities of whitened latents behind an observation map; along a ladder only the map differs.

    `plain` shows the latents, `rotation` turns each side by a random orthogonal matrix, `warps` also bends every
    component (sign(v)|v|^1.5 of x, asinh(3 v)/3 of y), `coupling` adds four random coupling layers, and `flow` is the
    trained flow instead of all this. One seed draws the same latents to the bit on every rung, and the truth is the
    same number.

    Args:
        flow: The trained flow at the top, which fixes the shape: `digits`, `heartbeat`, `mnist`, `spoken`, `cifar10`.
        skin: The map, one of `MAPS`. Identifiers of tasks use this name.
        nats: The truth; 0 for a null task.
        pairs: Number of shared causes, which enter by random templates.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> task = LadderTask("digits", "warps")
        >>> task.compiled.flow("x2")
        'identity(1, 8, 8) | rotation(seed=2) | asinh(scale=3)'
    """

    flow: str
    skin: str
    nats: float = 2.0
    pairs: int = 4

    family: ClassVar[str] = "ladder"
    source: ClassVar[str] = "designed story behind bijections; information of its joint law"

    def __post_init__(self) -> None:
        expect(self.flow in FLOWS, "flow", self.flow, f"one of {', '.join(FLOWS)}", "Use digits.")
        expect(self.skin in MAPS, "skin", self.skin, f"one of {', '.join(MAPS)}", "Use plain.")
        self._accept(self.nats, "2.0", self.pairs, math.prod(flow_shape(FLOWS[self.flow][0])), "4")

    @property
    def name(self) -> str:
        """Name for people."""
        return f"{self.nats:g} nats in the shape of {self.flow}, {self.skin}"

    @cached_property
    def compiled(self) -> Story:
        """The story with its weight solved."""
        return shared_pair("ladder", [self._skin(side) for side in (0, 1)], self.pairs, self.nats)

    def _skin(self, side: int) -> str:
        """The flow expression of one side."""
        trained = FLOWS[self.flow][side]
        if self.skin == "flow":
            return trained
        shape = ", ".join(map(str, flow_shape(trained)))
        steps = [f"identity({shape})", _TURN.format(turn=1 + side), _WARP[side], f"coupling(seed={1 + side})"]
        return " | ".join(steps[: 1 + MAPS.index(self.skin)])


def ladder(flow: str, nats: float = 2.0) -> Iterator[LadderTask]:
    """The rungs below and at one trained flow."""
    return (LadderTask(flow, skin, nats) for skin in MAPS)
