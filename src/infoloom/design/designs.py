"""Design: the weights of a story from the information that it is to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infoloom.design.freedom import settle
from infoloom.design.linearised import Linearised
from infoloom.design.quantities import Quantities
from infoloom.design.reasons import Circumstances, explain_failure
from infoloom.design.solver import TOLERANCE, Problem, Solution, solve
from infoloom.design.words import concern_words, solve_words
from infoloom.errors import DesignError, InfiniteInformationError, SpecError
from infoloom.information.notation import parse_query
from infoloom.information.requirements import Requirement, parse_requirements
from infoloom.law.equations import Array, lay_out
from infoloom.law.graph import Graph, build_graph
from infoloom.spec.load import load_spec, parse_spec
from infoloom.spec.model import Spec, build_spec
from infoloom.story import Story, compile_story

__all__ = ["Design", "Setting", "design", "solved_yaml", "sweep"]


@dataclass(frozen=True)
class Design:
    """A story whose free parameters are solved.

    Attributes:
        story: The compiled story; its spec has numbers in place of `free`.
        values: The solved parameters by name.
        asked: What was required, by query: a number, `<= number` or `>= number`.
        reached: The exact values of the solved story, nats by query.
        residual: The largest distance from a requirement, nats.
        determined: Whether the requirements leave no freedom near the solution.
        note: What was done with the freedom.
    """

    story: Story
    values: Mapping[str, float]
    asked: Mapping[str, float | str]
    reached: Mapping[str, float]
    residual: float
    determined: bool
    note: str = ""


def design(spec: Spec | str | Path | dict[str, Any], *, start: Mapping[str, float] | None = None) -> Design:
    """Solve the free parameters of a spec so that its requirements hold.

    Args:
        spec: A spec with `parameters` that are `free` and a `require` section, a file or the name of a preset.
        start: Values of the free parameters to start from before all others, so that a small change stays small.

    Returns:
        The solved story; requirements hold to 1e-9 nats, those on words and labels to 1e-6.

    Raises:
        SpecError: What is wrong with the spec.
        DesignError: Requirements that cannot be met, each with the closest value and, where known, the reason.

    Example:
        >>> solved = design({
        ...     "name": "pair",
        ...     "causes": {"mass": "normal"},
        ...     "parameters": {"a": "free"},
        ...     "modalities": {
        ...         "x": {"flow": "vector(16)", "latent": "a*mass + noise"},
        ...         "y": {"flow": "vector(16)", "latent": "a*mass + noise"},
        ...     },
        ...     "require": {"I(x; y)": 0.5},
        ... })
        >>> round(solved.story.information("I(x; y)"), 9)
        0.5
    """
    setting = Setting.of(spec if isinstance(spec, Spec) else load_spec(spec))
    return _design(setting, setting.spec.require, start)


def sweep(
    spec: Spec | str | Path | dict[str, Any],
    vary: str,
    over: Sequence[float],
    hold: Sequence[str] | Mapping[str, float] = (),
) -> list[Story]:
    """A series of stories in which one quantity changes and others stay the same.

    What the spec requires stays required, except of the varied quantity.

    Args:
        spec: A spec with free parameters.
        vary: The query whose value moves.
        over: Its values, nats.
        hold: Queries that stay at the values that they have in the solved spec, or values by query.

    Raises:
        SpecError: What is wrong with the spec.
        DesignError: A point that cannot be reached.

    Example:
        >>> spec = {
        ...     "name": "pair",
        ...     "causes": {"mass": "normal"},
        ...     "parameters": {"a": "free", "b": "free"},
        ...     "targets": {"theta": "0.8*mass + 0.6*noise"},
        ...     "modalities": {
        ...         "x": {"flow": "vector(16)", "latent": "a*mass + noise"},
        ...         "y": {"flow": "vector(16)", "latent": "b*mass + noise"},
        ...     },
        ...     "require": {"I(x; y)": 0.2},
        ... }
        >>> [round(s.information("I(x; theta)"), 6) for s in sweep(spec, "I(x; theta)", [0.2, 0.25, 0.3])]
        [0.2, 0.25, 0.3]
    """
    setting = Setting.of(spec if isinstance(spec, Spec) else load_spec(spec))
    held = dict(hold) if isinstance(hold, Mapping) else _held(setting, hold)
    kept = {
        q: v for q, v in setting.spec.require.items() if _canonical(q) not in map(_canonical, (vary, *held))
    }
    held = {q: v for q, v in held.items() if _canonical(q) != _canonical(vary)}
    solved: list[Design] = []
    for value in over:
        start = solved[-1].values if solved else None
        solved.append(_design(setting, {**kept, **held, vary: float(value)}, start))
    return [one.story for one in solved]


def solved_yaml(solved: Design, directory: Path) -> str:
    """The solved spec as YAML for a file in some folder.

    Raises:
        SpecError: Files that the spec names relative to its own folder are not found from there.
    """
    text = solved.story.spec.to_yaml()
    spec = parse_spec(text, directory)
    try:
        lay_out(build_graph(spec))
    except SpecError as error:
        raise SpecError(
            [
                f"output `{directory}`: files that the spec names are not found from this folder. Write the solved "
                "spec beside the original.",
                *error.problems,
            ]
        ) from error
    return text


@dataclass(frozen=True)
class Setting:
    """What does not change while the requirements do."""

    spec: Spec
    graph: Graph
    linearised: Linearised
    lower: Array
    upper: Array

    @classmethod
    def of(cls, spec: Spec) -> Setting:
        """Resolve a spec; its templates are drawn once.

        Raises:
            SpecError: The spec cannot be used, or cannot be designed.
        """
        graph = build_graph(spec)
        problems = _undesignable(spec, graph)
        if problems:
            raise SpecError(problems)
        known = {name: p.value for name, p in spec.parameters.items() if p.value is not None}
        known |= {
            n: p.min for n, p in spec.parameters.items() if p.free and p.min is not None and p.min == p.max
        }
        free = [name for name, p in spec.parameters.items() if p.free and name not in known]
        bounds = [spec.parameters[name] for name in free]
        lower = np.array([-np.inf if p.min is None else p.min for p in bounds], dtype=np.float64)
        upper = np.array([np.inf if p.max is None else p.max for p in bounds], dtype=np.float64)
        return cls(spec, graph, Linearised(graph, lay_out(graph), known, free), lower, upper)


def word_names(spec: Spec) -> dict[str, None]:
    """Names of captions, of their words and of labels."""
    captions = {name: one.words for name, one in spec.modalities.items() if one.words is not None}
    said = [f"{name}[{slot}]" for name, words in captions.items() for slot in words or {}]
    return dict.fromkeys([*captions, *said, *spec.labels])


def _design(
    setting: Setting, require: Mapping[str, float | str], start: Mapping[str, float] | None = None
) -> Design:
    linear = setting.linearised
    words = word_names(setting.spec)
    requirements = parse_requirements(require, {**dict.fromkeys(linear.names), **words})
    if not requirements:
        raise SpecError(["require: expected at least one requirement, such as `I(x; y): 1.0`."])
    first = np.array([start[name] for name in linear.free]) if start else None
    if concern_words(requirements, words):
        return _with_words(setting, require, requirements, first)
    try:
        quantities = Quantities(linear, [r.query for r in requirements])
    except InfiniteInformationError as error:
        raise DesignError([f"require: {error}"]) from error
    problem = Problem(quantities, requirements, setting.lower, setting.upper)
    found = solve(problem, first)
    if not found.met:
        raise DesignError(explain_failure(Circumstances(setting.graph, linear, problem), found))
    found = settle(problem, found)
    values = {**linear.values, **dict(zip(linear.free, found.weights.tolist(), strict=True))}
    return _compiled(setting.spec, require, values, requirements, found)


def _with_words(
    setting: Setting,
    require: Mapping[str, float | str],
    requirements: Sequence[Requirement],
    first: Array | None,
) -> Design:
    """Solve where words or labels are required of: by quadrature of compiled stories, to 1e-6 nats."""
    linear = setting.linearised

    def values_at(weights: Array) -> dict[str, float]:
        return {**linear.values, **dict(zip(linear.free, weights.tolist(), strict=True))}

    def compiled(weights: Array) -> Story:
        return compile_story(_spec_at(setting.spec, require, values_at(weights)))

    weights = solve_words(compiled, requirements, setting.lower, setting.upper, first)
    story, values = compiled(weights), values_at(weights)
    reached = {r.name: story.information(r.name) for r in requirements}
    free = {name: values[name] for name in linear.free}
    residual = max(abs(r.excess(reached[r.name])) for r in requirements)
    note = "" if len(free) <= len(requirements) else "Other weights may meet the requirements too."
    return Design(story, free, dict(require), reached, residual, not note, note)


def _spec_at(spec: Spec, require: Mapping[str, float | str], values: Mapping[str, float]) -> Spec:
    """The spec with numbers in the place of its parameters."""
    tree = spec.to_dict()
    tree["require"] = dict(require)
    for name, parameter in spec.parameters.items():
        bounds = {"min": parameter.min, "max": parameter.max}
        tree["parameters"][name] = {
            "value": values[name],
            **{k: v for k, v in bounds.items() if v is not None},
        }
    return build_spec(tree, spec.directory)


def _compiled(
    spec: Spec,
    require: Mapping[str, float | str],
    values: Mapping[str, float],
    requirements: Sequence[Requirement],
    found: Solution,
) -> Design:
    """Put the numbers into the spec, compile it, and ask the compiled story for what was required."""
    try:
        story = compile_story(_spec_at(spec, require, values))
        reached = {r.name: story.information(r.name) for r in requirements}
    except (InfiniteInformationError, SpecError) as error:
        weights = ", ".join(f"{name} = {values[name]:.3g}" for name, p in spec.parameters.items() if p.free)
        raise DesignError(
            [
                f"require: met only with weights ({weights}) beside which the noise is lost in the rounding of "
                "float64. Require less information, or bound the free parameters."
            ]
        ) from error
    residual = max(abs(r.excess(reached[r.name])) for r in requirements)
    if not residual <= TOLERANCE:
        raise DesignError(
            [
                f"require: met to {residual:.3g} nats only; expected {TOLERANCE:g}, because weights of very different "
                "size round each other off. Bound the free parameters."
            ]
        )
    free = {name: values[name] for name, parameter in spec.parameters.items() if parameter.free}
    return Design(story, free, dict(require), reached, residual, found.determined, found.note)


def _undesignable(spec: Spec, graph: Graph) -> list[str]:
    """Why weights cannot be solved for."""
    used = {name for node in graph.nodes.values() for edge in node.edges for name in edge.parameters}
    free = [name for name, parameter in spec.parameters.items() if parameter.free]
    problems = (
        []
        if free
        else ["parameters: none is `free`. Make one free, such as `a: free`, for the design to choose."]
    )
    if spec.scale is not None:
        problems.append(
            "scale: cannot be designed; expected sources without a common scale. Design without it first."
        )
    if spec.do:
        problems.append(
            "do: cannot be designed; expected a story without interventions. Design without them first."
        )
    problems += [
        f"parameters.{name}: free, but stands in no equation. Use it as a weight, as in `{name}*cause`, or remove it."
        for name in free
        if name not in used
    ]
    problems += [
        f"causes.{name}: the distribution `{cause.distribution}` cannot be designed; expected `normal`, because "
        "weights are solved in closed form."
        for name, cause in spec.causes.items()
        if cause.distribution != "normal"
    ]
    problems += [
        f"{node.kind} {node.name}: `{'*'.join(map(str, edge.factors))}` cannot be designed; expected a linear term, "
        "because weights are solved in closed form."
        for node in graph.nodes.values()
        for edge in node.edges
        if not edge.linear
    ]
    return problems


def _held(setting: Setting, queries: Sequence[str]) -> dict[str, float]:
    """Values of some queries in the solved spec."""
    if not queries:
        return {}
    story = _design(setting, setting.spec.require).story
    return {query: story.information(query) for query in queries}


def _canonical(query: str) -> str:
    return str(parse_query(query))
