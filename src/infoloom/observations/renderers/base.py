"""What every renderer is: a formula that makes an observation of a few factors with names, ranges and units."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.injection import Injection
from infoloom.observations.renderers.left_inverse import LeftInverse, jacobians, least_squares
from infoloom.spec.flows.renderers import RendererForm, Setup

__all__ = ["Renderer", "across", "pixel_grid"]

_ROWS: Final = 32  # at once: they stay in the cache
_FAR: Final = 5.2  # Φ is 1 to half a rounding error of float32


class Renderer(Injection):
    """An injective map x = r(v) of k factors, each v_j = low + (high − low) Φ(z_j), or the same of its logarithm.

    A renderer of one's own gives `form` and `render`, with operations of torch that have derivatives in forward mode.
    Everything is computed in float64, whatever comes in; observations have the latents' type.

    Args:
        setup: The form with its size and ranges, `form.setup(...)`.

    Raises:
        FlowError: A setup of another renderer.
    """

    form: ClassVar[RendererForm]
    may_saturate = True

    def __init__(self, setup: Setup) -> None:
        if setup.form.name != self.form.name:
            raise FlowError(
                f"renderer `{self.form.name}`: expected its own setup, got one of `{setup.form.name}`."
            )
        self.setup = setup
        self.shape_in, self.shape_out = (len(self.form.factors),), setup.shape
        self._left_inverse = LeftInverse(self.of_shares, self.dim)

    @abstractmethod
    def render(self, values: Mapping[str, Tensor]) -> Tensor:
        """Factors by name, (n,) each, in their units, float64 → observations (n, *shape_out)."""

    def forward(self, z: Tensor) -> Tensor:
        shares = torch.special.ndtr(self.check_input(z).to(torch.float64))
        made = [self.of_shares(part) for part in torch.split(shares, _ROWS)]
        return (torch.cat(made) if made else shares.new_zeros((0, *self.shape_out))).to(z.dtype)

    def inverse(self, x: Tensor) -> Tensor:
        shares = self._left_inverse(self.check_output(x).to(torch.float64))
        z: Tensor = torch.special.ndtri(shares).to(x.dtype)
        return z

    def pull_back(self, z: Tensor, change: Tensor) -> Tensor:
        wanted = self.check_output(change).to(torch.float64).flatten(1)
        shares = torch.special.ndtr(self.check_input(z).to(torch.float64))
        parts = zip(torch.split(shares, _ROWS), torch.split(wanted, _ROWS), strict=True)
        moved = [least_squares(jacobians(self.of_shares, one), e) for one, e in parts]
        density = torch.exp(-0.5 * z.to(torch.float64) ** 2) / (2.0 * torch.pi) ** 0.5
        found: Tensor = torch.cat(moved) / density if moved else shares
        return found.to(z.dtype)

    def of_shares(self, shares: Tensor) -> Tensor:
        """Observations of factors given by where they lie in their ranges, Φ(z), (n, k), float64."""
        return self.render(self._at(shares))

    def values(self, z: Tensor) -> dict[str, Tensor]:
        """The factors of latents, (n,) each, in their units."""
        return self._at(torch.special.ndtr(self.check_input(z).to(torch.float64)))

    def read(self, x: Tensor) -> dict[str, Tensor]:
        """The factors that observations show, (n,) each, in their units."""
        return self.values(self.inverse(x.to(torch.float64)))

    def saturated(self, z: Tensor) -> int:
        return int((self.check_input(z).abs() > _FAR).sum())

    def certificate(self) -> Mapping[str, Any]:
        from infoloom.observations.renderers.certificate import certificate_of

        return certificate_of(self)

    @property
    def levels(self) -> tuple[float, float]:
        """What 0 and 255 of an 8-bit copy stand for."""
        return self.form.levels(self.setup.ranges)

    def _at(self, shares: Tensor) -> dict[str, Tensor]:
        found = {}
        for factor, share in zip(self.form.factors, shares.unbind(1), strict=True):
            low, high = self.setup.ranges[factor.name]
            found[factor.name] = low * (high / low) ** share if factor.log else low + (high - low) * share
        return found


def across(values: Tensor) -> Tensor:
    """One number a row, (n,), as something that acts on pictures, (n, 1, 1)."""
    return values[:, None, None]


def pixel_grid(size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Places of pixels from the centre of a picture, to the right and upwards, (size, size) each, in pixels."""
    place = torch.arange(size, dtype=like.dtype, device=like.device) - 0.5 * (size - 1)
    return place[None, :].expand(size, size), -place[:, None].expand(size, size)
