"""Why requirements cannot be met: which ones, the closest values, and what theory says about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Final

import numpy as np

from infoloom.design.linearised import Linearised
from infoloom.design.quantities import Quantities
from infoloom.design.solver import TOLERANCE, Problem, Solution, nearest, solve
from infoloom.errors import InfiniteInformationError
from infoloom.information.notation import Query
from infoloom.information.requirements import Requirement
from infoloom.law.equations import Array
from infoloom.law.graph import Graph
from infoloom.law.triangle import independent

__all__ = ["Circumstances", "explain_failure"]

_TRIED: Final = 6
_AT_BOUND: Final = 1e-6
_MET: Final = 1e-6
_FAR: Final = 1e7


@dataclass(frozen=True)
class Circumstances:
    """What a failed design was asked to do."""

    graph: Graph
    linearised: Linearised
    problem: Problem

    @cached_property
    def generic(self) -> Array:
        """Loadings in the span at weights without special relations."""
        weights = np.random.default_rng(3).uniform(0.5, 1.5, len(self.linearised.free))
        return np.asarray(self.linearised.at(weights).span[0])


def explain_failure(around: Circumstances, best: Solution) -> list[str]:
    """One line for each requirement that is to blame.

    Those that theory rules out are; else those without which the others can be met; else all that are not met.

    Args:
        around: The story and its requirements.
        best: The nearest that was found.
    """
    problem = around.problem
    order = [int(i) for i in np.argsort(-np.abs(best.excess), kind="stable")]
    ruled_out = [i for i in order if next(_theory(around, problem.requirements[i]), None)]
    blamed = dict.fromkeys(ruled_out[:_TRIED], best.weights)
    for i in () if blamed else order[:_TRIED]:
        without = _without(around, best, i)
        if without is not None:
            blamed[i] = without
    if not blamed:
        unmet = [i for i in order if abs(best.excess[i]) > TOLERANCE][:_TRIED]
        return [_line(around, best, i, "with the others as near as they come") for i in unmet]
    lines = []
    for i, weights in blamed.items():
        closest = nearest(problem, i, weights)
        rest = np.delete(np.abs(closest.excess), i)
        others = "the other requirements met" if np.all(rest <= _MET) else "the others as near as they come"
        lines.append(_line(around, closest, i, f"with {others}" if len(rest) else ""))
    return lines


def _without(around: Circumstances, best: Solution, number: int) -> Array | None:
    """Weights that meet all requirements but one, if there are some."""
    problem = around.problem
    others = tuple(r for i, r in enumerate(problem.requirements) if i != number)
    if not others:
        return best.weights
    quantities = Quantities(around.linearised, [r.query for r in others])
    found = solve(replace(problem, quantities=quantities, requirements=others), best.weights, starts=_TRIED)
    return found.weights if found.met else None


def _line(around: Circumstances, closest: Solution, number: int, together: str) -> str:
    requirement = around.problem.requirements[number]
    excess = float(closest.excess[number])
    reached = round(requirement.value + excess, 9) + 0.0
    limit = (
        f"expected at {'least' if excess > 0 else 'most'} {reached:.6g} nats{together and ', ' + together}"
    )
    reasons = chain(
        _theory(around, requirement),
        _constant(around, requirement.query),
        _ends(around.problem, around.linearised.free, closest.weights),
    )
    why = next(reasons, "")
    because = f", because {why}" if why else ""
    return (
        f"require.{requirement.name} `{requirement.relation} {requirement.value:g}`: {limit}{because}. "
        "Change this requirement, or free more parameters."
    )


def _theory(around: Circumstances, requirement: Requirement) -> Iterator[str]:
    """Reasons for which no weights can meet a requirement, the most fundamental first."""
    query, value = requirement.query, requirement.value
    simple = query.measure == "I" and len(query.parts) == 2
    positive = value > TOLERANCE and requirement.relation != "<="
    if simple and positive and _separated(around, query.parts[0], query.parts[1], query.given):
        yield "the graph separates its two sides, so it is 0 whatever the weights"
    if value < -TOLERANCE and requirement.relation != ">=" and (simple or query.measure in ("TC", "DTC")):
        yield "it is never negative"
    if simple and positive:
        yield from _caps(around, query, value)
    yield from _conflicts(around, requirement)


def _caps(around: Circumstances, query: Query, wanted: float) -> Iterator[str]:
    """I(a; b) ≤ I(a; all shared causes), which may not depend on a free parameter (data processing)."""
    a, b = query.parts
    if query.given:
        return
    shared = tuple(sorted(_roots(around.graph, a) & _roots(around.graph, b)))
    if not shared or not around.graph.d_separated(_nodes(a), _nodes(b), shared):
        return
    for side in (a, b):
        capped = Query("I", (side, shared))
        try:
            quantities = Quantities(around.linearised, [capped])
        except InfiniteInformationError:
            continue
        if not np.any(_slopes(around, capped)):
            value = quantities.at(np.ones(len(around.linearised.free)))[0][0]
            if wanted > value - TOLERANCE:
                yield f"it is at most {capped} = {value:.6g} nats, which no free parameter changes"


def _conflicts(around: Circumstances, requirement: Requirement) -> Iterator[str]:
    """Other requirements that theory orders the other way round."""
    for other in around.problem.requirements:
        for small, large in ((requirement, other), (other, requirement)):
            ordered = (
                small.relation != "<=" and large.relation != ">=" and small.value > large.value + TOLERANCE
            )
            if other is not requirement and ordered and _contained(around, small.query, large.query):
                yield f"{small.name} is at most {large.name}, but {small} and {large} are required"


def _contained(around: Circumstances, small: Query, large: Query) -> bool:
    """Whether small ≤ large for any weights: its sides are parts of the other's, or it passes through one of them."""
    if any(q.measure != "I" or len(q.parts) != 2 for q in (small, large)) or set(small.given) != set(
        large.given
    ):
        return False
    a, b = small.parts
    for c, d in (large.parts, large.parts[::-1]):
        if set(a) <= set(c) and set(b) <= set(d):
            return True
        if small.given:
            continue
        for one, other in ((a, b), (b, a)):
            if set(one) <= set(c) and not set(other) & set(d) and _separated(around, one, other, d):
                return True
    return False


