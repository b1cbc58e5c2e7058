"""Programs that enter: results of one version are not continued by another."""

from __future__ import annotations

import hashlib
import re
import sys

import pytest

from infoloom.benchmark.estimators.entering.program_files import digests
from infoloom.benchmark.estimators.suites import Entrant, jobs
from infoloom.errors import BenchmarkError

EASY = "gaussian:dims=10v10,nats=2.0,pairs=5,hidden=rotated,turn=0"
RUN = f"{EASY} rows=1000 seed=101 own"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def row(program, status="ok", run=RUN):
    return {
        "format": 1, "bench": "estimators", "suite": "quick", "run": run, "status": status, "estimator": "own",
        "command": "sh good.sh", "program": program,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.sh").write_text("one")
    return tmp_path


def chosen(rows, command="sh good.sh", **options):
    return jobs("quick", [Entrant("own", command)], only=EASY, rows=rows, **options)


def test_files_that_a_command_names_have_digests(folder):
    (folder / "set.json").write_text("{}")
    (folder / "folder").mkdir()
    assert digests("sh good.sh --k 3 folder missing.py") == {"good.sh": digest("one")}
    assert digests("./good.sh --config=set.json 'set.json'") == {
        "./good.sh": digest("one"),
        "set.json": digest("{}"),
    }
    assert list(digests(f"{sys.executable} -c 1")) == [sys.executable]
    assert digests("python -m mine") == {}


def test_a_file_that_cannot_be_read_is_refused(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    message = "program file `good.sh`: expected a file that can be read (Permission denied). Change its permissions."
    with pytest.raises(BenchmarkError, match=f"^{re.escape(message)}$"):
        digests("sh good.sh")


def test_runs_bear_the_digests(folder):
    found = chosen([])
    assert {job.run for job in found} >= {RUN}
    assert all(job.known["program"] == {"good.sh": digest("one")} for job in found)
    assert "program" not in jobs("quick", [Entrant("ksg")], only=EASY)[0].known


def test_an_edited_program_does_not_continue_its_results(folder):
    same = row({"good.sh": digest("one")})
    chosen([same])
    (folder / "good.sh").write_text("two")
    changed = (
        f"label `own`: expected results of `good.sh` as it is now, got results of a version with the digest "
        f"{digest('one')}. Use `--label own-2`, "
    )
    for retry in (False, True):
        with pytest.raises(
            BenchmarkError, match=f"^{re.escape(changed)}or write to another file by `--out`\\.$"
        ):
            chosen([same], retry=retry)
    lost = row({"good.sh": digest("one")}, "failed")
    message = f"{changed}repeat the failed runs by `--retry`, or write to another file by `--out`."
    with pytest.raises(BenchmarkError, match=f"^{re.escape(message)}$"):
        chosen([lost])
    assert chosen([lost], retry=True)
    with pytest.raises(
        BenchmarkError, match="got results of a version with"
    ):  # a run that is not asked for stays
        chosen([lost, row({"good.sh": digest("one")}, "failed", run="another")], retry=True)
    with pytest.raises(
        BenchmarkError, match=r"`good\.sh` as it is now, got results of a program without this file\. "
    ):
        chosen([row({})])


def test_results_without_digests_are_continued():
    old = row({})
    del old["program"]
    assert chosen([old, row(None)])
