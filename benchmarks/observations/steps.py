"""Where a flow's steps come closest to not being injective, on many rows, and what their whole Jacobians say there.

    OMP_NUM_THREADS=2 python benchmarks/observations/steps.py mnist --data mnist.npz --rows 192 --steps 2

prints, for every step, the smallest eigenvalues of the symmetric part of its Jacobian along sampled rows, real rows and
points between the two, as a certificate finds them. A positive eigenvalue is enough for a step to be injective around
there, and not necessary. So for the lowest ones it also prints, from the whole Jacobian, the same eigenvalue, the
smallest singular value, and the sign of the determinant: the step can be inverted around a point where the singular
value is not 0.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import torch
from torch import Tensor

from infoloom.observations.flows.checking.certificate import trajectories
from infoloom.observations.flows.checking.lanczos import smallest_eigenvalue
from infoloom.observations.flows.checking.turns import class_table, turn
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.training.packaging import all_classes, real_batches
from infoloom.observations.workflow import data_of_flow


class Point(NamedTuple):
    """A state at which a step was looked at."""

    value: float
    kind: str
    state: Tensor
    flow: SteppedFlow


def lowest(flow: SteppedFlow, real: Tensor | None, step: int, rows: int, seed: int) -> list[Point]:
    """The points of one step, from the smallest eigenvalue on."""
    table, size = class_table(flow), flow.batch
    generator = torch.Generator().manual_seed(seed)
    found = []
    for index in range(-(-rows // size)):
        one = turn(flow, table, index, size)
        for kind, states in trajectories(one, real, index, size, generator).items():
            seen = smallest_eigenvalue(one.increment(step), states[step], rounds=16)
            for place, value in enumerate((seen.value - seen.residual).tolist()):
                alone = one if one.label is None else one.with_label(one.label[place : place + 1])
                found.append(Point(value, kind, states[step][place], alone))
    return sorted(found, key=lambda point: point.value)


def whole(point: Point, step: int) -> tuple[float, float, float]:
    """Smallest eigenvalue of the symmetric part, smallest singular value and sign of the determinant, in float64."""
    increment = point.flow.increment(step)
    jacobian = torch.autograd.functional.jacobian(increment, point.state[None])
    size = len(point.state)
    matrix = (torch.eye(size) + jacobian.reshape(size, size)).double()
    symmetric = torch.linalg.eigvalsh(0.5 * (matrix + matrix.T))
    return (
        float(symmetric[0]),
        float(torch.linalg.svdvals(matrix)[-1]),
        float(torch.linalg.slogdet(matrix).sign),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("flow", metavar="NAME", help="one of the zoo, or a file")
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=192)
    parser.add_argument("--steps", type=int, nargs="+", help="which steps, from 1; all if left out")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    data, flow = data_of_flow(given.flow, given.data), all_classes(given.flow)
    if not isinstance(flow, SteppedFlow):
        raise SystemExit(f"{given.flow}: expected a flow of steps")
    _, real = real_batches(data, flow)
    print("step  kind      eigenvalue  of the whole Jacobian  singular value  determinant")
    for step in given.steps or range(1, flow.step_count + 1):
        for point in lowest(flow, real, step - 1, given.rows, given.seed)[:3]:
            eigenvalue, singular, sign = whole(point, step - 1)
            print(
                f"{step:4}  {point.kind:8}  {point.value:+10.3f}  {eigenvalue:+21.3f}  {singular:14.3f}  "
                f"{'positive' if sign > 0 else 'negative':>11}",
                flush=True,
            )


if __name__ == "__main__":
    main()
