"""Arrays in npy files that someone else wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from infoloom.foreign.files import require_regular

__all__ = ["map_npy"]


def map_npy(path: str | Path) -> np.ndarray[Any, Any]:
    """A memory-mapped array of an npy file; nothing is read yet, and a pickle never is.

    Raises:
        OSError: It cannot be read, or is no regular file.
        ValueError: It is no npy file, or one of objects.
    """
    require_regular(path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        raise
    except Exception as error:  # a damaged header goes through tokenize and ast, which raise what they like
        raise ValueError(f"no header of an npy file: {error}") from error
    if not isinstance(array, np.ndarray):
        raise ValueError("an archive of arrays")
    return array
