"""Every flipped bit of a file of tensors is refused, whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from infoloom.errors import FlowError, LearnerError
from infoloom.observations.flows.checkpoint import load_checkpoint
from infoloom.observations.realism.features import load_features
from infoloom.observations.training.state import read_state
from infoloom.ssl import build, load, save
from infoloom.ssl.state import read_state as read_learner
from infoloom.tensor_files import read_tensors, write_tensors

ZOO = Path(load_features.__code__.co_filename).parents[1]
TENSORS = {
    "half": torch.arange(7, dtype=torch.float16),
    "brain": torch.ones(2, 3, dtype=torch.bfloat16),
    "number": torch.tensor(3.5, dtype=torch.float64),
    "none": torch.zeros(0, 4),
    "steps": torch.tensor([1, -2]),
}


def flips(path: Path, count: int, seed: int = 0) -> Any:
    """A file with one bit flipped, again and again; and where."""
    whole = path.read_bytes()
    for place in np.random.default_rng(seed).integers(0, len(whole), count):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(place % 8)
        path.write_bytes(damaged)
        yield int(place)
    path.write_bytes(whole)


def test_tensors_come_back_with_what_is_said_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, TENSORS, {"said": "so"})
    found, said = read_tensors(path)
    assert said == {"said": "so"}
    assert all(
        torch.equal(found[name], value) and found[name].dtype == value.dtype
        for name, value in TENSORS.items()
    )
    assert list(tmp_path.iterdir()) == [path]


def test_no_flipped_bit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, TENSORS, {"said": "so"})
    for _ in flips(path, 300):
        try:
            found, said = read_tensors(path)
        except (SafetensorError, ValueError):
            continue
        assert said["said"] == "so"  # the flip changed the name of the checksum, or spaces
        assert all(torch.equal(found[name], value) for name, value in TENSORS.items())


def test_files_of_others_have_no_checksum(tmp_path: Path) -> None:
    save_file({"a": torch.ones(3)}, str(tmp_path / "a.safetensors"), {"said": "so"})
    assert read_tensors(tmp_path / "a.safetensors")[1] == {"said": "so"}


def learner(path: Path) -> Callable[[], Any]:
    save(build("clip", {"a": (4,), "b": (4,)}), path)
    return lambda: load(path).state_dict()


def feature_file(path: Path) -> Callable[[], Any]:
    path.write_bytes((ZOO / "realism" / "classifiers" / "digits.safetensors").read_bytes())
    return lambda: load_features(path).weights


def flow(path: Path) -> Callable[[], Any]:
    path.write_bytes((ZOO / "zoo" / "digits.safetensors").read_bytes())
    description, field = load_checkpoint(path)
    from infoloom.observations.flows.checkpoint import save_checkpoint

    save_checkpoint(path, description, field.state_dict())
    return lambda: load_checkpoint(path)[1].state_dict()


@pytest.mark.parametrize("kind", [learner, feature_file, flow])
def test_a_damaged_file_is_refused_by_what_loads_it(kind: Any, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    read = kind(path)
    before = read()
    refused = 0
    for place in flips(path, 25):
        try:
            after = read()
        except (FlowError, LearnerError):
            refused += 1
        else:
            assert all(torch.equal(after[name], value) for name, value in before.items()), place
    assert refused >= 23


@pytest.mark.parametrize("read", [read_state, read_learner])
def test_the_message_says_that_it_is_damaged(read: Any, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_tensors(path, {"a": torch.ones(100)}, {"training": "{}", "infoloom": "{}"})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        (FlowError, LearnerError), match="its content differs from its checksum: the file is damaged"
    ):
        read(path)


def test_what_the_package_brings_has_checksums() -> None:
    from infoloom.estimators.neural.amortised.estimator import WEIGHTS

    for path in [Path(WEIGHTS), *sorted((ZOO / "realism" / "classifiers").glob("*.safetensors"))]:
        assert b'"sha256"' in path.read_bytes()[:100_000], path
