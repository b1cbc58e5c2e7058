"""Streams of batches: every row once an epoch, whatever workers and ranks; the same rows from both stores."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils import data as torch_data
from torch.utils.data import DataLoader

from infoloom.datasets import Dataset, open_dataset
from infoloom.datasets.storage.reading.shuffle import Epoch, piece_edges, share
from infoloom.errors import DatasetError


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=20),
    first=st.integers(0, 50),
    window=st.integers(1, 7),
    seed=st.integers(0, 5),
)
def test_an_epoch_is_a_permutation(sizes: list[int], first: int, window: int, seed: int) -> None:
    edges = np.concatenate([[first], first + np.cumsum(sizes)])
    epoch = Epoch(edges, 4, seed, 0, window)
    rows = np.concatenate(list(epoch.positions(0, epoch.rows)))
    np.testing.assert_array_equal(np.sort(rows), np.arange(edges[0], edges[-1]))
    cut = epoch.rows // 2
    halves = [*epoch.positions(0, cut), *epoch.positions(cut, epoch.rows)]
    np.testing.assert_array_equal(np.concatenate([np.zeros(0, np.int64), *halves]), rows)


def test_pieces_are_shards_and_row_groups(small: Dataset) -> None:
    edges = piece_edges(small.manifest, 0, 900)
    assert edges.tolist() == [0, 128, 200, 256, 384, 400, 512, 600, 630, 640, 768, 830, 896, 900]
    assert piece_edges(small.manifest, 130, 250).tolist() == [130, 200, 250]


def test_the_order_does_not_depend_on_the_store(own: Path) -> None:
    data = open_dataset(own).select("sample_id")
    before = ids(data.torch(batch_size=64, shuffle=True, seed=9))
    data.memmap()
    assert ids(data.torch(batch_size=64, shuffle=True, seed=9)) == before


@given(batches=st.integers(0, 60), parts=st.integers(1, 9))
def test_shares_are_even_and_whole(batches: int, parts: int) -> None:
    shares = [share(batches, part, parts) for part in range(parts)]
    assert [b for start, stop in shares for b in range(start, stop)] == list(range(batches))
    sizes = [stop - start for start, stop in shares]
    assert max(sizes) - min(sizes) <= 1
    with pytest.raises(DatasetError, match=f"part `{parts}`: expected one of {parts}"):
        share(batches, parts, parts)


def ids(stream: object) -> list[int]:
    return [int(i) for batch in stream for i in batch["sample_id"]]  # type: ignore[attr-defined]


def test_in_order(small: Dataset) -> None:
    stream = small.split("test").torch(batch_size=64)
    assert ids(stream) == list(range(630, 900))
    assert len(stream) == 5
    assert [len(batch["theta"]) for batch in stream] == [64, 64, 64, 64, 14]
    dropped = small.split("test").torch(batch_size=64, drop_last=True)
    assert (len(dropped), len(ids(dropped))) == (4, 256)


def test_shuffled_batches_hold_whole_rows(small: Dataset) -> None:
    stream = small.torch(batch_size=50, shuffle=True, seed=3, window=2)
    batches = list(stream)
    assert len(batches) == len(stream) == 18
    order = np.concatenate([batch["sample_id"].numpy() for batch in batches])
    assert sorted(order) == list(range(900))
    assert list(order) != list(range(900))
    for name in ("image", "theta", "pmi(image;theta)"):
        np.testing.assert_array_equal(np.concatenate([b[name].numpy() for b in batches]), small[name][order])


def test_epochs_differ_and_repeat(small: Dataset) -> None:
    stream = small.select("sample_id").torch(batch_size=50, shuffle=True, seed=3)
    first, second = ids(stream), ids(stream)
    assert stream.epoch == 1
    assert second != first
    assert sorted(second) == sorted(first)
    next(iter(stream))  # a pass that is broken off is one, too
    assert stream.epoch == 2
    stream.set_epoch(1)
    assert ids(stream) == second
    stream.set_epoch(0)
    assert ids(stream) == first
    assert ids(small.select("sample_id").torch(batch_size=50, shuffle=True, seed=4)) != first


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("world", [1, 3, 5])
def test_ranks_share_the_batches(small: Dataset, shuffle: bool, world: int) -> None:
    view = small.select("sample_id")
    streams = [view.torch(batch_size=64, shuffle=shuffle, rank=r, world_size=world) for r in range(world)]
    whole = [batch["sample_id"].tolist() for batch in view.torch(batch_size=64, shuffle=shuffle)]
    parts = [[batch["sample_id"].tolist() for batch in stream] for stream in streams]
    assert {len(stream) for stream in streams} == {15 // world}
    assert [batch for part in parts for batch in part] == whole


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("world", [2, 4, 7, 11])
def test_ranks_take_every_row_once_where_full_batches_cannot_be_shared(
    small: Dataset, shuffle: bool, world: int
) -> None:
    view = small.select("sample_id")
    streams = [view.torch(batch_size=64, shuffle=shuffle, rank=r, world_size=world) for r in range(world)]
    parts = [[batch["sample_id"].tolist() for batch in stream] for stream in streams]
    whole = [i for batch in view.torch(batch_size=64, shuffle=shuffle) for i in batch["sample_id"].tolist()]
    assert [i for part in parts for batch in part for i in batch] == whole
    assert {len(part) for part in parts} == {len(stream) for stream in streams} == {-(-15 // world)}
    sizes = {len(batch) for part in parts for batch in part}
    assert max(sizes) <= 64
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_leave_out_what_full_batches_cannot_share_when_told_to(small: Dataset, world: int) -> None:
    view = small.select("sample_id")
    parts = [view.torch(batch_size=64, drop_last=True, rank=r, world_size=world) for r in range(world)]
    found = [batch["sample_id"].tolist() for part in parts for batch in part]
    whole = [batch["sample_id"].tolist() for batch in view.torch(batch_size=64)]
    assert found == whole[: len(small) // 64 // world * world]


def test_rows_that_ranks_cannot_share_evenly_are_refused(small: Dataset) -> None:
    one = small.select("sample_id").torch(batch_size=1, rank=0, world_size=7)
    with pytest.raises(
        DatasetError, match="expected a size at which 7 processes can take as many steps each"
    ):
        len(one)


def test_workers_share_the_batches(small: Dataset) -> None:
    stream = small.select("sample_id", "curve").torch(batch_size=64, shuffle=True, seed=1)
    loader = DataLoader(stream, batch_size=None, num_workers=2, multiprocessing_context="forkserver")
    assert len(loader) == 15
    found = Counter(tuple(batch["sample_id"].tolist()) for batch in loader)
    stream.set_epoch(0)
    assert found == Counter(tuple(batch["sample_id"].tolist()) for batch in stream)


def test_rows_by_position(small: Dataset) -> None:
    rows = small.select("image", "theta").split("train").torch()
    assert len(rows) == 630
    assert rows[7]["theta"] == float(small["theta"][7])
    loader = DataLoader(rows, batch_size=100, shuffle=True, generator=torch.Generator().manual_seed(0))
    batches = list(loader)
    assert batches[0]["image"].shape == (100, 1, 4, 6)
    theta = np.concatenate([batch["theta"].numpy() for batch in batches])
    np.testing.assert_array_equal(np.sort(theta), np.sort(small.split("train")["theta"]))


def test_tensors_may_be_changed_in_place(own: Path) -> None:
    data = open_dataset(own)
    for _ in range(2):  # the second time from the memory-mapped copy
        before = data["image"].copy()
        for stream in (data.torch(batch_size=64), data.torch(batch_size=64, shuffle=True)):
            for batch in stream:
                batch["image"].zero_()
        for row in data.torch():
            row["image"].zero_()
        np.testing.assert_array_equal(data["image"], before)
        data.memmap()


def test_the_copy_is_used_when_it_is_there(own: Path) -> None:
    from infoloom.datasets.storage.reading.store import MemmapStore, ParquetStore

    data = open_dataset(own)
    before = data.torch(batch_size=64, shuffle=False)
    assert isinstance(before.data.store, ParquetStore)
    rows = [{k: v.clone() for k, v in batch.items()} for batch in before]
    data.memmap()
    after = data.torch(batch_size=64)
    assert isinstance(after.data.store, MemmapStore)
    for one, other in zip(rows, after, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_wrong_options_are_explained(small: Dataset) -> None:
    with pytest.raises(DatasetError, match="option `shuffle`: expected `batch_size` with it"):
        small.torch(shuffle=True)
    with pytest.raises(DatasetError, match="batch size `0`, window `16`: expected positive numbers"):
        small.torch(batch_size=0)


@pytest.mark.slow
def test_a_distributed_run_is_recognised(small: Dataset, tmp_path: Path) -> None:
    """Two real processes of a `gloo` group, each with its half of the batches."""
    code = f"""
