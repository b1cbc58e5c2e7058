"""Warnings about problems of the story, each with a number and a remedy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from infoloom.law.covariance import StructuredCovariance, Whitener
from infoloom.law.equations import Array
from infoloom.law.triangle import triangle

__all__ = ["Finding", "collapse", "condition", "diagnose", "flow_input"]

ILL: Final = 1e8
SMALL: Final = 1e-4
FEW: Final = 0.005
SHARE: Final = 0.9
OFF: Final = 0.05
KURTOSIS_SIGMAS: Final = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What was looked at: `condition`, `smallest spread`, `components`, `effective rank`, `flow input` or
            `kurtosis`.
        subject: The modality, or all of them.
        value: The number.
        healthy: Whether it is as it should be.
        detail: The number in words.
        remedy: What to do if it is not.
    """

    name: str
    subject: str
    value: float
    healthy: bool
    detail: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        return {
            "name": self.name,
            "subject": self.subject,
            "value": self.value,
            "healthy": self.healthy,
            "detail": self.detail,
            "remedy": self.remedy,
        }


def diagnose(
    covariance: StructuredCovariance, whiteners: Mapping[str, Whitener], rows: Mapping[str, Array]
) -> tuple[Finding, ...]:
    """Look at every modality, and at all of them together.

    Args:
        covariance: Second moments of all variables.
        whiteners: Of every modality that is not held.
        rows: Some rows of their latents if the story is not Gaussian, else none.
    """
    findings: list[Finding] = []
    for name, whitener in whiteners.items():
        findings += _spreads(covariance, name)
        findings += _collapse(covariance, name)
        findings += _input(covariance, name, whitener)
        findings += _kurtosis(name, whitener, rows)
    if len(whiteners) > 1:
        findings.append(_joint(covariance, list(whiteners)))
    return tuple(findings)


def condition(
    covariance: StructuredCovariance, names: list[str], *, correlations: bool = False
) -> tuple[float, float]:
    """Condition number of the joint covariance of some variables, and their smallest standard deviation.

    Args:
        covariance: Second moments.
        names: The variables.
        correlations: Give every coordinate variance 1 first, so that sizes do not matter.
    """
    largest, smallest = 0.0, math.inf
    for block in covariance.blocks(names):
        lengths = np.linalg.norm(block.rows, axis=1, keepdims=True)
        rows = block.rows / np.where(lengths > 0.0, lengths, 1.0) if correlations else block.rows
        spread = np.linalg.svd(rows, compute_uv=False)
        largest = max(largest, float(spread[0]))
        smallest = min(smallest, float(spread[-1]) if len(rows) <= rows.shape[1] else 0.0)
    return (largest / smallest) ** 2 if smallest > 0.0 else math.inf, smallest


def collapse(covariance: StructuredCovariance, name: str) -> tuple[int, float, int]:
    """How a modality's information about the causes is spread.

    With S the signal from the scalar causes after whitening by everything else in the modality, the share of a
    component is its part of ‖S‖², and a direction with eigenvalue λ of SᵀS carries ½ log(1 + λ).

    Returns:
        Components that carry 90 % of the signal to noise, effective number of directions, and number of causes.
    """
    system = covariance.system
    rows = system.in_span[name]
    scalars = len(system.scalars)
    signal, rest = rows[:, :scalars], rows[:, scalars:]
    found = triangle(rest)
    if found.singular or not len(rows):
        return 0, 0.0, 0
    values, vectors = np.linalg.eigh(rest @ rest.T)
    seen = (vectors / np.sqrt(values)) @ vectors.T @ signal
    power = np.linalg.svd(seen, compute_uv=False) ** 2
    nats = 0.5 * np.log1p(power)
    causes = _causes(covariance, name)
    if not nats.sum() > 0.0:
        return 0, 0.0, causes
    share = nats[nats > 0] / nats.sum()
    spread: Array = system.group(name).basis.T @ seen
    parts = np.sort(np.sum(spread**2, axis=1))[::-1]
    count = int(np.searchsorted(np.cumsum(parts), SHARE * parts.sum()) + 1)
    return count, float(np.exp(-(share @ np.log(share)))), causes


def _causes(covariance: StructuredCovariance, name: str) -> int:
    """How many scalar causes a modality sees, alone or in functions of them."""
    system = covariance.system
    drawn = system.law.drawn.get(name, system.in_span[name])[:, : len(system.scalars)]
    features = dict(zip(system.law.columns, system.law.features.features, strict=True))
    seen: set[str] = set()
    for column in np.flatnonzero(np.any(drawn != 0.0, axis=0)).tolist():
        seen.update(features[column].causes if column in features else (system.scalars[column],))
    return len(seen)


