"""Whether every row of a batch is computed on its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from infoloom.observations.base import Bijection

__all__ = ["rows_apart", "who_mixes"]

APART: Final = {torch.float32: 1e-4, torch.float64: 1e-8}
"""The largest change of a row, relative to its batch, that the rows beside it may make: that of rounding."""


def who_mixes(apart: Mapping[str, float]) -> list[str]:
    """The reason why a flow is refused whose rows change with the rows beside them; empty where none does.

    Args:
        apart: By precision, what `rows_apart` found.
    """
    mixed = [name for name, worst in apart.items() if not worst <= APART[getattr(torch, name)]]
    return [f"a row changes with the rows beside it, by {apart[mixed[0]]:.1e}"] if mixed else []


@torch.no_grad()
def rows_apart(flow: Bijection, batch: int, dtype: torch.dtype, *, seed: int = 0) -> float:
    """The largest change of a row when other rows of its batch are replaced, relative to the values of the batch.

    The rows that stay are those whose place has some binary digit 0 or 1, for all digits in turn, so that of any two
    rows one stays once while the other is replaced.

    Args:
        flow: A map of rows (n, d).
        batch: How many rows are computed together.
        dtype: Precision of the rows.
        seed: Seed of the latents.
    """
    generator = torch.Generator().manual_seed(seed)
    size = int(torch.Size(flow.shape_in).numel())
    first, second = (torch.randn((batch, size), generator=generator).to(dtype) for _ in range(2))
    together = flow.forward(first)
    worst, places = 0.0, torch.arange(batch)
    for digit in range(max(batch - 1, 0).bit_length()):
        for kept in (places >> digit & 1 == 0, places >> digit & 1 == 1):
            found = flow.forward(torch.where(kept[:, None], first, second))
            worst = max(worst, _change(found[kept], together[kept], together))
    return worst


def _change(found: Tensor, wanted: Tensor, values: Tensor) -> float:
    change = (found - wanted).abs().max() / values.abs().max().clamp(min=1e-6)
    return float(change) if bool(change.isfinite()) else float("inf")
