"""Faults at random, injected into finished datasets and running commands: looked at first, then resumed and compared.

Claim: silently wrong 0 and rows lost 0, however often processes are killed, bits flip and files are exchanged.

    python benchmarks/datasets/faults.py [--rounds 20] [--runs 20] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infoloom.datasets import generate, open_dataset
from infoloom.errors import InfoloomError
from infoloom.story import Story, compile_story

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "support"))
from hostile import mutated

SPEC = """
name: faults
causes: {u: normal}
targets: {theta: 0.9*u + 0.4*noise}
modalities:
  a: {flow: "identity(3, 32, 32)", latent: "0.02*u + noise"}
  b: {flow: "vector(200)", latent: "0.1*u + noise"}
"""
ROWS, PER_SHARD = 600, 50
Fault = Callable[[Path, random.Random], None]


def program(spec: Path, out: Path) -> list[str]:
    words = [
        "generate",
        str(spec),
        str(out),
        "--rows",
        str(ROWS),
        "--rows-per-shard",
        str(PER_SHARD),
        "--workers",
        "2",
    ]
    code = f"import sys; sys.argv[1:] = {json.dumps(words)}; from infoloom.cli.main import main; main()"
    return [sys.executable, "-c", code]


def start(out: Path) -> subprocess.Popen[bytes]:
    spec = out.parent / "spec.yaml"
    spec.write_text(SPEC)
    quiet = subprocess.DEVNULL
    return subprocess.Popen(program(spec, out), start_new_session=True, stdout=quiet, stderr=quiet)


def under_way(out: Path, run: subprocess.Popen[bytes], chance: random.Random) -> bool:
    """Wait until some more shards are there than before, or the run has ended."""
    wanted = len(list(out.glob(".infoloom/train*.json"))) + chance.randint(1, 4)
    while run.poll() is None and len(list(out.glob(".infoloom/train*.json"))) < wanted:
        time.sleep(0.002)
    return run.poll() is None


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def kill_driver(out: Path, chance: random.Random) -> None:
    run = start(out)
    if under_way(out, run, chance):
        os.kill(run.pid, signal.SIGKILL)
    run.wait()


def kill_everything(out: Path, chance: random.Random) -> None:
    run = start(out)
    if under_way(out, run, chance):
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def kill_worker(out: Path, chance: random.Random) -> None:
    run = start(out)
    if under_way(out, run, chance):
        for pid in children(run.pid)[-1:]:
            os.kill(pid, signal.SIGKILL)
    run.wait()


def _some_shard(out: Path, chance: random.Random) -> Path | None:
    shards = sorted(out.glob("data/*.parquet"))
    return chance.choice(shards) if shards else None


def truncate(out: Path, chance: random.Random) -> None:
    if shard := _some_shard(out, chance):
        shard.write_bytes(shard.read_bytes()[: chance.randrange(shard.stat().st_size)])


def flip_bit(out: Path, chance: random.Random) -> None:
    if shard := _some_shard(out, chance):
        content = bytearray(shard.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        shard.write_bytes(content)


def delete(out: Path, chance: random.Random) -> None:
    if files := [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != "plan.json"]:
        chance.choice(files).unlink()


def flip_footer(out: Path, chance: random.Random) -> None:
    if shard := _some_shard(out, chance):
        content = bytearray(shard.read_bytes())
        length = int.from_bytes(content[-8:-4], "little") + 8
        content[-1 - chance.randrange(min(length, len(content)))] ^= 1 << chance.randrange(8)
        shard.write_bytes(content)


def make_pipe(out: Path, chance: random.Random) -> None:
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != "plan.json"]
    if files:
        path = chance.choice(files)
        path.unlink()
        os.mkfifo(path)


def hostile_manifest(out: Path, chance: random.Random) -> None:
    _mutate(out / "manifest.json", chance)


def hostile_done_file(out: Path, chance: random.Random) -> None:
    if files := sorted(out.glob(".infoloom/train*.json")):
        _mutate(chance.choice(files), chance)


def _mutate(path: Path, chance: random.Random) -> None:
    if path.is_file():
        path.write_bytes(mutated(path.read_bytes(), chance))


FAULTS: dict[str, Fault] = {
    "driver killed": kill_driver,
    "driver and workers killed": kill_everything,
    "worker killed": kill_worker,
    "shard truncated": truncate,
    "bit flipped in a shard": flip_bit,
    "bit flipped in a footer": flip_footer,
    "file deleted": delete,
    "pipe in the place of a file": make_pipe,
    "manifest changed": hostile_manifest,
    "done-file changed": hostile_done_file,
}
KILLS = ("driver killed", "driver and workers killed", "worker killed")


@dataclass
class Count:
    """Of one kind of fault: how often, and rows that were read wrong, lost, or refused."""

    injected: int = 0
    silent: int = 0
    lost: int = 0
    refused: int = 0
    foreign: int = 0


def looked(root: Path, truth: dict[str, Any], count: Count, memmap: bool = False) -> None:
    """Read everything of a damaged dataset as a user would: the right rows, or one of our errors."""
    try:
        with in_time():
            data = open_dataset(root)
            if memmap:
                data.memmap()
            for name, wanted in truth.items():
                count.silent += int(not np.array_equal(data[name], wanted))
    except InfoloomError:
        count.refused += 1
    except Exception as error:
        print(f"foreign: {type(error).__name__}: {error}", flush=True)
        count.foreign += 1


@contextmanager
def in_time(seconds: int = 60) -> Iterator[None]:
    """An exception in the place of waiting for ever."""

    def late(*_: object) -> None:
        raise RuntimeError("it waited")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def damaged_copies(root: Path, chance: random.Random, rounds: int, truth: dict[str, Any]) -> dict[str, Count]:
    """Single faults in finished datasets: looked at first, through Parquet and through a new memory-mapped copy."""
    found: dict[str, Count] = {}
    own = root.parent / "damaged"
    for fault, inject in FAULTS.items():
        if fault in KILLS:
            continue
        count = found[fault] = Count()
        for turn in range(rounds):
            shutil.rmtree(own, ignore_errors=True)
            shutil.copytree(root, own)
            inject(own, chance)
            count.injected += 1
            looked(own, truth, count, memmap=turn % 2 == 1)
    return found


def memmap_faults(root: Path, chance: random.Random, rounds: int, truth: dict[str, Any]) -> dict[str, Count]:
    """Copies that are killed while they are made, or for which there is no room: the next one is right."""
    found = {
        "killed while memmap": Count(),
        "disk full at memmap": Count(),
        "memmap of a shard repaired since": Count(),
    }
    own = root.parent / "mapped"
    code = "import sys, infoloom as loom; loom.open(sys.argv[1]).memmap()"
    for _ in range(rounds):
        for kind, count in found.items():
            shutil.rmtree(own, ignore_errors=True)
            shutil.copytree(root, own)
            count.injected += 1
            if kind == "killed while memmap":
                run = subprocess.Popen([sys.executable, "-c", code, str(own)])
                while run.poll() is None and not list(own.glob(".infoloom/*memmap*")):
                    time.sleep(0.002)
                time.sleep(0.02 * chance.random())
                run.kill()
                run.wait()
            elif kind == "disk full at memmap":
                full = subprocess.run(
                    [sys.executable, "-c", SMALL_FILES + code, str(own)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                count.refused += int(full.returncode == 1 and "DatasetError" in full.stderr)
                count.foreign += int(full.returncode != 1 or "DatasetError" not in full.stderr)
            else:
                flip_bit(own, chance)
                looked(own, {}, count, memmap=True)
                for path in own.glob("data/*"):
                    path.write_bytes((root / "data" / path.name).read_bytes())
            looked(own, truth, count, memmap=True)
    return found


SMALL_FILES = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)); import signal; "
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def resumed(out: Path, reference: dict[str, bytes], story: Story) -> int:
    """Run the same command again; rows of shards that are not there afterwards, or not the same bytes."""
    generate(story, out, ROWS, rows_per_shard=PER_SHARD)
    there = contents(out)
    wrong = [key for key, value in reference.items() if there.get(key) != value and key.endswith(".parquet")]
    return PER_SHARD * len(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20, help="Of each kind of fault.")
    parser.add_argument("--runs", type=int, default=20, help="Faults, one upon another, in running commands.")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "spec.yaml"
        spec.write_text(SPEC)
        story = compile_story(spec)
        generate(story, folder / "reference", ROWS, rows_per_shard=PER_SHARD)
        reference = contents(folder / "reference")
        truth = {column: open_dataset(folder / "reference")[column] for column in ("a", "b", "theta", "u")}
        found = damaged_copies(folder / "reference", chance, options.rounds, truth)
        found |= memmap_faults(folder / "reference", chance, max(1, options.rounds // 10), truth)
        out = folder / "out"
        for _ in range(options.runs):
            fault = chance.choice(list(FAULTS))
            count = found.setdefault(fault, Count())
            FAULTS[fault](out, chance)
            count.injected += 1
            looked(out, truth, count)
            if chance.random() < 0.5 and out.exists():
                continue  # another fault on top of this one
            count.lost += resumed(out, reference, story)
            if chance.random() < 0.5:
                shutil.rmtree(out)
        last = resumed(out, reference, story)
    print(
        "| fault | injected | refused by name | silently wrong | rows lost | foreign exceptions |\n"
        "|---|---|---|---|---|---|"
    )
    for fault, count in found.items():
        print(
            f"| {fault} | {count.injected} | {count.refused} | {count.silent} | {count.lost} | {count.foreign} |"
        )
    bad = sum(count.silent + count.lost + count.foreign for count in found.values()) + last
    print("the same bytes at the end" if not last else "DIFFERENT BYTES AT THE END")
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
