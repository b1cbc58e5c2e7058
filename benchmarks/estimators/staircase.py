"""The Gaussian staircase of Lee and Rhee (2024): 2, 4, 6, 8 and 10 bits in ten pairs of columns.

As in their table one critic climbs all levels, thousands of steps on each, with batches of 64 new rows a step that are
read before they train it; the value of a level is the mean of its last quarter of steps. The running mean of `mine`
begins at 1 in every step, as in the code behind their table: that holds the mean of exponentials near 1, while one
that runs on (`--run-on`) drifts away at 8 bits:

    OMP_NUM_THREADS=1 python benchmarks/estimators/staircase.py --fresh mine nwj smile infonce

Without `--fresh` every level is an estimate as users get it: a sample of `--rows`, 60 % of it to train on in batches
of 64 for as many steps, read on rows that were not seen:

    OMP_NUM_THREADS=1 python benchmarks/estimators/staircase.py mine --critic joint --rows 100000
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import time
from collections.abc import Iterator

import torch

from infoloom.benchmark.tasks.vectors.gaussian import STAIRCASE, GaussianTask
from infoloom.estimators import Training, build
from infoloom.estimators.neural.critics import build_critic
from infoloom.estimators.neural.objectives import RunningMean, objective

BATCH = 64
LEVELS = {round(task.mutual_information / math.log(2.0)): task for task in STAIRCASE}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("estimators", nargs="*", default=["mine", "nwj", "smile", "infonce"], metavar="NAME")
    parser.add_argument("--fresh", action="store_true", help="new rows every step, one joint critic")
    parser.add_argument("--run-on", action="store_true", help="let mine's running mean run on with --fresh")
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--steps", type=int, default=4000, help="steps of a level")
    parser.add_argument("--critic", default="separable", choices=["separable", "joint"])
    parser.add_argument("--levels", type=int, nargs="+", default=list(LEVELS), help="bits")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"estimator            {'joint' if given.fresh else given.critic:9} truth  estimate, bits  seconds")
    for name in given.estimators:
        found = (
            climb(name, given.levels, given.steps, given.seed, run_on=given.run_on)
            if given.fresh
            else (held_out(name, level, given) for level in given.levels)
        )
        start = time.perf_counter()
        for level, bits in zip(given.levels, found, strict=True):
            print(f"{name:30} {level:5} {bits:15.2f} {time.perf_counter() - start:8.0f}", flush=True)
            start = time.perf_counter()


def held_out(name: str, level: int, given: argparse.Namespace) -> float:
    """An estimate of one level from one sample (bits)."""
    epochs = math.ceil(given.steps * BATCH / (0.6 * given.rows))
    training = Training(batch=BATCH, epochs=epochs, patience=epochs)
    estimator = build(name, critic=given.critic, training=training, seed=given.seed)
    return float(estimator.estimate_with_info(*LEVELS[level].sample(given.rows, given.seed)).bits)


def climb(name: str, levels: list[int], steps: int, seed: int, *, run_on: bool = False) -> Iterator[float]:
    """Train one joint critic level after level on new rows; the mean of each level's last quarter (bits)."""
    torch.set_num_threads(1)
    target, memory = objective(name, 5.0), RunningMean() if run_on else RunningMean(rate=0.1)
    generator = torch.Generator().manual_seed(seed)
    critic = build_critic("joint", "mlp", ((10,), (10,)), (256, 256), 1, generator)
    optimiser = torch.optim.Adam(critic.parameters(), lr=5e-4)
    for level in levels:
        values = []
        for x, y in batches(LEVELS[level], steps, seed + level):
            scores = critic(x, y)
            values.append(float(target.terms(scores.detach()).mean()))
            optimiser.zero_grad()
            if not run_on:
                memory.log_value = torch.zeros(())
            target.loss(scores, memory).backward()
            torch.nn.utils.clip_grad_norm_(critic.parameters(), 5.0)
            optimiser.step()
        yield statistics.mean(values[-(steps // 4) :]) / math.log(2.0)


def batches(task: GaussianTask, steps: int, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """New rows for every step."""
    x, y = (torch.from_numpy(rows).float() for rows in task.sample(steps * BATCH, seed))
    return itertools.islice(zip(x.split(BATCH), y.split(BATCH), strict=True), steps)


if __name__ == "__main__":
    main()
