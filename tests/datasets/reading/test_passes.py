"""Every pass over a stream is one epoch for all workers, whoever looked at it before; a pass goes on where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import infoloom as loom
from infoloom.datasets import Dataset
from infoloom.datasets.reading import passes
from infoloom.datasets.reading.passes import Passes
from infoloom.errors import DatasetError

ROWS, BATCH = 1000, 50
STORY = {
    "name": "streamed",
    "causes": {"c": "normal"},
    "modalities": {"x": {"flow": "vector(3)", "latent": "0.5*c + noise"}},
    "targets": {"theta": "c"},
}


def story_stream() -> Any:
    return loom.load(STORY).stream(BATCH, rows=ROWS, shuffle=True)


def ids(batches: Any) -> list[int]:
    return [row for batch in batches for row in batch["sample_id"].tolist()]


def loader(stream: Any, workers: int, **options: Any) -> DataLoader[Any]:
    context = "fork" if workers else None
    return DataLoader(
        stream, batch_size=None, num_workers=workers, multiprocessing_context=context, **options
    )


def look(stream: Any) -> None:
    next(iter(stream))


def whole(stream: Any) -> None:
    ids(stream)


def one_worker(stream: Any) -> None:
    ids(loader(stream, 1))


def abandoned(stream: Any) -> None:
    begun = iter(loader(stream, 2))
    next(begun)
    del begun


def seeded(stream: Any) -> None:
    torch.manual_seed(7)
    ids(loader(stream, 2))
    torch.manual_seed(7)


@pytest.mark.parametrize("before", [look, whole, one_worker, abandoned, seeded])
def test_what_was_looked_at_before_takes_no_row_away(before: Any) -> None:
    stream = story_stream()
    before(stream)
    for _ in range(2):
        assert sorted(ids(loader(stream, 2))) == list(range(ROWS))


def test_it_is_the_same_with_stored_rows(small: Dataset) -> None:
    stream = small.torch(batch_size=64, shuffle=True)
    look(stream)
    assert len(set(ids(loader(stream, 2)))) == len(small)


def test_workers_that_persist_and_those_that_do_not_pass_the_same_epochs() -> None:
    alone, stays, new = story_stream(), story_stream(), story_stream()
    lasting = loader(stays, 2, persistent_workers=True)
    for _ in range(3):
        passed = set(batches_of(alone))
        assert set(batches_of(lasting)) == passed == set(batches_of(loader(new, 2)))
    assert alone.epoch == stays.epoch == new.epoch == 2
    stays.set_epoch(1)
    assert sorted(batches_of(lasting)) == sorted(batches_of(resumed({"epoch": 1, "batches": 0})))


def batches_of(batches: Any) -> list[tuple[int, ...]]:
    return [tuple(batch["sample_id"].tolist()) for batch in batches]


def resumed(state: dict[str, int]) -> Any:
    stream = story_stream()
    stream.load_state_dict(state)
    return stream


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_pass_goes_on_with_workers_too(workers: int) -> None:
    first, second = (batches_of(one) for one in (story_stream(), resumed({"epoch": 1, "batches": 0})))
    stream = resumed({"epoch": 0, "batches": 12})
    assert sorted(batches_of(loader(stream, workers))) == sorted(first[12:])
    assert sorted(batches_of(loader(stream, workers))) == sorted(second)  # the next is a whole one


def test_a_pass_by_workers_has_no_state_here() -> None:
    stream = story_stream()
    passing = iter(loader(stream, 2))
    next(passing)
    with pytest.raises(DatasetError, match=r"expected a pass without workers.*StatefulDataLoader"):
        stream.state_dict()
    del passing
    look(stream)
    assert stream.state_dict()["batches"] == 1


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"epoch": 0, "batches": -3}, "expected one of `state_dict`"),
        ({"epoch": 0, "batches": 0.7}, "expected one of `state_dict`"),
        ({"epoch": True, "batches": 1}, "expected one of `state_dict`"),
        ({"epoch": float("inf"), "batches": 1}, "expected one of `state_dict`"),
        ({"epoch": -1, "batches": 1}, "expected one of `state_dict`"),
        (3, "expected one of `state_dict`"),
        ({"epoch": 0, "batches": 10**6}, "state `batches=1000000`: expected at most 20, the batches of this"),
        (
            {"epoch": 0, "batches": 2, "workers": 2},
            "state of one of 2 workers: expected to be loaded by as many",
        ),
    ],
)
def test_states_that_make_no_sense_are_refused(state: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        resumed(state)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": True}, "batch `True`: expected a whole number."),
        ({"batch": 2.5}, "batch `2.5`: expected a whole number."),
        ({"batch": "3"}, "batch `3`: expected a whole number."),
        ({"rows": 1e3}, "rows `1000.0`: expected a whole number."),
        ({"seed": -1}, "seed `-1`: expected a whole number, 0 or more."),
        ({"seed": None}, "seed `None`: expected a whole number, 0 or more."),
        ({"rank": 0, "world_size": 0}, "world_size `0`: expected a whole number, 1 or more."),
        ({"rank": 2, "world_size": 2}, "rank `2`: expected a number from 0 to 1."),
        ({"columns": []}, "columns `[]`: expected at least one."),
        ({"device": "tpu"}, "device `tpu`: expected `cpu`, `cuda` or one GPU such as `cuda:1`."),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        loom.load(STORY).stream(**{"batch": BATCH, "rows": ROWS, **options})
    with pytest.raises(DatasetError, match="epoch `-1`: expected a whole number, 0 or more"):
        story_stream().set_epoch(-1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for a machine without a GPU")
def test_a_gpu_that_is_not_there_is_named_at_once() -> None:
    story = loom.load(STORY)
    for make in (
        lambda: story.stream(BATCH, rows=ROWS, device="cuda"),
        lambda: story.observe(story.sample(4), device="cuda:1"),
    ):
        with pytest.raises(DatasetError, match=r"device `cuda(:1)?`: expected one of this machine"):
            make()


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def test_observations_are_the_same_with_any_number_of_threads() -> None:
    digits = {**STORY, "modalities": {"x": {"flow": "digits[3]", "latent": "0.3*c + noise"}}}
    story = loom.load(digits)
    rows, found = story.sample(5), []
    for count in (1, 4):
        with threads(count):
            found.append(story.observe(rows)["x"].tobytes())
            assert torch.get_num_threads() == count
    assert found[0] == found[1]


def test_latents_that_no_map_takes_are_refused() -> None:
    story = loom.load(STORY)
    rows = story.sample(6)
    wrong = {
        "latents of `x`: expected the shape (6, 3), got (6, 2)": rows["x"][:, :2],
        "latents of `x`: expected finite numbers": np.where(rows["x"] > 0, np.nan, rows["x"]),
    }
    for message, values in wrong.items():
        with pytest.raises(DatasetError, match=re.escape(message)):
            story.observe({**rows, "x": values})


def test_the_category_that_chooses_a_flow_is_asked_for() -> None:
    tree = {
        "name": "chosen",
        "causes": {"digit": "categorical(10)", "c": "normal"},
        "modalities": {"x": {"flow": "digits[{digit}]", "latent": "0.5*c + noise"}},
        "targets": {"theta": "c"},
    }
    story = loom.load(tree)
    rows = story.sample(2)
    rows.pop("digit_class")
    with pytest.raises(DatasetError, match="expected `digit_class` among them, which chooses a flow"):
        story.observe(rows)


class Racing:
    """Shared slots in which another worker begins the new pass right after they were first read."""

    def __init__(self, slots: torch.Tensor, place: int, value: int) -> None:
        self.slots, self.place, self.value = slots, place, value

    def __getitem__(self, key: Any) -> torch.Tensor:
        seen = self.slots[key].clone()
        self.slots[self.place] = self.value
        return seen

    def __setitem__(self, key: Any, value: int) -> None:
        self.slots[key] = value


def test_a_worker_that_begins_meanwhile_is_not_taken_for_its_last_pass(monkeypatch: Any) -> None:
    """Both begin their fourth pass; what the other wrote of its third must not be read as the number of this one."""
    shared = Passes()
    for worker in (0, 1):
        monkeypatch.setattr(
            passes.torch_data,
            "get_worker_info",
            lambda worker=worker: SimpleNamespace(id=worker, seed=50 + worker),
        )
        mine = Passes()
        mine._slots = shared._slots
        mine.start_at(0) if worker == 0 else None
        for _ in range(3):
            mine.begin()
    assert (shared._slots[2:4] & passes._NUMBERS).tolist() == [3, 3]
    key = passes._mixed(50, 4)
    monkeypatch.setattr(passes.torch_data, "get_worker_info", lambda: SimpleNamespace(id=1, seed=51))
    mine._slots = Racing(shared._slots, 2, key << passes._BITS | 4)
    mine.begin()
    assert (shared._slots[2:4] & passes._NUMBERS).tolist() == [4, 4]


@pytest.mark.parametrize("category", [10.0, -1.0, 0.5, np.nan])
def test_a_category_that_is_none_is_refused(category: float) -> None:
    tree = {
        "name": "chosen",
        "causes": {"digit": "categorical(10)", "c": "normal"},
        "modalities": {"x": {"flow": "digits[{digit}]", "latent": "0.5*c + noise"}},
        "targets": {"theta": "c"},
    }
    story = loom.load(tree)
    rows = {**story.sample(2), "digit_class": np.array([0.0, category])}
    with pytest.raises(
        DatasetError, match="categories of `digit_class`: expected 2 whole numbers from 0 to 9, one"
    ):
        story.observe(rows)
