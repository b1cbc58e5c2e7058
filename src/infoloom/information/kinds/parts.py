"""A story by the categories of its causes: given all of them it is one Gaussian law for each combination."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from infoloom.errors import SpecError
from infoloom.information.given import given_categories
from infoloom.information.words.cells import Cells
from infoloom.information.words.mixed import Mixed
from infoloom.law.choices import FLOW, categories
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.graph import Graph
from infoloom.law.interventions import cut
from infoloom.law.sources.distributions import make_distribution
from infoloom.spec.flows.flow import parse_flow
from infoloom.spec.model import Spec

__all__ = ["Kind", "Member", "Part", "Split", "make_split"]

MAX_PARTS: Final = 512
Rows = Mapping[str, np.ndarray[Any, np.dtype[Any]]]


@dataclass(frozen=True)
class Kind:
    """A scalar categorical cause.

    Attributes:
        atoms: Its values by category, ascending.
        coupled: Whether an equation has it: if none, it tells by what it chooses only.
    """

    name: str
    atoms: tuple[float, ...]
    coupled: bool

    @property
    def entropy(self) -> float:
        """log of the number of categories, nats."""
        return math.log(len(self.atoms))

    def of(self, values: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The category of every value, shape (n,).

        Raises:
            QueryError: A value that is none of its values.
        """
        return given_categories(self.name, values, np.array(self.atoms))


@dataclass(frozen=True)
class Member:
    """What a variable of the query language consists of.

    Attributes:
        kinds: Categorical causes that it shows.
        rest: Variables beside them, whose law is that of a part.
        lossy: Whether its observation tells less than these: a trained flow whose class is chosen.
    """

    kinds: frozenset[str] = frozenset()
    rest: tuple[str, ...] = ()
    lossy: bool = False


@dataclass(frozen=True)
class Part:
    """The story given one combination of categories.

    Attributes:
        probability: Of the combination.
        categories: Number of the category by coupled cause.
        covariance: The law of everything else.
        mixed: The same with its words and labels.
    """

    probability: float
    categories: Mapping[str, int]
    covariance: StructuredCovariance
    mixed: Mixed


@dataclass(frozen=True)
class Split:
    """All parts of a story.

    Attributes:
        kinds: Its scalar categorical causes.
        parts: One for each combination of the coupled ones.
        members: By name what every variable consists of that is not just itself.
    """

    kinds: Mapping[str, Kind]
    parts: tuple[Part, ...]
    members: Mapping[str, Member]

    @property
    def coupled(self) -> frozenset[str]:
        """Names of the causes that an equation has."""
        return frozenset(name for name, kind in self.kinds.items() if kind.coupled)

    @property
    def gaussian(self) -> bool:
        """Whether every part is Gaussian."""
        return all(part.covariance.system.law.gaussian for part in self.parts)

    def member(self, name: str) -> Member:
        """What a variable consists of."""
        return self.members.get(name) or Member(rest=(name,))

    def taken_apart(self, names: Sequence[str] | frozenset[str]) -> tuple[frozenset[str], tuple[str, ...]]:
        """The categorical causes that some variables show, and the variables beside them, in their order."""
        members = [self.member(name) for name in names]
        kinds = frozenset().union(*(one.kinds for one in members))
        return kinds, tuple(dict.fromkeys(name for one in members for name in one.rest))

    def average(self, value: Callable[[Part], Array]) -> Array:
        """Σ probability · value over the parts."""
        return np.asarray(sum(part.probability * value(part) for part in self.parts))


def make_split(
    spec: Spec,
    graph: Graph,
    cells: Mapping[str, Cells],
    compose: Callable[[Spec, Graph], StructuredCovariance],
) -> Split:
    """Take a story apart by the categories of its causes.

    Args:
        spec: What was written.
        graph: Its graph.
        cells: Its variables of words and classes, cut in the whole story.
        compose: Makes the law of a graph.

    Raises:
        SpecError: Too many combinations, or a cause held at a value that is no category's.
    """
    named = {name: make_distribution(graph.nodes[name].distribution) for name in graph.names("cause")}
    used = {factor.name for node in graph.nodes.values() for edge in node.edges for factor in edge.factors}
    kinds = {
        name: Kind(name, tuple(distribution.atoms[0].tolist()), name in used)
        for name, distribution in named.items()
        if categories(spec.causes.get(name)) is not None and graph.nodes[name].held is None
    }
    coupled = [kind for kind in kinds.values() if kind.coupled]
    if math.prod(len(kind.atoms) for kind in coupled) > MAX_PARTS:
        raise SpecError(
            [
                f"causes: {' · '.join(f'`{kind.name}`' for kind in coupled)} have "
                f"{math.prod(len(kind.atoms) for kind in coupled):,} combinations of categories; expected at most "
                f"{MAX_PARTS} where words, labels or choices are asked for. Use fewer categories."
            ]
        )
    rest = {name: kind.atoms[0] for name, kind in kinds.items() if not kind.coupled}
    parts = []
    for numbers in product(*(range(len(kind.atoms)) for kind in coupled)):
        held = {kind.name: kind.atoms[k] for kind, k in zip(coupled, numbers, strict=True)}
        law = compose(spec, cut(graph, {**rest, **held}))
        where = {kind.name: k for kind, k in zip(coupled, numbers, strict=True)}
        probability = math.prod(1.0 / len(kind.atoms) for kind in coupled)
        parts.append(Part(probability, where, law, Mixed(law, cells)))
    return Split(kinds, tuple(parts), _members(spec, graph, kinds, cells))


def _members(
    spec: Spec, graph: Graph, kinds: Mapping[str, Kind], cells: Mapping[str, Cells]
) -> dict[str, Member]:
    found = {name: Member(frozenset([name])) for name in kinds}
    for name, modality in spec.modalities.items():
        node = graph.nodes[name]
        chosen = frozenset(cause for _, cause in node.chosen if cause in kinds)
        if node.held is not None:
            continue
        silent = name in cells and not cells[name].cuts
        lossy = any(slot == FLOW for slot, _ in node.chosen) and _trained(modality.flow)
        if node.chosen:
            found[name] = Member(chosen, () if silent else (name,), lossy)
        for slot, cause in node.chosen:
            if slot != FLOW:
                found[f"{name}[{slot}]"] = Member(frozenset([cause]) & kinds.keys())
    return found


def _trained(flow: str) -> bool:
    return any(step.trained and "{" in (step.selector or "") for step in parse_flow(flow))
