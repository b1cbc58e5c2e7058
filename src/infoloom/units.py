"""Information is in nats everywhere; bits exist at the edge only."""

from __future__ import annotations

import math

__all__ = ["NATS_PER_BIT", "to_bits"]

NATS_PER_BIT = math.log(2.0)


def to_bits(nats: float) -> float:
    """Convert an information value from nats to bits.

    Example:
        >>> to_bits(math.log(8.0))
        3.0
    """
    return nats / NATS_PER_BIT
