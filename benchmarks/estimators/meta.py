"""Random tasks a second, beside the same laws made one at a time.

    OMP_NUM_THREADS=1 python benchmarks/estimators/meta.py [--tasks 1280]

Claims, of one core: at least 1,000 tasks a second without a neural map and 100 with coupling layers (1 to 32 columns,
50 to 500 rows). Processor seconds; the ratio is what carries over to other machines. One at a time, a Gaussian task is
built and drawn by `tasks.build`, a story is loaded from its spec and sampled, and coupling layers are those of the
observation maps; dims, rows and information are those of the stream's tasks.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

import infoloom as loom
from infoloom.benchmark.meta.laws.named import FAMILIES
from infoloom.observations import build

PLAIN = ("plain", "bent", "rotated", "turned")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=1280)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"without a neural map: {rate(asked.tasks, maps=PLAIN):,.0f} tasks a second (claim 1,000)")
    print(f"with coupling layers: {rate(asked.tasks, maps=('coupling',)):,.0f} tasks a second (claim 100)")
    for name in ("flow", "rendered"):
        print(f"behind `{name}`: {rate(asked.tasks // 2, maps=(name,)):,.0f} tasks a second")
    for name in FAMILIES:
        print(f"  {name}: {rate(asked.tasks // 4, maps=PLAIN, families=[name]):,.0f} tasks a second")
    few = asked.tasks // 16
    for title, options, slow in (
        ("rotated Gaussian pairs", {"families": ["gaussian"], "maps": ["rotated"]}, one_gaussian),
        ("stories", {"families": ["story"], "maps": ["plain"]}, one_story),
        (
            "Gaussian pairs behind coupling layers",
            {"families": ["gaussian"], "maps": ["coupling"]},
            one_coupling,
        ),
    ):
        fast, alone = rate(asked.tasks // 2, **options), one_at_a_time(slow, few, **options)
        print(f"{title}: {fast:,.0f} a second, {alone:,.0f} one at a time, {fast / alone:.1f} times faster")


def rate(count: int, **options: Any) -> float:
    """Tasks a processor second, after a first block."""
    tasks = loom.tasks.stream(0, **options)
    next(tasks)
    return clocked(lambda: (task.mutual_information for task in islice(tasks, count)), count)


def clocked(work: Callable[[], Iterator[Any]], count: int) -> float:
    start = time.process_time()
    for _ in work():
        pass
    return count / (time.process_time() - start)


def one_at_a_time(slow: Callable[[Any], None], count: int, **options: Any) -> float:
    """The stream's own laws through the packages that know a task, a story or a map one by one."""
    given = list(islice(loom.tasks.stream(0, **options), count))
    return clocked(lambda: (slow(task) for task in given), count)


def one_gaussian(task: Any) -> None:
    law = task.recipe.law
    pairs = max(1, len(law.nats)) if task.mutual_information else 0
    name = f"dims={law.frame.dim_x}v{law.frame.dim_y},nats={task.mutual_information!r},pairs={pairs}"
    built = loom.tasks.build(f"gaussian:{name},hidden=rotated,turn={task.index}")
    built.sample(len(task.x), task.index)
    assert abs(built.mutual_information - task.mutual_information) < 1e-9


def one_story(task: Any) -> None:
    law = task.recipe.law
    with tempfile.TemporaryDirectory() as folder:
        latents = {}
        for name, into, terms in (
            ("x", law.into_x, [f"{law.field_x!r}*f", "noise"]),
            ("y", law.into_y, [f"{law.field_y!r}*f", "noise", *([f"{law.edge!r}*x"] if law.edge else [])]),
        ):
            terms = [term for term in terms if not term.startswith("0.0*")]
            for k, column in enumerate(into.T):
                if column.any():
                    path = Path(folder) / f"{name}{k}.npy"
                    np.save(path, column)
                    terms.append(f'1.0*c{k}@file("{path}", normalize=false)')
            latents[name] = " + ".join(terms).replace("+ -", "- ")
        used = [k for k in range(law.into_x.shape[1]) if any(f"*c{k}@" in text for text in latents.values())]
        story = loom.load({
            "infoloom": 1,
            "name": "random",
            "causes": {f"c{k}": "normal" for k in used},
            **({"fields": {"f": "normal"}} if any("*f" in text for text in latents.values()) else {}),
            "modalities": {
                name: {"flow": f"identity({dim})", "latent": latents[name]}
                for name, dim in (("x", law.frame.dim_x), ("y", law.frame.dim_y))
            },
        })  # fmt: skip
    assert abs(story.information("I(x; y)") - task.mutual_information) < 1e-7
    story.sample(len(task.x), seed=task.index)


def one_coupling(task: Any) -> None:
    one_gaussian(task)
    for name, dim in (("x", task.x.shape[1]), ("y", task.y.shape[1])):
        if dim > 1:
            rows = torch.from_numpy(task.x if name == "x" else task.y)
            build(f"vector({dim}) | coupling(seed={task.index}, layers=3)").forward(rows)


if __name__ == "__main__":
    main()
