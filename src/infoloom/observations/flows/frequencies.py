"""The cosine transform of observations, and the standard deviation that data have at each of its frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor, nn

from infoloom.errors import FlowError
from infoloom.observations.flows.scaling import Numbers, checked_numbers

__all__ = ["CosineTransform", "frequency_deviations"]

_MOST: Final = 2048  # positions along an axis; the matrix of the transform is then 16 MiB in single precision


class CosineTransform(nn.Module):
    """The orthonormal cosine transform (DCT-II) along positions: all axes of an observation but that of channels.

    Its matrices are float64 until the module is moved to another precision. They are no weights.

    Args:
        shape: Shape of one observation: (positions,), (channels, positions) or (channels, height, width).

    Raises:
        FlowError: More than 2048 positions along an axis.

    Example:
        >>> transform = CosineTransform((4,)).float()
        >>> transform(torch.ones(1, 4))
        tensor([[2., 0., 0., 0.]])
        >>> transform.multiplied(torch.ones(1, 4), torch.tensor([3.0, 1.0, 1.0, 1.0]))
        tensor([[3., 3., 3., 3.]])
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.names: list[str] = []
        if max(shape[min(1, len(shape) - 1) :]) > _MOST:
            raise FlowError(
                f"cosine transform of shape {tuple(shape)}: expected at most {_MOST} positions along an axis. Train "
                "with one deviation for all frequencies (`--one-deviation`)."
            )
        for axis in range(min(1, len(shape) - 1), len(shape)):
            self.names.append(f"along_{axis}")
            unit = np.eye(shape[axis])
            self.register_buffer(
                self.names[-1], torch.tensor(dct(unit, axis=0, norm="ortho")), persistent=False
            )

    def forward(self, values: Tensor) -> Tensor:
        """(n, *shape) → coefficients of the same shape."""
        return self._turned(values, back=False)

    def multiplied(self, values: Tensor, factors: Tensor) -> Tensor:
        """Values whose coefficients are multiplied by factors; both spread over (n, *shape)."""
        return self._turned(factors * self(values), back=True)

    def _turned(self, values: Tensor, back: bool) -> Tensor:
        with torch.autocast(values.device.type, enabled=False):
            for place, name in enumerate(reversed(self.names)):
                matrix = getattr(self, name).T if back else getattr(self, name)
                values = values.to(matrix.dtype)
                values = values @ matrix.T if place == 0 else matrix @ values
        return values


def frequency_deviations(values: Tensor, *, least: float) -> Numbers:
    """Root mean square of every coefficient of the cosine transform, to four digits.

    Args:
        values: Standardised training rows, (n, *shape).
        least: Smallest value given.

    Returns:
        Numbers of the shape of one row.
    """
    shape = tuple(values.shape[1:])
    transform = CosineTransform(shape).to(values.device, torch.float32)
    squares = torch.zeros(shape, dtype=torch.float64, device=values.device)
    for rows in torch.split(values, 1024):
        squares += transform(rows).double().square().sum(dim=0)
    found = (squares / len(values)).sqrt().clamp(min=least).cpu()
    digits = [float(f"{value:.4g}") for value in found.flatten().tolist()]
    return checked_numbers(np.reshape(digits, shape), shape, "spread", positive=True)
