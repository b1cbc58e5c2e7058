"""How often the interval of the held-out protocol holds the truth: claimed 95 % of the scatter, not of the method.

python benchmarks/estimators/held_out_coverage.py [--rows 500] [--seeds 100] [--estimators gaussian ksg infonce]
"""

from __future__ import annotations

import argparse

import numpy as np

from infoloom.estimators import HeldOutProtocol, build
from infoloom.estimators.held_out_protocol import default_estimator

TASKS = ((0.0, 2), (0.5, 2), (1.0, 1))  # nats, columns of each side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--estimators", nargs="+", default=["gaussian", "ksg"])
    given = parser.parse_args()
    for name in given.estimators:
        for nats, columns in TASKS:
            inner = default_estimator() if name == "infonce" else build(name)
            held, widths = [], []
            for seed in range(given.seeds):
                rng = np.random.default_rng([seed, columns])
                rho = np.sqrt(1.0 - np.exp(-2.0 * nats / columns))
                x, noise = rng.standard_normal((2, given.rows, columns))
                y = rho * x + np.sqrt(1.0 - rho**2) * noise
                low, high = HeldOutProtocol(estimator=inner, seed=seed).estimate_with_info(x, y).interval
                held.append(low <= nats <= high)
                widths.append(high - low)
            share, error = np.mean(held), np.sqrt(np.mean(held) * (1 - np.mean(held)) / len(held))
            task = f"{name:<9} {nats:.1f} nats, {columns} + {columns} columns, {given.rows} rows"
            print(
                f"{task}: {share:.2f} ± {error:.2f} hold it, mean width {np.mean(widths):.2f} nats",
                flush=True,
            )


if __name__ == "__main__":
    main()
