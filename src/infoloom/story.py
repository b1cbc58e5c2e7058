"""The compiled story and what it answers: the exact information of its variables, ceilings, pointwise values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, Literal, overload

import numpy as np

from infoloom.compiled import CompiledStory
from infoloom.errors import QueryError
from infoloom.flags import expect_flags
from infoloom.information.beyond_gaussian.effort import SEED, Effort
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.beyond_gaussian.pointwise_special import SpecialPointwise
from infoloom.information.beyond_gaussian.posterior import Posterior
from infoloom.information.ceilings.prediction import predict
from infoloom.information.ceilings.sizes import require_sizes
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
from infoloom.information.table import table_queries
from infoloom.information.words.categorical import categorical_entropy
from infoloom.information.words.ceilings import with_words
from infoloom.information.words.mixed import refuse_words, unsaid
from infoloom.information.words.rows import WordPointwise
from infoloom.law.choices import choosing
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.spec.flows.norms import lost_if_smaller
from infoloom.spec.load import load_spec
from infoloom.spec.model import Spec

__all__ = ["Story", "compile_story", "load"]

DIAGNOSED: Final = 2048
Names = str | tuple[str, ...]


class Story(CompiledStory):
    """A compiled story: the exact joint law of its variables, and every value that follows from it.

    Attributes:
        spec: What was written.
        graph: Its nodes and edges.
        covariance: The joint law of causes, fields, targets and modality latents: a Gaussian, or where causes
            are not normal or equations not linear its second moments and what else it has.
        before: That law without the interventions of the spec, if it has any.
    """

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for users of the story's data, one sentence each."""
        lost = {
            name: lost_if_smaller(self.flow(name), self.spec.directory)
            for name in self.mapped
            if not self.usual_norm(name)
        }
        return story_notes(self._apart.system.law, self.spec.do, lost)

    def diagnose(self) -> tuple[Finding, ...]:
        """Warnings about problems of the story, each with a number and a remedy."""
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
        if not isinstance(query, str | Query):
            raise QueryError(f"quantity `{query}`: expected a text such as `I(x; theta)`.")
        asked = parse_query(query) if isinstance(query, str) else query
        check_names(asked, {**dict.fromkeys(self.covariance.names), **self.cells})
        refuse_held(asked, self.held)
        if self._by_kinds is not None:
            return self._by_kinds.quantity(asked, effort)
        if self._mixed.concerns(asked):
            return self._mixed.quantity(asked, effort)
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
        """What words lose: by pair `text; y` the information of a caption's factors about y (and of the
        causes that choose its words), and of its words.

        Their difference is I(factors; y) − I(words; y) ≥ 0: what the words lose (data processing).
        """
        others = [name for name in (*self.targets, *self.mapped) if name not in self.held]
        said = [name for name in self.captions if name not in self.held]
        return unsaid(self.quantity, self.cells, said, others, self.held)

    def truth_table(self) -> dict[str, float]:
        """The values of `truth` alone, nats by query."""
        return {name: quantity.value for name, quantity in self.truth().items()}

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
            with_error: Also how far every value may be off: nothing in closed form, else what fewer nodes of
                quadrature change, or a standard error.

        Returns:
            Shape (n,), nats; with its errors, of the same shape, if asked.
        """
        expect_flags(QueryError, with_error=with_error)
        parts = [(part,) if isinstance(part, str) else part for part in (a, b, given)]
        found = self.pointwise(rows)
        return found.with_error(*parts) if with_error else found.information(*parts)

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
                without noise; or a size that is no whole number in its range.

        Example:
            >>> ceiling = load("figure-1").ceilings(batch=2, batches=2).targets[0]
            >>> ceiling.target, ceiling.given, round(ceiling.r_squared, 6)
            ('theta', ('x1',), 0.999964)
        """
        if self.held:
            raise QueryError("ceilings: expected a story without interventions. Ask the story before them.")
        sizes: dict[str, Any] = require_sizes(classes=classes, batch=batch, batches=batches, seed=seed)
        if self.covariance.system.law.features.features:
            names = self.targets, self.mapped, self.captions
            return special_ceilings(self._kinds, self._special, *names, self._labels, **sizes)
        found = find_ceilings(self.covariance, self.targets, self.mapped, self._labels, **sizes)
        return with_words(found, self._mixed, self.targets, self.captions, self._labels, sizes["classes"])

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
        label = target in self.labels
        why = "for words minimal mutual information is not the decomposition"
        asked = modalities if label else (target, *modalities)
        refuse_words(self.cells, asked, f"decomposition of `{target}`", why)
        chosen = modalities or self.mapped
        if self._by_kinds is not None:
            self._by_kinds.refuse_decomposition(target, chosen)
        about = partial(self._about, target) if label or self._by_kinds else None
        return decompose(self._apart, target, chosen, about, label)

    @property
    def _apart(self) -> StructuredCovariance:
        """The law without categories that only choose."""
        split = None if self._by_kinds is None else self._by_kinds.split
        return self.covariance if split is None or split.coupled else split.parts[0].covariance

    def _about(self, label: str, names: Sequence[str]) -> float:
        return self.quantity(Query("I", ((label,), tuple(names)))).value

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


def compile_story(spec: Spec | str | Path | dict[str, Any]) -> Story:
    """Compile a spec, a spec file, the name of a preset or a dict.

    Raises:
        SpecError: With everything that is wrong with it.
    """
    return Story.of(spec if isinstance(spec, Spec) else load_spec(spec))


def load(source: str | Path | dict[str, Any]) -> Story:
    """Load and compile a story: a spec file, the name of a preset, or a dict.

    Raises:
        SpecError: With everything that is wrong with the spec.

    Example:
        >>> round(load("galaxy-images").information("I(x1; theta)"), 9)
        0.001533646
    """
    return compile_story(source)
