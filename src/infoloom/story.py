"""The compiled story: named variables, their exact information, and rows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from infoloom.covariance import StructuredCovariance, Whitener
from infoloom.covariance_form import compose_covariance
from infoloom.equations import Array, System, compose, lay_out, templates
from infoloom.errors import DegenerateError, QueryError, SpecError
from infoloom.graph import Graph, build_graph
from infoloom.information.notation import evaluate, parse_query
from infoloom.information.pointwise import Pointwise
from infoloom.information.table import truth_table
from infoloom.sampling import Float32, Plan, draw_rows, make_plan
from infoloom.spec.load import load_spec
from infoloom.spec.model import ModalitySpec, Spec

__all__ = ["Story", "compile_story", "load"]

SMALLEST: Final = 1e-30
LARGEST: Final = 1e30


@dataclass(frozen=True)
class Story:
    """A spec compiled to the exact joint Gaussian law of its named variables.

    Attributes:
        spec: What was written.
        graph: Its nodes and edges.
        covariance: The joint law of causes, fields, targets and modality latents.
    """

    spec: Spec
    graph: Graph
    covariance: StructuredCovariance

    @property
    def name(self) -> str:
        """Name of the story."""
        return self.spec.name

    @property
    def causes(self) -> tuple[str, ...]:
        """Names of the causes."""
        return self.graph.names("cause")

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields."""
        return self.graph.names("field")

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        return self.graph.names("target")

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities."""
        return self.graph.names("modality")

    def dim(self, name: str) -> int:
        """Number of components of a variable.

        Raises:
            QueryError: No such variable.
        """
        return self.covariance.dim(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one row of a variable; of a modality, that of its observation.

        Raises:
            QueryError: No such variable.
        """
        if name not in self.graph.nodes:
            raise QueryError(f"unknown variable `{name}`: expected one of {', '.join(self.graph.nodes)}.")
        return self.graph.nodes[name].shape

    def flow(self, name: str) -> str:
        """The flow expression of a modality.

        Raises:
            QueryError: No such modality.
        """
        return self._modality(name).flow

    def whitener(self, name: str) -> Whitener:
        """The linear map from a modality's latent to its flow's input.

        Raises:
            QueryError: No such modality.
        """
        self._modality(name)
        return self.covariance.whitener(name, self.spec.modalities[name].whitening)

    def templates(self) -> dict[str, Array]:
        """Every template of the story by its term, each in the shape of its modality."""
        return templates(self.graph)

    def information(self, query: str) -> float:
        """The exact value of a quantity such as `I(radio; xray | theta)`.

        Args:
            query: `I(a, b; c | d)`, `I(a; b; c)` (co-information), `H(a)`, `TC(a, b, c)`, `DTC(…)`, `O(…)`.

        Returns:
            Value in nats.

        Raises:
            QueryError: The query cannot be read, or names an unknown variable.
            InfiniteInformationError: The value is infinite; the message says why.
        """
        return evaluate(self.covariance, parse_query(query))

    def truth_table(self) -> dict[str, float]:
        """Information of modalities with each other and with the targets, nats by query."""
        return truth_table(self.covariance, self.targets, self.modalities)

    def sample(self, rows: int, seed: int = 0, start: int = 0) -> dict[str, Float32]:
        """Rows of causes, targets and modality latents; row i is a pure function of (story, seed, i).

        Args:
            rows: Number of rows.
            seed: Seed, ≥ 0.
            start: Number of the first row.

        Returns:
            Causes and targets of shape (rows,), latents z of shape (rows, d) before whitening, all float32.
        """
        return draw_rows(self.plan, rows, seed, start)

    def pointwise(self, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> Pointwise:
        """Log-densities and pointwise information of rows such as `sample` returns."""
        return Pointwise(self.covariance, rows)

    def pmi(
        self,
        rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]],
        a: str | tuple[str, ...],
        b: str | tuple[str, ...],
        given: str | tuple[str, ...] = (),
    ) -> Array:
        """Pointwise mutual information pmi(a; b | given) of every row.

        Args:
            rows: Values by name, as `sample` returns them (latents before whitening).
            a: A name or names.
            b: A name or names.
            given: A name or names.

        Returns:
            Shape (n,), nats.
        """
        parts = [(part,) if isinstance(part, str) else part for part in (a, b, given)]
        return self.pointwise(rows).information(*parts)

    def _modality(self, name: str) -> ModalitySpec:
        if name not in self.spec.modalities:
            raise QueryError(f"unknown modality `{name}`: expected one of {', '.join(self.modalities)}.")
        return self.spec.modalities[name]

    @cached_property
    def plan(self) -> Plan:
        """What sampling needs."""
        return make_plan(self.covariance.system, self.causes, self.targets)


def compile_story(spec: Spec | str | Path | dict[str, Any]) -> Story:
    """Compile a spec, a spec file, the name of a preset or a dict.

    Raises:
        SpecError: With everything that is wrong with it.
    """
    spec = spec if isinstance(spec, Spec) else load_spec(spec)
    graph = build_graph(spec)
    _refuse_unsolved(spec, graph)
    with np.errstate(over="ignore", invalid="ignore"):  # looked for right after
        covariance = StructuredCovariance(_system(spec, graph))
    _refuse_extreme(covariance, graph)
    _refuse_degenerate(covariance, graph)
    return Story(spec, graph, covariance)


def load(source: str | Path | dict[str, Any]) -> Story:
    """Load and compile a story: a spec file, the name of a preset, or a dict.

    Raises:
        SpecError: With everything that is wrong with the spec.

    Example:
        >>> round(load("galaxy-images").information("I(x1; theta)"), 9)
        0.001533646
    """
    return compile_story(source)


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
    problems += [
        f"causes.{name}: the distribution `{cause.distribution}` is not supported; expected `normal`."
        for name, cause in spec.causes.items()
        if cause.distribution != "normal"
    ]
    for node in graph.nodes.values():
        section = "targets" if node.kind == "target" else "modalities"
        problems += [
            f"{section}.{node.name}: `{'*'.join(str(f) for f in edge.factors)}` is not linear; "
            "expected a cause itself."
            for edge in node.edges
            if not edge.linear
        ]
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
