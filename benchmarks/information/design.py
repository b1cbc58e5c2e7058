"""Claim: 45 pairwise and 10 target requirements of ten modalities are solved to 1e-9 nats in under a second.

Run: `OPENBLAS_NUM_THREADS=1 python benchmarks/information/design.py`. Prints the time of a design, and as ratios the
time of one evaluation with all 55 derivatives against one without, and against finite differences.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from infoloom.design.designs import design
from infoloom.design.linearised import Linearised
from infoloom.design.quantities import Quantities
from infoloom.information.notation import evaluate, parse_query
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import compose, lay_out
from infoloom.law.graph import build_graph
from infoloom.spec.model import build_spec


def ten() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    pairs = list(itertools.combinations(range(10), 2))
    shared = [" + ".join(f"b{i}_{j}*f{i}_{j}" for i, j in pairs if k in (i, j)) for k in range(10)]
    return {
        "name": "ten",
        "causes": {"mass": "normal"},
        "fields": {f"f{i}_{j}": "normal" for i, j in pairs},
        "parameters": {f"a{i}": "free" for i in range(10)} | {f"b{i}_{j}": "free" for i, j in pairs},
        "targets": {"theta": "mass"},
        "modalities": {
            f"x{k}": {"flow": "identity(3, 32, 32)", "latent": f"a{k}*mass + {shared[k]} + noise"}
            for k in range(10)
        },
        "require": {
            **{f"I(x{i}; x{j})": float(generator.uniform(5, 20)) for i, j in pairs},
            **{f"I(x{k}; theta)": float(generator.uniform(0.3, 2)) for k in range(10)},
        },
    }


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The fastest of some calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    tree = ten()
    found = design(tree)
    took, busy = seconds(lambda: design(tree), 5), time.process_time()
    design(tree)
    busy = time.process_time() - busy
    size = f"{len(found.asked)} requirements, {len(found.values)} parameters"
    print(f"design of {size}: {took:.2f} s, of CPU {busy:.2f} s")
    print(f"residual {found.residual:.1e} nats")
    graph = build_graph(build_spec(tree))
    geometry = lay_out(graph)
    queries = [parse_query(name) for name in tree["require"]]
    quantities = Quantities(Linearised(graph, geometry, {}, list(found.values)), queries)
    weights = np.array(list(found.values.values()))

    def plain() -> list[float]:
        covariance = StructuredCovariance(compose(graph, geometry, found.values))
        return [evaluate(covariance, query) for query in queries]

    with_slopes, without = seconds(lambda: quantities.at(weights), 10), seconds(plain, 10)
    print(f"values and 55 derivatives: {with_slopes / without:.2f} times the values alone")
    print(f"finite differences: {56 * without / with_slopes:.0f} times as long")


if __name__ == "__main__":
    main()
