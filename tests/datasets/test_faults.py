"""Faults, injected for real: each ends in a clean, explained failure and a resume to the same bytes, or in no harm."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deadly import deadly_attempt

from infoloom.datasets import Dataset, generate, open_dataset
from infoloom.datasets.engines import Failure, local
from infoloom.datasets.making.shard import Made
from infoloom.errors import DatasetError
from infoloom.story import Story

FolderBytes = Callable[[Path], dict[str, bytes]]
Run = Callable[..., Dataset]


@pytest.fixture
def run(small_story: Story) -> Run:
    """Generate the small dataset, or go on with it."""

    def generate_small(out: Path, **options: object) -> Dataset:
        return generate(small_story, out, 900, 11, splits="train=0.7,test=0.3", rows_per_shard=200, **options)  # type: ignore[arg-type]

    return generate_small


def damaged(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[len(content) // 3] ^= 4
    path.write_bytes(content[:-1000] if how == "truncated" else b"" if how == "emptied" else content)


@pytest.mark.parametrize("how", ["truncated", "flipped", "emptied"])
def test_damaged_shards_are_made_again(own: Path, run: Run, folder_bytes: FolderBytes, how: str) -> None:
    before = folder_bytes(own)
    damaged(own / "data/train-00002-of-00004.parquet", how)
    run(own)
    assert folder_bytes(own) == before


def test_a_shard_of_another_story_is_replaced(
    own: Path, run: Run, small_story: Story, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    before = folder_bytes(own)
    generate(small_story, tmp_path / "other", 900, 12, splits="train=0.7,test=0.3", rows_per_shard=200)
    for name in ("data/train-00000-of-00004.parquet", ".infoloom/train-00000-of-00004.json"):
        (own / name).write_bytes((tmp_path / "other" / name).read_bytes())
    run(own)
    assert folder_bytes(own) == before


def test_two_runs_at_once_do_no_harm(
    run: Run, small_path: Path, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run(tmp_path / "out")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert folder_bytes(tmp_path / "out") == folder_bytes(small_path)


def test_an_unwritable_folder_is_explained(run: Run) -> None:
    with pytest.raises(
        DatasetError, match=r"folder `/proc/infoloom`: cannot be written .* Choose another folder"
    ):
        run(Path("/proc/infoloom"))


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a third of the dataset."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], capture_output=True
    )
    if mount.returncode != 0:
        pytest.skip("mounting a small file system needs the right to mount")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_stops_cleanly_and_resumes(
    run: Run, tiny_disk: Path, small_path: Path, folder_bytes: FolderBytes
) -> None:
    ballast = tiny_disk / "ballast"
    out = tiny_disk / "out"
    ballast.write_bytes(bytes(300_000))
    seen: list[Made | Failure] = []
    with pytest.raises(
        DatasetError, match=r"cannot be written \(.*[Nn]o space left on device.*make room"
    ) as caught:
        run(out, progress=seen.append)
    assert "it goes on where it stopped" in str(caught.value)
    assert isinstance(seen[-1], Failure)
    assert seen[-1].hopeless
    assert not list((out / "data").glob(".*"))
    with pytest.raises(DatasetError, match="this one is not finished"):
        open_dataset(out)
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(tiny_disk)], check=True)
    run(out)
    assert folder_bytes(out) == folder_bytes(small_path)


@pytest.mark.slow
def test_killed_workers_are_replaced(
    run: Run, small_path: Path, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    killed: list[int] = []

    def kill_one(_: Made | Failure) -> None:
        children = multiprocessing.active_children()
        if not killed and children:
            killed.append(children[0].pid or 0)
            os.kill(killed[0], signal.SIGKILL)

    run(tmp_path / "out", workers=2, progress=kill_one)
    assert killed
    assert folder_bytes(tmp_path / "out") == folder_bytes(small_path)


@pytest.mark.slow
def test_a_poison_shard_is_reported_and_the_others_finish(
    run: Run, small_path: Path, tmp_path: Path, folder_bytes: FolderBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(local, "attempt", deadly_attempt)
        with pytest.raises(
            DatasetError, match=r"5 are made and kept, 1 failed\.\n.*train-00002-of-00004"
        ) as caught:
            run(out, workers=2)
    assert "its worker process died 3 times, most likely for want of memory" in str(caught.value)
    assert len(list((out / ".infoloom").glob("t*.json"))) == 5
    run(out)
    assert folder_bytes(out) == folder_bytes(small_path)


def program(*arguments: object) -> list[str]:
    code = f"import sys; sys.path[:0] = {json.dumps(sys.path)}; from infoloom.cli.main import main; main()"
    return [sys.executable, "-c", code, *map(str, arguments)]


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def running_in(group: int) -> set[int]:
    """Processes of a process group that still run."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


