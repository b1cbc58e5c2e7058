"""Which precision a training computes in: measured, since bfloat16 is fast on some processors and slow on others."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal

import torch
from torch import Tensor

__all__ = ["Precision", "autocast", "choose_precision"]

Precision = Literal["float32", "bfloat16"]
_GAIN: Final = 1.3  # what bfloat16 must gain to be worth its coarser numbers
_ROUNDS: Final = 2


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """The context in which a network computes."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def choose_precision(loss: Callable[[], Tensor], device: torch.device) -> tuple[Precision, str]:
    """Time one training step in either precision; bfloat16 is taken if it is more than 1.3 times as fast.

    Args:
        loss: Computes a loss within the context that it is called in.
        device: Where it computes; an accelerator takes bfloat16 without a measurement.

    Returns:
        The precision, and why, for the log.
    """
    if device.type != "cpu":
        return "bfloat16", f"bfloat16, as {device.type} computes it fast"
    taken = {precision: _seconds(loss, device, precision) for precision in ("float32", "bfloat16")}
    chosen: Precision = "bfloat16" if taken["float32"] > _GAIN * taken["bfloat16"] else "float32"
    return chosen, (
        f"{chosen}, as a step takes {taken['float32']:.3g} s in float32 and {taken['bfloat16']:.3g} s in bfloat16 "
        f"here; bfloat16 is taken if it is more than {_GAIN:g} times as fast"
    )


def _seconds(loss: Callable[[], Tensor], device: torch.device, precision: Precision) -> float:
    """Processor time of the fastest of a few steps, the first of which also loads kernels."""
    fastest = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        with autocast(device, precision):
            loss().backward()  # type: ignore[no-untyped-call]
        fastest = min(fastest, time.process_time() - began)
        if precision == "bfloat16" and fastest > 60.0:
            break  # slow enough to know
    return fastest
