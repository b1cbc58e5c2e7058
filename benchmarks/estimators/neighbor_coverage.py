"""How often the intervals of `ross` and `gao` hold the truth: claimed 95 % of the scatter, without the bias.

python benchmarks/estimators/neighbor_coverage.py [--rows 500] [--seeds 100]
"""

from __future__ import annotations

import argparse

import numpy as np

from infoloom.benchmark.tasks import build, names
from infoloom.estimators import build as estimator

OTHERS = ("gaussian:dims=1v1,nats=0.5,pairs=1", "gaussian:dims=3v3,nats=1.0,pairs=3")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=100)
    given = parser.parse_args()
    for task in map(build, (*names("mixed"), *names("mixed-null"), *OTHERS)):
        for name in ("ross", "gao"):
            if name == "ross" and task.kind != "mixed":
                continue
            found = [
                estimator(name).estimate_with_info(*task.sample(given.rows, seed))
                for seed in range(given.seeds)
            ]
            ends = [one.interval for one in found if one.interval is not None]
            share = (
                np.mean([low <= task.mutual_information <= high for low, high in ends]) if ends else np.nan
            )
            nats = np.array([one.nats for one in found])
            print(
                f"{name:<5} {task.id:<52} {share:.2f} of {len(ends)} hold {task.mutual_information:.3f} nats, "
                f"bias {nats.mean() - task.mutual_information:+.3f}, deviation {nats.std(ddof=1):.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
