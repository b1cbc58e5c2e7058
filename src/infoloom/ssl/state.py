"""The file of a learner, or of a training that can go on, as safetensors: nothing in it is executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from safetensors import SafetensorError
from torch import Tensor

from infoloom.errors import LearnerError
from infoloom.foreign.trees import Open, Word, checked, parse_json
from infoloom.ssl.checks import parts
from infoloom.ssl.learner import Learner
from infoloom.ssl.outputs import expect_learner
from infoloom.ssl.registry import build
from infoloom.tensor_files import read_tensors, write_tensors

__all__ = ["describe", "digest_of", "load", "read_state", "save", "under", "write_state"]

FORMAT = 1


def save(learner: Learner, path: str | Path) -> None:
    """Write a learner: weights, objective, shapes and settings.

    Args:
        learner: What `build` made.
        path: The file, replaced at once or not at all.

    Raises:
        LearnerError: It is no learner.
    """
    expect_learner(learner)
    write_state(Path(path), {"learner": learner.state_dict()}, {"learner": describe(learner)})


def load(path: str | Path) -> Learner:
    """Read a learner back, from its own file or from that of a training.

    Raises:
        LearnerError: If the file is not one of those.
    """
    tensors, about = read_state(Path(path))
    said = about["learner"]
    shapes = {name: tuple(shape) for name, shape in said["shapes"].items()}
    try:
        learner = build(said["objective"], shapes, **said["settings"])
        learner.load_state_dict(under(tensors, "learner"))
    except (RuntimeError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise LearnerError(
            f"`learner` `{path}`: expected weights and settings that fit each other ({str(error)[:300]}). Train again."
        ) from error
    return learner.eval()


def describe(learner: Learner) -> dict[str, Any]:
    """Objective, shapes and settings, as JSON gives them back."""
    said = {"objective": learner.objective, "shapes": learner.shapes, "settings": asdict(learner.settings)}
    copied: dict[str, Any] = json.loads(json.dumps(said))
    return copied


def digest_of(
    arrays: Mapping[str, Any], names: Iterable[str], missing: Mapping[str, Any] | None = None
) -> str:
    """What says which rows are trained on: a digest of their values in float32, those that are missing left out."""
    found = hashlib.sha256()
    for name in names:
        lost = (missing or {}).get(name)
        for part in parts(arrays[name] if lost is None else arrays[name][~np.asarray(lost)]):
            found.update(part.astype("<f4").tobytes())
    return found.hexdigest()[:12]


def write_state(path: Path, content: Mapping[str, Mapping[str, Tensor]], about: Mapping[str, Any]) -> None:
    """Write tensors in named parts, and what JSON can say about them; a reader sees the old file or the new."""
    tensors = {
        f"{part}.{name}": value.detach().to("cpu", copy=True).contiguous()
        for part, values in content.items()
        for name, value in values.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, tensors, {"infoloom": json.dumps({"format": FORMAT, **about})})


def read_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_state` wrote.

    Raises:
        LearnerError: If the file cannot be read, or is something else.
    """
    try:
        tensors, metadata = read_tensors(path)
        about = parse_json(metadata.get("infoloom", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise LearnerError(
            f"`learner` `{path}`: expected a file that can be read ({error}). Train again."
        ) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT or "learner" not in about:
        raise LearnerError(
            f"`learner` `{path}`: expected a file of format {FORMAT} that `save` or `train` wrote. Train again."
        )
    try:
        checked(LearnerTree, about["learner"])
    except ValueError as error:
        raise LearnerError(
            f"`learner` `{path}`: expected a whole description ({error}). Train again."
        ) from error
    return tensors, about


class LearnerTree(Open):
    """What `describe` says; settings are checked by what takes them."""

    objective: Word
    shapes: dict[Word, Annotated[list[Annotated[int, Field(ge=1, le=10**8)]], Field(max_length=8)]]
    settings: dict[Word, Any]


def under(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part by the names they had in it."""
    return {
        name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")
    }
