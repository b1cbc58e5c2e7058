"""A renderer with what stands before and behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from infoloom.errors import FlowError
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

    may_saturate = True

    def __init__(
        self, renderer: Injection, *, before: Bijection | None = None, after: Bijection | None = None
    ) -> None:
        self.renderer, self.before, self.after = renderer, before, after
        self.parts: tuple[Injection, ...] = tuple(one for one in (before, renderer, after) if one is not None)
        for one, other in zip(self.parts, self.parts[1:], strict=False):
            if one.shape_out != other.shape_in:
                raise FlowError(
                    f"rendering: expected shapes that fit, got {one.shape_out} before {other.shape_in}."
                )
        self.shape_in, self.shape_out = self.parts[0].shape_in, self.parts[-1].shape_out

    def forward(self, z: Tensor) -> Tensor:
        for part in self.parts:
            z = part.forward(z)
        return z

    def inverse(self, x: Tensor) -> Tensor:
        for part in reversed(self.parts):
            x = part.inverse(x)
        return x

    def pull_back(self, z: Tensor, change: Tensor) -> Tensor:
        points = [z]
        for part in self.parts[:-1]:
            points.append(part.forward(points[-1]))
        for part, point in zip(reversed(self.parts), reversed(points), strict=True):
            change = part.pull_back(point, change)
        return change

    def saturated(self, z: Tensor) -> int:
        count = 0
        for part in self.parts:
            count += part.saturated(z)
            z = part.forward(z)
        return count

    def certificate(self) -> Mapping[str, Any]:
        """The renderer's certificate: the bijections around it invert by formula."""
        return self.renderer.certificate()
