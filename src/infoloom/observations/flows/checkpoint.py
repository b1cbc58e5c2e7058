"""The file of a trained flow: weights and a description of how to run them, as safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.flows.checking.extremes import in_words
from infoloom.observations.flows.scaling import Numbers, checked_numbers
from infoloom.observations.flows.velocity import VelocityField
from infoloom.spec.flows.flow import flow_header
from infoloom.tensor_files import read_tensors, write_tensors

__all__ = [
    "FORMAT",
    "GRAPH",
    "FlowDescription",
    "load_checkpoint",
    "rewrite_description",
    "save_checkpoint",
]

FORMAT = 1
GRAPH = "graph"
"""Name of the network of adopted flows, whose files hold a graph of operators."""


@dataclass(frozen=True)
class FlowDescription:
    """Everything but the weights that fixes a trained flow.

    Args:
        shape: Shape of one observation.
        classes: Class names, or None for an unconditional flow.
        solver: `euler` or `midpoint`; `bijection` for an adopted flow that has no steps.
        grid: Times t_0 = 0 < … < t_K = 1 of the steps.
        network: Settings of the network.
        sigma: Width of the training path at t = 1, in units of `scale`.
        spread: Standard deviation of the training data, in units of `scale`: one number, or one for each frequency of
            the cosine transform.
        center: Observations are `center + scale · x`; one number, or one for each component or channel.
        scale: See `center`.
        card: Where the flow comes from and what was measured: data, licence, recipe, seed, certificate, quality.
    """

    shape: tuple[int, ...]
    classes: tuple[str, ...] | None
    solver: str
    grid: tuple[float, ...]
    network: Mapping[str, Any]
    sigma: float
    spread: Numbers
    center: Numbers = 0.0
    scale: Numbers = 1.0
    card: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object, as a checkpoint's header keeps it."""
        return json.dumps(in_words({"format": FORMAT, **asdict(self)}), allow_nan=False)

    @staticmethod
    def from_header(header: Mapping[str, Any], path: Path) -> FlowDescription:
        """Read a description back.

        Raises:
            FlowError: Another format, or a description that makes no sense.
        """
        if header.get("format") != FORMAT:
            raise FlowError(
                f"flow `{path}`: expected format {FORMAT}, got {header.get('format')!r}. "
                "Update infoloom or train again."
            )
        try:
            return _checked(header)
        except (KeyError, TypeError, ValueError, FlowError) as error:
            raise FlowError(
                f"flow `{path}`: expected a complete description ({error}). Train the flow again."
            ) from error


def save_checkpoint(path: Path, description: FlowDescription, weights: Mapping[str, Tensor]) -> None:
    """Write a trained flow; weights are rounded to half precision, and both directions compute with the rounded
    ones."""
    halved = {name: value.detach().to("cpu", torch.float16).contiguous() for name, value in weights.items()}
    overflow = [name for name, value in halved.items() if not value.isfinite().all()]
    if overflow:
        raise FlowError(
            f"flow `{path}`: weights `{overflow[0]}` do not fit half precision. Train with a lower rate."
        )
    write_tensors(path, halved, {"infoloom": description.to_json()})


def load_checkpoint(path: Path, dtype: torch.dtype = torch.float32) -> tuple[FlowDescription, VelocityField]:
    """Read a trained flow's description and its velocity field, ready to evaluate.

    Args:
        path: A `.safetensors` file.
        dtype: Precision to compute in.

    Raises:
        FlowError: Not a trained flow, or weights that do not fit the description.
    """
    description = FlowDescription.from_header(flow_header(path), path)
    try:
        with torch.device("meta"):  # no memory is set aside for a network that only a description speaks of
            sizes = {name: value.shape for name, value in _velocity(description).state_dict().items()}
        weights, _ = read_tensors(path)
        if sizes != {name: value.shape for name, value in weights.items()}:
            raise ValueError("names or shapes differ")
        velocity = _velocity(description)
        velocity.load_state_dict(weights)
    except FlowError:
        raise
    except (
        SafetensorError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
    ) as error:
        raise FlowError(
            f"flow `{path}`: expected weights that fit its network ({str(error)[:300]}). Train the flow again."
        ) from error
    return description, velocity.to(dtype).eval().requires_grad_(False)


def _velocity(description: FlowDescription) -> VelocityField:
    return VelocityField(
        description.network,
        description.shape,
        len(description.classes or ()),
        sigma=description.sigma,
        spread=description.spread,
    )


def rewrite_description(path: Path, description: FlowDescription) -> None:
    """Change the description in a flow's file; weights and whatever else it holds stay as they are."""
    tensors, metadata = read_tensors(path)
    write_tensors(path, tensors, {**metadata, "infoloom": description.to_json()})


def _checked(header: Mapping[str, Any]) -> FlowDescription:
    grid = tuple(float(time) for time in header["grid"])
    if len(grid) < 2 or grid[0] != 0.0 or grid[-1] != 1.0 or not all(a < b for a, b in pairwise(grid)):
        raise ValueError("its grid must rise from 0 to 1")
    network, shape = dict(header["network"]), tuple(int(size) for size in header["shape"])
    if header["solver"] not in (
        "euler",
        "midpoint",
        *(("bijection",) if network.get("name") == GRAPH else ()),
    ):
        raise ValueError(f"unknown solver {header['solver']!r}")
    return FlowDescription(
        shape=shape,
        classes=None if header["classes"] is None else tuple(str(name) for name in header["classes"]),
        solver=header["solver"],
        grid=grid,
        network=network,
        sigma=float(header["sigma"]),
        spread=checked_numbers(header["spread"], shape, "spread", positive=True),
        center=checked_numbers(header["center"], shape, "center"),
        scale=checked_numbers(header["scale"], shape, "scale", positive=True),
        card=dict(header["card"]),
    )
