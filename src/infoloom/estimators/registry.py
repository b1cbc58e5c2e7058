"""Estimators by name: our own, and those that installed packages offer."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from infoloom.errors import EstimatorError
from infoloom.estimators.settings import Training

__all__ = ["ACCEPTS", "ENTRY_POINTS", "REGISTRY", "accepted", "build", "names", "takers"]

ENTRY_POINTS = "infoloom.estimators"


def _construct(module: str, constructor: str, /, **settings: Any) -> Any:
    """Import a module of this package when its estimator is first asked for, and build it."""
    try:
        found = getattr(import_module(f"infoloom.estimators.{module}"), constructor)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise EstimatorError(
            f"`{constructor}` `without torch`: expected torch, because it trains a network. "
            "Install it with: pip install 'infoloom[torch]'."
        ) from error
    return found(**settings)


def _variational(objective: str, **settings: Any) -> Callable[..., Any]:
    return partial(_construct, "neural.variational", "VariationalEstimator", objective=objective, **settings)


#: A joint critic scores every pair of a batch, so its cost grows with the square of the batch.
_JOINT: Mapping[str, Any] = {"critic": "joint", "training": Training(batch=64)}

#: Name → constructor with the settings as keywords.
REGISTRY: Mapping[str, Callable[..., Any]] = {
    "gaussian": partial(_construct, "classical.gaussian", "GaussianEstimator"),
    "gaussianised": partial(_construct, "classical.gaussianised", "GaussianisedEstimator"),
    "ksg": partial(_construct, "classical.ksg", "KSGEstimator"),
    "ksg2": partial(_construct, "classical.ksg", "KSGEstimator", form=2),
    "histogram": partial(_construct, "classical.histogram", "HistogramEstimator"),
    "kernel": partial(_construct, "classical.kernel", "KernelEstimator"),
    "plug-in": partial(_construct, "classical.plug_in", "PlugInEstimator", corrected=False),
    "miller-madow": partial(_construct, "classical.plug_in", "PlugInEstimator"),
    "ross": partial(_construct, "classical.ross", "RossEstimator"),
    "gao": partial(_construct, "classical.gao", "GaoEstimator"),
    "mine": _variational("mine", **_JOINT),
    "dv": _variational("dv", **_JOINT),
    "nwj": _variational("nwj", **_JOINT),
    "js": _variational("js", **_JOINT),
    "smile": _variational("smile"),
    "infonce": _variational("infonce"),
    "infonce-anchor": _variational("infonce-anchor"),
    "gan-dime": _variational("gan-dime"),
    "hd-dime": _variational("hd-dime"),
    "difference-of-entropies": partial(_construct, "neural.difference_of_entropies", "DifferenceOfEntropies"),
    "flow-based": partial(_construct, "neural.flow_based", "FlowBasedEstimator"),
    "fmmi": partial(_construct, "neural.flow_matching", "FlowMatchingEstimator"),
    "minde": partial(_construct, "neural.minde", "MINDEEstimator"),
    "amortised": partial(_construct, "neural.amortised.estimator", "AmortisedEstimator"),
    "latent": partial(_construct, "neural.latent", "LatentEstimator"),
    "classifier": partial(_construct, "neural.classifier", "ClassifierEstimator"),
    "held-out": partial(_construct, "held_out_protocol", "HeldOutProtocol"),
}

_ANY: Final = ("continuous", "mixed", "discrete")

#: Name → the kinds of pairs that the estimator takes; only `continuous` where it is not named.
ACCEPTS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("gao", "mine", "dv", "nwj", "js", "smile", "infonce", "held-out"), _ANY),
    **dict.fromkeys(("infonce-anchor", "gan-dime", "hd-dime"), _ANY),
    "plug-in": ("discrete",),
    "miller-madow": ("discrete",),
    "ross": ("mixed",),
    "classifier": ("mixed", "discrete"),
}


def names() -> tuple[str, ...]:
    """Names that `build` knows, sorted: our own and those of entry points."""
    return tuple(sorted({*REGISTRY, *_offered()}))


def accepted(name: str) -> tuple[str, ...]:
    """The kinds of pairs that an estimator takes: of `continuous`, `mixed` and `discrete`.

    Args:
        name: A name from `names()`; an estimator of another package is built to be asked, and one that does not say
            is asked for everything.

    Raises:
        EstimatorError: If the name is unknown.

    Example:
        >>> accepted("ksg"), accepted("classifier")
        (('continuous',), ('mixed', 'discrete'))
    """
    if name in REGISTRY:
        return ACCEPTS.get(name, ("continuous",))
    kinds = getattr(build(name), "kinds", None)
    return tuple(kinds()) if callable(kinds) else _ANY


def takers(kind: str) -> tuple[str, ...]:
    """Names of our own estimators that take pairs of a kind, sorted.

    Example:
        >>> takers("mixed")[:2]
        ('classifier', 'dv')
    """
    return tuple(sorted(name for name in REGISTRY if kind in accepted(name)))


def build(name: str, **settings: Any) -> Any:
    """Build an estimator by name.

    Args:
        name: A name from `names()`; other packages add theirs as entry points of the group
            `infoloom.estimators`.
        settings: The settings of that estimator.

    Raises:
        EstimatorError: If the name is unknown or a setting is.

    Example:
        >>> build("ksg", neighbors=3).parameters()
        {'neighbors': 3, 'form': 1, 'standardise': True, 'preparation': 'none', 'seed': 0}
    """
    offered = _offered()
    if name not in REGISTRY and name not in offered:
        near = difflib.get_close_matches(name, names(), n=1)
        advice = f"Did you mean `{near[0]}`?" if near else "Choose one of them."
        raise EstimatorError(f"`estimator` `{name}`: expected one of {', '.join(names())}. {advice}")
    constructor = REGISTRY[name] if name in REGISTRY else offered[name].load()
    try:
        return constructor(**settings)
    except TypeError as error:
        raise EstimatorError(
            f"`{name}` `{', '.join(settings) or 'no settings'}`: expected settings of this estimator "
            f"({error}). Look at `build({name!r}).parameters()`."
        ) from error


def _offered() -> dict[str, EntryPoint]:
    """Estimators of installed packages by name."""
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}
