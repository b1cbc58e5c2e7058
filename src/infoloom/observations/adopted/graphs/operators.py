"""The operators that a stored graph may consist of: pure, deterministic, each row on its own where the "
"model is."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

import torch

from infoloom.errors import FlowError

__all__ = [
    "IDENTITIES",
    "LARGEST_INTEGER",
    "MAKING",
    "OF_PYTHON",
    "OPERATORS",
    "SIZES",
    "UNCHECKED",
    "resolve",
]

LARGEST_INTEGER: Final = 2**53

_LAYERS: Final = """
linear.default addmm.default mm.default bmm.default baddbmm.default matmul.default einsum.default
dot.default mv.default outer.default conv1d.default conv1d.padding conv2d.default conv2d.padding
conv3d.default conv3d.padding conv_transpose1d.default conv_transpose2d.input conv_transpose3d.input
convolution.default group_norm.default layer_norm.default
rms_norm.default avg_pool1d.default avg_pool2d.default adaptive_avg_pool2d.default
_adaptive_avg_pool2d.default max_pool2d.default mean.default mean.dim upsample_nearest1d.default
upsample_nearest1d.vec upsample_nearest2d.default upsample_nearest2d.vec upsample_bilinear2d.default
upsample_bilinear2d.vec pixel_shuffle.default pixel_unshuffle.default embedding.default one_hot.default
softmax.int _softmax.default log_softmax.int _log_softmax.default
"""
_ELEMENTWISE: Final = """
abs.default acos.default acosh.default add.Tensor add.Scalar addcmul.default addcdiv.default asin.default
asinh.default atan.default atan2.default atanh.default ceil.default celu.default clamp.default clamp.Tensor
clamp_min.default clamp_max.default clip.default cos.default cosh.default div.Tensor div.Scalar
div.Tensor_mode div.Scalar_mode elu.default erf.default erfc.default erfinv.default exp.default exp2.default
expm1.default floor.default floor_divide.default fmod.Scalar fmod.Tensor frac.default gelu.default
hardtanh.default hardsigmoid.default hardswish.default hypot.default leaky_relu.default lerp.Tensor
lerp.Scalar lgamma.default log.default log10.default log1p.default log2.default log_sigmoid.default
logaddexp.default logit.default maximum.default minimum.default mish.default mul.Tensor mul.Scalar
nan_to_num.default neg.default special_ndtr.default special_ndtri.default special_log_ndtr.default
pow.Tensor_Scalar pow.Tensor_Tensor pow.Scalar prelu.default reciprocal.default relu.default relu6.default
remainder.Scalar remainder.Tensor round.default rsqrt.default rsub.Scalar rsub.Tensor selu.default
sgn.default sigmoid.default sign.default silu.default sin.default sinh.default softplus.default
special_expit.default special_logit.default sqrt.default square.default sub.Tensor sub.Scalar tan.default
tanh.default threshold.default trunc.default true_divide.Tensor xlogy.Tensor _to_copy.default to.dtype
to.dtype_layout to.device to.other type_as.default
"""
_DECISIONS: Final = """
bitwise_and.Tensor bitwise_not.default bitwise_or.Tensor eq.Scalar eq.Tensor ge.Scalar ge.Tensor gt.Scalar
gt.Tensor isfinite.default isinf.default isnan.default le.Scalar le.Tensor logical_and.default
logical_not.default logical_or.default logical_xor.default lt.Scalar lt.Tensor masked_fill.Scalar
masked_fill.Tensor ne.Scalar ne.Tensor where.self where.Scalar where.ScalarSelf where.ScalarOther
searchsorted.Tensor bucketize.Tensor
"""
_GATHERING: Final = """
all.default all.dim amax.default amin.default any.default any.dim argmax.default argmin.default
cumprod.default cumsum.default logcumsumexp.default logsumexp.default max.default max.dim min.default
min.dim prod.default prod.dim_int sum.default sum.dim_IntList std.correction var.correction var.dim
norm.ScalarOpt_dim linalg_vector_norm.default gather.default index.Tensor index_select.default
take_along_dim.default scatter.src scatter.value index_put.default sort.default argsort.default
"""
_SHAPES: Final = """
alias.default cat.default chunk.default clone.default constant_pad_nd.default contiguous.default
detach.default diag_embed.default diagonal.default diff.default expand.default expand_as.default
flatten.using_ints flip.default movedim.int movedim.intlist narrow.default pad.default permute.default
repeat.default repeat_interleave.self_int reshape.default roll.default select.int select_scatter.default
slice.Tensor slice_scatter.default split.Tensor split.sizes split_with_sizes.default squeeze.default
squeeze.dim squeeze.dims stack.default t.default tensor_split.sections tile.default transpose.int
tril.default triu.default unbind.int unflatten.int unfold.default unsqueeze.default view.default
view_as.default broadcast_tensors.default meshgrid.default meshgrid.indexing
"""
_MAKING: Final = """
arange.default arange.start arange.start_step eye.default full.default full_like.default linspace.default
new_full.default new_ones.default new_zeros.default ones.default ones_like.default scalar_tensor.default
zeros.default zeros_like.default sym_size.int
"""
_MATRICES: Final = """
det.default diag.default inverse.default linalg_det.default linalg_inv.default linalg_slogdet.default
slogdet.default linalg_solve.default linalg_solve_triangular.default triangular_solve.default trace.default
"""
OPERATORS: Final = frozenset(
    " ".join((_LAYERS, _ELEMENTWISE, _DECISIONS, _GATHERING, _SHAPES, _MAKING, _MATRICES)).split()
)
"""Names of `torch.ops.aten` with their overloads. None draws numbers, writes in place, reads uninitialised memory or
looks at anything but its arguments."""

MAKING: Final = frozenset((*_MAKING.split(), "_to_copy.default", "to.dtype_layout"))
"""Those of them that make tensors, on a device that is given to them."""

UNCHECKED: Final = frozenset({"sorter", "output_size"})
"""Options that torch takes on trust; with wrong ones it would read memory that is not there."""

IDENTITIES: Final = frozenset({"alias.default", "detach.default", "lift_fresh_copy.default"})
"""What leaves values as they are: left out when a model is exported."""


def _whole(function: Callable[..., Any]) -> Callable[..., int]:
    """An operation on whole numbers, whose result stays small."""

    def apply(*values: int) -> int:
        if not all(isinstance(value, int) for value in values):
            raise FlowError("stored graph: expected whole numbers for the sizes.")
        found = function(*values)
        if not isinstance(found, int) or abs(found) > LARGEST_INTEGER:
            raise FlowError(f"stored graph: expected sizes of at most {LARGEST_INTEGER}.")
        return found

    return apply


def _item(values: Any, place: int) -> Any:
    """One of the tensors that an operator gives."""
    if not isinstance(values, (list, tuple)) or isinstance(place, bool) or not isinstance(place, int):
        raise FlowError("stored graph: expected `getitem` of an operator with several results.")
    return values[place]


SIZES: Final[dict[str, Callable[..., Any]]] = {
    "getitem": _item,
    "size.add": _whole(operator.add),
    "size.sub": _whole(operator.sub),
    "size.mul": _whole(operator.mul),
    "size.floordiv": _whole(operator.floordiv),
    "size.mod": _whole(operator.mod),
    "size.neg": _whole(operator.neg),
}
"""Arithmetic on sizes, and the choice among several results."""

OF_PYTHON: Final[dict[Any, str]] = {
    operator.getitem: "getitem",
    operator.add: "size.add",
    operator.sub: "size.sub",
    operator.mul: "size.mul",
    operator.floordiv: "size.floordiv",
    operator.mod: "size.mod",
    operator.neg: "size.neg",
}
"""What Python's operators on sizes are called in a file."""


def resolve(name: str) -> Callable[..., Any]:
    """The function of an operator's name.

    Args:
        name: Such as `conv2d.default`, `getitem`, `size.mul`.

    Raises:
        FlowError: Not one of the operators that a graph may consist of.
    """
    if name in SIZES:
        return SIZES[name]
    if name not in OPERATORS:
        raise FlowError(
            f"operator `{name[:80]}`: expected one of the {len(OPERATORS)} pure operators of stored "
            "graphs, because a "
            "file may come from strangers. Do not use this file."
        )
    packet, _, overload = name.partition(".")
    found: Any = getattr(getattr(torch.ops.aten, packet, None), overload, None)
    if found is None:
        raise FlowError(
            f"operator `{name}`: torch {torch.__version__} does not have it. Use another version of torch."
        )
    return found  # type: ignore[no-any-return]
