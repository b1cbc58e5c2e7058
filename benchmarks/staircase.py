"""The Gaussian staircase of Lee and Rhee (2024): 2, 4, 6, 8 and 10 bits in ten pairs of columns.

Their table holds the mean of the last thousand of four thousand steps of batch 64 on every level. Here every level
trains anew on 60 % of the rows with batches of 64 for as many steps, and reads rows that it has not seen.

    OMP_NUM_THREADS=1 python benchmarks/staircase.py mine --critic joint --rows 100000
"""

from __future__ import annotations

import argparse
import itertools
import math

from infoloom.benchmark.tasks.gaussian import STAIRCASE
from infoloom.estimators import Training, build


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("estimators", nargs="*", default=["mine", "nwj", "smile", "infonce"], metavar="NAME")
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--steps", type=int, default=4000, help="steps of a level")
    parser.add_argument("--critic", default="separable", choices=["separable", "joint"])
    parser.add_argument("--levels", type=int, nargs="+", default=[2, 4, 6, 8, 10], help="bits")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    epochs = math.ceil(given.steps * 64 / (0.6 * given.rows))
    training = Training(batch=64, epochs=epochs, patience=epochs)
    print(f"estimator  {given.critic:9} truth  estimate, bits  seconds")
    for name, level in itertools.product(given.estimators, given.levels):
        (task,) = (task for task in STAIRCASE if round(task.mutual_information / math.log(2.0)) == level)
        estimator = build(name, critic=given.critic, training=training, seed=given.seed)
        found = estimator.estimate_with_info(*task.sample(given.rows, given.seed))
        print(f"{name:20} {level:5} {found.bits:15.2f} {found.seconds:8.0f}", flush=True)


if __name__ == "__main__":
    main()