@pytest.mark.slow
def test_a_killed_driver_leaves_nothing_that_looks_finished(
    small_story: Story, run: Run, tmp_path: Path, small_path: Path, folder_bytes: FolderBytes
) -> None:
    (tmp_path / "spec.yaml").write_text(small_story.spec.to_yaml())
    out = tmp_path / "out"
    arguments = (
        "generate",
        tmp_path / "spec.yaml",
        out,
        "--rows",
        900,
        "--seed",
        11,
        "--split",
        "train=0.7,test=0.3",
    )
    command = program(*arguments, "--rows-per-shard", 200, "--workers", 2)
    driver = subprocess.Popen(command, start_new_session=True)
    wait_for(lambda: any(out.glob(".infoloom/t*.json")))
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    wait_for(lambda: not running_in(driver.pid), 20)  # its workers end with it
    with pytest.raises(DatasetError, match="this one is not finished"):
        open_dataset(out)
    run(out)
    assert folder_bytes(out) == folder_bytes(small_path)


@pytest.mark.slow
def test_dask_hosts_and_scheduler_may_die(
    small_story: Story, tmp_path: Path, small_path: Path, folder_bytes: FolderBytes
) -> None:
    """Three hosts (worker processes with their own nannies, on the loopback); one is killed, then the scheduler."""
    pytest.importorskip("distributed", reason="Dask is an extra")
    from infoloom.datasets.engines import engine_named

    file = tmp_path / "scheduler.json"
    environment = {
        **os.environ,
        "PYTHONPATH": ":".join(path for path in sys.path if path),
        "OMP_NUM_THREADS": "1",
    }
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    dask += ["--no-dashboard", "--scheduler-file", str(file)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--host", "127.0.0.1", "--no-dashboard"]
    worker += ["--nthreads", "1", "--scheduler-file", str(file), "--local-directory", str(tmp_path)]
    options = {"env": environment, "start_new_session": True, "stderr": subprocess.DEVNULL}
    groups = [subprocess.Popen(dask, **options)]  # type: ignore[call-overload]
    try:
        wait_for(file.is_file)
        groups += [subprocess.Popen(worker, **options) for _ in range(3)]  # type: ignore[call-overload]
        victims = [groups[1], groups[0]]
        made: list[Made | Failure] = []

        def kill_next(outcome: Made | Failure) -> None:
            made.append(outcome)
            if victims:
                os.killpg(victims.pop(0).pid, signal.SIGKILL)

        engine = engine_named("dask", scheduler_file=str(file))
        common = {"splits": "train=0.7,test=0.3", "rows_per_shard": 200}
        with pytest.raises(
            DatasetError, match=r"scheduler: expected it to live until the last shard.*resumes|same command"
        ):
            generate(small_story, tmp_path / "out", 900, 11, engine=engine, progress=kill_next, **common)  # type: ignore[arg-type]
        assert victims == []
        assert len(made) >= 2
    finally:
        for group in groups:
            if group.poll() is None:
                os.killpg(group.pid, signal.SIGKILL)
            group.wait()
    generate(small_story, tmp_path / "out", 900, 11, **common)  # type: ignore[arg-type]
    assert folder_bytes(tmp_path / "out") == folder_bytes(small_path)
