"""Faults at random, injected into real runs: after every one the dataset is resumed and compared byte by byte.

Claim: rows lost 0, however often workers and drivers are killed and files are damaged.

    python benchmarks/faults.py [--rounds 20] [--seed 0]
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
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from infoloom.datasets import generate, open_dataset
from infoloom.errors import DatasetError
from infoloom.story import compile_story

SPEC = """
name: faults
causes: {u: normal}
targets: {theta: 0.9*u + 0.4*noise}
modalities:
  a: {flow: "identity(3, 32, 32)", latent: "0.02*u + noise"}
  b: {flow: "vector(200)", latent: "0.1*u + noise"}
"""
ROWS, PER_SHARD = 3000, 100
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


FAULTS: dict[str, Fault] = {
    "driver killed": kill_driver,
    "driver and workers killed": kill_everything,
    "worker killed": kill_worker,
    "shard truncated": truncate,
    "bit flipped": flip_bit,
    "file deleted": delete,
}


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def finished_but_wrong(out: Path, reference: dict[str, bytes]) -> bool:
    """Whether a folder that opens lacks a shard that was never made."""
    try:
        manifest = open_dataset(out).manifest
    except (DatasetError, OSError):
        return False
    return manifest.to_json() != json.loads(reference["manifest.json"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    injected: Counter[str] = Counter()
    lost = false = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "spec.yaml"
        spec.write_text(SPEC)
        story = compile_story(spec)
        generate(story, folder / "reference", ROWS, rows_per_shard=PER_SHARD)
        reference = contents(folder / "reference")
        out = folder / "out"
        for _ in range(options.rounds):
            fault = chance.choice(list(FAULTS))
            FAULTS[fault](out, chance)
            injected[fault] += 1
            false += finished_but_wrong(out, reference)
            if chance.random() < 0.5 and out.exists():
                continue  # another fault on top of this one
            generate(story, out, ROWS, rows_per_shard=PER_SHARD)
            different = [key for key, value in contents(out).items() if reference.get(key) != value]
            missing = reference.keys() - contents(out).keys()
            lost += PER_SHARD * len([key for key in (*different, *missing) if key.endswith(".parquet")])
            if chance.random() < 0.5:
                shutil.rmtree(out)
        generate(story, out, ROWS, rows_per_shard=PER_SHARD)
        same = contents(out) == reference
    for fault, times in sorted(injected.items()):
        print(f"{times:4d}  {fault}")
    print(
        f"{sum(injected.values()):4d}  faults injected, rows lost {lost}, folders that looked finished and were not "
        f"{false}"
    )
    print("the same bytes at the end" if same else "DIFFERENT BYTES AT THE END")
    raise SystemExit(bool(lost or false or not same))


if __name__ == "__main__":
    main()
