"""Trained flows that keep latents of the usual norm apart only, read from their certificates without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infoloom.spec.flows.flow import flow_header, flow_path, parse_flow

__all__ = ["KEEP_NORM", "SMALLER_LOST", "lost_if_smaller"]

SMALLER_LOST: Final = 1e-4
"""The largest error of latents of a quarter of the usual norm √d and more, there and back in float32."""
KEEP_NORM: Final = ("identity", "vector", "rotation", "permutation")
"""Steps that leave the norm of a row as it is."""


def lost_if_smaller(text: str, directory: Path | None = None) -> dict[str, float]:
    """Trained flows of an expression that lose latents of less than the usual norm, and how far these come back.

    Args:
        text: The flow expression.
        directory: Folder that a relative path of a user's flow is relative to.

    Example:
        >>> lost_if_smaller("vector(64) | digits[3]")
        {}
    """
    found = {}
    for step in parse_flow(text):
        if step.trained:
            certificate = flow_header(flow_path(step.name, directory))["card"].get("certificate") or {}
            worst = (certificate.get("smaller_latents") or {}).get("worst", 0.0)
            if not isinstance(worst, int | float) or not worst <= SMALLER_LOST:
                found[step.name] = float(worst)
    return found
