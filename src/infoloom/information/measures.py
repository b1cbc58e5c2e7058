"""Information measures of jointly Gaussian variables, in nats (theory, section 3).

Every function takes the covariance, tuples of names, and optionally names to condition on. Values are exact
up to rounding: they are sums of log-determinants, nothing is clipped or regularised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from infoloom.errors import DegenerateError, InfiniteInformationError, QueryError
from infoloom.law.covariance import Block, StructuredCovariance
from infoloom.law.triangle import Numbers

__all__ = [
    "co_information",
    "dual_total_correlation",
    "entropy",
    "mutual_information",
    "o_information",
    "total_correlation",
]

Names = Sequence[str]


def entropy(covariance: StructuredCovariance, a: Names, given: Names = ()) -> float:
    """Differential entropy of latents, H(a | given) = ½ log det Σ(a | given) + ½ dim log 2πe.

    Returns:
        Entropy in nats; it may be negative.

    Raises:
        DegenerateError: The variables are tied by a deterministic relation, so the entropy is −∞.
    """
    _refuse_other_laws(covariance)
    dim = sum(covariance.dim(name) for name in a)
    blocks = covariance.blocks([*given, *a])
    volume = sum(block.copies * _conditional_volume(covariance, block, given) for block in blocks)
    return volume + 0.5 * dim * math.log(2.0 * math.pi * math.e)


def mutual_information(covariance: StructuredCovariance, a: Names, b: Names, given: Names = ()) -> float:
    """Mutual information I(a; b | given) ≥ 0.

    Returns:
        Information in nats.

    Raises:
        InfiniteInformationError: Given `given`, a part of `b` is a function of `a`.
    """
    _refuse_other_laws(covariance)
    try:
        joint = covariance.volumes([*a, *b, *given])
        one, other = covariance.volumes([*a, *given]), covariance.volumes([*b, *given])
        base = covariance.volumes(given)
        return sum(
            covariance.copies(block)
            * (one.get(block, 0.0) + other.get(block, 0.0) - volume - base.get(block, 0.0))
            for block, volume in joint.items()
        )
    except DegenerateError:
        return sum(
            block.copies * _degenerate_information(covariance, block, given, a)
            for block in covariance.blocks([*given, *a, *b])
        )


def co_information(covariance: StructuredCovariance, parts: Sequence[Names], given: Names = ()) -> float:
    """Co-information of two or more parts, I(x; y; z) = I(x; y) − I(x; y | z).

    Positive where redundancy dominates, negative where synergy does; for two parts the mutual information.

    Returns:
        Co-information in nats.
    """
    if len(parts) == 2:
        return mutual_information(covariance, parts[0], parts[1], given)
    *rest, last = parts
    return co_information(covariance, rest, given) - co_information(covariance, rest, [*given, *last])


def total_correlation(covariance: StructuredCovariance, parts: Sequence[Names], given: Names = ()) -> float:
    """Total correlation, TC = Σ H(part | given) − H(all | given) ≥ 0 (Watanabe 1960).

    Returns:
        Total correlation in nats; a chain of mutual informations, so shared entropies never cancel.
    """
    return sum(
        mutual_information(covariance, [n for part in parts[:i] for n in part], parts[i], given)
        for i in range(1, len(parts))
    )


def dual_total_correlation(
    covariance: StructuredCovariance, parts: Sequence[Names], given: Names = ()
) -> float:
    """Dual total correlation, DTC = H(all | given) − Σ H(part | the others, given) ≥ 0 (Han 1978).

    Returns:
        Dual total correlation in nats: Σ_i I(part_i; parts before i | parts after i, given).
    """

    def names(chosen: Sequence[Names]) -> list[str]:
        return [n for part in chosen for n in part]

    return sum(
        mutual_information(covariance, parts[i], names(parts[:i]), [*given, *names(parts[i + 1 :])])
        for i in range(1, len(parts))
    )


def o_information(covariance: StructuredCovariance, parts: Sequence[Names], given: Names = ()) -> float:
    """O-information, Ω = TC − DTC (Rosas et al. 2019): positive for redundancy, negative for synergy.

    Returns:
        O-information in nats.
    """
    return total_correlation(covariance, parts, given) - dual_total_correlation(covariance, parts, given)


def _conditional_volume(covariance: StructuredCovariance, block: Block, given: Names) -> float:
    """½ log det Σ(rest | given) in one block; what repeats within `given` counts once."""
    in_given = np.isin(block.owners, list(given))
    base = covariance.independent(block, np.flatnonzero(in_given), np.arange(0))
    joint = np.concatenate([base, np.flatnonzero(~in_given)])
    return _volume(covariance, block, joint) - _volume(covariance, block, base)


def _degenerate_information(covariance: StructuredCovariance, block: Block, given: Names, a: Names) -> float:
    """I(a; b | given) in one block where some variables are functions of others.

    What `given` determines carries no further information; what repeats inside one side counts once. After
    both are left out, a singular joint law means that one side determines part of the other.
    """
    owners = np.array(block.owners)
    in_given, in_a = np.isin(owners, list(given)), np.isin(owners, list(a))
    none = np.arange(0)
    base = covariance.independent(block, np.flatnonzero(in_given), none)
    left = covariance.independent(block, np.flatnonzero(in_a), base)
    right = covariance.independent(block, np.flatnonzero(~in_given & ~in_a), base)
    try:
        whole = _volume(covariance, block, np.concatenate([base, left, right]))
    except DegenerateError as error:
        raise InfiniteInformationError(f"the information is infinite: {error}") from None
    one, other = (_volume(covariance, block, np.concatenate([base, side])) for side in (left, right))
    return one + other - whole - _volume(covariance, block, base)


def _volume(covariance: StructuredCovariance, block: Block, numbers: Numbers) -> float:
    """½ log det of some rows of a block."""
    try:
        return covariance.volume(block, numbers)
    except DegenerateError:
        rows = block.rows[numbers]
        owners = tuple(block.owners[i] for i in numbers)
        raise DegenerateError(covariance.explain(Block(rows, owners, block.copies, block.group))) from None


def _refuse_other_laws(covariance: StructuredCovariance) -> None:
    if not covariance.system.law.gaussian:
        raise QueryError(
            "information: expected Gaussian causes and linear equations, because only they have this closed form. "
            'Ask the story itself, `story.quantity("I(a; b)")`.'
        )
