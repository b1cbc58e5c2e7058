"""Information is in nats everywhere, bits at the edge only; and how many there are of something, in words."""

from __future__ import annotations

import math

__all__ = ["NATS_PER_BIT", "number_of", "to_bits"]

NATS_PER_BIT = math.log(2.0)


def to_bits(nats: float) -> float:
    """Convert an information value from nats to bits.

    Example:
        >>> to_bits(math.log(8.0))
        3.0
    """
    return nats / NATS_PER_BIT


def number_of(count: int, what: str) -> str:
    """How many there are, in the singular or the plural.

    Args:
        count: How many.
        what: One of them, a word whose plural ends in s.

    Example:
        >>> number_of(1, "shard"), number_of(2000, "shard")
        ('1 shard', '2,000 shards')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
