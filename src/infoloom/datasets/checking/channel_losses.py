"""What 8-bit columns lose, measured on a few rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.datasets.making.computing import one_thread
from infoloom.datasets.storage.channel_columns import channel_of
from infoloom.datasets.storage.columns import Column

if TYPE_CHECKING:
    from infoloom.observations.injection import Injection

__all__ = ["measured_loss"]

Array = NDArray[np.floating]

_COMPONENTS: Final = 4096  # of all rows together: a few seconds of a core through the largest flow of the zoo
_SQUARES: Final = 2**16  # of the components of a row, of all rows together: the entries of their Jacobians
_OBSERVED: Final = 2**18  # numbers of all observations together
_FEW: Final = 4
_SEED: Final = 0


def measured_loss(
    column: Column, bijection: Injection, information: Mapping[str, float], latents: Array | None = None
) -> dict[str, Any]:
    """An estimate of what an 8-bit column loses, JSON-able; see `infoloom.observations.channels.measure_loss`.

    Args:
        column: The 8-bit column.
        bijection: What makes its modality out of whitened latents.
        information: Of the modality with jointly normal targets, by target, nats.
        latents: What the bijection is given in this dataset, (n, d), where that is not N(0, I): a thousand rows, of
            which the first are mapped.

    Returns:
        `rows` looked at, root mean square `error` of the latent in its standard deviation, `correlation` with its
        recovery, `information` with the targets as it is estimated to be kept, nats. Three digits.
    """
    import torch

    from infoloom.observations.channels import kept_information, measure_loss

    dim, size = bijection.dim, math.prod(bijection.shape_out)
    rows = max(1, min(_COMPONENTS // dim, max(_FEW, _SQUARES // dim**2), _OBSERVED // size))
    mean, deviation = np.zeros(bijection.dim), np.ones(bijection.dim)
    if latents is None:
        few = torch.randn((rows, bijection.dim), generator=torch.Generator().manual_seed(_SEED))
    else:
        few = torch.from_numpy(latents[:rows].astype(np.float32))
        mean = latents.mean(axis=0, dtype=np.float64)
        deviation = latents.std(axis=0, dtype=np.float64)
        deviation[deviation == 0.0] = 1.0  # held by an intervention
    with one_thread():
        loss = measure_loss(channel_of(column), bijection, few, mean=mean, deviation=deviation)
    return {
        "rows": rows,
        "error": _three(loss.error),
        "correlation": _three(loss.correlation),
        "information": {
            t: _three(kept_information(nats, loss.correlation)) for t, nats in information.items()
        },
    }


def _three(value: float) -> float:
    """Three digits: more are not known, and the last ones differ between machines."""
    return float(f"{value:.3g}")
