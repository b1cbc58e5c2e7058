"""Estimators of mutual information from paired rows; they see arrays only, never the truth."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "ACCEPTS": "registry",
    "AmortisedEstimator": "neural.amortised.estimator",
    "ArrayEstimator": "base",
    "CallableEstimator": "third_party.wrapping",
    "ClassifierEstimator": "neural.classifier",
    "Estimate": "protocol",
    "Estimator": "protocol",
    "GaoEstimator": "classical.gao",
    "GaussianEstimator": "classical.gaussian",
    "GaussianisedEstimator": "classical.gaussianised",
    "DifferenceOfEntropies": "neural.difference_of_entropies",
    "FlowBasedEstimator": "neural.flow_based",
    "FlowMatchingEstimator": "neural.flow_matching",
    "HeldOutProtocol": "held_out_protocol",
    "HistogramEstimator": "classical.histogram",
    "KSGEstimator": "classical.ksg",
    "KernelEstimator": "classical.kernel",
    "LatentEstimator": "neural.latent",
    "MINDEEstimator": "neural.minde",
    "PackageEstimator": "third_party.adapters",
    "PlugInEstimator": "classical.plug_in",
    "REGISTRY": "registry",
    "RossEstimator": "classical.ross",
    "SubprocessEstimator": "third_party.wrapping",
    "Task": "protocol",
    "VariationalEstimator": "neural.variational",
    "accepted": "registry",
    "as_estimator": "third_party.wrapping",
    "Training": "settings",
    "build": "registry",
    "names": "registry",
    "program": "third_party.adapters",
    "takers": "registry",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
