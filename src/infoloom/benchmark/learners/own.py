"""Learners and encoders of one's own: a file of Python that is named on the command line, and a function in it."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from infoloom.benchmark.learners.beside import check_found, digest, importable
from infoloom.errors import BenchmarkError

if TYPE_CHECKING:
    from torch import Tensor

    from infoloom.ssl.learner import Learner

__all__ = ["label", "make_learner", "maker", "named", "own_encoders", "with_files_beside"]

Shapes = Mapping[str, tuple[int, ...]]


def maker(where: str) -> Callable[..., Any]:
    """The function that `FILE.py:name` names; the file is run once.

    Args:
        where: Path of a file of Python, a colon, and the name of a function in it.

    Raises:
        BenchmarkError: No such file or function, or a file that does not run.
    """
    file, name = _parts(where)
    found = getattr(_module(file, where), name, None)
    if not callable(found):
        raise BenchmarkError(
            f"`{where}`: expected a function `{name}` in `{file}`. Define it, or name another."
        )
    function: Callable[..., Any] = found
    return function


def label(where: str) -> str:
    """What a run of it is called, `mine:make@1a2b3c4d`: the file without its folder, the function, a digest.

    The digest is of the file and of those of its own folder that it imports, so results of an edited file, or of
    another file, are not taken for its own.

    Raises:
        BenchmarkError: No such file.
    """
    file, name = _parts(where)
    return f"{file.stem}:{name}@{digest(file)[:8]}"


def named(objective: str, encoder_file: str | None) -> str:
    """What results call a learner: with encoders of one's own it is another one."""
    return objective if encoder_file is None else f"{objective} with {label(encoder_file)}"


@contextmanager
def with_files_beside(*where: str | None) -> Iterator[None]:
    """Let files of learners and encoders, where there are some, import what lies beside them while they are used.

    Args:
        where: As `maker` takes it.

    Raises:
        BenchmarkError: No such file.
    """
    with ExitStack() as stack:
        for one in where:
            if one is not None:
                stack.enter_context(importable(_parts(one)[0]))
        yield


def make_learner(where: str, shapes: Shapes, seed: int) -> Learner:
    """What `make(shapes, seed)` of a file returns.

    Args:
        where: As `maker` takes it.
        shapes: Modality → shape of one row.
        seed: Of the first weights: torch's global generator starts from it.

    Raises:
        BenchmarkError: It is no `infoloom.ssl.Learner`, or not of these modalities.
    """
    from infoloom.ssl.learner import Learner
    from infoloom.ssl.models.encoders import first_weights

    with first_weights(seed):
        learner = _called(where, maker(where), dict(shapes), seed)
    if not isinstance(learner, Learner):
        raise BenchmarkError(
            f"`{where}`: expected an `infoloom.ssl.Learner`, got `{type(learner).__name__}`. Subclass it: `loss` and "
            "`encode` are all it needs. The page on learners prints one."
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
        BenchmarkError: The learner has no such encoders, or theirs are no modules or give other features.
    """
    from torch import nn

    from infoloom.ssl.models.encoders import first_weights

    there = getattr(learner, "encoders", None)
    if not isinstance(there, nn.ModuleList) or len(there) != len(learner.shapes):
        raise BenchmarkError(
            f"`{where}`: expected an objective with an encoder a modality, got `{learner.objective}`. Choose another, "
            "or give your learner `encoders`, a `torch.nn.ModuleList` in the order of its shapes."
        )
    make, features = maker(where), _outputs(learner)
    with first_weights(learner.settings.seed):
        own = [_called(where, make, shape, features) for shape in learner.shapes.values()]
        for (name, shape), encoder in zip(learner.shapes.items(), own, strict=True):
            if not isinstance(encoder, nn.Module):
                raise BenchmarkError(
                    f"`{where}`: expected a `torch.nn.Module`, got `{type(encoder).__name__}` for `{name}`. Return one."
                )
            found = _called(where, _of_zeros, encoder, shape)
            if getattr(found, "shape", None) != (2, features):
                got = tuple(found.shape) if hasattr(found, "shape") else f"`{type(found).__name__}`"
                raise BenchmarkError(
                    f"`{where}`: expected features of shape (rows, {features}) of `{name}`, got {got}. Change the last "
                    "layer."
                )
    learner.take_encoders(nn.ModuleList(own))
    return learner.train()


def _of_zeros(encoder: Callable[[Tensor], Any], shape: tuple[int, ...]) -> Any:
    """What a module says of two rows of zeros; one whose weights wait for the first rows has them afterwards."""
    import torch

    with torch.no_grad():
        return encoder.eval()(torch.zeros(2, *shape))  # type: ignore[attr-defined]


def _outputs(learner: Learner) -> int:
    """Values that each encoder gives; those of autoencoders give a mean and a variance of each feature."""
    from infoloom.ssl.models.autoencoder import MultimodalAutoencoder

    return learner.settings.features * (2 if isinstance(learner, MultimodalAutoencoder) else 1)


def _parts(where: str) -> tuple[Path, str]:
    """The file and the name of the function."""
    path, _, name = where.rpartition(":")
    file = Path(path)
    if not path or file.suffix != ".py" or not file.is_file():
        raise BenchmarkError(
            f"`{where}`: expected FILE.py:NAME, a file that exists and a function in it. Name one."
        )
    return file, name


def _module(file: Path, where: str) -> ModuleType:
    """The module of a file; Python knows it by name while it runs, because dataclasses look there."""
    content = f"{file.resolve()}\n{digest(file)}".encode()
    name = f"_own_{file.stem}_{hashlib.sha256(content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise BenchmarkError(f"`{where}`: expected a file of Python. Name another.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with importable(file):
            _called(where, spec.loader.exec_module, module)
            check_found(file, where)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _called(where: str, function: Callable[..., Any], *given: Any) -> Any:
    """What a stranger's function returns; what it raises is said with its place in the file.

    Raises:
        BenchmarkError: It raised something.
    """
    file, _ = _parts(where)
    try:
        with importable(file):
            return function(*given)
    except Exception as error:  # a stranger's file may raise anything
        frames = traceback.extract_tb(error.__traceback__)
        lines = [at.lineno for at in frames if Path(at.filename).resolve() == file.resolve()]
        place = f" in line {lines[-1]}" if lines else ""
        raise BenchmarkError(
            f"`{where}`: expected code that runs, got {type(error).__name__}{place}: {error}. Repair it."
        ) from error
