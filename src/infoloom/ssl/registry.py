"""Learners by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from infoloom.errors import LearnerError
from infoloom.plugins import load, offered

if TYPE_CHECKING:
    from infoloom.ssl.learner import Learner

__all__ = ["REGISTRY", "build", "names", "require_name"]

#: Name → module of `ssl/objectives` that offers its `Settings` and `learner`.
REGISTRY: Mapping[str, str] = {
    "clip": "contrastive.clip",
    "siglip": "contrastive.siglip",
    "symile": "contrastive.symile",
    "gram": "contrastive.gram",
    "vicreg": "redundancy.vicreg",
    "barlow": "redundancy.barlow",
    "comm": "contrastive.comm",
    "factorcl": "contrastive.factorcl",
    "jepa": "prediction.jepa",
    "masked": "prediction.masked",
    "mvae": "generative.mvae",
    "mmvae": "generative.mmvae",
    "mopoe": "generative.mopoe",
    "supervised": "baselines.supervised",
    "random": "baselines.random_encoder",
    "pixels": "baselines.pixels",
}


def names() -> tuple[str, ...]:
    """Names that `build` knows, sorted: our own and those of installed plug-ins."""
    return tuple(sorted({*REGISTRY, *offered("learners")}))


def require_name(objective: str) -> None:
    """Refuse a name that `build` does not know.

    Raises:
        LearnerError: With the nearest name.
    """
    if objective not in names():
        near = difflib.get_close_matches(objective, names(), n=1)
        advice = f"Did you mean `{near[0]}`?" if near else "Choose one of them."
        raise LearnerError(f"`objective` `{objective}`: expected one of {', '.join(names())}. {advice}")


def build(objective: str, shapes: Mapping[str, tuple[int, ...]], /, **settings: Any) -> Learner:
    """Build a learner by the name of its objective.

    Args:
        objective: A name from `names()`.
        shapes: Modality → shape of one row: (d,), (leads, samples) or (channels, height, width).
        settings: Of that objective; `seed` fixes the first weights.

    Raises:
        LearnerError: If the name or a setting is unknown, or a shape cannot be encoded.

    Example:
        >>> learner = build("clip", {"image": (1, 16, 16), "curve": (2, 64)}, features=32)
        >>> learner.objective, learner.settings.features
        ('clip', 32)
    """
    require_name(objective)
    module = _module(objective)
    known = [field.name for field in fields(module.Settings)]
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise LearnerError(
            f"`setting` `{', '.join(unknown)}` of `{objective}`: expected some of {', '.join(known)}. "
            "Leave it out."
        )
    learner: Learner = module.learner(shapes, module.Settings(**settings))
    return learner


def _module(objective: str) -> Any:
    """Import the module of an objective, or the plug-in with `Settings` and `learner`, when it is first asked for."""
    if objective not in REGISTRY:
        return load("learners", objective)
    try:
        return import_module(f"infoloom.ssl.objectives.{REGISTRY[objective]}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise LearnerError(
            f"`{objective}` `without torch`: expected torch, because a learner is a network. "
            "Install it with: pip install 'infoloom[torch]'."
        ) from error
