"""The optimal prediction of a target from what is observed, E[θ | x]: linear in the latents of a Gaussian law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infoloom.errors import QueryError
from infoloom.information.given import given_values, same_rows
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.triangle import independent

__all__ = ["predict", "prediction_weights"]


def prediction_weights(
    covariance: StructuredCovariance, target: str, given: Sequence[str]
) -> dict[str, Array]:
    """Weights of the best linear prediction, Σ_θS Σ_SS⁻¹, by name.

    Only the span counts: in the complement, latents are independent of every target.

    Args:
        covariance: The joint law.
        target: Name of a scalar.
        given: Names of what is observed.

    Returns:
        For each name a vector as long as the variable.

    Raises:
        QueryError: The target is not a scalar, stands on both sides, a name is unknown, or the law is not Gaussian.
    """
    covariance.blocks([target, *given])
    if not covariance.system.law.gaussian:
        raise QueryError(
            f"prediction of `{target}`: expected a story without a common scale. Remove the scale."
        )
    if target in covariance.system.complement or covariance.dim(target) != 1 or target in given or not given:
        raise QueryError(
            f"prediction of `{target}` from {', '.join(f'`{name}`' for name in given) or 'nothing'}: expected a "
            "scalar that is predicted from other variables."
        )
    parts = [covariance.system.in_span[name] for name in given]
    rows = np.concatenate(parts)
    kept = independent(rows, rows[:0])
    lengths = np.linalg.norm(rows[kept], axis=1)
    weights = np.zeros(len(rows))
    wanted = covariance.system.in_span[target][0]
    weights[kept] = np.linalg.lstsq((rows[kept] / lengths[:, None]).T, wanted, rcond=None)[0] / lengths
    split = np.split(weights, np.cumsum([len(part) for part in parts])[:-1])
    return {name: _spread(covariance, name, own) for name, own in zip(given, split, strict=True)}


def predict(
    covariance: StructuredCovariance,
    rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]],
    target: str,
    given: Sequence[str],
) -> Array:
    """E[target | given] of every row.

    Args:
        covariance: The joint law.
        rows: Values by name: scalars (n,), latents (n, d) before whitening.
        target: Name of a scalar.
        given: Names of what is observed.

    Returns:
        Shape (n,).

    Raises:
        QueryError: As `prediction_weights`, or values of a name are missing, of another shape or not finite.
    """
    found = prediction_weights(covariance, target, given)
    total, seen = np.full((), _mean(covariance, target)[0]), dict[str, np.ndarray[Any, np.dtype[Any]]]()
    for name, weights in found.items():
        seen[name] = given_values(rows, name, covariance.dim(name), f"prediction of `{target}`")
        same_rows(seen, name, f"prediction of `{target}`")
        shift = float(_spread(covariance, name, _mean(covariance, name)) @ weights)
        total = total + np.einsum("nd,d->n", seen[name], weights, dtype=np.float64) - shift
    return total


def _mean(covariance: StructuredCovariance, name: str) -> Array:
    """A variable's mean in the coordinates of the span."""
    rows = covariance.system.in_span[name]
    return np.asarray(covariance.system.law.mean.get(name, np.zeros(len(rows))))


def _spread(covariance: StructuredCovariance, name: str, weights: Array) -> Array:
    """Weights on all components from weights on coordinates in the span."""
    if name not in covariance.system.complement:
        return weights
    return np.asarray(weights @ covariance.system.group(name).basis)
