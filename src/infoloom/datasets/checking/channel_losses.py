"""What 8-bit columns lose, measured on a few rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from infoloom.datasets.making.computing import one_thread
from infoloom.datasets.storage.channel_columns import channel_of
from infoloom.datasets.storage.columns import Column

if TYPE_CHECKING:
    from infoloom.observations.injection import Injection

__all__ = ["measured_loss"]

_COMPONENTS: Final = 4096  # of all rows together: a few seconds of a core through the largest flow of the zoo
_ROWS: Final = 4
_SEED: Final = 0


def measured_loss(column: Column, bijection: Injection, information: Mapping[str, float]) -> dict[str, Any]:
    """An estimate of what an 8-bit column loses, JSON-able; see `infoloom.observations.channels.measure_loss`.

    Args:
        column: The 8-bit column.
        bijection: What makes its modality out of N(0, I) latents.
        information: Of the modality with jointly normal targets, by target, nats.

    Returns:
        `rows` looked at, root mean square `error` of the latent in its standard deviation, `correlation` with its
        recovery, `information` with the targets as it is estimated to be kept, nats. Three digits.
    """
    import torch

    from infoloom.observations.channels import kept_information, measure_loss

    rows = max(1, min(_ROWS, _COMPONENTS // bijection.dim))
    latents = torch.randn((rows, bijection.dim), generator=torch.Generator().manual_seed(_SEED))
    with one_thread():
        loss = measure_loss(channel_of(column), bijection, latents)
    return {
        "rows": rows,
        "error": _three(loss.error),
        "correlation": _three(loss.correlation),
        "information": {t: _three(kept_information(nats, loss.error)) for t, nats in information.items()},
    }


def _three(value: float) -> float:
    """Three digits: more are not known, and the last ones differ between machines."""
    return float(f"{value:.3g}")
