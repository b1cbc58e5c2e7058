"""From a torch module to a stored graph: traced once, checked against the module, never run as code again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, fx, nn

from infoloom.errors import FlowError
from infoloom.observations.adopted.graphs.graph import VERSION
from infoloom.observations.adopted.graphs.operators import IDENTITIES, LARGEST_INTEGER, OF_PYTHON, OPERATORS

__all__ = ["Exported", "evaluating", "export_graph"]

LARGEST_BATCH: Final = 63  # some packages choose other routines from 64 rows on
_TO_THE_END: Final = 2**63 - 1  # what a slice without an end is traced with
_INSTEAD: Final = {
    "view.default": "reshape.default",  # whatever the layout
    "_unsafe_view.default": "reshape.default",
    "empty.memory_format": "zeros.default",  # nothing of a file reads memory as it was
    "empty_like.default": "zeros_like.default",
    "new_empty.default": "new_zeros.default",
}
# whose forward-mode derivative needs rows that lie in order
_IN_ORDER: Final = frozenset({"group_norm.default"})


@dataclass(frozen=True)
class Exported:
    """A graph as plain JSON values, with the tensors it uses.

    Args:
        tree: See `StoredGraph`.
        tensors: By name.
    """

    tree: dict[str, Any]
    tensors: dict[str, Tensor]

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators that it uses, sorted."""
        return tuple(sorted({node[0] for node in self.tree["nodes"]}))


def export_graph(module: nn.Module, inputs: Sequence[Tensor], names: Sequence[str]) -> Exported:
    """Trace a module in evaluation mode.

    Args:
        module: Takes the inputs, gives a tensor or several; rows lie along the first axis of each.
        inputs: Example inputs with at least two rows.
        names: What the inputs are called.

    Raises:
        FlowError: The module cannot be traced, or uses operators that stored graphs may not have; they are named.
    """
    with evaluating(module), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch's own tracing
        try:
            program = _program(module, inputs).run_decompositions(_DECOMPOSED)
        except Exception as error:  # torch raises dozens of kinds here, none of them public
            raise FlowError(_untraceable(error)) from error
    return _Writer(program, names).exported()


def _program(module: nn.Module, inputs: Sequence[Tensor]) -> Any:
    """The traced program; where `len` has made the number of rows a constant, by the stricter tracer that sees it."""
    rows = torch.export.Dim("rows", min=2, max=LARGEST_BATCH)
    shapes = tuple({0: rows} for _ in inputs)
    try:
        return torch.export.export(module, tuple(inputs), dynamic_shapes=shapes, strict=False)
    except torch._dynamo.exc.UserError as error:
        if "specialized it to be a constant" not in str(error):
            raise
        return torch.export.export(module, tuple(inputs), dynamic_shapes=shapes, strict=True)


