"""Estimators under every preparation, and which one each does best with: settings by name.

`infonce` is the estimator as published, `infonce@whiten` the same on whitened rows, started at their canonical
directions; `ksg@canonical` looks for neighbours along canonical directions only, found on the other half of the rows.
`TUNED` names the best preparation of each, found on problems and seeds that are in no published set, the same for all:
`python benchmarks/estimators/tuning.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from infoloom.errors import BenchmarkError
from infoloom.estimators.settings import Training

__all__ = ["PREPARATIONS", "TUNED", "VARIANTS", "names", "settings_of"]

#: As published, and what may be done to rows instead.
PREPARATIONS: Final = ("published", "whiten", "gaussianise", "canonical")
_MARK: Final = "@"
_BOUNDS: Final = ("infonce", "smile", "mine", "nwj")
_OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ksg": ("whiten", "gaussianise", "canonical"),
    "minde": ("whiten", "gaussianise"),
    "latent": ("whiten", "gaussianise"),
    "flow-based": ("whiten",),
    "difference-of-entropies": ("whiten",),
}


def names(method: str, how: str) -> str:
    """The name of a method under a preparation, the method's own where it is `published`."""
    return method if how == "published" else f"{method}{_MARK}{how}"


def _made() -> dict[str, tuple[str, Mapping[str, Any]]]:
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for method in _BOUNDS:
        # a separable critic may start where the correlations are
        found |= {
            names(method, how): (
                method,
                {"critic": "separable", "preparation": how, "start": "canonical"},
            )
            for how in ("whiten", "gaussianise")
        }
    for method, kinds in _OTHERS.items():
        found |= {names(method, how): (method, {"preparation": how}) for how in kinds}
    # the published training of 100,000 rows and more goes on far longer than the default, which stops early on few
    found[names("minde", "long")] = (
        "minde",
        {"training": Training(learning_rate=1e-3, epochs=1000, patience=150)},
    )
    return found


#: Variant → estimator and its settings.
VARIANTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = _made()

#: Method → the preparation with which it did best; `published` where nothing did better.
TUNED: Final[Mapping[str, str]] = {
    "ksg": "canonical",
    "infonce": "published",
    "smile": "published",
    "mine": "published",
    "nwj": "published",
    "minde": "whiten",
    "latent": "published",
    "flow-based": "published",
    "difference-of-entropies": "published",
}


def settings_of(variant: str) -> tuple[str, Mapping[str, Any]]:
    """The estimator of a variant and its settings.

    Raises:
        BenchmarkError: No such variant.
    """
    if variant not in VARIANTS:
        raise BenchmarkError(
            f"variant `{variant}`: expected one of {', '.join(VARIANTS)}. Choose one of them."
        )
    return VARIANTS[variant]
