"""What a learner answers, looked at before it is used: anybody may write one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infoloom.ssl.checks import expect, is_whole
from infoloom.ssl.learner import Batch, Learner, expect_features

__all__ = ["expect_learner", "features_by", "loss_by", "needs_of", "usable"]


def expect_learner(learner: object) -> None:
    """Raise a `LearnerError` unless this is a learner, and not another module, a class or a name."""
    got = f"class {learner.__name__}" if isinstance(learner, type) else type(learner).__name__
    expect(
        isinstance(learner, Learner),
        "learner",
        got,
        "an `infoloom.ssl.Learner`",
        'Make one by `infoloom.ssl.build("clip", shapes)`, or subclass it.',
    )


def needs_of(learner: Learner) -> dict[str, tuple[int, ...]]:
    """Name → shape of one row, of every array that the loss of a learner reads.

    Raises:
        LearnerError: Its `needs` are something else.
    """
    needs, name = learner.needs, f"needs of {learner.objective}"
    advice = 'Return, say, `{**self.shapes, "theta": ()}`.'
    expected = "a dict of name → shape of one row"
    expect(isinstance(needs, Mapping), name, type(needs).__name__, expected, advice)
    expect(len(needs) > 0, name, "{}", f"{expected}, of one array or more", advice)
    for one, shape in needs.items():
        holds = isinstance(one, str) and isinstance(shape, tuple | list) and all(map(is_whole, shape))
        expect(holds, f"{name}, {one}", shape, "the shape of one row, such as (3, 32, 32), or ()", advice)
    return {one: tuple(map(int, shape)) for one, shape in needs.items()}


def loss_by(learner: Learner, batch: Batch, generator: torch.Generator) -> Tensor:
    """The loss of a batch.

    Raises:
        LearnerError: No scalar, or none that gradients come from where they are wanted.
    """
    loss = learner.loss(batch, generator)
    name = f"loss of {learner.objective}"
    expect(isinstance(loss, Tensor), name, type(loss).__name__, "a tensor", "Return one, without `.item()`.")
    expect(loss.shape == (), name, f"of shape {tuple(loss.shape)}", "a scalar", "Return its mean.")
    expect(loss.is_floating_point(), name, loss.dtype, "a real number", "Convert it to float32.")
    expect(
        loss.requires_grad or not torch.is_grad_enabled(),
        name,
        "without a gradient",
        "one that depends on the weights",
        "Compute it from them, without `detach`; of a learner without weights set `requires_grad_(False)`.",
    )
    return loss


def features_by(learner: Learner, batch: Batch, names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """Features of a batch by name.

    Args:
        learner: In the mode in which it encodes.
        batch: Modality → (n, *shape).
        names: Modalities of the batch.

    Raises:
        LearnerError: No features of these and of all together, other numbers of rows, or numbers that are not finite.
    """
    found = learner.encode(batch)
    wanted = (*names, "fused")
    advice = "Return a dict of tensors, such as by `infoloom.ssl.with_fused`."
    rows = len(next(iter(batch.values())))
    asked, name = f"features by name, of {', '.join(wanted)}", f"encode of {learner.objective}"
    expect(isinstance(found, Mapping), name, type(found).__name__, asked, advice)
    expect(all(one in found for one in wanted), name, ", ".join(map(str, found)), asked, advice)
    return {one: _checked(f"features of {one}", values, rows) for one, values in found.items()}


def _checked(name: str, values: Any, rows: int) -> NDArray[np.float32]:
    expect_features(name, values, rows)
    plain: NDArray[np.float32] = values.detach().float().cpu().numpy()
    finite = bool(np.isfinite(plain).all())
    expect(finite, name, "nan or infinite", "finite numbers", "Look at the encoder for overflow.")
    return plain


def usable(device: str | torch.device) -> torch.device:
    """A device by its name.

    Raises:
        LearnerError: It is none, or not there.
    """
    said = ""
    try:
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError, NotImplementedError, TypeError) as error:
        said = str(error).splitlines()[0]
    expect(not said, "device", device, f"a device that torch can use ({said})", "Use cpu, or leave it out.")
    return torch.device(device)
