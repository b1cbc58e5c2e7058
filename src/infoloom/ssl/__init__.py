"""Self-supervised learning from several modalities: arrays in, features out. Learners never see exact values."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "History": "training",
    "Learner": "learner",
    "LearnerSettings": "settings",
    "Progress": "training",
    "REGISTRY": "registry",
    "Score": "probes.score",
    "Split": "probes.splits",
    "Stopping": "settings",
    "Table": "probes.score",
    "Training": "settings",
    "build": "registry",
    "features": "encoding",
    "features_of": "probes.frozen",
    "load": "state",
    "names": "registry",
    "probe": "probes.probe",
    "save": "state",
    "train": "training",
    "with_fused": "learner",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
