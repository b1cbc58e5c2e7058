"""What every observation map is: one value for every latent, and a way back from what it makes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from infoloom.errors import FlowError

__all__ = ["Injection"]


class Injection(ABC):
    """An injective map of rows, `forward` from latents to observations and `inverse` back from its image.

    Information stays: x = r(z) with r injective and measurable has I(x; y) = I(z; y) for every y, because the way back
    is measurable on the image (Lusin–Souslin). An observation may have more numbers than its latent; where it has as
    many, the map is a `Bijection` and has a log-determinant too.

    Every row is mapped on its own: it does not depend on the rows beside it.

    Attributes:
        shape_in: Shape of one input row.
        shape_out: Shape of one output row.
        may_saturate: Whether `saturated` can be above 0.
        by_formula: Whether it is made of a few operations a number, no network and no renderer.
        componentwise: Whether every number is mapped on its own.
    """

    shape_in: tuple[int, ...]
    shape_out: tuple[int, ...]
    may_saturate: bool = False
    by_formula: bool = False
    componentwise: bool = False

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """Latents (n, *shape_in) → observations (n, *shape_out)."""

    @abstractmethod
    def inverse(self, x: Tensor) -> Tensor:
        """Observations (n, *shape_out) → latents (n, *shape_in); off the image, those of the closest observation."""

    @abstractmethod
    def pull_back(self, z: Tensor, change: Tensor) -> Tensor:
        """The move of the latent that moves the observation by a small change, J⁺ e with J the Jacobian at z.

        Args:
            z: Latents, (n, *shape_in).
            change: e, (n, *shape_out); what no move of the latent makes is left out, by least squares.

        Returns:
            (n, *shape_in).

        Raises:
            FlowError: Latents or changes of another shape.
        """

    def move_back(self, z: Tensor, change: Tensor) -> Tensor:
        """The move of the latent that a change of the observation, small or not, stands for.

        Exact for curves of single components, `pull_back` for other maps; arguments and result are those of
        `pull_back`.
        """
        return self.pull_back(z, change)

    def saturated(self, z: Tensor) -> int:
        """How many numbers lie where floating point lets latents run together, out of the range that a map resolves.

        Args:
            z: Latents, (n, *shape_in).
        """
        return 0

    def certificate(self) -> Mapping[str, Any]:
        """What is known about the map as computed, JSON-able; `exact` for maps that invert by formula."""
        return {"kind": "exact", "passes": True}

    @property
    def lossless(self) -> bool:
        """Whether the information is unchanged: the map's certificate passes."""
        return bool(self.certificate().get("passes", False))

    @property
    def dim(self) -> int:
        """Number of components of one input row."""
        return math.prod(self.shape_in)

    def check_input(self, z: Tensor) -> Tensor:
        """Give latents back, or say how their shape is wrong."""
        return self._check(z, self.shape_in, "latents")

    def check_output(self, x: Tensor) -> Tensor:
        """Give observations back, or say how their shape is wrong."""
        return self._check(x, self.shape_out, "observations")

    def _check(self, values: Tensor, shape: tuple[int, ...], what: str) -> Tensor:
        if tuple(values.shape[1:]) != shape or values.dim() != len(shape) + 1:
            wanted = "(n, " + ", ".join(map(str, shape)) + ")"
            raise FlowError(f"{what} of shape `{tuple(values.shape)}`: expected {wanted}. Reshape the rows.")
        return values
