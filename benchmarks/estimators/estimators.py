"""Estimators on three tasks of known information: linear in 25 columns, bent in 64, independent.

The tasks are five canonical pairs of 0.4 nats hidden by random rotations (5000 rows), the same among 64 columns
rotated, bent elementwise (x + 0.3 x³, asinh 3y) and rotated again (10000 rows), and 25 independent columns a side
(5000 rows). Truths are 2, 2 and 0 nats.

    OMP_NUM_THREADS=1 python benchmarks/estimators/estimators.py gaussian gaussianised ksg held-out --seeds 1
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from infoloom.benchmark.tasks.vectors.gaussian import HARD
from infoloom.errors import EstimatorError
from infoloom.estimators import build, names


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "estimators", nargs="*", default=["gaussian", "gaussianised", "held-out"], metavar="NAME"
    )
    parser.add_argument("--tasks", nargs="+", default=list(HARD), choices=list(HARD))
    parser.add_argument("--seeds", type=int, default=1, help="samples of each task")
    parser.add_argument("--out", type=Path, help="append one JSON line a run")
    given = parser.parse_args()
    unknown = sorted(set(given.estimators) - set(names()))
    if unknown:
        parser.error(f"unknown estimators {', '.join(unknown)}: choose from {', '.join(names())}")
    head = f"{'estimator':24} {'task':8} {'seed':>4} {'truth':>6} {'nats':>7}"
    print(f"{head}  {'95 % interval':17} {'ok':>5} {'s':>6} {'cpu s':>6}")
    for name in given.estimators:
        for task in given.tasks:
            for seed in range(given.seeds):
                row = run(name, task, seed)
                print(line(row), flush=True)
                if given.out:
                    with given.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")


def run(name: str, task_name: str, seed: int) -> dict[str, object]:
    """One estimator on one sample; a refusal is a row with its message."""
    task, rows = HARD[task_name]
    row: dict[str, object] = {
        "estimator": name,
        "task": task_name,
        "seed": seed,
        "rows": rows,
        "truth": task.mutual_information,
    }
    start = time.process_time()
    try:
        settings = {"seed": seed} if "seed" in build(name).parameters() else {}
        found = build(name, **settings).estimate_with_info(*task.sample(rows, seed))
    except EstimatorError as error:
        return {**row, "error": str(error)}
    return {
        **row,
        "nats": found.nats,
        "interval": found.interval,
        "reliable": found.reliable,
        "seconds": found.seconds,
        "processor": time.process_time() - start,
    }


def line(row: dict[str, object]) -> str:
    """A run as a line of the table."""
    head = f"{row['estimator']:24} {row['task']:8} {row['seed']:>4} {row['truth']:>6.2f}"
    if "error" in row:
        return f"{head} {row['error']}"
    interval = row["interval"]
    ends = f"{interval[0]:>7.3f} … {interval[1]:<7.3f}" if interval else "-"
    reliable = {True: "yes", False: "no", None: "-"}[row["reliable"]]
    return (
        f"{head} {row['nats']:>7.3f}  {ends:17} {reliable:>5} {row['seconds']:>6.1f} {row['processor']:>6.1f}"
    )


if __name__ == "__main__":
    main()
