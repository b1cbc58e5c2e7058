"""The file of an interrupted training: what it began with, how far it came, and its tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field
from safetensors import SafetensorError
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.foreign.trees import Finite, Line, Open, Word, checked, parse_json
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.recipes import Recipe
from infoloom.tensor_files import read_tensors

__all__ = ["as_json", "data_digest", "read_state", "require_same", "under"]

_OF_THE_FINISHED_FLOW: Final = ("minutes", "flow_steps", "bend", "distilled_steps", "distilled_bend")
"""Settings that may change while a training is interrupted: its budget, and the grid that it is given at the end."""


class StateTree(Open):
    """What a training's file says beside its tensors."""

    step: Annotated[int, Field(ge=0)]
    seconds: Annotated[Finite, Field(ge=0.0)]
    loss: Finite | Literal["NaN", "Infinity", "-Infinity"]
    recipe: dict[Word, Any]
    seed: int
    data: Word
    target: Line
    precision: Literal["float32", "bfloat16"] | None = None
    best: Annotated[list[Finite], Field(min_length=2, max_length=2)] | None = None


def as_json(value: Any) -> Any:
    """Plain values as JSON gives them back, so that lists and tuples compare."""
    if isinstance(value, Mapping):
        return {key: as_json(part) for key, part in value.items()}
    return [as_json(part) for part in value] if isinstance(value, list | tuple) else value


def data_digest(data: TrainingData) -> str:
    """SHA-256 of the rows, their classes, what is held out, and the units of training."""
    digest = hashlib.sha256(repr((data.classes, data.center, data.scale)).encode())
    for part in (data.values, data.labels, data.held_out, data.held_out_labels):
        digest.update(b"none" if part is None else repr(part.shape).encode())
        digest.update(b"" if part is None else np.ascontiguousarray(part).view(np.uint8).data)
    return digest.hexdigest()


def read_state(path: Path) -> tuple[StateTree, dict[str, Tensor]]:
    """What an interrupted training left.

    Raises:
        FlowError: Another kind of file.
    """
    try:
        tensors, metadata = read_tensors(path)
        return checked(StateTree, parse_json(metadata.get("training", ""), constants=True)), tensors
    except (OSError, SafetensorError, ValueError) as error:
        raise FlowError(
            f"training state `{path}`: expected the file that an interrupted training left ({error}). Remove it to "
            "start afresh."
        ) from error


def require_same(path: Path, said: StateTree, recipe: Recipe, seed: int, data: str, target: str) -> None:
    """Refuse to go on with a training that began with other settings, another seed or other data.

    Args:
        path: Its file, for the message.
        said: What the file says.
        recipe: The settings at hand.
        seed: The seed at hand.
        data: Digest of the data at hand.
        target: What is learnt now.

    Raises:
        FlowError: Something differs.
    """
    now, then = recipe.to_dict(), said.recipe
    settings = [name for name in now if name not in _OF_THE_FINISHED_FLOW]
    pairs = [(name, as_json(now[name]), as_json(then.get(name))) for name in settings]
    pairs += [("seed", seed, said.seed), ("target", target, said.target)]
    for name, wanted, found in pairs:
        if wanted != found:
            raise FlowError(
                f"training state `{path}`: expected {name} {wanted}, but the training began with {found}. Give that "
                "again, remove the file to start afresh, or give another output."
            )
    if said.data != data:
        raise FlowError(
            f"training state `{path}`: expected the data at hand, but the training began with others. Give those "
            "again, remove the file to start afresh, or give another output."
        )


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """The tensors whose names begin with a prefix, without it."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
