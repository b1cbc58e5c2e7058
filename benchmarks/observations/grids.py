"""How many steps does a flow need, and where? The same weights on other grids: quality and margin.

    OMP_NUM_THREADS=1 python benchmarks/observations/grids.py cifar10 --data 'FILES' --grids 12:0.7 24:0.4

prints for every grid STEPS:BEND, or `own` for that of the file, the Fréchet distance of samples from held-out rows,
the share of samples that the classifier puts into their class, how far mean and deviation are off in units of the real
deviation, rows a second, and the smallest eigenvalue of a step along a few sampled rows. With `--two-sample` it also
prints how often a network tells samples from real rows.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch

from infoloom.observations.flows.checking.certificate import early_margin
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.realism.features import CLASSIFIERS, load_features, train_features
from infoloom.observations.realism.quality import sample_quality
from infoloom.observations.realism.sides import Sides
from infoloom.observations.training.packaging import all_classes
from infoloom.observations.workflow import data_of_flow


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("flow", metavar="NAME", help="one of the zoo, or a file")
    parser.add_argument(
        "--features",
        type=Path,
        help="classifier; if left out that of the zoo's flow, or principal components",
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--grids", nargs="+", default=["12:0.7", "24:0.7", "24:0.4"], metavar="STEPS:BEND")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--two-sample", action="store_true")
    given = parser.parse_args()
    data, shipped = data_of_flow(given.flow, given.data), all_classes(given.flow)
    path = given.features or CLASSIFIERS / f"{shipped.description.card['name']}.safetensors"
    features = load_features(path) if path.is_file() else train_features(data)
    print("grid      Fréchet  class accuracy    mean  deviation  rows/s  margin")
    for grid in given.grids:
        steps, _, bend = grid.partition(":")
        flow = shipped if grid == "own" else on_grid(shipped, int(steps), float(bend))
        began = time.process_time()
        with torch.no_grad():
            flow.forward(torch.zeros((flow.batch, flow.dim)))
        speed = flow.batch / (time.process_time() - began)
        found = sample_quality(flow, data, features, rows=given.rows, seed=given.seed)
        accuracy = found.get("class_accuracy", float("nan"))
        print(
            f"{grid:8} {found['frechet']:8.2f} {accuracy:15.2f} {found['mean']:+7.1%} {found['deviation']:+10.1%}"
            f" {speed:7.0f} {early_margin(flow):7.2f}",
            flush=True,
        )
        if given.two_sample:
            sides = Sides.of(flow, data, 2048, given.seed)
            told = sides.told_apart(flow, None, None, given.seed)
            print(f"          told apart: {told['accuracy']:.2f} ± {told['standard_error']:.2f}", flush=True)


def on_grid(flow: SteppedFlow, steps: int, bend: float) -> SteppedFlow:
    """The same weights with other steps."""
    description = replace(flow.description, grid=step_grid(steps, flow.description.sigma, bend))
    other = SteppedFlow(description, flow.velocity, name=flow.name)
    return other.with_label(flow.label)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
