"""Estimators of discrete and mixed pairs: a table of estimates beside truths, and how fast neighbours are counted.

    infoloom bench estimators --suite mixed --out RESULTS
    python benchmarks/estimators/discrete.py RESULTS
    OMP_NUM_THREADS=1 python benchmarks/estimators/discrete.py --speed

Claims: `ross` and `gao` take less than 2 s of one core for 10,000 rows of a class and two real columns, and at least
5 times less than all distances, blocks of rows at a time, take in the same run.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import digamma

from infoloom.benchmark import tasks
from infoloom.benchmark.running.results import read_results
from infoloom.benchmark.tasks.vectors.mixed import ClassesTask
from infoloom.estimators import build

ORDER = ("plug-in", "miller-madow", "ross", "gao", "classifier", "infonce", "histogram", "oracle")
ROWS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="?", type=Path, help="results of the suite `mixed`")
    parser.add_argument("--speed", action="store_true", help="time the estimators of neighbours")
    given = parser.parse_args()
    if given.speed:
        speed()
    elif given.results is None:
        parser.error("give a results file, or --speed")
    else:
        print(table(given.results))


def table(path: Path) -> str:
    """One line a task: its truth, and the estimate with its error of every estimator that takes it."""
    rows = read_results(path)
    names = [name for name in ORDER if any(row["estimator"] == name for row in rows)]
    lines = ["| task | truth | " + " | ".join(f"`{name}`" for name in names) + " |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for task in dict.fromkeys(row["task"] for row in rows):
        found = {row["estimator"]: row for row in rows if row["task"] == task}
        cells = [_cell(found.get(name)) for name in names]
        truth = tasks.build(task).mutual_information
        lines.append(f"| `{task}` | {truth:.3f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: dict[str, object] | None) -> str:
    if row is None:
        return ""
    if row["status"] != "ok":
        return str(row["status"])
    return f"{row['estimate']:.3f} ({row['error']:+.3f})"


def speed() -> None:
    """Processor seconds of both estimators and of their formulas over all distances."""
    x, y = ClassesTask(10, 1.0, 2).sample(ROWS, 0)
    print(f"{'estimator':10} {'nats':>8} {'cpu s':>8} {'all distances':>14} {'ratio':>7}")
    for name, slow in (("ross", _ross), ("gao", _gao)):
        estimator = build(name, standardise=False)
        start = time.process_time()
        found = estimator.estimate(x, y)
        fast = time.process_time() - start
        start = time.process_time()
        known = slow(x[:, 0], y, estimator.neighbors)
        spent = time.process_time() - start
        agree = "" if abs(known - found) < 1e-9 else f"  differs from {known:.6f}"
        print(f"{name:10} {found:>8.4f} {fast:>8.2f} {spent:>14.2f} {spent / fast:>7.1f}{agree}")


def _ross(cells: np.ndarray, values: np.ndarray, neighbors: int) -> float:
    """The published formula from all distances."""
    total = 0.0
    for block in np.array_split(np.arange(len(cells)), 100):
        far = cdist(values[block], values, "chebyshev")
        same = np.where(cells[block, None] == cells, far, np.inf)
        radius = np.partition(same, neighbors, axis=1)[:, neighbors, None]
        counts = np.sum(np.isfinite(same), axis=1), np.sum(far < radius, axis=1)
        total += float(np.sum(digamma(neighbors) - digamma(counts[0]) - digamma(counts[1])))
    return float(digamma(len(cells)) + total / len(cells))


def _gao(cells: np.ndarray, values: np.ndarray, neighbors: int) -> float:
    """The formula of `gao` from all distances, for categories beside real numbers without copies."""
    return _ross(cells, values, neighbors) - float(digamma(len(cells)) - np.log(len(cells)))


if __name__ == "__main__":
    main()
