"""Does an objective need more steps? What ridge reads in its features as a training goes on.

    OMP_NUM_THREADS=1 nice python benchmarks/learners/long_training.py factorcl --steps 150 600 2400 --batch 64

trains on 4096 rows of an easy story, two pictures of 8 × 8 with 0.7 nats each about one cause, and prints after each
number of steps the share of the reachable information that ridge finds in the features of both pictures, the same in
the outputs of the heads where the objective has some, processor seconds, and the loss. Step 0 is the random encoder.
Further options of a learner as NAME=NUMBER with --set.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from infoloom import ssl
from infoloom.benchmark.learners.learning import observe
from infoloom.benchmark.learners.stories import make_story

Rows = Mapping[str, Any]
TRAIN, PROBE = 4096, 4096


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("objective", choices=ssl.names())
    parser.add_argument("--steps", type=int, nargs="+", default=[150, 600, 2400])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=NUMBER")
    given = parser.parse_args()
    story = make_story("information", nats=0.7, side=8)
    rows = story.sample(TRAIN + PROBE, seed=0)
    rows |= observe(story, rows)
    train, probe = ({n: v[part] for n, v in rows.items()} for part in (slice(TRAIN), slice(TRAIN, None)))
    settings = {name: json.loads(value) for name, _, value in (text.partition("=") for text in given.set)}
    print(
        f"reachable: {story.information('I(x1, x2; theta)'):.3f} nats\nsteps  features  heads   seconds  loss"
    )
    for steps in (0, *given.steps):
        shapes = {name: story.shape(name) for name in story.modalities}
        learner = ssl.build(given.objective, shapes, features=16, seed=given.seed, **settings)
        started, loss = time.process_time(), float("nan")
        if steps:
            told = ssl.Training(
                batch=given.batch, steps=steps, learning_rate=given.rate, seed=given.seed, precision="float32"
            )
            loss = float(np.mean(ssl.train(learner, train, told).losses[-50:]))
        else:
            learner.prepare(train)
        found = ssl.features(learner, {n: probe[n] for n in story.modalities})["fused"]
        heads = _heads(learner, found)
        reached = [
            _reached(story, part, probe["theta"]) if part is not None else float("nan")
            for part in (found, heads)
        ]
        spent = time.process_time() - started
        print(f"{steps:5d}  {reached[0]:8.3f}  {reached[1]:6.3f}  {spent:7.0f}  {loss:.3f}", flush=True)


def _heads(learner: Any, fused: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """Outputs of all heads of FactorCL side by side, as the authors' code reads its features."""
    if learner.objective != "factorcl":
        return None
    half = fused.shape[1] // 2
    a, b = (torch.from_numpy(part).float() for part in (fused[:, :half], fused[:, half:]))
    with torch.no_grad():
        outputs = [head(side) for head, side in zip(learner.own_heads, (a, b), strict=True)]
        outputs += [head((a, b)[number % 2]) for number, head in enumerate(learner.heads[0])]
    return np.concatenate([one.numpy() for one in outputs], axis=1)


def _reached(story: Any, found: np.ndarray[Any, Any], theta: np.ndarray[Any, Any]) -> float:
    """−½ log(1 − R²) of ridge, fitted on one half and read on the other, over the information of both pictures."""
    half = len(found) // 2
    x = np.concatenate(
        [(found - found[:half].mean(0)) / (found[:half].std(0) + 1e-9), np.ones((len(found), 1))], 1
    )
    weights = np.linalg.solve(x[:half].T @ x[:half] + np.eye(x.shape[1]), x[:half].T @ theta[:half])
    share = np.square(theta[half:] - x[half:] @ weights).mean() / theta[half:].var()
    return float(-0.5 * np.log(share) / story.information("I(x1, x2; theta)"))


if __name__ == "__main__":
    main()
