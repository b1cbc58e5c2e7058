"""What a compiled story is made of: its named variables, their joint law, and rows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Self

import numpy as np

from infoloom.errors import QueryError, SpecError
from infoloom.extras import extras_named
from infoloom.information.ceilings.labels import Label, make_labels
from infoloom.information.requirements import parse_requirements
from infoloom.information.words.cells import Cells, make_cells
from infoloom.information.words.mixed import Mixed
from infoloom.law.choices import category_column, choice_columns, choosing
from infoloom.law.compilation import compile_spec, compose_graph
from infoloom.law.covariance import StructuredCovariance, Whitener
from infoloom.law.equations import Array, templates
from infoloom.law.graph import Graph, build_graph
from infoloom.law.interventions import Value, descendants, plain_value, shifted
from infoloom.law.sampling import Plan, draw_rows, make_plan
from infoloom.spec.model import ModalitySpec, Spec

__all__ = ["CompiledStory", "Rows"]

Rows = dict[str, np.ndarray[Any, np.dtype[Any]]]


@dataclass(frozen=True)
class CompiledStory:
    """A spec compiled to the joint law of its named variables, and rows of it.

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

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """Compile a spec.

        Raises:
            SpecError: With everything that is wrong with it.
        """
        made = compile_spec(spec)
        story = cls(spec, made.graph, made.covariance, made.before)
        parse_requirements(spec.require, {**dict.fromkeys(story.covariance.names), **story.cells})
        return story

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

    def usual_norm(self, name: str) -> bool:
        """Whether a modality's flow sees latents whose norm is near √d, as those of N(0, I) are.

        Latents that are not whitened may be smaller; so may those that share a Student scale, and those of a story
        under an intervention.

        Raises:
            QueryError: No such modality.
        """
        self._modality(name)
        whitened = self.spec.modalities[name].whitening == "whiten"
        return whitened and self.covariance.system.law.scale is None and not self.held

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

    def sample(self, rows: int, seed: int = 0, start: int = 0) -> Rows:
        """Rows of causes, targets and modality latents. Row i depends only on the story, the seed and i.

        Args:
            rows: Number of rows.
            seed: Seed, ≥ 0.
            start: Number of the first row.

        Returns:
            Causes and targets of shape (rows,), latents z of shape (rows, d) before whitening, all float32; labels
            of shape (rows,), int64.
        """
        return self._labelled(draw_rows(self.plan, rows, seed, start))

    @extras_named()
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

    @extras_named()
    def stream(
        self,
        batch: int,
        *,
        rows: int,
        device: str = "cpu",
        seed: int = 0,
        split: str | None = None,
        splits: str | Mapping[str, float | int] | None = None,
        columns: Sequence[str] | None = None,
        shuffle: bool = False,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
        allow_uncertified: bool = False,
    ) -> Any:
        """Batches for PyTorch without a dataset on a disk.

        With the same seed, a loader with two or more workers gives the same batches in another order than one with none
        or one.

        Args:
            batch: Rows of a batch.
            rows: Rows in all splits together.
            device: Where flows compute and batches lie, such as `cpu` or `cuda`.
            seed: Of the rows and of their order.
            split: Name of one of `splits`, or None for all rows.
            splits: As `generate` takes them, such as `"train=0.8,test=0.2"`.
            columns: Names of columns, which may be causes and latents (`z_…`) too; observations, captions, targets,
                labels and `sample_id` when left out.
            shuffle: Whether to shuffle.
            drop_last: Whether to leave out a last batch that is not full.
            rank, world_size: Which of how many processes this is; those of `torch.distributed` when left out.
            allow_uncertified: Whether flows are used whose certificate fails.

        Returns:
            An `infoloom.datasets.reading.on_the_fly.StoryStream`, for `DataLoader(stream, batch_size=None)`: each
            batch has tensors (batch, *shape) by column.

        Raises:
            DatasetError: Sizes, splits or columns that make no sense.
        """
        return import_module("infoloom.datasets.reading.on_the_fly").StoryStream(
            self, batch, rows=rows, device=device, seed=seed, split=split, splits=splits, columns=columns,
            shuffle=shuffle, drop_last=drop_last, rank=rank, world_size=world_size,
            allow_uncertified=allow_uncertified,
        )  # fmt: skip

    def intervene(self, **values: Value) -> Self:
        """The story under do(node = value): the nodes lose their equations and have these values; bijections stay.

        Args:
            values: For each cause, target or modality a number for all of its components, or one for each.

        Raises:
            SpecError: An unknown name, or a wrong number of values.

        Example:
            >>> from infoloom import load
            >>> held = load("black-hole").intervene(mass=1.0)
            >>> round(held.information("I(xray.norm; theta)"), 12), round(float(held.sample(1)["mass"][0]), 6)
            (0.0, 1.0)
        """
        do = {**self.spec.do, **{name: plain_value(name, value) for name, value in values.items()}}
        return self.of(self.spec.model_copy(update={"do": do}))

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
        touched = self._touched(node)
        return drawn, {name: changed[name] if name in touched else values for name, values in drawn.items()}

    def _touched(self, node: str) -> frozenset[str]:
        """The columns of rows that a node has an effect on: nodes, labels, and categories of causes that choose."""
        graph = build_graph(self.spec) if self.held else self.graph
        touched = descendants(graph, node, self.held)
        labels = {name for name, label in self.spec.labels.items() if label.target in touched}
        return touched | labels | {category_column(name) for name in choosing(graph) if name in touched}

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
    def plan(self) -> Plan:
        """What sampling needs."""
        return make_plan(self.covariance.system, self.causes, self.targets)
