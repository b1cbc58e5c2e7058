"""A stored graph: inputs, weights and a list of pure operators, run one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from infoloom.errors import FlowError
from infoloom.observations.adopted.graphs.operators import LARGEST_INTEGER, MAKING, UNCHECKED, resolve

__all__ = ["MAX_NODES", "MAX_RANK", "Reference", "StoredGraph", "Watch", "graph_weights"]

VERSION: Final = 1
MAX_NODES: Final = 50_000
MAX_ARGUMENTS: Final = 4096
MAX_NESTING: Final = 3
MAX_RANK: Final = 8
MAX_TEXT: Final = 64
_WHOLE: Final = {name: getattr(torch, name) for name in ("int64", "int32", "int16", "int8", "uint8", "bool")}
_MEMORY: Final = {
    name: getattr(torch, name) for name in ("contiguous_format", "preserve_format", "channels_last")
}


@dataclass(frozen=True, slots=True)
class Reference:
    """The value that an argument stands for, by its place: inputs, then weights, then nodes."""

    place: int


class Watch(Protocol):
    """Somebody who looks at every node as it runs."""

    def before(self, name: str, args: Sequence[Any]) -> None:
        """The operator and its arguments."""

    def after(self, name: str, values: Sequence[Any]) -> None:
        """The operator and all values that are still needed, its own last."""


@dataclass(frozen=True, slots=True)
class _Node:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]
    done: tuple[int, ...]
    name: str


class StoredGraph(nn.Module):
    """A graph read from plain JSON values, ready to run in one precision.

    Args:
        tree: `{"version", "inputs", "weights", "nodes", "outputs"}`; a node is `[operator, args, options]`, and an
            argument is a number, text, a list, or an object with one key: `$` (the place of a value), `dtype`, `device`
            or `memory_format`.
        tensors: The file's tensors, by name.
        dtype: Precision to compute in; every floating-point type of the graph becomes this one.
        device: Where to compute.

    Raises:
        FlowError: An operator that is not allowed, values out of bounds, or a tree of another form.
    """

    def __init__(
        self,
        tree: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        super().__init__()
        inputs, names, rows, outputs = _parts(tree)
        self.input_count, self.output_count, self.dtype = len(inputs), len(outputs), dtype
        for index, name in enumerate(names):
            if name not in tensors:
                raise FlowError(f"stored graph: expected a tensor `{name[:80]}` in the file.")
            value = tensors[name]
            self.register_buffer(
                f"w{index}", value.to(device, dtype) if value.is_floating_point() else value.to(device)
            )
        self._weights = tuple(f"w{index}" for index in range(len(names)))
        reader = _Reader(dtype, device)
        known = len(inputs) + len(names)
        decoded = []
        for place, row in enumerate(rows, start=known):
            decoded.append(reader.node(row, place))
        self._outputs = tuple(reader.value(value, known + len(rows)) for value in outputs)
        self._nodes = _with_ends(decoded, known, self._outputs)

    def forward(self, *inputs: Tensor) -> tuple[Any, ...]:
        """Run the graph; returns its outputs."""
        return self.run(inputs)

    def run(self, inputs: Sequence[Tensor], watch: Watch | None = None) -> tuple[Any, ...]:
        """Run the graph.

        Args:
            inputs: As many tensors as it has inputs.
            watch: Told of every node before and after it runs.
        """
        if len(inputs) != self.input_count:
            raise FlowError(f"stored graph: expected {self.input_count} inputs, got {len(inputs)}.")
        buffers = self._buffers
        values: list[Any] = [*inputs, *(buffers[name] for name in self._weights)]
        for node in self._nodes:
            args = [_filled(one, values) for one in node.args]
            options = {key: _filled(one, values) for key, one in node.options.items()}
            if watch is not None:
                watch.before(node.name, args)
            values.append(node.function(*args, **options))
            if watch is not None:
                watch.after(node.name, values)
            for place in node.done:
                values[place] = None
        return tuple(_filled(one, values) for one in self._outputs)


def graph_weights(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the tensors that a graph uses."""
    return tuple(_parts(tree)[1])