class _Writer:
    """From a traced program to plain values; nested graphs are laid out flat."""

    def __init__(self, program: Any, names: Sequence[str]) -> None:
        self.program, self.names = program, list(names)
        signature = program.graph_signature
        self.bound = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        holders = [node for node in program.graph.nodes if node.op == "placeholder"]
        self.weights = [node for node in holders if node.name in self.bound and node.users]
        given = [node for node in holders if node.name not in self.bound]
        if len(given) != len(self.names):
            raise FlowError(
                f"export: expected {len(self.names)} inputs, got {len(given)} in the traced model."
            )
        places: list[Any] = [*given, *self.weights]
        self.values: dict[Any, Any] = {node: {"$": place} for place, node in enumerate(places)}
        self.start, self.nodes, self.refused = len(places), list[Any](), set[str]()

    def exported(self) -> Exported:
        outputs = self._graph(self.program.graph_module, self.program.graph)
        if self.refused:
            raise FlowError(
                f"export: operators {', '.join(f'`{name}`' for name in sorted(self.refused))}: expected "
                "pure operators "
                "only, because a stored graph runs nothing else. Write that part of the model with other "
                "functions."
            )
        state, constants = self.program.state_dict, self.program.constants
        tensors: dict[str, Tensor] = {}
        for node in self.weights:
            key = self.bound[node.name]
            value = state[key] if key in state else constants[key]
            tensors[key] = value.detach().cpu().contiguous().clone()
        tree = {
            "version": VERSION,
            "inputs": self.names,
            "weights": [self.bound[node.name] for node in self.weights],
            "nodes": self.nodes,
            "outputs": outputs,
        }
        return Exported(tree, tensors)

    def _graph(self, owner: Any, graph: fx.Graph) -> list[Any]:
        """Lay out one graph; returns what it gives."""
        found: list[Any] = []
        for node in graph.nodes:
            if node.op == "output":
                given = node.args[0]
                found = [
                    self._written(one) for one in (given if isinstance(given, (list, tuple)) else [given])
                ]
            elif node.op == "call_function":
                self._call(owner, node)
            elif node.op == "get_attr":
                self.values[node] = ("attribute", getattr(owner, str(node.target), None))
        return found

    def _call(self, owner: Any, node: fx.Node) -> None:
        if isinstance(node.target, torch._ops.HigherOrderOperator):
            self._nested(owner, node)
            return
        name = OF_PYTHON.get(node.target) or str(node.target).removeprefix("aten.")
        name = _INSTEAD.get(name, name)
        if name in IDENTITIES or (name == "dropout.default" and node.args[2] is False):
            self.values[node] = self._written(node.args[0])
            return
        if name == "getitem" and isinstance(self.values.get(node.args[0]), list):
            self.values[node] = self.values[node.args[0]][node.args[1]]
            return
        if not node.users and ("assert" in name or name.startswith("sym_constrain")):
            return
        if name not in OPERATORS and node.target not in OF_PYTHON:
            self.refused.add(str(node.target))
        args = [self._written(one) for one in node.args]
        if name in _IN_ORDER:
            args[0] = self._added("contiguous.default", [args[0]], {})
        options = {key: self._written(one) for key, one in node.kwargs.items() if not _said(key, one)}
        self.values[node] = self._added(name, args, options)

    def _added(self, name: str, args: list[Any], options: dict[str, Any]) -> dict[str, int]:
        self.nodes.append([name, args, options])
        return {"$": self.start + len(self.nodes) - 1}

    def _nested(self, owner: Any, node: fx.Node) -> None:
        """A part that was traced with other gradient settings: the same operators, laid out in place."""
        if "wrap_with_set_grad_enabled" not in str(node.target):
            self.refused.add(str(node.target))
            self.values[node] = {"$": 0}
            return
        part = self.values[node.args[1]][1]
        holders = [one for one in part.graph.nodes if one.op == "placeholder"]
        for holder, given in zip(holders, node.args[2:], strict=True):
            self.values[holder] = self._written(given)
        self.values[node] = self._graph(part, part.graph)

    def _written(self, value: Any) -> Any:
        if isinstance(value, fx.Node):
            return self.values[value]
        if isinstance(value, (list, tuple)):
            return [self._written(one) for one in value]
        if value is None or isinstance(value, (bool, int, float, str)):
            return LARGEST_INTEGER if value == _TO_THE_END else value
        if isinstance(value, torch.dtype):
            return {"dtype": _kind(value)}
        if isinstance(value, torch.device):
            return {"device": "own"}
        if isinstance(value, torch.memory_format):
            return {"memory_format": str(value).removeprefix("torch.")}
        raise FlowError(f"export: an argument `{value!r}` of {type(value).__name__}: cannot be stored.")


def _said(key: str, value: Any) -> bool:
    """Options that say what holds anyway."""
    return (
        (key == "layout" and value == torch.strided)
        or (key == "pin_memory" and not value)
        or (key == "memory_format" and value in (torch.contiguous_format, torch.preserve_format))
    )


def _kind(value: torch.dtype) -> str:
    if value in (torch.float32, torch.float64):
        return "float"
    if value.is_floating_point or value.is_complex:
        raise FlowError(
            f"export: the model casts to {value}: expected float32 or float64, because the inverse needs "
            "all digits. "
            "Load the model in float32."
        )
    return str(value).removeprefix("torch.")


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, and the modes of all parts as they were afterwards."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Attention by its formula: the fused kernels have no forward-mode derivative."""
    if is_causal or enable_gqa:
        raise FlowError("export: causal or grouped attention: expected plain attention over all places.")
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = (query * factor) @ key.transpose(-1, -2)
    if attn_mask is not None:
        scores = (
            scores.masked_fill(~attn_mask, -torch.inf)
            if attn_mask.dtype == torch.bool
            else scores + attn_mask
        )
    return torch.softmax(scores, -1) @ value


def _batch_norm(
    values: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalisation by stored moments; by those of the batch a row would depend on the rows beside it."""
    wide = (1, -1, *(1 for _ in range(values.dim() - 2)))
    factor = (variance + eps).rsqrt()
    factor = factor if weight is None else factor * weight
    shift = -mean * factor if bias is None else bias - mean * factor
    return values * factor.view(wide) + shift.view(wide), mean, variance


_DECOMPOSED = {
    torch.ops.aten.scaled_dot_product_attention.default: _attention,
    torch.ops.aten._native_batch_norm_legit_no_training.default: _batch_norm,
}


def _untraceable(error: Exception) -> str:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, FlowError):
            return str(found)
        found = found.__cause__ or found.__context__
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return (
        f"export: {type(error).__name__}: {text[:300]}: expected a model whose path through its code does "
        "not depend on "
        "the values, because a stored graph has no branches. Write loops that stop by the data with a "
        "fixed number of "
        "rounds."
    )
