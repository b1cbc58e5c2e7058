"""A trained flow: fixed steps x + h ψ(x, t), each inverted by solving it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn

from infoloom.errors import FlowError
from infoloom.observations.base import Bijection
from infoloom.observations.batching import in_fixed_batches
from infoloom.observations.flows.checking.kept import begun_digest, kept_certificate
from infoloom.observations.flows.checkpoint import FlowDescription
from infoloom.observations.flows.scaling import as_factor, log_volume
from infoloom.observations.flows.solve import solve_step
from infoloom.observations.tangent import jacobian, push_forward

__all__ = ["BATCH", "Inversion", "SteppedFlow", "flow_digest"]

BATCH = 32
WIDE_BATCH = 8
DENSE_LIMIT = 1024
_UNSOLVED: Final = 1000.0  # tolerances
TOLERANCE = {torch.float32: 4e-7, torch.float64: 1e-13}


@dataclass(frozen=True)
class Inversion:
    """An inverse with the work it took.

    Args:
        latents: (n, d).
        errors: Largest relative error of each step's solution, (K,).
        evaluations: Network evaluations of each step, (K,).
    """

    latents: Tensor
    errors: tuple[float, ...]
    evaluations: tuple[int, ...]


class SteppedFlow(Bijection):
    """x = center + scale · Φ_K(… Φ_1(z)) with Φ_k(y) = y + h_k ψ(y, t_k), on a fixed grid.

    The inverse solves every step; integrating the differential equation backwards would be another map. Rows run in
    batches of one fixed size, so that a row's value never depends on how many rows are asked for.

    Args:
        description: Grid, solver, shape, scaling, card.
        velocity: The velocity field, called with values (n, *shape), times (1,) and classes (1,) or (n,) or None; at
            least one parameter says its precision and device.
        label: Class number, or None for an unconditional flow.
        name: What to call it in messages.

    Attributes:
        batch: Rows computed together: 32, or 8 in float64; fewer for large adopted models.
    """

    def __init__(
        self,
        description: FlowDescription,
        velocity: nn.Module,
        label: int | None = None,
        name: str = "flow",
    ) -> None:
        self.description, self.velocity, self.name = description, velocity, name
        self.shape_in, self.shape_out = (math.prod(description.shape),), description.shape
        weight = next(velocity.parameters())
        self.dtype, self.device = weight.dtype, weight.device
        most = int(description.network.get("batch", BATCH))
        self.batch = min(most, WIDE_BATCH if self.dtype == torch.float64 else BATCH)
        self.center = as_factor(description.center, self.dtype, self.device)
        self.scale = as_factor(description.scale, self.dtype, self.device)
        self.times = torch.tensor(description.grid, dtype=torch.float64, device=self.device)
        self.label = None if label is None else torch.tensor([label], device=self.device)

    @property
    def step_count(self) -> int:
        """Number of steps K."""
        return len(self.description.grid) - 1

    def forward(self, z: Tensor) -> Tensor:
        return in_fixed_batches(self._forward_rows, self._own(self.check_input(z)), self.batch)

    def inverse(self, x: Tensor) -> Tensor:
        """See `Bijection.inverse`.

        Raises:
            FlowError: Rows for which a step was not solved, such as those with NaN.
        """
        found = self.invert(x)
        worst = max(found.errors, default=0.0)
        if not worst <= _UNSOLVED * TOLERANCE[self.dtype]:
            raise FlowError(
                f"flow `{self.name}`: expected observations that it can give, but a step of the inverse was not solved "
                f"(relative error {worst:.1e}). Look for NaN and for values far outside its unit."
            )
        return found.latents

    def log_det(self, z: Tensor) -> Tensor:
        """log |det ∂forward(z)/∂z| from the whole Jacobian of every row, (n,), in nats.

        Raises:
            FlowError: More than 1024 components.
        """
        if self.dim > DENSE_LIMIT:
            raise FlowError(
                f"log-determinant of `{self.dim}` components: expected at most {DENSE_LIMIT}, because it takes the "
                "whole Jacobian. Information values do not need it; use `pmi` of the latents instead of densities."
            )
        rows = self._own(self.check_input(z))
        found = [torch.linalg.slogdet(self.standardised_jacobian(row)).logabsdet for row in rows]
        return rows.new_tensor(found) + log_volume(self.description.scale, self.shape_out)

    def standardised_jacobian(self, row: Tensor) -> Tensor:
        """The whole Jacobian of z ↦ (x − center) / scale at one latent (d,), (d, d)."""
        return jacobian(lambda z: self.states(z)[-1], row)

    def pull_back(self, z: Tensor, change: Tensor) -> Tensor:
        """J⁻¹ e, every step's share of the Jacobian solved as its inverse is, never formed."""
        states = self.states(self._own(self.check_input(z)))
        moved = (self._own(self.check_output(change)) / self.scale).flatten(1)
        for step in reversed(range(self.step_count)):
            moved = solve_step(
                partial(self._increment_moved, step, states[step]), moved, tolerance=TOLERANCE[self.dtype]
            ).values
        return moved

    def certificate(self) -> Mapping[str, Any]:
        """The certificate kept in the flow's card, if it belongs to these very weights and grid."""
        return kept_certificate(self.description, "stepped", flow_digest(self), self.name)

    def with_label(self, label: Tensor | None) -> SteppedFlow:
        """The same flow for another class, (1,), or for classes by place in a batch, (batch,)."""
        other = SteppedFlow(self.description, self.velocity, name=self.name)
        other.label = label
        return other

    def increment(self, step: int) -> Callable[[Tensor], Tensor]:
        """g_k(y) = h_k ψ(y, t_k) on flat rows (n, d); for `midpoint`, h_k ψ(y + h_k/2 ψ(y, t_k), t_k + h_k/2)."""
        start, width = self.times[step], float(self.times[step + 1] - self.times[step])
        first, middle = start.to(self.dtype)[None], (start + width / 2).to(self.dtype)[None]
        if self.description.solver == "euler":
            return lambda y: width * self._velocity(y, first)
        return lambda y: width * self._velocity(y + 0.5 * width * self._velocity(y, first), middle)

    def states(self, z: Tensor) -> list[Tensor]:
        """The flat states y_0 = z, y_1, …, y_K of every row, each (n, d)."""
        states = [z]
        for step in range(self.step_count):
            states.append(states[-1] + self.increment(step)(states[-1]))
        return states

    def states_back(self, x: Tensor) -> list[Tensor]:
        """The flat states y_0, …, y_K that lead to observations (n, *shape)."""
        return self._back(self._own(x))[0]

    def invert(self, x: Tensor, near: SteppedFlow | None = None) -> Inversion:
        """The inverse together with each step's error and work.

        Args:
            x: Observations, (n, *shape).
            near: The same flow in a lower precision, whose solution the search starts from; what is found is the
                same, since a step has one solution, with less work in double precision.
        """
        errors = [0.0] * self.step_count
        evaluations = [0] * self.step_count

        def rows(values: Tensor) -> Tensor:
            found = self._inverse_rows(values, near)
            for step in range(self.step_count):
                errors[step] = max(errors[step], found.errors[step])
                evaluations[step] = max(evaluations[step], found.evaluations[step])
            return found.latents

        latents = in_fixed_batches(rows, self._own(self.check_output(x)), self.batch)
        return Inversion(latents, tuple(errors), tuple(evaluations))

    def _increment_moved(self, step: int, point: Tensor, direction: Tensor) -> Tensor:
        return push_forward(self.increment(step), point, direction)[1]

    def _forward_rows(self, z: Tensor) -> Tensor:
        for step in range(self.step_count):
            z = z + self.increment(step)(z)
        return self.center + self.scale * z.view(-1, *self.shape_out)

    def _inverse_rows(self, x: Tensor, near: SteppedFlow | None = None) -> Inversion:
        starts = (
            None if near is None else [state.to(self.dtype) for state in near.states_back(x.to(near.dtype))]
        )
        states, errors, evaluations = self._back(x, starts)
        return Inversion(states[0], errors, evaluations)

    def _back(
        self, x: Tensor, starts: list[Tensor] | None = None
    ) -> tuple[list[Tensor], tuple[float, ...], tuple[int, ...]]:
        """Solve the steps from the last; each starts from a move like that of the step after it, or where told."""
        states = [self.standardised(x)]
        errors: list[float] = []
        evaluations: list[int] = []
        speed = torch.zeros_like(states[0])
        for step in reversed(range(self.step_count)):
            goal, width = states[0], float(self.times[step + 1] - self.times[step])
            start = goal - width * speed if starts is None else starts[step]
            solution = solve_step(self.increment(step), goal, start=start, tolerance=TOLERANCE[self.dtype])
            states.insert(0, solution.values)
            speed = (goal - solution.values) / width
            errors.insert(0, float(solution.error.max()))
            evaluations.insert(0, solution.evaluations)
        return states, tuple(errors), tuple(evaluations)

    def standardised(self, x: Tensor) -> Tensor:
        """Observations as flat rows in units of training, (n, d)."""
        return ((x - self.center) / self.scale).flatten(1)

    def _velocity(self, y: Tensor, time: Tensor) -> Tensor:
        velocity: Tensor = self.velocity(y.reshape(-1, *self.shape_out), time, self.label)
        return velocity.flatten(1)

    def _own(self, values: Tensor) -> Tensor:
        if values.dtype != self.dtype:
            raise FlowError(
                f"flow `{self.name}` in {self.dtype}: got rows of {values.dtype}. Build it with that dtype, "
                "or convert the rows."
            )
        return values


def flow_digest(flow: SteppedFlow) -> str:
    """SHA-256 of all that fixes the map: weights as stored, grid, solver, scaling."""
    digest = begun_digest(flow.description)
    stored = getattr(flow.velocity, "digest", None)
    if isinstance(stored, str):  # an adopted model: its graph and weights as they lie in the file
        digest.update(stored.encode())
        return str(digest.hexdigest())
    for name, value in sorted(flow.velocity.state_dict().items()):
        digest.update(name.encode())
        half = value.to("cpu", torch.float16).contiguous()
        digest.update(half.numpy().tobytes())
        if not torch.equal(
            half.to(value.dtype), value.cpu()
        ):  # more digits than a flow's file is written with
            digest.update(value.to("cpu", torch.float64).contiguous().numpy().tobytes())
    return str(digest.hexdigest())
