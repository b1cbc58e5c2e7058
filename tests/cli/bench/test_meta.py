"""`infoloom bench meta` and `infoloom verify` of what it wrote."""

from __future__ import annotations

import json
import sys

import pytest

from infoloom.cli import main as cli


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program in this process: (status, output, errors)."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["infoloom", *map(str, words)])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


ASKED = (
    "--count",
    70,
    "--dims",
    1,
    3,
    "--rows",
    50,
    60,
    "--family",
    "gaussian",
    "--family",
    "mixed",
    "--map",
    "plain",
)


def test_a_folder_is_made_verified_and_found_damaged(run, tmp_path):
    out = tmp_path / "tasks"
    status, said, errors = run("bench", "meta", *ASKED, "--out", out)
    assert (status, errors) == (0, "")
    assert said.startswith(f"{out}: 70 tasks, 1 shard, 0.")
    status, said, _ = run("bench", "meta", *ASKED, "--out", out, "--json")
    assert (status, json.loads(said)["tasks"], json.loads(said)["shards"]) == (0, 70, 1)
    status, said, _ = run("verify", out)
    assert status == 0
    assert said.splitlines()[-1] == f"{out}: 70 tasks verified"
    shard = out / "data" / "train-00000-of-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    status, said, _ = run("verify", out)
    assert status == 1
    assert said.startswith("FAIL files: data/train-00000-of-00001.parquet: another checksum")


def test_a_wrong_call_says_why(run, tmp_path):
    status, _, errors = run("bench", "meta", "--count", 70, "--out", tmp_path / "tasks", "--nats", 3, 1)
    assert status == 2
    assert errors.startswith(
        "infoloom: task setting `nats=(3.0, 1.0)`: expected two finite numbers, each 0 or from 1e-12"
    )
    status, _, errors = run("bench", "meta", *ASKED, "--out", tmp_path / "tasks", "--tasks-per-shard", 65)
    assert (status, "expected a multiple of 64" in errors) == (2, True)


def test_ctrl_c_says_how_to_go_on(run, tmp_path, monkeypatch):
    from infoloom.benchmark.meta.folder import make

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(make, "write_tasks", stopped)
    status, _, errors = run("bench", "meta", *ASKED, "--out", tmp_path / "tasks")
    assert (status, errors) == (
        130,
        "\ninfoloom: stopped; finished shards are kept, and the same command goes on\n",
    )
