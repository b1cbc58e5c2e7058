"""Partial information decomposition of a scalar Gaussian target by minimal mutual information (theory, section 10).

For a scalar Gaussian target every decomposition whose redundancy and unique information depend only on the pairwise
laws of the target with each source gives these values (Barrett 2015): the redundancy is the smaller information.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from infoloom.errors import QueryError
from infoloom.information.measures import mutual_information
from infoloom.law.covariance import StructuredCovariance

__all__ = ["Decomposition", "decompose"]


@dataclass(frozen=True)
class Decomposition:
    """Where the information about a target is, nats; the atoms of two modalities add up to the total.

    Attributes:
        target: The scalar target.
        modalities: Names of the sources.
        information: I(target; modality) by modality.
        total: I(target; all modalities).
        redundancy: What every modality has, min_i I(target; x_i).
        unique: What a modality has beyond the best of the others: of two modalities the unique information.
        synergy: What only all of them together have; beyond two modalities, what they have beyond the best one.

    With more than two modalities the atoms between redundancy and synergy form a lattice; `unique` is positive for
    the best modality only, and the total is max_i I(target; x_i) + synergy.
    """

    target: str
    modalities: tuple[str, ...]
    information: dict[str, float]
    total: float
    redundancy: float
    unique: dict[str, float]
    synergy: float

    @property
    def between(self) -> float:
        """What the two best modalities know and not all of them: the second largest I(target; x_i) − redundancy."""
        return sorted(self.information.values())[-2] - self.redundancy

    def to_json(self, unit: float = 1.0) -> dict[str, Any]:
        """As plain values, all but the target.

        Args:
            unit: Nats in the unit of information.
        """
        return {
            "modalities": list(self.modalities),
            "information": {name: value / unit for name, value in self.information.items()},
            "total": self.total / unit,
            "redundancy": self.redundancy / unit,
            "between": self.between / unit,
            "unique": {name: value / unit for name, value in self.unique.items()},
            "synergy": self.synergy / unit,
        }


def decompose(
    covariance: StructuredCovariance,
    target: str,
    modalities: Sequence[str],
    about: Callable[[Sequence[str]], float] | None = None,
    classes: bool = False,
) -> Decomposition:
    """Decompose the information that modalities have about a scalar target.

    redundancy = min_i I(θ; x_i); unique_i = max(0, I(θ; x_i) − max_{j≠i} I(θ; x_j)); synergy = I(θ; x_1, …, x_n) −
    max_i I(θ; x_i), which for two modalities is I(θ; x_1, x_2) − I(θ; x_1) − I(θ; x_2) + redundancy.

    Args:
        covariance: The joint law.
        target: Name of a scalar.
        modalities: Two or more names.
        about: I(target; modalities) by names, where it is not that of the joint law.
        classes: Whether the target is a class of a scalar: for two modalities the less informative one is a degraded
            copy of the other as to the scalar, and so as to its class.

    Raises:
        QueryError: A target that is a vector, a story that is not Gaussian, or fewer than two modalities.

    Source:
        Barrett, Phys. Rev. E 91, 052802 (2015), equations 18 to 21.
    """
    if not classes and covariance.dim(target) != 1:
        raise QueryError(
            f"decomposition of `{target}`: expected a scalar, because for {covariance.dim(target)} components minimal "
            "mutual information is not the decomposition and no closed form is known. Name one component."
        )
    if not covariance.system.law.gaussian:
        raise QueryError(
            f"decomposition of `{target}`: expected a Gaussian story, because minimal mutual information is the "
            "decomposition there only. Use normal causes and linear equations."
        )
    if len(modalities) < 2:
        raise QueryError(
            f"decomposition of `{target}`: expected two or more modalities, got {len(modalities)}. One has all."
        )
    twice = next((name for name in modalities if list(modalities).count(name) > 1), None)
    if twice is not None:
        raise QueryError(f"decomposition of `{target}`: `{twice}` stands twice. Name every modality once.")
    told = about or (lambda names: mutual_information(covariance, [target], list(names)))
    values = {name: told([name]) for name in modalities}
    total = told(modalities)
    best = max(values.values())
    unique = {
        name: max(0.0, value - max(v for other, v in values.items() if other != name))
        for name, value in values.items()
    }
    return Decomposition(target, tuple(modalities), values, total, min(values.values()), unique, total - best)
