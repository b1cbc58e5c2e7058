"""The file of an adopted model: weights, graphs as JSON and a description, in one safetensors file."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.adopted.graphs.bounds import need_of
from infoloom.observations.adopted.graphs.graph import MAX_NODES, StoredGraph, graph_weights
from infoloom.observations.adopted.schedules import NoiseSchedule
from infoloom.observations.adopted.velocities import PREDICTIONS, DiffusionVelocity, StoredVelocity
from infoloom.observations.flows.checkpoint import FlowDescription
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.spec.flows.flow import flow_header
from infoloom.tensor_files import intact, write_tensors

__all__ = ["BIJECTION", "KINDS", "SCHEDULE", "StoredModel", "flow_of", "halved", "read_model", "write_model"]

SCHEDULE: Final = "infoloom.schedule"
BIJECTION: Final = "bijection"
KINDS: Final = ("velocity", *PREDICTIONS, BIJECTION)
LARGEST_FILE: Final = 2**34
LARGEST_SCHEDULE: Final = 100_000
_TYPES: Final = {"F16", "BF16", "F32", "F64", "I64", "I32", "I16", "I8", "U8", "BOOL"}


class StoredModel:
    """Graphs and weights of an adopted model, and the flows that they make.

    Args:
        description: What fixes the flow besides them.
        trees: Graphs as plain values: `velocity`, or `forward` and `inverse`.
        tensors: All weights, by name, in the precision they are kept in.
        checked: Whether `check_graphs` has seen them already.

    Raises:
        FlowError: Graphs that are not allowed, do not fit the description or take too much memory.
    """

    def __init__(
        self,
        description: FlowDescription,
        trees: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        *,
        checked: bool = False,
    ) -> None:
        self.description, self.trees, self.tensors = description, dict(trees), dict(tensors)
        self.kind = str(description.network.get("kind"))
        if not checked:
            check_graphs(description, self.trees, self.tensors)
        self.digest = _digest(self.trees, self.tensors)

    def flow(
        self,
        label: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        name: str = "flow",
    ) -> SteppedFlow | ExactFlow:
        """The flow in one precision.

        Args:
            label: Class number, or None.
            dtype: Precision to compute in.
            device: Where to compute.
            name: What to call it in messages.
        """
        return flow_of(self.description, self.parts(dtype, device), label, name)

    def parts(self, dtype: torch.dtype, device: str) -> Any:
        """The velocity, or both directions of a bijection, in one precision."""
        graphs = {part: StoredGraph(tree, self.tensors, dtype, device) for part, tree in self.trees.items()}
        if self.kind == BIJECTION:
            return _Directions(graphs["forward"], graphs["inverse"], self.digest, dtype, device)
        if self.kind == "velocity":
            return StoredVelocity(graphs["velocity"], self.digest, device)
        schedule = NoiseSchedule(self.tensors[SCHEDULE].double(), self.description.sigma)
        return DiffusionVelocity(
            graphs["velocity"], self.digest, schedule, self.kind, self.description.grid[1], device
        )

    def described(self, description: FlowDescription) -> StoredModel:
        """The same graphs and weights with another grid or card."""
        other = copy.copy(self)
        other.description = description
        return other


class _Directions:
    """Both directions of a bijection by stored graphs."""

    def __init__(
        self, push: StoredGraph, pull: StoredGraph, digest: str, dtype: torch.dtype, device: str
    ) -> None:
        self.push_graph, self.pull_graph = push, pull
        self.digest, self.dtype, self.device = digest, dtype, device

    def push(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        values, log_det = self.push_graph(*inputs)
        return values, log_det

    def pull(self, *inputs: Tensor) -> Tensor:
        found: Tensor = self.pull_graph(*inputs)[0]
        return found


def flow_of(
    description: FlowDescription, parts: Any, label: int | None, name: str
) -> SteppedFlow | ExactFlow:
    """A flow from what `StoredModel.parts` gave."""
    if isinstance(parts, _Directions):
        return ExactFlow(
            description, parts.push, parts.pull, parts.digest, parts.dtype, parts.device, label, name
        )
    return SteppedFlow(description, parts, label, name)


def write_model(path: Path, model: StoredModel) -> None:
    """Write an adopted model, weights in the precision they are kept in.

    Args:
        path: A `.safetensors` file.
        model: The model.
    """
    metadata = {
        "infoloom": model.description.to_json(),
        "graph": json.dumps(model.trees, separators=(",", ":")),
    }
    write_tensors(path, {name: value.contiguous() for name, value in model.tensors.items()}, metadata)


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights rounded to half precision; schedules and whole numbers stay as they are.

    Raises:
        FlowError: Weights that do not fit.
    """
    rounded = {
        name: value.half() if value.is_floating_point() and name != SCHEDULE else value
        for name, value in tensors.items()
    }
    for name, value in rounded.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise FlowError(
                f"weights `{name}` do not fit half precision: expected values below 65504. Keep them as "
                "they are."
            )
    return rounded


