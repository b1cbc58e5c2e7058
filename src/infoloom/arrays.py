"""Arrays as people give them: tensors with gradients or of bfloat16, masked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from infoloom.errors import InfoloomError

__all__ = ["plain_array"]


def plain_array(given: Any, name: str, error: type[InfoloomError]) -> np.ndarray[Any, np.dtype[Any]]:
    """A numpy array of what was given; a tensor is detached, brought to the processor and out of half precision.

    Args:
        given: Anything that numpy reads, or a tensor.
        name: What it is, for the message.
        error: What is raised.

    Raises:
        error: A masked array that hides values: numpy would use what is behind the mask.

    Example:
        >>> plain_array([1.0, 2.0], "x", InfoloomError)
        array([1., 2.])
    """
    masked = int(np.sum(given.mask)) if isinstance(given, np.ma.MaskedArray) else 0
    if masked:
        raise error(
            f"`{name}` `{masked} masked values`: expected values everywhere, because what is "
            "behind a mask is no data. Remove those rows from all arrays alike."
        )
    if all(hasattr(given, method) for method in ("detach", "cpu", "numpy", "dtype")):
        given = given.detach().cpu()
        given = (given.float() if str(given.dtype) == "torch.bfloat16" else given).numpy()
    return np.asarray(given)
