"""One factor and one shift after a flow, so that samples have the mean and deviation of real rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.flows.checkpoint import FlowDescription
from infoloom.observations.flows.scaling import as_array, checked_numbers
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.realism.sides import real_with_noise, sampled
from infoloom.observations.training.data.training_data import TrainingData

__all__ = ["rescaled"]

_OF_THIS_MAP: Final = ("certificate", "quality")


def rescaled(
    flow: SteppedFlow | ExactFlow, data: TrainingData, *, rows: int, seed: int = 0
) -> FlowDescription:
    """The description of a flow whose samples have the overall mean and deviation of the rows it was trained on.

    A flow y = c + s·f(z) becomes y = c' + s'·f(z) with the same network f. It stays a bijection, so information is
    the same. Held-out rows are not looked at, so they can still judge the result.

    Args:
        flow: A flow with all of its classes.
        data: What it was trained on.
        rows: Samples, and at most as many training rows.
        seed: Seed of the latents, and of which rows are taken.

    Returns:
        The new description. Its card says the factor and the shift, in units of the data, and has no certificate.

    Raises:
        FlowError: Samples that are not finite.
    """
    real, labels = real_with_noise(data, flow, rows, seed, held_out=False)
    made = sampled(flow, None, rows, seed, None if labels is None else np.resize(labels, rows))
    factor = float(real.std(dtype=np.float64) / made.std(dtype=np.float64))
    shift = float(real.mean(dtype=np.float64)) - factor * float(made.mean(dtype=np.float64))
    old = flow.description
    shape = flow.shape_out
    return replace(
        old,
        center=checked_numbers(shift + factor * as_array(old.center), shape, "center"),
        scale=checked_numbers(factor * as_array(old.scale), shape, "scale", positive=True),
        card={key: value for key, value in old.card.items() if key not in _OF_THIS_MAP}
        | {"rescaled": {"factor": factor, "shift": shift, "rows": rows, "seed": seed}},
    )