import json, sys, infoloom, torch.distributed as dist
dist.init_process_group("gloo", init_method="file://{tmp_path}/meet", rank=int(sys.argv[1]), world_size=2)
stream = infoloom.open({str(small.root)!r}).select("sample_id").torch(batch_size=64, shuffle=True, seed=2)
print(json.dumps([batch["sample_id"].tolist() for batch in stream]))
dist.destroy_process_group()
"""
    environment = {**os.environ, "PYTHONPATH": ":".join(path for path in sys.path if path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(rank)], stdout=subprocess.PIPE, env=environment)
        for rank in range(2)
    ]
    parts = [json.loads(run.communicate(timeout=120)[0]) for run in runs]
    assert [len(part) for part in parts] == [8, 8]  # 15 full batches cannot be shared evenly: 16 smaller ones
    assert [row for batch in parts[0] + parts[1] for row in batch] == ids(
        small.torch(batch_size=64, shuffle=True, seed=2)
    )


@pytest.mark.parametrize("persistent", [False, True])
def test_an_epoch_reaches_workers_that_persist(small: Dataset, persistent: bool) -> None:
    stream = small.torch(batch_size=64, shuffle=True)
    loader = torch_data.DataLoader(
        stream, batch_size=None, num_workers=1, persistent_workers=persistent, multiprocessing_context="fork"
    )
    orders = []
    for epoch in (0, 1, 0):
        stream.set_epoch(epoch)
        orders.append(ids(loader))
    assert orders[0] != orders[1]
    assert orders[0] == orders[2]


@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (2, False), (2, True)])
def test_epochs_advance_by_themselves(small: Dataset, workers: int, persistent: bool) -> None:
    """Whether workers persist, or are started anew each epoch, or there are none."""
    stream = small.select("sample_id").torch(batch_size=64, shuffle=True)
    context = "fork" if workers else None
    loader = torch_data.DataLoader(
        stream,
        batch_size=None,
        num_workers=workers,
        persistent_workers=persistent,
        multiprocessing_context=context,
    )
    passes = [sorted(tuple(batch["sample_id"].tolist()) for batch in loader) for _ in range(3)]
    for epoch, found in enumerate(passes):
        alone = small.select("sample_id").torch(batch_size=64, shuffle=True)
        alone.set_epoch(epoch)
        assert found == sorted(tuple(batch["sample_id"].tolist()) for batch in alone)
    assert passes[0] != passes[1] != passes[2]


def test_rank_and_world_size_go_together(small: Dataset) -> None:
    for alone in ({"rank": 1}, {"world_size": 4}):
        with pytest.raises(DatasetError, match="expected both or neither"):
            small.torch(batch_size=64, **alone)


def test_every_process_has_a_batch(small: Dataset) -> None:
    stream = small.torch(batch_size=400, rank=0, world_size=4)
    with pytest.raises(DatasetError, match="expected at least one batch of 900 rows for each of 4 processes"):
        len(stream)


def test_a_pass_goes_on_where_its_state_says(small: Dataset) -> None:
    stream = small.torch(batch_size=64, shuffle=True)
    stream.set_epoch(3)
    whole = ids(stream)
    settings = {
        "seed": 0, "rows": 900, "batch_size": 64, "drop_last": False, "world_size": 1, "shuffle": True,
        "first_row": 0, "window": 16,
    }  # fmt: skip
    assert stream.state_dict() == {"epoch": 4, "batches": 0, **settings}
    following = ids(stream)
    stream.set_epoch(3)
    passing = iter(stream)
    begun = [i for _ in range(4) for i in next(passing)["sample_id"].tolist()]
    state = stream.state_dict()
    assert state == {"epoch": 3, "batches": 4, **settings}
    other = small.torch(batch_size=64, shuffle=True)
    other.load_state_dict(state)
    assert begun + ids(other) == whole
    assert ids(other) == following  # the pass after it is a whole one
    with pytest.raises(DatasetError, match="expected one of `state_dict`"):
        other.load_state_dict({"epoch": 1})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"seed": 1}, "`seed=0`: expected `seed=1`"),
        ({"batch_size": 32}, "`batch_size=64`: expected `batch_size=32`"),
        ({"drop_last": True}, "`drop_last=False`: expected `drop_last=True`"),
        ({"rank": 0, "world_size": 2}, "`world_size=1`: expected `world_size=2`"),
        ({"shuffle": False}, "`shuffle=True`: expected `shuffle=False`"),
        ({"window": 2}, "`window=16`: expected `window=2`"),
    ],
)
def test_a_state_of_a_stream_with_other_settings_is_refused(small: Dataset, options: Any, named: str) -> None:
    usual = {"batch_size": 64, "shuffle": True}
    stream = small.torch(**usual)
    next(iter(stream))
    state = stream.state_dict()
    other = small.torch(**{**usual, **options})
    name = named.partition("=")[0].strip("`")
    message = (
        f"state {named}, that of this stream, because rows would be left out or come twice. Make the stream with "
        f"its `{name}`, or begin anew."
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        other.load_state_dict(state)
    other.load_state_dict({"epoch": 0, "batches": 1})  # as written before settings were kept


def test_a_state_of_another_split_is_refused(small: Dataset) -> None:
    first, second = (small.split(name).torch(batch_size=20) for name, _ in small.manifest.splits)
    with pytest.raises(DatasetError, match=r"^state `(rows|first_row)="):
        second.load_state_dict(first.state_dict())


def _of_a_process(rank: int, root: str, port: int, out: Any) -> None:
    distributed = torch.distributed
    stream = open_dataset(root).torch(batch_size=64, shuffle=True)  # before the group is there
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    passing = iter(stream)
    begun = next(passing)["sample_id"].tolist()
    resumed = open_dataset(root).torch(batch_size=64, shuffle=True)
    resumed.load_state_dict(stream.state_dict())
    out.put((rank, begun + ids(resumed)))
    distributed.destroy_process_group()


def test_two_processes_share_an_epoch_and_resume(small_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    out = context.Queue()
    both = [context.Process(target=_of_a_process, args=(rank, str(small_path), port, out)) for rank in (0, 1)]
    for process in both:
        process.start()
    found = dict(out.get(timeout=60) for _ in both)
    for process in both:
        process.join()
    assert sorted(found[0] + found[1]) == list(range(900))
    assert not set(found[0]) & set(found[1])
