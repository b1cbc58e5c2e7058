"""Rational-quadratic splines without branches, in place of the packages' own while their flows are traced."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from infoloom.errors import FlowError

__all__ = ["branch_free", "rational_quadratic_spline"]

_NAME: Final = "unconstrained_rational_quadratic_spline"
_PACKAGES: Final = ("nflows.", "normflows.")


@contextmanager
def branch_free() -> Iterator[None]:
    """Where a model is being traced, let the packages' splines be ours; everywhere else leave them alone.

    The packages choose the inner rows by a mask, which a stored graph cannot; what is traced is compared with the
    package's own code afterwards.
    """
    if not torch.compiler.is_compiling():
        yield
        return
    homes = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(_PACKAGES) and _NAME in vars(module)
    ]
    kept = [(home, vars(home)[_NAME]) for home in homes]
    for home in homes:
        setattr(home, _NAME, rational_quadratic_spline)
    try:
        yield
    finally:
        for home, own in kept:
            setattr(home, _NAME, own)


def rational_quadratic_spline(
    inputs: Tensor,
    unnormalized_widths: Tensor,
    unnormalized_heights: Tensor,
    unnormalized_derivatives: Tensor,
    inverse: bool = False,
    tails: Any = "linear",
    tail_bound: Any = 1.0,
    min_bin_width: float = 1e-3,
    min_bin_height: float = 1e-3,
    min_derivative: float = 1e-3,
    enable_identity_init: bool = False,
) -> tuple[Tensor, Tensor]:
    """A monotone spline within ± tail_bound and the identity outside, elementwise.

    Args:
        inputs: (…).
        unnormalized_widths: Of K bins, (…, K).
        unnormalized_heights: Likewise.
        unnormalized_derivatives: At the inner knots, (…, K − 1).
        inverse: The other direction.
        tails: `linear`.
        tail_bound: Where the identity begins.
        min_bin_width: Smallest share of a bin.
        min_bin_height: Likewise.
        min_derivative: Smallest derivative at a knot.
        enable_identity_init: Whether zero parameters give the identity.

    Returns:
        Outputs and the logarithms of the derivatives, both (…).

    Source: Durkan, Bekasov, Murray, Papamakarios, Neural spline flows (2019), equations 4 to 8 and appendix A.
    """
    if tails != "linear" or isinstance(tail_bound, Tensor):
        raise FlowError(
            f"spline with tails `{tails}`: expected linear tails with one bound. Use such splines."
        )
    bound = float(tail_bound)
    inside = inputs.abs() <= bound
    values = torch.where(inside, inputs, torch.zeros_like(inputs))
    left, widths = _bins(unnormalized_widths, min_bin_width, bound)
    low, heights = _bins(unnormalized_heights, min_bin_height, bound)
    beta = math.log(2.0) / (1.0 - min_derivative) if enable_identity_init else 1.0
    slopes = min_derivative + functional.softplus(unnormalized_derivatives, beta=beta)
    slopes = functional.pad(slopes, (1, 1), value=1.0)
    knots = low if inverse else left
    place = ((values[..., None] >= knots).sum(-1, keepdim=True) - 1).clamp(min=0)

    def here(quantity: Tensor) -> Tensor:
        return quantity.gather(-1, place)[..., 0]

    x0, width, y0, height = here(left), here(widths), here(low), here(heights)
    start, stop = here(slopes[..., :-1]), here(slopes[..., 1:])
    steep = height / width
    bend = start + stop - 2.0 * steep
    if inverse:
        rise = values - y0
        a = height * (steep - start) + rise * bend
        b = height * start - rise * bend
        c = -steep * rise
        root = (b.square() - 4.0 * a * c).clamp(min=0.0).sqrt()
        share = 2.0 * c / (-b - root)
        outputs = x0 + share * width
    else:
        share = (values - x0) / width
        rise = height * (steep * share.square() + start * share * (1.0 - share))
        outputs = y0 + rise / (steep + bend * share * (1.0 - share))
    mixed = share * (1.0 - share)
    top = steep.square() * (stop * share.square() + 2.0 * steep * mixed + start * (1.0 - share).square())
    log_slope = top.log() - 2.0 * (steep + bend * mixed).log()
    log_slope = -log_slope if inverse else log_slope
    return torch.where(inside, outputs, inputs), torch.where(inside, log_slope, torch.zeros_like(inputs))


def _bins(unnormalized: Tensor, least: float, bound: float) -> tuple[Tensor, Tensor]:
    """Left ends and sizes of the bins, (…, K) each."""
    shares = least + (1.0 - least * unnormalized.shape[-1]) * torch.softmax(unnormalized, dim=-1)
    ends = functional.pad(torch.cumsum(shares, dim=-1)[..., :-1], (1, 0), value=0.0)
    knots = 2.0 * bound * ends - bound
    closed = functional.pad(knots, (0, 1), value=bound)
    return knots, closed[..., 1:] - closed[..., :-1]