def flow_input(covariance: StructuredCovariance, name: str, whitener: Whitener) -> tuple[float, float]:
    """Mean square of a component of a flow's input, and its covariance's largest eigenvalue: 1 and 1 for N(0, I).

    Of named factors the largest variance stands for the eigenvalue.
    """
    system = covariance.system
    group = system.group(name)
    spread = float(np.linalg.norm(system.complement[name][1])) * whitener.complement if group.copies else 0.0
    lift = (
        group.basis @ whitener.basis.T
    )  # the whitener's basis may be that of the story before an intervention
    inside = (
        whitener.complement * np.eye(group.rank)
        + lift @ (whitener.in_span - whitener.complement * np.eye(len(whitener.basis))) @ lift.T
    )
    rows = inside @ system.in_span[name]
    mean = system.law.mean.get(name, np.zeros(group.rank))
    centre = np.zeros(group.rank) if whitener.centre is None else lift @ whitener.centre
    square = (
        float(np.sum(rows**2)) + group.copies * spread**2 + float(np.sum((inside @ (mean - centre)) ** 2))
    )
    if name in system.factors:  # standardised each on its own: what counts is the variance of each
        return square / group.dim, float(np.max(np.sum(rows**2, axis=1)))
    largest = float(np.linalg.norm(rows, 2)) ** 2 if rows.size else 0.0
    return square / group.dim, max(largest, spread**2)


def _spreads(covariance: StructuredCovariance, name: str) -> Iterator[Finding]:
    worst, smallest = condition(covariance, [name])
    yield Finding(
        "condition",
        name,
        worst,
        worst < ILL,
        f"condition number {worst:.3g} of the covariance of `{name}`",
        f"Raise the noise of `{name}`, or lower the weights of its causes.",
    )
    size = math.sqrt(
        sum(b.copies * float(np.sum(b.rows**2)) for b in covariance.blocks([name])) / covariance.dim(name)
    )
    yield Finding(
        "smallest spread",
        name,
        smallest,
        smallest > SMALL * size,
        f"smallest standard deviation {smallest:.3g} of a direction of `{name}`, whose components have {size:.3g}",
        f"Add noise to `{name}`, such as `+ {0.1 * size:.2g}*noise`.",
    )


def _collapse(covariance: StructuredCovariance, name: str) -> Iterator[Finding]:
    components, rank, causes = collapse(covariance, name)
    dim = covariance.dim(name)
    if (
        not components or name in covariance.system.factors
    ):  # a cause of one factor is what a person asked for
        return
    yield Finding(
        "components",
        name,
        float(components),
        components >= min(dim, max(2.0, FEW * dim)),
        f"{components} of {dim} components of `{name}` carry 90 % of its signal about the causes",
        "Spread the causes with wider templates, or put `rotation` or a trained flow behind them.",
    )
    if causes > 1:
        yield Finding(
            "effective rank",
            name,
            rank,
            rank >= 0.5 * min(causes, dim),
            f"{rank:.2f} directions of `{name}` carry its information about {causes} causes",
            "Give the causes templates that differ, or weights of like size.",
        )


def _input(covariance: StructuredCovariance, name: str, whitener: Whitener) -> Iterator[Finding]:
    square, largest = flow_input(covariance, name, whitener)
    chance = 3.0 * math.sqrt(2.0 / covariance.dim(name))
    yield Finding(
        "flow input",
        name,
        largest,
        abs(square - 1.0) <= max(chance, OFF) and largest <= 1.0 + OFF,
        f"input of the flow of `{name}`: mean square {square:.3g} a component, largest eigenvalue {largest:.3g} "
        f"(whitening: {whitener.kind}); trained flows expect 1 and 1",
        "Use `whitening: whiten`. Under an intervention this shows how far the flow's input is from its training.",
    )


def _kurtosis(name: str, whitener: Whitener, rows: Mapping[str, Array]) -> Iterator[Finding]:
    if name not in rows or not len(whitener.basis):
        return
    inside = rows[name].astype(np.float64) @ whitener.basis.T
    inside = (inside - (0.0 if whitener.centre is None else whitener.centre)) @ whitener.in_span
    values, axes = np.linalg.eigh(inside.T @ inside / len(inside))
    turned = inside @ axes / np.sqrt(values)
    extreme = max((float(k) for k in (turned**4).mean(axis=0) - 3.0), key=abs)
    error = math.sqrt(24.0 / len(inside))
    yield Finding(
        "kurtosis",
        name,
        extreme,
        abs(extreme) <= KURTOSIS_SIGMAS * error,
        f"excess kurtosis {extreme:+.2f} ± {error:.2f} of the flow's input of `{name}` along its templates; "
        "0 is Gaussian",
        "Lower the weights of causes that are not normal, or accept that observations look less real.",
    )


def _joint(covariance: StructuredCovariance, names: list[str]) -> Finding:
    worst, _ = condition(covariance, names, correlations=True)
    return Finding(
        "condition",
        "all modalities",
        worst,
        worst < ILL,
        f"condition number {worst:.3g} of the joint correlations of all modalities",
        "Modalities nearly determine each other: add noise to one of them.",
    )
