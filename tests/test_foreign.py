"""Files of strangers: what is no regular file is refused by name before it can block; JSON is read strictly."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
from contextlib import contextmanager

import numpy as np
import pytest

from infoloom.datasets import generate, open_dataset, verify
from infoloom.datasets.making.plan import read_plan
from infoloom.datasets.storage.files import read_json, sha256
from infoloom.errors import BenchmarkError, DatasetError, FlowError, InfoloomError, LearnerError, SpecError
from infoloom.foreign.arrays import map_npy
from infoloom.foreign.files import TooLargeError, open_regular, read_bytes, require_regular
from infoloom.foreign.trees import Tree, checked, parse_json
from infoloom.spec.arguments import read_arguments
from infoloom.spec.load import load_spec
from infoloom.story import compile_story

STORY = {
    "name": "small",
    "causes": {"u": "normal"},
    "targets": {"t": "0.5*u + noise"},
    "modalities": {"a": {"flow": "vector(3)", "latent": "0.5*u + noise"}},
}


@contextmanager
def in_time(seconds=60):
    """Fail instead of waiting for ever at the other end of a pipe."""

    def late(*_):
        raise AssertionError("it waited")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("foreign") / "data"
    generate(compile_story(STORY), root, 40, rows_per_shard=20)
    return root


@pytest.fixture
def own(made, tmp_path):
    return shutil.copytree(made, tmp_path / "own")


def exchange(path):
    """Put a pipe in the place of a file."""
    path.unlink()
    os.mkfifo(path)


def test_what_is_no_regular_file_is_refused_before_it_is_opened(pipe, tmp_path):
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server, in_time():
        server.bind(address)
        for path, kind in ((pipe, "a pipe"), ("/dev/zero", "a device"), (address, "a socket")):
            with pytest.raises(OSError, match=f"it is {kind}, not a regular file"):
                require_regular(path)
            with pytest.raises(OSError, match=f"it is {kind}, not a regular file"):
                open_regular(path)
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


def test_no_more_than_the_limit_is_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(TooLargeError, match="expected at most 4 bytes, got 5"):
        read_bytes(path, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "key `a` is there twice"),
        ("NaN", "`NaN` is no number of JSON"),
        ("[-Infinity]", "`-Infinity` is no number of JSON"),
        ("1e400", "number 1e400 is too large"),
        ("1" + "0" * 400, "does not fit 64 bits"),
        ("1" * 5000, "does not fit 64 bits"),
        (str(2**63), "does not fit 64 bits"),
        ("[" * 33 + "1" + "]" * 33, "nested deeper than 32 levels"),
        ("[" * 100_000 + "]" * 100_000, "nested deeper than 32 levels"),
        ('"\\ud800"', "half a character"),
        ('{"\\udfff": 1}', "half a character"),
        ("", "Expecting value"),
        (b"\xff\xfe", "byte 0 is no UTF-8"),
    ],
)
def test_json_that_readers_disagree_on_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text)


def test_json_of_the_standard_is_read():
    text = json.dumps({"a": [1, -(2**63), 2**63 - 1, 0.5, None, True, "é", {"b": []}]})
    assert parse_json(text) == json.loads(text)
    assert parse_json("[NaN, -Infinity]", constants=True) == ["NaN", "-Infinity"]
    assert parse_json("[" * 32 + "]" * 32) == json.loads("[" * 32 + "]" * 32)


def test_a_schema_says_where_and_what():
    class One(Tree):
        rows: int
        name: str = ""

    class Two(Tree):
        parts: list[One]

    assert checked(Two, {"parts": [{"rows": 3}]}).parts[0].rows == 3
    for tree, message in (
        ({}, "`parts`: it is missing"),
        ({"parts": [{"rows": "3"}]}, "`parts.0.rows`: expected a valid integer, got '3'"),
        ({"parts": [{"rows": True}]}, "`parts.0.rows`: expected a valid integer, got True"),
        ({"parts": [{"rows": 1, "x": 0, "name": 2}]}, "; and 1 more"),
        ({"parts": {"a": 1}}, "`parts`: expected a valid list, got an object of 1"),
        ([], "`it`: expected a valid dictionary or instance of Two, got a list of 0"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            checked(Two, tree)


def test_arrays_that_are_none(pipe, tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(2))
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fort" + b" " * 100)
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "d.npy", np.arange(3))
    for name in ("a.npz", "b.npy", "c.npy"):
        with pytest.raises(ValueError, match=r"archive of arrays|no header|Python objects"):
            map_npy(tmp_path / name)
    with pytest.raises(OSError, match="it is a pipe"), in_time():
        map_npy(pipe)
    assert map_npy(tmp_path / "d.npy").tolist() == [0, 1, 2]


def test_a_pipe_as_any_file_of_a_dataset(own):
    refused = {
        "data/train-00000-of-00002.parquet": lambda: open_dataset(own)[0:2],
        "spec.yaml": lambda: open_dataset(own).story,
        ".infoloom/plan.json": lambda: read_plan(own),
        "README.md": lambda: open_dataset(own).card,
        "manifest.json": lambda: open_dataset(own),
    }
    for name, use in refused.items():
        exchange(own / name)
        with pytest.raises(DatasetError), in_time():
            use()


def test_a_shard_that_is_a_pipe_is_named_and_made_again(own):
    exchange(own / "data/train-00001-of-00002.parquet")
    with in_time():
        with pytest.raises(DatasetError, match="it is a pipe, not a regular file"):
            open_dataset(own)[20:22]
        with pytest.raises(DatasetError, match="1 of 2 shards are missing or damaged"):
            open_dataset(own, check=True)
        with pytest.raises(DatasetError, match="1 of 2 shards are missing or damaged"):
            open_dataset(own).memmap()
        assert not verify(own).passed
        with pytest.raises(OSError, match="it is a pipe"):
            sha256(own / "data/train-00001-of-00002.parquet")
        generate(compile_story(STORY), own, 40, rows_per_shard=20)
    assert verify(own).passed


def test_a_pipe_as_spec_template_flow_results_or_learner(pipe, tmp_path):
    from infoloom.benchmark.running.results import read_results
    from infoloom.report.contents import read_contents
    from infoloom.ssl.state import load

    flow, array = tmp_path / "f.safetensors", tmp_path / "t.npy"
    os.mkfifo(flow)
    os.mkfifo(array)

    def story(**changes):
        compile_story({**STORY, "modalities": {"a": {**STORY["modalities"]["a"], **changes}}})

    cases = [
        (SpecError, "it is a pipe, not a regular file", lambda: load_spec(pipe)),
        (SpecError, "it is a pipe, not a regular file", lambda: read_arguments(pipe)),
        (SpecError, "it is a pipe, not a regular file", lambda: story(flow=str(flow))),
        (SpecError, "expected a file at", lambda: story(latent=f'0.5*u@file("{array}") + noise')),
        (BenchmarkError, "it is a pipe, not a regular file", lambda: read_results(pipe)),
        (BenchmarkError, "it is a pipe, not a regular file", lambda: read_contents([pipe])),
        (LearnerError, "it is a pipe, not a regular file", lambda: load(pipe)),
        (DatasetError, "it is a pipe, not a regular file", lambda: read_json(pipe, 100)),
        (SpecError, "it is a device, not a regular file", lambda: load_spec("/dev/zero")),
    ]
    for error, message, use in cases:
        with pytest.raises(error, match=message), in_time():
            use()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows_per_shard": 0}, "`rows_per_shard`: expected greater than or equal to 1, got 0"),
        ({"rows": 10**12, "splits": {"train": 10**12}}, "at most 99,999 shards a split"),
        ({"rows": 10**400}, "does not fit 64 bits"),
        ({"rows": 41}, "expected rows of splits that add up"),
        ({"splits": {"../x": 40}}, "`splits.../x"),
        ({"seed": -1}, "`seed`: expected greater than or equal to 0, got -1"),
        ({"seed": 1.0}, "`seed`: expected a valid integer, got 1.0"),
        ({"surprise": 1}, "`surprise`: expected Extra inputs are not permitted"),
        ({"format": 2}, "`format`: expected 1, got 2"),
        ({"spec": None}, "`spec`: expected a valid string, got None"),
    ],
)
def test_a_hostile_plan_is_refused_with_what_is_wrong(own, change, message):
    path = own / ".infoloom/plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DatasetError) as caught:
        read_plan(own)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"folder `{own}`: ")


def test_every_error_of_strangers_files_is_ours():
    for error in (BenchmarkError, DatasetError, FlowError, LearnerError, SpecError):
        assert issubclass(error, InfoloomError)
