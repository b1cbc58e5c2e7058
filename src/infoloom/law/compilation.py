"""From a spec to the joint law of its variables, or to everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from infoloom.errors import DegenerateError, SpecError
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.covariance_form import compose_covariance
from infoloom.law.equations import System, compose, lay_out, special_features
from infoloom.law.graph import Graph, build_graph
from infoloom.law.interventions import cut
from infoloom.spec.equations.distribution import parse_scale
from infoloom.spec.model import Spec

__all__ = ["Compiled", "compile_spec", "compose_graph"]

SMALLEST: Final = 1e-30
LARGEST: Final = 1e30


@dataclass(frozen=True)
class Compiled:
    """A graph and the joint law of its variables.

    Attributes:
        graph: After the interventions of the spec.
        covariance: Its law.
        before: The law without interventions, if there are any: bijections are fitted to that one.
    """

    graph: Graph
    covariance: StructuredCovariance
    before: StructuredCovariance | None = None


def compile_spec(spec: Spec) -> Compiled:
    """Resolve names, compose the equations and check the law.

    Raises:
        SpecError: With everything that is wrong with the spec.
    """
    graph = build_graph(spec)
    _refuse_unsolved(spec, graph)
    with np.errstate(over="ignore", invalid="ignore"):  # looked for right after
        covariance = compose_graph(spec, graph)
    _refuse_extreme(covariance, graph)
    _refuse_degenerate(covariance, graph)
    if not spec.do:
        return Compiled(graph, covariance)
    held = cut(graph, spec.do)
    return Compiled(held, compose_graph(spec, held), covariance)


def compose_graph(spec: Spec, graph: Graph) -> StructuredCovariance:
    """The law of a graph with the parameters and the scale of a spec."""
    system = _system(spec, graph)
    if spec.scale is not None:
        system = replace(system, law=replace(system.law, scale=parse_scale(spec.scale)))
    return StructuredCovariance(system)


def _system(spec: Spec, graph: Graph) -> System:
    if spec.covariance is not None:
        return compose_covariance(spec, graph)
    values = {name: parameter.value for name, parameter in spec.parameters.items()}
    return compose(
        graph, lay_out(graph), {name: value for name, value in values.items() if value is not None}
    )


def _refuse_unsolved(spec: Spec, graph: Graph) -> None:
    problems = [
        f"parameters.{name}: free and not solved yet. Solve it with `infoloom design SPEC -o SOLVED`, "
        "or give it a number."
        for name, parameter in spec.parameters.items()
        if parameter.free
    ]
    features = special_features(graph)
    problems += [f"equations: {problem}" for problem in features.problems()]
    if features.features and spec.scale is not None:
        problems.append(
            f"scale: a common scale has a closed form for normal causes and linear equations only, but "
            f"`{features.features[-1]}` is none. Remove one of the two."
        )
    if spec.do and spec.covariance is not None:
        problems.append("do: a spec with `covariance` has no equations to cut. Write equations.")
    if problems:
        raise SpecError(problems)


def _refuse_extreme(covariance: StructuredCovariance, graph: Graph) -> None:
    """Rows are float32 and squares of loadings are float64: both need room."""
    system, problems = covariance.system, []
    for name in graph.names("target", "modality"):
        parts = [system.in_span[name], *(system.complement[name][1:] if name in system.complement else ())]
        largest = max((float(np.abs(part).max()) for part in parts if part.size), default=0.0)
        if largest != 0.0 and not SMALLEST <= largest <= LARGEST:
            section = "targets" if name not in system.complement else "modalities"
            problems.append(
                f"{section}.{name}: its largest loading is {largest:.3g}; expected {SMALLEST:g} to {LARGEST:g}. "
                "Rescale its weights."
            )
    if problems:
        raise SpecError(problems)


def _refuse_degenerate(covariance: StructuredCovariance, graph: Graph) -> None:
    """Every modality must vary in every component, and no information of the truth table may be infinite."""
    modalities = graph.names("modality")
    problems = []
    for name in modalities:
        try:
            covariance.log_volume([name])
        except DegenerateError as error:
            problems.append(f"modalities.{name}.latent: {error}")
    if not problems:
        for joint in (modalities, *((*modalities, target) for target in graph.names("target"))):
            try:
                covariance.log_volume(joint)
            except DegenerateError as error:
                problems.append(f"equations: information would be infinite: {error}")
                break
    if problems:
        raise SpecError(problems)
