"""A renderer with what stands before and behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from infoloom.observations import chain
from infoloom.observations.base import Bijection
from infoloom.observations.injection import Injection

__all__ = ["Rendering"]


class Rendering(Injection):
    """x = after(renderer(before(z))), injective because all three are.

    Args:
        renderer: Any injection.
        before: A bijection of the latent, such as its whitening.
        after: A bijection of what the renderer makes.

    Raises:
        FlowError: Shapes that do not fit.
    """

    def __init__(
        self, renderer: Injection, *, before: Bijection | None = None, after: Bijection | None = None
    ) -> None:
        self.renderer, self.before, self.after = renderer, before, after
        self.parts: tuple[Injection, ...] = tuple(one for one in (before, renderer, after) if one is not None)
        chain.check_fit(self.parts, "rendering")
        self.may_saturate = chain.may_saturate(self.parts)
        self.shape_in, self.shape_out = self.parts[0].shape_in, self.parts[-1].shape_out

    def forward(self, z: Tensor) -> Tensor:
        return chain.forward(self.parts, z)

    def inverse(self, x: Tensor) -> Tensor:
        return chain.inverse(self.parts, x)

    def pull_back(self, z: Tensor, change: Tensor) -> Tensor:
        return chain.pull_back(self.parts, z, change)

    def move_back(self, z: Tensor, change: Tensor) -> Tensor:
        return chain.move_back(self.parts, z, change)

    def saturated(self, z: Tensor) -> int:
        return chain.saturated(self.parts, z)

    def certificate(self) -> Mapping[str, Any]:
        """The renderer's certificate: the bijections around it invert by formula."""
        return self.renderer.certificate()
