"""The compiled story: named variables, their exact information, and rows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, overload

import numpy as np

from infoloom.errors import QueryError, SpecError
from infoloom.information.beyond_gaussian.effort import SEED, Effort
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.beyond_gaussian.pointwise_special import SpecialPointwise
from infoloom.information.beyond_gaussian.posterior import Posterior
from infoloom.information.ceilings.labels import Label, make_labels
from infoloom.information.ceilings.prediction import predict
from infoloom.information.ceilings.table import Ceilings, find_ceilings
from infoloom.information.closed_form import closed_form
from infoloom.information.decomposition import Decomposition, decompose
from infoloom.information.diagnostics import Finding, diagnose
from infoloom.information.elliptical import elliptical_quantity
from infoloom.information.kinds.ceilings import predicted, special_ceilings
from infoloom.information.kinds.law import KindLaw, make_kinds
from infoloom.information.kinds.rows import KindPointwise
from infoloom.information.notation import Query, check_names, parse_query, refuse_held
from infoloom.information.notes import story_notes
from infoloom.information.pointwise import Pointwise
from infoloom.information.quantity import Quantity
from infoloom.information.requirements import parse_requirements
from infoloom.information.table import table_queries
from infoloom.information.words.categorical import categorical_entropy
from infoloom.information.words.ceilings import with_words
from infoloom.information.words.cells import Cells, make_cells
from infoloom.information.words.mixed import Mixed, refuse_words, unsaid
from infoloom.information.words.rows import WordPointwise
from infoloom.law.choices import choice_columns, choosing
from infoloom.law.compilation import compile_spec, compose_graph
from infoloom.law.covariance import StructuredCovariance, Whitener
from infoloom.law.equations import Array, templates
from infoloom.law.graph import Graph
from infoloom.law.interventions import Value, descendants, plain_value, shifted
from infoloom.law.sampling import Plan, draw_rows, make_plan
from infoloom.spec.load import load_spec
from infoloom.spec.model import ModalitySpec, Spec

__all__ = ["Story", "compile_story", "load"]

DIAGNOSED: Final = 2048
Names = str | tuple[str, ...]
Rows = dict[str, np.ndarray[Any, np.dtype[Any]]]


@dataclass(frozen=True)
class Story:
    """A spec compiled to the exact joint Gaussian law of its named variables.

    Attributes:
        spec: What was written.
        graph: Its nodes and edges.
        covariance: The joint law of causes, fields, targets and modality latents: a Gaussian, or where causes
            are not normal or equations not linear its second moments and what else it has.
        before: That law without the interventions of the spec, if it has any.
    """

    spec: Spec
    graph: Graph
    covariance: StructuredCovariance
    before: StructuredCovariance | None = None

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

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(self.spec.labels)

    @property
    def captions(self) -> tuple[str, ...]:
        """Names of the modalities that are words."""
        return tuple(name for name, modality in self.spec.modalities.items() if modality.words is not None)

    @property
    def mapped(self) -> tuple[str, ...]:
        """Names of the modalities whose latents go through a map: all but captions."""
        return tuple(name for name in self.modalities if name not in self.captions)

    @property
    def cells(self) -> Mapping[str, Cells]:
        """Variables of words and classes by name: labels, captions, and each word of a caption as `text[size]`."""
        return self._mixed.cells

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
        observed = self.before or self.covariance  # an intervention leaves the instruments as they are
        return observed.whitener(name, self.spec.modalities[name].whitening)

    def templates(self) -> dict[str, Array]:
        """Every template of the story by its term, each in the shape of its modality."""
        return templates(self.graph)

    @property
    def gaussian(self) -> bool:
        """Whether the joint law is Gaussian, so that every value has a closed form."""
        return self.covariance.system.law.gaussian

    @property
    def held(self) -> dict[str, tuple[float, ...]]:
        """Values of the nodes that an intervention holds, by name."""
        return {name: node.held for name, node in self.graph.nodes.items() if node.held is not None}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user of the story's data must know besides the numbers, one sentence each."""
        return story_notes(self._apart.system.law, self.spec.do)

    def diagnose(self) -> tuple[Finding, ...]:
        """Signs of a story that will disappoint, each with its number and a remedy."""
        whiteners = {name: self.whitener(name) for name in self.mapped if name not in self.held}
        return diagnose(self.covariance, whiteners, {} if self.gaussian else self.sample(DIAGNOSED))

    def information(self, query: str) -> float:
        """The value of a quantity such as `I(radio; xray | theta)`; `quantity` says how it is known.

        Args:
            query: `I(a, b; c | d)`, `I(a; b; c)` (co-information), `H(a)`, `TC(a, b, c)`, `DTC(…)`, `O(…)`. A label's
                name means its class, a caption's its words; `text[size]` is one word, `text.size` its factor.

        Returns:
            Value in nats.

        Raises:
            QueryError: The query cannot be read, names an unknown or a held variable, or is not reached.
            InfiniteInformationError: The value is infinite; the message says why.
        """
        return self.quantity(query).value

    def quantity(
        self,
        query: str | Query,
        *,
        tolerance: float | None = None,
        budget: float | None = None,
        seed: int = SEED,
    ) -> Quantity:
        """The value of a quantity with its error and how it was found; see `information`.

        Args:
            query: As in `information`.
            tolerance: Largest error of a value that has no closed form, nats; 1 % or 1e-3 nats, whichever is larger,
                when left out. The value says what was reached.
            budget: Seconds that it may take, or about; a few, whatever the machine, when left out.
            seed: Of Monte Carlo rows, ≥ 0.

        Raises:
            QueryError: As `information`; a tolerance or budget that is not positive, or a negative seed.

        Example:
            >>> load("galaxy-images").quantity("I(x1; theta)").method
            'closed form'
        """
        effort = Effort(tolerance, budget, seed)
        asked = parse_query(query) if isinstance(query, str) else query
        check_names(asked, {**dict.fromkeys(self.covariance.names), **self.cells})
        refuse_held(asked, self.held)
        if self._by_kinds is not None:
            return self._by_kinds.quantity(asked, effort)
        if self._mixed.concerns(asked):
            return self._mixed.quantity(asked)
        if asked.measure == "H" and (entropy := categorical_entropy(self.graph, asked)) is not None:
            told = self.quantity(Query("I", (asked.parts[0], asked.given))) if asked.given else Quantity(0.0)
            return replace(told, value=entropy - told.value)
        if self.covariance.system.law.scale is not None:
            return elliptical_quantity(self.covariance, asked)
        if not self.gaussian:
            return self._special.quantity(asked, effort)
        return closed_form(self.covariance, asked)

    def truth(self, *, tolerance: float | None = None, budget: float | None = None) -> dict[str, Quantity]:
        """Information of modalities with each other and with the targets, by query.

        Args:
            tolerance: Of each value; see `quantity`.
            budget: Seconds for each value.
        """
        free = [[n for n in names if n not in self.held] for names in (self.targets, self.modalities)]
        asked = table_queries(*free)
        asked = [one for one in asked if self._by_kinds is None or self._by_kinds.has_value(one)]
        return {str(one): self.quantity(one, tolerance=tolerance, budget=budget) for one in asked}

    def unsaid(self) -> dict[str, tuple[Quantity, Quantity]]:
        """What words cannot say: by pair `text; y` the information of a caption's factors about y (and of the
        causes that choose its words), and of its words.

        Their difference is I(factors; y) − I(words; y) ≥ 0: what the words lose (data processing).
        """
        others = [name for name in (*self.targets, *self.mapped) if name not in self.held]
        said = [name for name in self.captions if name not in self.held]
        return unsaid(self.quantity, self.cells, said, others, self.held)

    def truth_table(self) -> dict[str, float]:
        """The values of `truth` alone, nats by query."""
        return {name: quantity.value for name, quantity in self.truth().items()}

    def sample(self, rows: int, seed: int = 0, start: int = 0) -> Rows:
        """Rows of causes, targets and modality latents; row i is a pure function of (story, seed, i).

        Args:
            rows: Number of rows.
            seed: Seed, ≥ 0.
            start: Number of the first row.

        Returns:
            Causes and targets of shape (rows,), latents z of shape (rows, d) before whitening, all float32; labels
            of shape (rows,), int64.
        """
        return self._labelled(draw_rows(self.plan, rows, seed, start))

    def observe(self, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]], **options: Any) -> Rows:
        """Observations of rows in memory; options are those of `infoloom.datasets.making.observe.observe_rows`.

        Args:
            rows: Values by name, as `sample` returns them.

        Returns:
            Each modality's observations (n, *shape), captions as sentences, words and tokens, and the rest as it came.
        """
        # By name, since what draws rows must not need what maps them (torch) before they are mapped.
        found: Rows = import_module("infoloom.datasets.making.observe").observe_rows(self, rows, **options)
        return found

    def stream(self, batch: int, **options: Any) -> Any:
        """Batches for PyTorch without a dataset on a disk; see `infoloom.datasets.reading.on_the_fly.StoryStream`.

        Args:
            batch: Rows of a batch.
        """
        return import_module("infoloom.datasets.reading.on_the_fly").StoryStream(self, batch, **options)

    def intervene(self, **values: Value) -> Story:
        """The story under do(node = value): equations of the nodes cut, values held, bijections as they were.

        Args:
            values: For each cause, target or modality a number for all of its components, or one for each.

        Raises:
            SpecError: An unknown name, or a wrong number of values.

        Example:
            >>> held = load("black-hole").intervene(mass=1.0)
            >>> round(held.information("I(xray; theta)"), 12), round(float(held.sample(1)["mass"][0]), 6)
            (0.0, 1.0)
        """
        do = {**self.spec.do, **{name: plain_value(value) for name, value in values.items()}}
        return compile_story(self.spec.model_copy(update={"do": do}))

    def twins(
        self,
        rows: int,
        seed: int = 0,
        start: int = 0,
        *,
        node: str,
        value: Value | None = None,
        shift: float | None = None,
    ) -> tuple[Rows, Rows]:
        """Rows and their counterfactual twins: the same proto-latents, but one node held or shifted.

        Args:
            node: A cause, target or modality.
            value: What the twins' node is held at; or
            shift: what is added to it.

        Returns:
            Rows as `sample` gives them, and their twins; what does not depend on the node is equal to the bit.

        Raises:
            SpecError: No such node, not one of value and shift, or a shift of a held node.
        """
        if (value is None) == (shift is None):
            raise SpecError([f"twins of `{node}`: expected a value or a shift, one of the two."])
        drawn = self.sample(rows, seed, start)
        if value is not None:
            changed = self.intervene(**{node: value}).sample(rows, seed, start)
        else:
            changed = self._shifted(rows, seed, start, node, float(shift or 0.0))
        touched = descendants(self.graph, node)
        touched |= {name for name, label in self.spec.labels.items() if label.target in touched}
        return drawn, {name: changed[name] if name in touched else values for name, values in drawn.items()}

    def _shifted(self, rows: int, seed: int, start: int, node: str, shift: float) -> Rows:
        """Rows with something added to a node: to its draws if it is a cause, else to its equation."""
        graph = shifted(self.graph, node, shift)
        if graph is self.graph:
            size = self.dim(node)
            labels = [f"{node}[{i}]" for i in range(size)] if self.shape(node) else [node]
            return self._labelled(draw_rows(self.plan, rows, seed, start, moved=dict.fromkeys(labels, shift)))
        plan = make_plan(compose_graph(self.spec, graph).system, self.causes, self.targets)
        return self._labelled(draw_rows(plan, rows, seed, start))

    def _labelled(self, drawn: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> Rows:
        classes = {label.name: label.of(drawn[label.target]) for label in self._labels}
        return {**drawn, **classes, **choice_columns(self.graph, drawn)}

    def pointwise(
        self, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]]
    ) -> Pointwise | SpecialPointwise | KindPointwise:
        """Log-densities and pointwise information of rows such as `sample` returns."""
        if self._by_kinds is not None:
            return self._by_kinds.pointwise(rows)
        if self.covariance.system.law.features.features:
            return SpecialPointwise(self._special, rows)
        return WordPointwise(self._mixed, rows) if self.cells else Pointwise(self.covariance, rows)

    @overload
    def pmi(
        self, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]], a: Names, b: Names, given: Names = ()
    ) -> Array: ...

    @overload
    def pmi(
        self,
        rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]],
        a: Names,
        b: Names,
        given: Names = (),
        *,
        with_error: Literal[True],
    ) -> tuple[Array, Array]: ...

    def pmi(
        self,
        rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]],
        a: Names,
        b: Names,
        given: Names = (),
        *,
        with_error: bool = False,
    ) -> Array | tuple[Array, Array]:
        """Pointwise mutual information pmi(a; b | given) of every row.

        Args:
            rows: Values by name, as `sample` returns them (latents before whitening).
            a: A name or names.
            b: A name or names.
            given: A name or names.
            with_error: Also how far every value may be off: nothing in a Gaussian story, else what fewer nodes of
                quadrature change, or the standard error of importance sampling.

        Returns:
            Shape (n,), nats; with its errors, of the same shape, if asked.
        """
        parts = [(part,) if isinstance(part, str) else part for part in (a, b, given)]
        found = self.pointwise(rows)
        if not with_error:
            return found.information(*parts)
        if isinstance(found, SpecialPointwise):
            return found.with_error(*parts)
        values = found.information(*parts)
        return values, np.zeros_like(values)

    def ceilings(
        self,
        *,
        classes: int | None = None,
        batch: int | None = 256,
        batches: int | None = None,
        seed: int = 0,
    ) -> Ceilings:
        """What the best possible learner reaches on every target, label and pair of modalities.

        Where the story is not Gaussian values have errors, and pairs of modalities are left out.
        Captions are looked at one by one, by their words; pairs and joint sets are those of the other modalities.

        Args:
            classes: Also cut every target into so many equally likely classes.
            batch: Pairs in a contrastive batch; None leaves pairs of modalities out.
            batches: How many batches to draw for the Monte Carlo values; 16 to 400 when left out.
            seed: Seed of these batches.

        Raises:
            QueryError: An intervention holds a node, the story has a common scale, or a modality shows a special cause
                without noise.

        Example:
            >>> ceiling = load("figure-1").ceilings(batch=2, batches=2).targets[0]
            >>> ceiling.target, ceiling.given, round(ceiling.r_squared, 6)
            ('theta', ('x1',), 0.999964)
        """
        if self.held:
            raise QueryError("ceilings: expected a story without interventions. Ask the story before them.")
        sizes: dict[str, Any] = {"classes": classes, "batch": batch, "batches": batches, "seed": seed}
        if self.covariance.system.law.features.features:
            names = self.targets, self.mapped, self.captions
            return special_ceilings(self._kinds, self._special, *names, self._labels, **sizes)
        found = find_ceilings(self.covariance, self.targets, self.mapped, self._labels, **sizes)
        return with_words(found, self._mixed, self.targets, self.captions, self._labels, classes)

    def predict(self, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]], target: str, given: Names) -> Array:
        """The optimal prediction E[target | given] of every row, given latents before whitening.

        Its mean squared error is the target's ceiling. Where the story is not Gaussian it is an average over the
        special causes, by a sum over nodes or, where many of them meet, by importance sampling. Observations of a
        bijection predict as well as their latents.

        Args:
            rows: Values by name, as `sample` returns them.
            target: Name of a scalar.
            given: A name or names.

        Returns:
            Shape (n,), in the target's unit.

        Raises:
            QueryError: A name does not fit, or the story has a common scale.
        """
        names = (target, *((given,) if isinstance(given, str) else given))
        refuse_words(
            self.cells, names, f"prediction of `{target}`", "only their optimal prediction is linear"
        )
        seen = names[1:]
        if not self.covariance.system.law.features.features:
            return predict(self.covariance, rows, target, seen)
        if self._by_kinds is not None and self._by_kinds.split.gaussian:
            return predicted(self._by_kinds, self._by_kinds.pointwise(rows), target, seen)
        posterior = Posterior(self._special, target, seen)
        return posterior.moments(SpecialPointwise(self._special, rows).whitened(seen))[0]

    def decompose(self, target: str, modalities: tuple[str, ...] = ()) -> Decomposition:
        """Redundant, unique and synergistic information of modalities about a scalar target or a label.

        Modalities are all but captions when left out.

        Example:
            >>> parts = load("figure-1").decompose("theta")
            >>> round(parts.redundancy, 6), round(parts.synergy, 6)
            (4.420579, 0.111568)
        """
        words = {name: one for name, one in self.cells.items() if name not in self.labels}
        why = "for words minimal mutual information is not the decomposition"
        refuse_words(words, (target, *modalities), f"decomposition of `{target}`", why)
        chosen = modalities or self.mapped
        about = partial(self._about, target) if target in self.labels or self._by_kinds else None
        return decompose(self._apart, target, chosen, about)

    @property
    def _apart(self) -> StructuredCovariance:
        """The law without categories that only choose."""
        split = None if self._by_kinds is None else self._by_kinds.split
        return self.covariance if split is None or split.coupled else split.parts[0].covariance

    def _about(self, label: str, names: Sequence[str]) -> float:
        return self.quantity(Query("I", ((label,), tuple(names)))).value

    def _modality(self, name: str) -> ModalitySpec:
        if name not in self.spec.modalities:
            raise QueryError(f"unknown modality `{name}`: expected one of {', '.join(self.modalities)}.")
        return self.spec.modalities[name]

    @cached_property
    def _labels(self) -> tuple[Label, ...]:
        return make_labels(self.spec.labels, self.before or self.covariance, self.targets)

    @cached_property
    def _mixed(self) -> Mixed:
        law = self.before or self.covariance
        return Mixed(self.covariance, make_cells(self.spec, law, self._labels, self.graph))

    @cached_property
    def _kinds(self) -> KindLaw | None:
        return make_kinds(self.spec, self.graph, self._special, self.cells)

    @cached_property
    def _by_kinds(self) -> KindLaw | None:
        """The law by categories, where words, labels or choices need it."""
        return self._kinds if self.cells or choosing(self.graph) else None

    @cached_property
    def _special(self) -> Special:
        return Special(self.covariance)

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
    made = compile_spec(spec)
    story = Story(spec, made.graph, made.covariance, made.before)
    parse_requirements(spec.require, {**dict.fromkeys(story.covariance.names), **story.cells})
    return story


def load(source: str | Path | dict[str, Any]) -> Story:
    """Load and compile a story: a spec file, the name of a preset, or a dict.

    Raises:
        SpecError: With everything that is wrong with the spec.

    Example:
        >>> round(load("galaxy-images").information("I(x1; theta)"), 9)
        0.001533646
    """
    return compile_story(source)
