"""Variables of words and classes: cells of scalar Gaussian variables between fixed bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.special

from infoloom.errors import SpecError
from infoloom.information.beyond_gaussian.ceilings_special import quantiles
from infoloom.information.ceilings.labels import Label
from infoloom.information.given import given_values
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.graph import Graph
from infoloom.law.sources.distributions import atoms_of
from infoloom.spec.flows.captions import Words, shares
from infoloom.spec.flows.flow import flow_caption
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
        slots: Of a caption its slots in order: the place of a cut, or a categorical cause's name and its values.
    """

    name: str
    cuts: tuple[Cut, ...]
    modality: str = ""
    places: tuple[int, ...] = ()
    slots: tuple[int | tuple[str, tuple[float, ...]], ...] = ()

    def words(self, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> Int64:
        """Numbers of all words of a caption, chosen ones included, shape (n, slots).

        Args:
            rows: Values by name as `Story.sample` returns them.
        """
        cut = self.of(rows)
        columns = []
        for slot in self.slots:
            if isinstance(slot, int):
                columns.append(cut[:, slot])
            else:
                values = given_values(rows, slot[0], 1, f"words of `{self.modality}`")
                away = np.abs(values.astype(np.float64) - np.array(slot[1]))
                columns.append(away.argmin(axis=1).astype(np.int64))
        return np.stack(columns, axis=1)

    def of(self, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> Int64:
        """The classes of every row, shape (n, cuts).

        Args:
            rows: Values by name as `Story.sample` returns them: a label's classes, or a caption's latents.
        """
        if not self.modality:
            return np.asarray(rows[self.name], dtype=np.int64)[:, None]
        latent = rows[self.modality]
        if not self.cuts:
            return np.zeros((len(latent), 0), dtype=np.int64)
        return np.stack([cut.of(latent[:, k]) for cut, k in zip(self.cuts, self.places, strict=True)], axis=1)


def make_cells(
    spec: Spec, covariance: StructuredCovariance, labels: Sequence[Label], graph: Graph
) -> dict[str, Cells]:
    """Every variable of classes of a story, by name.

    Args:
        spec: What was written.
        covariance: The joint law without interventions, whose deviations standardise factors.
        labels: The story's labels.
        graph: Its graph.

    Raises:
        SpecError: Words in a story that is not Gaussian where its categories are known.
    """
    made = {label.name: Cells(label.name, (Cut(label.target, label.bounds),)) for label in labels}
    problems = []
    for name, modality in spec.modalities.items():
        if modality.words is None:
            continue
        law = covariance.system.law
        if law.scale is not None or not law.features.normal_given_categories:
            problems.append(
                f"modalities.{name}.words: expected a story of normal and categorical causes, its equations linear in "
                "the normal ones, because the information of words is known there only. Remove the caption, or use "
                "such causes and equations."
            )
            continue
        try:
            caption = flow_caption(modality.flow)
            said = () if caption is None else caption.slots
            made |= _of_caption(name, said, modality.words, covariance, graph)
        except SpecError as error:
            problems += [f"modalities.{name}.words: {one}" for one in error.problems]
    if problems:
        raise SpecError(problems)
    return made


def _of_caption(
    name: str,
    said: Sequence[str],
    words: Mapping[str, Words],
    covariance: StructuredCovariance,
    graph: Graph,
) -> dict[str, Cells]:
    """A caption and each of its words: cut from a factor, or chosen by a categorical cause."""
    chosen = {
        slot: (cause, atoms_of(graph.nodes[cause].distribution))
        for slot, cause in graph.nodes[name].chosen
        if slot
    }
    factors = covariance.system.factors[name]
    places = {slot: factors.index(f"{name}.{slot}") for slot in words if slot not in chosen}
    places = dict(sorted(places.items(), key=lambda item: item[1]))
    cuts = [_cut(f"{name}.{slot}", words[slot], covariance) for slot in places]
    order: dict[str, int | tuple[str, tuple[float, ...]]] = {slot: i for i, slot in enumerate(places)}
    slots = tuple((order | chosen)[slot] for slot in said)
    made = {name: Cells(name, tuple(cuts), name, tuple(places.values()), slots)}
    for cut, (slot, place) in zip(cuts, places.items(), strict=True):
        made[f"{name}[{slot}]"] = Cells(f"{name}[{slot}]", (cut,), name, (place,), (0,))
    for slot, one in chosen.items():
        made[f"{name}[{slot}]"] = Cells(f"{name}[{slot}]", (), name, (), (one,))
    return made


def _cut(factor: str, words: Words, covariance: StructuredCovariance) -> Cut:
    """Where a factor is cut so that its words have their probabilities."""
    between = np.cumsum(shares(words))[:-1]
    if any(one.discrete for one in covariance.system.law.features.distributions.values()):
        return Cut(factor, quantiles(covariance, factor, between))
    mean = float(covariance.system.law.mean.get(factor, np.zeros(1))[0])
    deviation = float(np.linalg.norm(covariance.system.in_span[factor]))
    return Cut(factor, mean + deviation * scipy.special.ndtri(between))