class _Reader:
    """From JSON values to arguments."""

    def __init__(self, dtype: torch.dtype, device: str) -> None:
        self.dtype, self.device = dtype, torch.device(device)

    def node(self, row: Any, place: int) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        if not (isinstance(row, list) and len(row) == 3 and isinstance(row[0], str)):
            raise FlowError(f"stored graph: node {place}: expected [operator, arguments, options].")
        name, args, options = row
        if not (isinstance(args, list) and isinstance(options, dict)):
            raise FlowError(
                f"stored graph: node {place}: expected a list of arguments and an object of options."
            )
        function = resolve(name)
        for key in UNCHECKED & options.keys():
            raise FlowError(f"stored graph: node {place}: option `{key}`: not allowed. Do not use this file.")
        kept = {str(key): self.value(value, place) for key, value in options.items()}
        if name in MAKING and _takes_device(function):
            kept["device"] = self.device  # also where the file does not say it
        return name, tuple(self.value(value, place) for value in args), kept

    def value(self, value: Any, place: int, depth: int = 0) -> Any:
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, int):
            if abs(value) > LARGEST_INTEGER:
                raise FlowError(f"stored graph: node {place}: expected numbers of at most {LARGEST_INTEGER}.")
            return value
        if isinstance(value, str):
            if len(value) > MAX_TEXT or not value.isascii():
                raise FlowError(f"stored graph: node {place}: expected texts of at most {MAX_TEXT} letters.")
            return value
        if isinstance(value, list) and len(value) <= MAX_ARGUMENTS and depth < MAX_NESTING:
            return [self.value(one, place, depth + 1) for one in value]
        if isinstance(value, dict) and len(value) == 1:
            ((word, content),) = value.items()
            return self._named(word, content, place)
        raise FlowError(
            f"stored graph: node {place}: expected numbers, texts, references and lists of at most "
            f"{MAX_ARGUMENTS} of "
            f"them, nested at most {MAX_NESTING} deep."
        )

    def _named(self, word: str, content: Any, place: int) -> Any:
        if (
            word == "$"
            and isinstance(content, int)
            and not isinstance(content, bool)
            and 0 <= content < place
        ):
            return Reference(content)
        if word == "dtype" and content == "float":
            return self.dtype
        if word == "dtype" and content in _WHOLE:
            return _WHOLE[content]
        if word == "memory_format" and content in _MEMORY:
            return _MEMORY[content]
        if word == "device":
            return self.device
        raise FlowError(
            f"stored graph: node {place}: `{str(word)[:40]}`: `{str(content)[:40]}`: expected a reference "
            "to an earlier "
            "value, a type, a memory format or a device."
        )


def _parts(tree: Mapping[str, Any]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    if not isinstance(tree, Mapping) or tree.get("version") != VERSION:
        raise FlowError(
            f"stored graph: expected version {VERSION}. Update infoloom or adopt the model again."
        )
    parts = tuple(tree.get(key) for key in ("inputs", "weights", "nodes", "outputs"))
    if not all(isinstance(part, list) for part in parts):
        raise FlowError("stored graph: expected lists of inputs, weights, nodes and outputs.")
    inputs, names, nodes, outputs = parts
    if not all(isinstance(name, str) for name in (*inputs, *names)):  # type: ignore[misc]
        raise FlowError("stored graph: expected names of inputs and weights.")
    if max(len(inputs), len(names), len(nodes), len(outputs)) > MAX_NODES:  # type: ignore[arg-type]
        raise FlowError(f"stored graph: expected at most {MAX_NODES:,} nodes. Do not use this file.")
    return inputs, names, nodes, outputs  # type: ignore[return-value]


def _takes_device(function: Any) -> bool:
    return any(one.name == "device" and one.kwarg_only for one in function._schema.arguments)


def _filled(value: Any, values: list[Any]) -> Any:
    kind = type(value)
    if kind is Reference:
        return values[value.place]
    if kind is list:
        return [_filled(one, values) for one in value]
    return value


def _places(value: Any) -> set[int]:
    if isinstance(value, Reference):
        return {value.place}
    if isinstance(value, (list, tuple)):
        return set().union(*(_places(one) for one in value)) if value else set()
    return set()


def _with_ends(
    rows: Sequence[tuple[str, tuple[Any, ...], dict[str, Any]]], known: int, outputs: tuple[Any, ...]
) -> tuple[_Node, ...]:
    """The nodes, each with the values that nothing after it needs."""
    last: dict[int, int] = {}
    for index, (_, args, options) in enumerate(rows):
        last[known + index] = index
        for place in _places(args) | _places(list(options.values())):
            last[place] = index
    for place in _places(outputs):
        last.pop(place, None)
    ending: dict[int, list[int]] = {}
    for place, index in last.items():
        ending.setdefault(index, []).append(place)
    return tuple(
        _Node(resolve(name), args, options, tuple(ending.get(index, ())), name)
        for index, (name, args, options) in enumerate(rows)
    )
