"""Where and how rows are computed: the device, and one thread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infoloom.datasets.making.plain import has_torch
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    import torch

__all__ = ["known_device", "one_thread", "usable_device"]


def known_device(device: object) -> str:
    """A device by its name, whether this machine has it or not.

    Raises:
        DatasetError: No such kind of device.
    """
    if not re.fullmatch(r"cpu|cuda(:\d+)?", str(device)):
        raise DatasetError(f"device `{device}`: expected `cpu`, `cuda` or one GPU such as `cuda:1`.")
    return str(device)


def usable_device(device: object) -> torch.device:
    """A device of this machine.

    Raises:
        DatasetError: No such device.
    """
    import torch

    found = torch.device(known_device(device))
    if found.type == "cuda" and not torch.cuda.is_available():
        raise DatasetError(
            f"device `{device}`: expected one of this machine, whose torch sees no GPU. Use `cpu`."
        )
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise DatasetError(
            f"device `{device}`: expected one of the {torch.cuda.device_count()} GPUs of this machine, from `cuda:0`."
        )
    return found


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread, because the order of a parallel sum could change the last bit; restored afterwards."""
    if not has_torch():
        yield  # numpy alone: every sum is over the few directions of a span
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
