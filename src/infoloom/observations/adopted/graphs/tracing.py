"""Tracing a model in the form that its kind has, and checking that the graph is the model."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from infoloom.errors import FlowError
from infoloom.observations.adopted.graphs.bounds import need_of
from infoloom.observations.adopted.graphs.export import Exported, evaluating, export_graph
from infoloom.observations.adopted.graphs.graph import StoredGraph

__all__ = ["class_name", "fitting_batch", "traced"]

AT_ONCE: Final = 2**29  # numbers that one batch may hold together, 2 GiB in float32
AGREES: Final = 1e-4  # of a graph with its module, and of a row alone with that row in company
EXAMPLES: Final = 3


class _Velocity(nn.Module):
    """v(x, t[, y]) with time from noise to data."""

    def __init__(self, model: nn.Module, reverse: bool) -> None:
        super().__init__()
        self.model, self.reverse = model, reverse

    def forward(self, values: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        classes = () if label is None else (label,)
        if self.reverse:
            found: Tensor = -self.model(values, 1.0 - time, *classes)
            return found
        return self.model(values, time, *classes)  # type: ignore[no-any-return]


class _Push(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, latents: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self.model.forward_and_log_det(
            latents, *(() if label is None else (label,))
        )
        return found


class _Pull(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, values: Tensor, label: Tensor | None = None) -> Tensor:
        found: Tensor = self.model.inverse(values, *(() if label is None else (label,)))
        return found


def traced(
    model: nn.Module, kind: str, shape: tuple[int, ...], classes: int, *, reverse: bool = False
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The graphs of a model, compared with the model itself, and their weights.

    Args:
        model: As `adopt` takes it.
        kind: As `adopt` takes it.
        shape: Of one observation.
        classes: How many, 0 for none.
        reverse: Whether a velocity's time runs from data to noise.

    Returns:
        Graphs as plain values, by part; weights by name.

    Raises:
        FlowError: See `adopt`.
    """
    model = _in_single(model)
    generator = torch.Generator().manual_seed(0)

    def rows(size: tuple[int, ...], count: int) -> Tensor:
        return torch.randn((count, *size), generator=generator).to(_precision(model))

    def labels(count: int) -> list[Tensor]:
        return [torch.arange(count) % classes] if classes else []

    if kind == "bijection":
        _require_methods(model)
        flat = (math.prod(shape),)
        names = ["label"] if classes else []
        push, pull = _Push(model), _Pull(model)
        parts = {
            "forward": _part(
                push, lambda n: [rows(flat, n), *labels(n)], ["latents", *names], shape, classes
            ),
            "inverse": _part(pull, lambda n: [rows(shape, n), *labels(n)], ["values", *names], flat, classes),
        }
        return _joined(parts)
    top = 1.0 if kind == "velocity" else 999.0

    def inputs(count: int) -> list[Tensor]:
        times = top * torch.rand(count, generator=generator).to(_precision(model))
        return [rows(shape, count), times, *labels(count)]

    wrapped = _Velocity(model, reverse and kind == "velocity")
    names = ["values", "time", *(["label"] if classes else [])]
    return _joined({"velocity": _part(wrapped, inputs, names, shape, classes)})


def fitting_batch(
    trees: Mapping[str, Any], tensors: Mapping[str, Tensor], shape: tuple[int, ...], labelled: bool
) -> int:
    """The most rows, a power of 2 up to 32, that 2 GiB hold at once.

    Raises:
        FlowError: Not even one row is within the bounds.
    """
    batch = 32
    while True:
        try:
            if max(_need(trees, tensors, shape, labelled, batch)) <= AT_ONCE or batch == 1:
                return batch
        except FlowError:
            if batch == 1:
                raise
        batch //= 2


def _need(
    trees: Mapping[str, Any], tensors: Mapping[str, Tensor], shape: tuple[int, ...], labelled: bool, rows: int
) -> list[int]:
    label = [torch.zeros(rows, dtype=torch.int64)] if labelled else []
    values, flat = (
        torch.zeros((rows, *shape), device="meta"),
        torch.zeros((rows, math.prod(shape)), device="meta"),
    )
    first = {"velocity": [values, torch.zeros(rows)], "forward": [flat], "inverse": [values]}
    return [need_of(tree, tensors, [*first[part], *label]).together for part, tree in trees.items()]


