"""Samples of tasks as files for people without Python: rows, truth, and what the task is."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from infoloom.benchmark.tasks import PairTask
from infoloom.datasets.storage.files import aside, write_json
from infoloom.errors import TaskError

__all__ = ["FORMAT", "dump", "file_name"]

FORMAT: Final = 1


def file_name(task_id: str) -> str:
    """An id in signs that every file system takes.

    Example:
        >>> file_name("gaussian:dims=2v2,nats=1.0,pairs=1")
        'gaussian-dims_2v2-nats_1.0-pairs_1'
    """
    return re.sub(r"[:,/]", "-", task_id).replace("=", "_")


def dump(task: PairTask, rows: int, seed: int, folder: Path) -> Path:
    """Write one sample of a task into a new folder inside `folder`.

    `rows.npz` holds x and y as `sample` gives them, int64 where they are whole numbers and else float32 where that
    loses nothing; `truth.npz` the pointwise mutual
    information of every row, `pmi` (nats); `task.json` the task, its truth, and what the arrays are. Arrays are in the
    npy format, in C order, little-endian, without pickle.

    Args:
        task: The task.
        rows: Number of rows.
        seed: Seed of the rows.
        folder: Where the new folder goes; made if it is not there.

    Returns:
        The new folder.

    Raises:
        TaskError: It is there already, or cannot be written, or the rows do not fit into memory.
    """
    if rows * (task.dim_x + task.dim_y) * 8 > sys.maxsize:
        raise _too_many(rows)
    place = folder / f"{file_name(task.id)}-rows_{rows}-seed_{seed}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pmi = task.pmi_behind(*task.behind(rows, seed))
        x, y = task.sample(rows, seed)
        place.mkdir()
        arrays = {"rows.npz": {"x": _narrow(x), "y": _narrow(y)}, "truth.npz": {"pmi": pmi}}
        for name, content in arrays.items():
            with aside(place / name) as part, part.open("wb") as file:
                np.savez(file, allow_pickle=False, **content)
        write_json(place / "task.json", _about(task, rows, seed, arrays))
    except MemoryError as error:
        raise _too_many(rows) from error
    except OSError as error:
        raise TaskError(
            f"folder `{place}`: cannot be written ({error.strerror}). Choose another folder."
        ) from error
    return place


def _too_many(rows: int) -> TaskError:
    return TaskError(f"rows `{rows}`: expected as many as fit into memory. Use fewer.")


def _about(
    task: PairTask, rows: int, seed: int, arrays: Mapping[str, Mapping[str, np.ndarray[Any, Any]]]
) -> dict[str, Any]:
    files = {
        file: {
            name: {"shape": list(array.shape), "type": str(array.dtype)} for name, array in content.items()
        }
        for file, content in arrays.items()
    }
    made = {"infoloom": version("infoloom"), "numpy": np.__version__}
    return {"format": FORMAT, **task.metadata, "rows": rows, "seed": seed, "files": files, "made_with": made}


def _narrow(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Real values in float32 if it holds them exactly; whole numbers stay what they are."""
    if values.dtype.kind == "i":
        return values
    narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values) else values
