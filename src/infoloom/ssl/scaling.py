"""Standardised inputs: the same encoder settings then suit a picture in [0, 1] and a signal in millivolts."""

from __future__ import annotations

import math
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infoloom.ssl.checks import expect, parts

__all__ = ["Standardise", "TokenIds"]

_FAR: Final = 1e-4  # deviation in units of the mean, below which it is computed about the mean
_ROUNDING: Final = float(np.finfo(np.float32).eps)


class Standardise(nn.Module):
    """(x − mean) / scale by channel, or by component of a vector; the identity until it was fitted.

    Nothing is taken from a single row or batch, which would erase a cause that shifts a whole picture.

    Args:
        shape: Of one row.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        wide = (shape[0], *(1 for _ in shape[1:]))
        self.register_buffer("mean", torch.zeros(wide))
        self.register_buffer("scale", torch.ones(wide))

    @torch.no_grad()
    def fit(self, rows: Any) -> None:
        """Take mean and standard deviation over rows (n, *shape); a channel that never varies keeps scale 1.

        A channel varies where its deviation is above the rounding of float32 at its mean, however small it is.
        """
        mean, scale = cast(Tensor, self.mean), cast(Tensor, self.scale)
        axes = (0, *range(2, rows.ndim))
        sums = np.zeros((2, rows.shape[1]))
        for part in parts(rows):
            values = part.astype(np.float64)
            sums += values.sum(axes), np.square(values).sum(axes)
        count = len(rows) * math.prod(rows.shape[2:])
        center, square = sums / count
        spread = np.sqrt(np.maximum(square - center**2, 0.0))
        far = spread <= _FAR * np.abs(center)
        if far.any():  # the difference of squares has lost its digits there
            spread[far] = _deviation(rows, center, axes, count)[far]
        spread[spread <= _ROUNDING * np.abs(center)] = 1.0
        mean.copy_(torch.from_numpy(center).view(mean.shape))
        scale.copy_(torch.from_numpy(spread).view(scale.shape))

    def forward(self, rows: Tensor) -> Tensor:
        """(n, *shape) → the same shape."""
        return (rows - cast(Tensor, self.mean)) / cast(Tensor, self.scale)


def _deviation(
    rows: Any, center: NDArray[np.float64], axes: tuple[int, ...], count: int
) -> NDArray[np.float64]:
    """Standard deviation of every channel about its mean, in a second pass."""
    total, wide = np.zeros(len(center)), (len(center), *(1 for _ in rows.shape[2:]))
    for part in parts(rows):
        total += np.square(part.astype(np.float64) - center.reshape(wide)).sum(axes)
    return np.sqrt(total / count)


class TokenIds(nn.Module):
    """Token ids, which are not scaled: they become whole numbers.

    Args:
        name: Of the modality, for messages.
        vocabulary: Number of ids.
    """

    def __init__(self, name: str, vocabulary: int) -> None:
        super().__init__()
        self.name, self.size = name, vocabulary
        self.register_buffer("vocabulary", torch.tensor(vocabulary))

    def fit(self, rows: Any) -> None:
        """Look at every id of the training rows (n, length).

        Raises:
            LearnerError: One that is no whole number from 0, or beyond the vocabulary.
        """
        for part in parts(rows):
            self._check(part)

    def forward(self, rows: Tensor) -> Tensor:
        """(n, length) → the same ids, int64.

        Raises:
            LearnerError: As `fit`; in training on an accelerator, which would have to wait, only `fit` looks.
        """
        if rows.device.type == "cpu" or not self.training:
            self._check(rows.detach().cpu().numpy())
        return rows.long()

    def _check(self, ids: NDArray[Any]) -> None:
        bad = ids[~((ids >= 0) & (ids < self.size) & (ids == np.floor(ids)))]
        expect(
            bad.size == 0,
            f"token id of {self.name}",
            bad.flat[0] if bad.size else "",
            f"a whole number from 0 to {self.size - 1}",
            "Raise its size in `vocabularies`, or leave it out if these rows are values.",
        )
