"""Observations that are made once and shared by all runs: a trained flow takes longer than a training."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.learners.learning import observe
from infoloom.datasets.making.captions import caption_rows
from infoloom.datasets.storage.files import aside, sha256
from infoloom.errors import BenchmarkError
from infoloom.spec.flows.flow import flow_path, parse_flow
from infoloom.story import Story

__all__ = ["FOLDER", "observed_rows", "tokens_of"]

#: Environment variable that names the folder of kept rows; nothing is kept without it.
FOLDER: Final = "INFOLOOM_ROWS"
_PIECE: Final = 512
Rows = dict[str, NDArray[Any]]


def observed_rows(
    story: Story, rows: int, seed: int, start: int, folder: Path | None = None, *, keep: bool = True
) -> tuple[Rows, Rows]:
    """Rows as the story draws them, and their observations, read again where they were made before.

    They are kept in pieces of 512 rows under all that they depend on: spec, seed, weights of flows, versions. So a run
    that was ended goes on with the piece it was at, and sets of other sizes share pieces.

    Args:
        story: A story.
        rows: Number of rows.
        seed: Of the story's random numbers.
        start: Number of the first row.
        folder: Where pieces are kept; the one that INFOLOOM_ROWS names when left out.
        keep: Whether to look there at all; not worth it where observations are formulas.

    Returns:
        Values by name, and modality → observations (rows, *shape), of captions token ids.

    Raises:
        BenchmarkError: A piece that is damaged.
    """
    named = os.environ.get(FOLDER) if keep else None
    place = folder or (Path(named) if named else None)
    drawn = story.sample(rows, seed=seed, start=start)
    said = tokens_of(story, drawn)
    if place is None:
        return drawn, _in_order(story, observe(story, drawn) | said)
    stop, parts = start + rows, []
    for first in range(start - start % _PIECE, stop, _PIECE):
        part = _piece(story, seed, first, place)
        parts.append({n: v[max(start - first, 0) : stop - first] for n, v in part.items()})
    made = {name: np.concatenate([part[name] for part in parts]) for name in story.mapped}
    return drawn, _in_order(story, made | said)


def tokens_of(story: Story, drawn: Mapping[str, NDArray[Any]]) -> Rows:
    """Token ids of every caption, (rows, length)."""
    return {name: caption_rows(story, name, drawn)["tokens"] for name in story.captions}


def _in_order(story: Story, observed: Rows) -> Rows:
    return {name: observed[name] for name in story.modalities}


def _piece(story: Story, seed: int, first: int, place: Path) -> Rows:
    path = place / f"{_key(story, seed, first)}.npz"
    if not path.is_file():
        made = observe(story, story.sample(_PIECE, seed=seed, start=first))
        place.mkdir(parents=True, exist_ok=True)
        with aside(path) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, **made)
        return dict(made)
    try:
        with path.open("rb") as there, np.load(there, allow_pickle=False) as kept:
            found = {name: kept[name] for name in story.mapped}
        shapes = {name: values.shape for name, values in found.items()}
        if shapes != {name: (_PIECE, *story.shape(name)) for name in story.mapped}:
            raise ValueError(f"shapes {shapes}")
    except (
        OSError,
        EOFError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        BadZipFile,
        zlib.error,
    ) as error:
        raise BenchmarkError(
            f"rows `{path}`: expected {_PIECE} rows of {', '.join(story.mapped)} as they were kept, got a file that is "
            f"damaged ({str(error)[:200]}). Remove it; the next run makes it anew."
        ) from error
    return found


def _key(story: Story, seed: int, first: int) -> str:
    steps = [step for name in story.mapped for step in parse_flow(story.flow(name)) if step.trained]
    weights = [sha256(flow_path(step.name, story.spec.directory)) for step in steps]
    packages = {name: version(name) for name in ("infoloom", "numpy", "torch")}
    known = [story.spec.digest, seed, first, _PIECE, weights, packages]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]
