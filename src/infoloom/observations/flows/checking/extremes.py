"""The largest and the smallest of numbers some of which may be none, and such numbers in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["in_words", "largest", "relative_errors", "singular_values", "smallest", "top"]


def largest(values: Iterable[float]) -> float:
    """The largest number; infinity if one is NaN, which Python's `max` may pass over.

    Example:
        >>> largest([0.0, float("nan")])
        inf
    """
    return max(math.inf if math.isnan(value) else value for value in values)


def smallest(values: Iterable[float]) -> float:
    """The smallest number; minus infinity if one is NaN, which Python's `min` may pass over.

    Example:
        >>> smallest([1.0, float("nan")])
        -inf
    """
    return min(-math.inf if math.isnan(value) else value for value in values)


def top(errors: Tensor) -> float:
    """The largest of errors of any shape; infinity if one is NaN."""
    return float(errors.nan_to_num(nan=math.inf, posinf=math.inf).max())


def relative_errors(found: Tensor, wanted: Tensor) -> Tensor:
    """‖found − wanted‖ / ‖wanted‖ of every row, (n,): infinity where it is none, 0 where a row of zeros is found.

    Args:
        found: Rows, (n, …).
        wanted: What they should be, (n, …).
    """
    missed = (found - wanted).flatten(1).norm(dim=1)
    ratio = missed / wanted.flatten(1).norm(dim=1)
    return torch.where(missed == 0.0, missed, ratio).nan_to_num(nan=math.inf, posinf=math.inf)


def singular_values(matrices: Tensor) -> Tensor:
    """Singular values of square matrices, (…, d), from the largest; NaN for a matrix that is not finite."""
    finite = matrices.isfinite().flatten(-2).all(dim=-1)
    found = torch.linalg.svdvals(torch.where(finite[..., None, None], matrices, torch.zeros_like(matrices)))
    return torch.where(finite[..., None], found, math.nan)


def in_words(value: Any) -> Any:
    """Plain values with `"NaN"`, `"Infinity"` and `"-Infinity"` for the numbers that JSON does not have.

    Example:
        >>> in_words({"worst": float("inf"), "rows": [1, 2.5]})
        {'worst': 'Infinity', 'rows': [1, 2.5]}
    """
    if isinstance(value, Mapping):
        return {name: in_words(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [in_words(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0.0 else "-Infinity"
    return value
