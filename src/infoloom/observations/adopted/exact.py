"""A flow that is a bijection by construction, from another package: both directions as stored graphs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.base import Bijection
from infoloom.observations.batching import in_fixed_batches
from infoloom.observations.flows.checking.kept import begun_digest, kept_certificate
from infoloom.observations.flows.checkpoint import FlowDescription
from infoloom.observations.flows.scaling import as_factor, log_volume
from infoloom.observations.flows.stepped import BATCH

__all__ = ["ExactFlow", "Pull", "Push"]

Push = Callable[..., tuple[Tensor, Tensor]]
"""Latents (n, d) and classes (n,), where there are any → observations (n, *shape) and log |det|, (n,)."""
Pull = Callable[..., Tensor]
"""Observations (n, *shape) and classes → latents (n, d)."""


class ExactFlow(Bijection):
    """x = center + scale · f(z), with f, its inverse and its log-determinant as the package computes them.

    Args:
        description: Shape, classes, scaling, card; its solver is `bijection`.
        push: f with its log-determinant.
        pull: The inverse of f.
        digest: Of both graphs and their weights; empty for functions that lie in no file.
        dtype: Precision to compute in.
        device: Where to compute.
        label: Class number, or None.
        name: What to call it in messages.
    """

    def __init__(
        self,
        description: FlowDescription,
        push: Push,
        pull: Pull,
        digest: str,
        dtype: torch.dtype,
        device: str = "cpu",
        label: int | None = None,
        name: str = "flow",
    ) -> None:
        self.description, self.push, self.pull, self.digest = description, push, pull, digest
        self.dtype, self.device, self.name = dtype, torch.device(device), name
        self.shape_in, self.shape_out = (math.prod(description.shape),), description.shape
        self.batch = min(int(description.network.get("batch", BATCH)), BATCH)
        self.center = as_factor(description.center, dtype, device)
        self.scale = as_factor(description.scale, dtype, device)
        self.label = None if label is None else torch.tensor([label], device=device)

    def forward(self, z: Tensor) -> Tensor:
        return in_fixed_batches(
            lambda rows: self.center + self.scale * self._pushed(rows)[0],
            self._own(self.check_input(z)),
            self.batch,
        )

    def inverse(self, x: Tensor) -> Tensor:
        return in_fixed_batches(self._pulled, self._own(self.check_output(x)), self.batch)

    def log_det(self, z: Tensor) -> Tensor:
        found = in_fixed_batches(
            lambda rows: self._pushed(rows)[1], self._own(self.check_input(z)), self.batch
        )
        return found + log_volume(self.description.scale, self.shape_out)

    def standardised(self, x: Tensor) -> Tensor:
        """Observations as flat rows in the units of the package's flow, (n, d)."""
        return ((x - self.center) / self.scale).flatten(1)

    def with_label(self, label: Tensor | None) -> ExactFlow:
        """The same flow for another class, (1,), or for classes by place in a batch, (batch,)."""
        other = ExactFlow(
            self.description, self.push, self.pull, self.digest, self.dtype, str(self.device), name=self.name
        )
        other.label = label
        return other

    def certificate(self) -> Mapping[str, Any]:
        """The certificate kept in the flow's card, if it belongs to these very graphs and weights."""
        return kept_certificate(self.description, "by construction", self.full_digest(), self.name)

    def full_digest(self) -> str:
        """SHA-256 of all that fixes the map."""
        digest = begun_digest(self.description)
        digest.update(self.digest.encode())
        return str(digest.hexdigest())

    def _pushed(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        values, log_det = self.push(rows, *self._classes(rows))
        return values.reshape(-1, *self.shape_out), log_det.reshape(-1)

    def _pulled(self, rows: Tensor) -> Tensor:
        return self.pull((rows - self.center) / self.scale, *self._classes(rows)).flatten(1)

    def _classes(self, rows: Tensor) -> tuple[Tensor, ...]:
        return () if self.label is None else (self.label.expand(len(rows)),)

    def _own(self, values: Tensor) -> Tensor:
        if values.dtype != self.dtype:
            raise FlowError(
                f"flow `{self.name}` in {self.dtype}: got rows of {values.dtype}. Build it with that dtype, "
                "or convert the rows."
            )
        return values
