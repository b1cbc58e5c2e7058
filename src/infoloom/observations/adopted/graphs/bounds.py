"""What a stored graph would take, found on tensors without content before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.adopted.graphs.graph import MAX_RANK, StoredGraph

__all__ = ["LARGEST_VALUE", "MEMORY", "Need", "need_of"]

LARGEST_VALUE: Final = 2**28
MEMORY: Final = 2**33
LARGEST_KERNEL: Final = 4096
MAX_PIECES: Final = 65_536
_PIECES: Final = ("chunk.", "split.", "split_with_sizes.", "tensor_split.", "unbind.", "diff.")


@dataclass(frozen=True)
class Need:
    """What one run of a graph takes.

    Args:
        largest: Numbers in its largest value.
        together: Largest total of numbers that are held at the same time, weights and inputs left out.
        shapes: Shapes of its outputs.
        floating: Whether all of them are floating-point.
    """

    largest: int
    together: int
    shapes: tuple[tuple[int, ...], ...]
    floating: bool


def need_of(tree: Mapping[str, Any], tensors: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> Need:
    """What a graph takes on inputs of these shapes, computed with shapes only.

    Args:
        tree: The graph as plain values, as `StoredGraph` takes it.
        tensors: Its weights; only their shapes and types are read, so they may lie on the device `meta`.
        inputs: Tensors of the shapes and types to run on, likewise.

    Raises:
        FlowError: More than the bounds allow, or operators that do not fit together.
    """
    hollow = {name: value.to("meta") for name, value in tensors.items()}
    graph = StoredGraph(tree, hollow, device="meta")
    watch = _Watch()
    try:
        with torch.no_grad():
            found = graph.run([one.to("meta") for one in inputs], watch)
    except (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        if isinstance(error, FlowError):
            raise
        text = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise FlowError(f"stored graph: expected operators that fit together ({text}).") from error
    floating = all(isinstance(one, Tensor) and one.is_floating_point() for one in found)
    return Need(watch.largest, watch.together, tuple(_shape(one) for one in found), floating)


class _Watch:
    """Adds up what is held, and stops where it is too much."""

    def __init__(self) -> None:
        self.largest, self.together = 0, 0
        self.sizes: dict[int, int] = {}

    def before(self, name: str, args: Sequence[Any]) -> None:
        tensors = [one for one in args if isinstance(one, Tensor)]
        sizes = [size for one in tensors for size in one.shape] + [
            one for one in args if isinstance(one, int)
        ]
        if name.startswith(_PIECES) and max(sizes, default=0) > MAX_PIECES:
            raise FlowError(f"stored graph: operator `{name}`: expected at most {MAX_PIECES:,} pieces.")
        if name.startswith("conv") and len(tensors) > 1 and math.prod(tensors[1].shape[2:]) > LARGEST_KERNEL:
            raise FlowError(f"stored graph: operator `{name}`: expected kernels of at most {LARGEST_KERNEL}.")

    def after(self, name: str, values: Sequence[Any]) -> None:
        place, value = len(values) - 1, values[-1]
        self.sizes[place] = sum(_counted(name, one) for one in _tensors(value))
        self.largest = max(self.largest, self.sizes[place])
        for other in [other for other in self.sizes if values[other] is None]:
            del self.sizes[other]
        self.together = max(self.together, sum(self.sizes.values()))
        if self.largest > LARGEST_VALUE or self.together * 4 > MEMORY:
            raise FlowError(
                f"stored graph: operator `{name}` would hold {self.together:,} numbers: expected at most "
                f"{LARGEST_VALUE:,} in one value and {MEMORY // 4:,} together. Adopt the model with a "
                "smaller `batch`."
            )


def _counted(name: str, value: Tensor) -> int:
    if value.dim() > MAX_RANK:
        raise FlowError(f"stored graph: operator `{name}`: expected at most {MAX_RANK} axes.")
    return math.prod(value.shape)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [one for one in value if isinstance(one, Tensor)]
    return []


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) else ()
