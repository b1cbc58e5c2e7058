"""Learners and encoders of one's own: a file of Python that is named on the command line, and a function in it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infoloom.errors import BenchmarkError

if TYPE_CHECKING:
    from infoloom.ssl.learner import Learner

__all__ = ["label", "make_learner", "maker", "own_encoders"]

Shapes = Mapping[str, tuple[int, ...]]


def maker(where: str) -> Callable[..., Any]:
    """The function that `FILE.py:name` names; the file is run.

    Args:
        where: Path of a file of Python, a colon, and the name of a function in it.

    Raises:
        BenchmarkError: No such file or function.
    """
    path, _, name = where.rpartition(":")
    file = Path(path)
    if not path or file.suffix != ".py" or not file.is_file():
        raise BenchmarkError(f"`{where}`: expected FILE.py:NAME, a file that exists and a function in it.")
    spec = importlib.util.spec_from_file_location(f"_own_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise BenchmarkError(f"`{where}`: expected a file of Python. Name another.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if not callable(found):
        raise BenchmarkError(
            f"`{where}`: expected a function `{name}` in `{path}`. Define it, or name another."
        )
    function: Callable[..., Any] = found
    return function


def label(where: str) -> str:
    """What a run of it is called: the file without its folder, and the function.

    Example:
        >>> label("work/mine.py:make")
        'mine:make'
    """
    path, _, name = where.rpartition(":")
    return f"{Path(path).stem}:{name}"


def make_learner(where: str, shapes: Shapes, seed: int) -> Learner:
    """What `make(shapes, seed)` of a file returns.

    Args:
        where: As `maker` takes it.
        shapes: Modality → shape of one row.
        seed: Of the first weights.

    Raises:
        BenchmarkError: It is no `infoloom.ssl.Learner`, or not of these modalities.
    """
    from infoloom.ssl.learner import Learner

    learner = maker(where)(dict(shapes), seed)
    if not isinstance(learner, Learner):
        raise BenchmarkError(
            f"`{where}`: expected an `infoloom.ssl.Learner`, got `{type(learner).__name__}`. Subclass it: `loss` and "
            "`encode` are all it needs."
        )
    if dict(learner.shapes) != dict(shapes):
        raise BenchmarkError(
            f"`{where}`: expected a learner of {dict(shapes)}, got {dict(learner.shapes)}. Use the shapes it is given."
        )
    return learner


def own_encoders(learner: Learner, where: str) -> Learner:
    """The same learner with encoders that `make(shape, features)` of a file returns, one a modality.

    Args:
        learner: One with an encoder a modality; heads and losses stay as they are.
        where: As `maker` takes it.

    Raises:
        BenchmarkError: The learner has no such encoders, or theirs give other features.
    """
    import torch
    from torch import nn

    from infoloom.ssl.models.encoders import first_weights

    if not isinstance(getattr(learner, "encoders", None), nn.ModuleList):
        raise BenchmarkError(
            f"`{where}`: expected an objective with an encoder a modality, got `{learner.objective}`. Choose another."
        )
    make, features = maker(where), _outputs(learner)
    with first_weights(learner.settings.seed):
        own = [make(shape, features) for shape in learner.shapes.values()]
    for (name, shape), encoder in zip(learner.shapes.items(), own, strict=True):
        with torch.no_grad():
            found = tuple(encoder.eval()(torch.zeros(2, *shape)).shape)
        if found != (2, features):
            raise BenchmarkError(
                f"`{where}`: expected features of shape (rows, {features}) of `{name}`, got {found}. Change the last "
                "layer."
            )
    learner.encoders = nn.ModuleList(own)
    return learner.train()


def _outputs(learner: Learner) -> int:
    """Values that each encoder gives; those of autoencoders give a mean and a variance of each feature."""
    from infoloom.ssl.models.autoencoder import MultimodalAutoencoder

    return learner.settings.features * (2 if isinstance(learner, MultimodalAutoencoder) else 1)