def _constant(around: Circumstances, query: Query) -> Iterator[str]:
    if not np.any(_slopes(around, query)):
        yield "no free parameter changes it"


def _ends(problem: Problem, free: Sequence[str], weights: Array) -> Iterator[str]:
    """Parameters at a bound, or on their way to infinity."""
    size = np.maximum(np.abs(weights), _AT_BOUND)
    for ends in (problem.lower, problem.upper):
        at = np.isfinite(ends) & (np.abs(weights - np.nan_to_num(ends)) <= _AT_BOUND * size)
        for i in np.flatnonzero(at).tolist():
            yield f"`{free[i]}` has reached its bound {ends[i]:g}"
    if np.any(np.abs(weights) > _FAR):
        yield f"it is approached only as `{free[int(np.argmax(np.abs(weights)))]}` grows without end"


def _slopes(around: Circumstances, query: Query) -> Array:
    """Derivatives at a generic place."""
    weights = np.random.default_rng(3).uniform(0.5, 1.5, len(around.linearised.free))
    slopes = Quantities(around.linearised, [query]).at(weights)[1]
    return np.where(np.abs(slopes) > 1e-12, slopes, 0.0)


def _separated(around: Circumstances, a: Sequence[str], b: Sequence[str], given: Sequence[str]) -> bool:
    """d-separation by what is given and by the causes and targets that it determines."""
    known = set(given) | _determined(around, given)
    whole = {name for name in known if name in around.graph.nodes}
    left, right = _nodes(a) - whole, _nodes(b) - whole
    return not left or not right or around.graph.d_separated(left, right, whole)


def _determined(around: Circumstances, given: Sequence[str]) -> set[str]:
    """Scalars that are functions of given scalars, whatever the weights."""
    linear, span = around.linearised, around.generic
    scalars = [linear.places[name].rows for name in given if linear.places[name].group is None]
    if not scalars:
        return set()
    base = np.concatenate([span[rows] for rows in scalars])
    base = base[independent(base, base[:0])]
    return {
        name
        for name in linear.names
        if linear.places[name].group is None and not len(independent(span[linear.places[name].rows], base))
    }


def _roots(graph: Graph, names: Sequence[str]) -> frozenset[str]:
    """Causes and fields from which some variables come."""
    ancestors = graph.ancestors(_nodes(names))
    return frozenset(n for n in ancestors if graph.nodes[n].kind in ("cause", "field"))


def _nodes(names: Sequence[str]) -> set[str]:
    """The nodes of variables: that of `style[0]` is `style`."""
    return {name.partition("[")[0] for name in names}