def class_name(model: object) -> str:
    """The full name of a model's class."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _part(
    module: nn.Module,
    inputs: Callable[[int], list[Tensor]],
    names: Sequence[str],
    shape: tuple[int, ...],
    classes: int,
) -> Exported:
    """Trace, and compare the graph with the module on other rows and on one row alone."""
    examples = inputs(EXAMPLES)
    with evaluating(module), torch.no_grad():
        try:
            found = _tuple(module(*(_of_class(examples, 0) if classes else examples)))
        except Exception as error:  # a stranger's code may raise anything
            raise FlowError(
                f"model `{class_name(getattr(module, 'model', module))}`: cannot be called with "
                f"{', '.join(names)} of shapes "
                f"{[tuple(one.shape) for one in examples]} ({type(error).__name__}: {str(error)[:200]})."
            ) from error
        what = "inverse" if isinstance(module, _Pull) else "model"
        _check_results(found, shape, what)
        if classes:
            _require_class(module, examples, classes)
        exported = export_graph(module, examples, names)
        graph = StoredGraph(exported.tree, exported.tensors, examples[0].dtype)
        other = inputs(EXAMPLES + 2)
        wanted, got = _tuple(module(*other)), graph(*other)
        alone = [graph(*(one[row : row + 1] for one in other)) for row in range(len(other[0]))]
    for place, (one, two) in enumerate(zip(wanted, got, strict=True)):
        _require_close(two, one, "graph: expected the values of the model itself")
        for row, single in enumerate(alone):
            _require_close(
                single[place],
                two[row : row + 1],
                "rows: expected each to be computed on its own, whatever the rows beside it",
            )
    return exported


def _require_close(found: Tensor, wanted: Tensor, what: str) -> None:
    error = float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-3))
    if not error <= AGREES:
        raise FlowError(f"{what}, got a relative difference of {error:.1e}.")


def _of_class(inputs: list[Tensor], number: int) -> list[Tensor]:
    """The same inputs, all of one class."""
    return [*inputs[:-1], torch.full_like(inputs[-1], number)]


def _require_class(module: nn.Module, examples: list[Tensor], classes: int) -> None:
    """Refuse more names of classes than a model has classes: its last one is computed once."""
    try:
        module(*_of_class(examples, classes - 1))
    except Exception as error:  # a stranger's code may raise anything
        raise FlowError(
            f"classes: expected at most as many names as the model has classes, got {classes}; it cannot compute "
            f"class {classes - 1} ({type(error).__name__}: {str(error)[:200]}). Leave names out."
        ) from error


def _check_results(found: tuple[Tensor, ...], shape: tuple[int, ...], what: str) -> None:
    wanted = (EXAMPLES, *shape)
    if not isinstance(found[0], Tensor) or tuple(found[0].shape) != wanted:
        got = tuple(found[0].shape) if isinstance(found[0], Tensor) else type(found[0]).__name__
        raise FlowError(f"model: expected values of shape {wanted}, got {got}.")
    if len(found) > 1 and tuple(found[1].shape) != (EXAMPLES,):
        raise FlowError(
            f"model: expected a log-determinant of shape ({EXAMPLES},), got {tuple(found[1].shape)}."
        )
    if not all(bool(one.isfinite().all()) for one in found):
        hint = (
            " A map onto a part of the space, such as a sigmoid, has no such inverse. Leave its last step out."
            if what == "inverse"
            else ""
        )
        raise FlowError(f"{what}: expected finite values of normal noise, got others.{hint}")


def _joined(parts: Mapping[str, Exported]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Graphs with their weights under names that do not clash; equal tensors are kept once."""
    trees: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for part, exported in parts.items():
        renamed = []
        for name in exported.tree["weights"]:
            value = exported.tensors[name]
            key = name
            while key in tensors and not _same(tensors[key], value):
                key = f"{part}.{key}"
            tensors[key] = value
            renamed.append(key)
        trees[part] = {**exported.tree, "weights": renamed}
    return trees, tensors


def _same(one: Tensor, two: Tensor) -> bool:
    return one.shape == two.shape and one.dtype == two.dtype and torch.equal(one, two)


def _require_methods(model: object) -> None:
    missing = [
        name for name in ("forward_and_log_det", "inverse") if not callable(getattr(model, name, None))
    ]
    if missing:
        raise FlowError(
            f"model `{class_name(model)}`: expected methods `forward_and_log_det` and `inverse`, got none "
            "called "
            f"`{missing[0]}`. See `infoloom.observations.adopted.packages` for modules that have them."
        )


def _in_single(model: nn.Module) -> nn.Module:
    """The model itself, or a copy in float32 where it is in half precision; its values stay the same."""
    if any(one.dtype in (torch.float16, torch.bfloat16) for one in (*model.parameters(), *model.buffers())):
        return copy.deepcopy(model).float()
    return model


def _precision(model: nn.Module) -> torch.dtype:
    kinds = {one.dtype for one in model.parameters() if one.is_floating_point()}
    return torch.float64 if kinds == {torch.float64} else torch.float32


def _tuple(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, (list, tuple)) else (found,)
