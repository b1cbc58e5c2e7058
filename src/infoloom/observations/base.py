"""What every bijection is: two directions and a log-determinant."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from infoloom.observations.injection import Injection
from infoloom.observations.tangent import push_forward

__all__ = ["Bijection"]


class Bijection(Injection):
    """An injective map onto as many numbers as it has components, so that it has a log-determinant.

    Attributes:
        shape_in: Shape of one input row.
        shape_out: Shape of one output row.
    """

    @abstractmethod
    def log_det(self, z: Tensor) -> Tensor:
        """log |det ∂forward(z)/∂z|, (n,), in nats."""

    def forward_and_log_det(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` and its log-determinant."""
        return self.forward(z), self.log_det(z)

    def inverse_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`inverse` and its log-determinant, the negative of forward's."""
        z = self.inverse(x)
        return z, -self.log_det(z)

    def pull_back(self, z: Tensor, change: Tensor) -> Tensor:
        return push_forward(self.inverse, self.forward(z), self.check_output(change))[1]
