"""Variables of words and classes: cells of scalar Gaussian variables between fixed bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.special

from infoloom.errors import SpecError
from infoloom.information.ceilings.labels import Label
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.spec.captions import shares
from infoloom.spec.model import Spec

__all__ = ["Cells", "Cut", "make_cells"]

Int64 = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True)
class Cut:
    """A scalar variable that is seen as a class only.

    Attributes:
        variable: Name of a target or factor.
        bounds: Where one class ends and the next begins, in the variable's unit, shape (V − 1,), ascending.
    """

    variable: str
    bounds: Array

    @property
    def classes(self) -> int:
        """Number of classes V."""
        return len(self.bounds) + 1

    @cached_property
    def edges(self) -> Array:
        """The bounds with both infinite ends, shape (V + 1,)."""
        return np.concatenate([[-np.inf], self.bounds, [np.inf]])

    def of(self, values: np.ndarray[Any, np.dtype[Any]]) -> Int64:
        """The class of every value, shape (n,)."""
        found: Int64 = np.searchsorted(self.bounds, values.astype(np.float64), side="right").astype(np.int64)
        return found


@dataclass(frozen=True)
class Cells:
    """A variable of the query language that takes finitely many values: a label, a word, or all words of a caption.

    Attributes:
        name: `cls`, `text[size]` or `text`.
        cuts: One for each word.
        modality: The modality whose latent rows hold the values, if it is a caption's.
        places: Components of that latent, one a cut.
    """

    name: str
    cuts: tuple[Cut, ...]
    modality: str = ""
    places: tuple[int, ...] = ()

    def of(self, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> Int64:
        """The classes of every row, shape (n, cuts).

        Args:
            rows: Values by name as `Story.sample` returns them: a label's classes, or a caption's latents.
        """
        if not self.modality:
            return np.asarray(rows[self.name], dtype=np.int64)[:, None]
        latent = rows[self.modality]
        return np.stack([cut.of(latent[:, k]) for cut, k in zip(self.cuts, self.places, strict=True)], axis=1)


def make_cells(spec: Spec, covariance: StructuredCovariance, labels: Sequence[Label]) -> dict[str, Cells]:
    """Every variable of classes of a story, by name.

    Args:
        spec: What was written.
        covariance: The joint law without interventions, whose deviations standardise factors.
        labels: The story's labels.

    Raises:
        SpecError: Words in a story that is not Gaussian.
    """
    made = {label.name: Cells(label.name, (Cut(label.target, label.bounds),)) for label in labels}
    problems = []
    for name, modality in spec.modalities.items():
        if modality.words is None:
            continue
        if not covariance.system.law.gaussian:
            problems.append(
                f"modalities.{name}.words: expected a Gaussian story, because words are cut at the quantiles of normal "
                "factors. Remove the caption, or use normal causes and linear equations."
            )
            continue
        factors = covariance.system.factors[name]
        slots = {slot: factors.index(f"{name}.{slot}") for slot in modality.words}
        slots = dict(sorted(slots.items(), key=lambda item: item[1]))
        cuts = []
        for slot in slots:
            rows = covariance.system.in_span[f"{name}.{slot}"]
            between = np.cumsum(shares(modality.words[slot]))[:-1]
            mean = float(covariance.system.law.mean.get(f"{name}.{slot}", np.zeros(1))[0])
            bounds = mean + float(np.linalg.norm(rows)) * scipy.special.ndtri(between)
            cuts.append(Cut(f"{name}.{slot}", bounds))
        made[name] = Cells(name, tuple(cuts), name, tuple(slots.values()))
        for cut, (slot, place) in zip(cuts, slots.items(), strict=True):
            made[f"{name}[{slot}]"] = Cells(f"{name}[{slot}]", (cut,), name, (place,))
    if problems:
        raise SpecError(problems)
    return made
