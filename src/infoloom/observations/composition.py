"""One bijection after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations import chain
from infoloom.observations.base import Bijection

__all__ = ["Composition"]


class Composition(Bijection):
    """x = f_k(… f_1(z)).

    Args:
        parts: Bijections in the order they are applied; each takes what the one before gives.

    Raises:
        FlowError: No parts, or shapes that do not fit.
    """

    def __init__(self, parts: Sequence[Bijection]) -> None:
        if not parts:
            raise FlowError("composition: expected at least one bijection. Write `identity(d)` for none.")
        chain.check_fit(parts, "composition")
        self.parts = tuple(parts)
        self.may_saturate = chain.may_saturate(self.parts)
        self.shape_in, self.shape_out = parts[0].shape_in, parts[-1].shape_out

    def forward(self, z: Tensor) -> Tensor:
        return chain.forward(self.parts, z)

    def inverse(self, x: Tensor) -> Tensor:
        return chain.inverse(self.parts, x)

    def log_det(self, z: Tensor) -> Tensor:
        total = z.new_zeros(len(z))
        for part in self.parts:
            total = total + part.log_det(z)
            z = part.forward(z)
        return total

    def pull_back(self, z: Tensor, change: Tensor) -> Tensor:
        return chain.pull_back(self.parts, z, change)

    def move_back(self, z: Tensor, change: Tensor) -> Tensor:
        return chain.move_back(self.parts, z, change)

    def saturated(self, z: Tensor) -> int:
        return chain.saturated(self.parts, z)

    def certificate(self) -> Mapping[str, Any]:
        """The certificates of the parts that are not exact; passes when all parts do."""
        found = [part.certificate() for part in self.parts]
        inexact = [one for one in found if one.get("kind") != "exact"]
        if not inexact:
            return {"kind": "exact", "passes": True}
        if len(inexact) == 1:
            return inexact[0]
        return {
            "kind": "composition",
            "passes": all(one.get("passes", False) for one in inexact),
            "parts": inexact,
        }
