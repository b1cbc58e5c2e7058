"""Claim: 10,000 rows of `scene` in less than a minute of two cores; I(words; x) of four slots in less than 2 s of one.

`python benchmarks/observations/scenes.py [ROWS]`; processor time, so that a busy machine counts little.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import infoloom as loom

CORES = 2
GOAL = 60.0


def main(rows: int) -> None:
    """Rows of the preset `scene` by two workers, then words through two, three and four shared causes."""
    with tempfile.TemporaryDirectory() as folder:
        before, start = spent(), time.perf_counter()
        loom.generate(loom.preset("scene"), Path(folder) / "rows", rows=rows, workers=CORES)
        used, wall = spent() - before, time.perf_counter() - start
    print(
        f"scene: {rows:,} rows in {used:.1f} s of processors, {used / CORES:.1f} s of each of {CORES} "
        f"(wall {wall:.0f} s); for 10,000 rows {used / CORES * 10_000 / rows:.0f} s, goal {GOAL:.0f} s"
    )
    for causes in (2, 3, 4):
        story = words(causes)
        start = time.process_time()
        found = story.quantity("I(text; x)")
        print(
            f"I(words; x), four slots, {causes} causes: {found.text()} nats, {time.process_time() - start:.2f} s"
        )


def words(causes: int) -> loom.Story:
    """Four slots of four words through some shared causes, and a vector that sees them too."""
    rng = np.random.default_rng(3)
    names = [f"c{i}" for i in range(causes)]
    latents = {
        f"s{j}": sum_of(0.45 * rng.choice([-1, 1], causes) * rng.uniform(0.4, 1.0, causes), names)
        + " + 0.9*noise"
        for j in range(4)
    }
    seen = sum_of(0.3 * rng.uniform(0.4, 1.0, causes), [f"{n}@random({i})" for i, n in enumerate(names)])
    text = {
        "flow": 'caption("{s0} {s1} {s2} {s3}")',
        "latent": latents,
        "words": {slot: ["a", "b", "c", "d"] for slot in latents},
    }
    return loom.load(
        {
            "name": "words",
            "causes": dict.fromkeys(names, "normal"),
            "modalities": {"x": {"flow": "vector(16)", "latent": f"{seen} + noise"}, "text": text},
        }
    )


def sum_of(weights: np.ndarray, names: list[str]) -> str:
    """An equation."""
    return " ".join(f"{w:+.3f}*{name}" for w, name in zip(weights, names, strict=True)).removeprefix("+")


def spent() -> float:
    """Processor time of this process and of its workers, s."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