def read_model(path: Path) -> StoredModel:
    """Read an adopted model; nothing of the file is run before it is found to be within bounds.

    Args:
        path: A `.safetensors` file with a graph.

    Raises:
        FlowError: Not such a file, or one that is not within bounds.
    """
    description = FlowDescription.from_header(flow_header(path), path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FlowError(f"stored graph: expected a file of at most {LARGEST_FILE:,} bytes.")
        with safe_open(str(path), framework="pt") as file:
            trees = json.loads((file.metadata() or {}).get("graph", "null"))
            hollow = {name: _hollow(name, file.get_slice(name)) for name in _names(file)}
            check_graphs(description, trees, hollow)
            tensors = {name: file.get_tensor(name) for name in hollow}
            intact(tensors, file.metadata() or {})
        return StoredModel(description, trees, tensors, checked=True)
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise FlowError(
            f"flow `{path}`: expected a file with a stored graph ({error}). Do not use it."
        ) from error
    except FlowError as error:
        raise FlowError(f"flow `{path}`: {error}") from error


def check_graphs(description: FlowDescription, trees: Any, tensors: Mapping[str, Tensor]) -> None:
    """Refuse graphs that are not allowed, do not fit their description or take too much memory.

    Raises:
        FlowError: The first of them.
    """
    network, shape = description.network, tuple(description.shape)
    kind, batch = network.get("kind"), network.get("batch")
    if kind not in KINDS or (kind == BIJECTION) != (description.solver == BIJECTION):
        raise FlowError(f"stored graph: expected a kind, one of {', '.join(KINDS)}, that fits the solver.")
    if batch not in (1, 2, 4, 8, 16, 32) or isinstance(batch, bool):
        raise FlowError("stored graph: expected a batch of 1, 2, 4, 8, 16 or 32 rows.")
    wanted = ("forward", "inverse") if kind == BIJECTION else ("velocity",)
    if not isinstance(trees, dict) or sorted(trees) != sorted(wanted):
        raise FlowError(f"stored graph: expected graphs for {' and '.join(wanted)}.")
    if not shape or len(shape) > 8 or not 0 < math.prod(shape) <= 10_000_000 or min(shape) < 1:
        raise FlowError("stored graph: expected at most 8 axes and 10,000,000 components.")
    if kind in PREDICTIONS:
        _check_schedule(tensors)
    used = {name for tree in trees.values() for name in graph_weights(tree)}
    needed = {name: tensors[name] for name in used if name in tensors}
    rows = int(batch)
    flat = math.prod(shape)
    labels = [torch.zeros(rows, dtype=torch.int64, device="meta")] if description.classes else []
    values, latents, times = (
        torch.zeros(size, device="meta") for size in ((rows, *shape), (rows, flat), (rows,))
    )
    calls: dict[str, tuple[list[Tensor], tuple[tuple[int, ...], ...]]] = {
        "velocity": ([values, times, *labels], ((rows, *shape),)),
        "forward": ([latents, *labels], ((rows, *shape), (rows,))),
        "inverse": ([values, *labels], ((rows, flat),)),
    }
    for part in wanted:
        inputs, shapes = calls[part]
        need = need_of(trees[part], needed, inputs)
        if need.shapes != shapes or not need.floating:
            raise FlowError(
                f"stored graph of {part}: expected floating-point results of shapes {shapes}, got "
                f"{need.shapes}."
            )


def _check_schedule(tensors: Mapping[str, Tensor]) -> None:
    table = tensors.get(SCHEDULE)
    if (
        table is None
        or table.dim() != 1
        or not 2 <= len(table) <= LARGEST_SCHEDULE
        or not table.is_floating_point()
    ):
        raise FlowError(
            f"stored graph: expected a noise schedule `{SCHEDULE}` of 2 to {LARGEST_SCHEDULE:,} numbers."
        )


def _names(file: Any) -> list[str]:
    names = list(file.keys())
    if len(names) > MAX_NODES:
        raise FlowError(f"stored graph: expected at most {MAX_NODES:,} tensors.")
    return names


def _hollow(name: str, piece: Any) -> Tensor:
    kind, shape = str(piece.get_dtype()), [int(size) for size in piece.get_shape()]
    if kind not in _TYPES:
        raise FlowError(
            f"stored graph: tensor `{name[:80]}` of type {kind[:20]}: expected one of "
            f"{', '.join(sorted(_TYPES))}."
        )
    floating = kind in ("F16", "BF16", "F32", "F64")
    dtype = torch.float32 if floating else torch.bool if kind == "BOOL" else torch.int64
    return torch.empty(shape, dtype=dtype, device="meta")


def _digest(trees: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(trees, sort_keys=True, separators=(",", ":")).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
