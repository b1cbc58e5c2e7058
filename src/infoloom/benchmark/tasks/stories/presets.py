"""Pairs of variables of a preset or of a spec file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from typing import ClassVar, Final

from infoloom.benchmark.tasks.base import expect
from infoloom.benchmark.tasks.identifiers import Value
from infoloom.benchmark.tasks.stories.base import Names, StoryPairTask
from infoloom.benchmark.tasks.stories.columns import has_words, is_discrete
from infoloom.errors import TaskError
from infoloom.presets import names as preset_names
from infoloom.spec.flows.flow import flow_choice
from infoloom.spec.load import load_spec
from infoloom.story import Story, load

__all__ = ["NAMES_IN_IDS", "VIEWS", "StoryTask", "preset_tasks"]

#: Presets that have another name than when their tasks were first published: the name in ids, and the preset's.
NAMES_IN_IDS: Final = {"black-hole": "black-hole-templates", "black-hole-physical": "black-hole"}

#: What a task may show of a modality.
VIEWS = ("observed", "latent")


@dataclass(frozen=True)
class StoryTask(StoryPairTask):
    """Two sides of a story: modalities, targets, causes, captions by their words, labels and categories by number.

    Args:
        story: Name of a preset, or the path of a spec. Ids write names of `NAMES_IN_IDS`.
        x: A variable, or several joined by `+`.
        y: The other side, likewise: `x2+theta` for the joint information, of which the conditional one is a difference.
        view: `observed`, what comes out of the flows, or `latent`.

    Raises:
        TaskError: Settings that do not fit.
        SpecError: No such story.

    Example:
        >>> task = StoryTask("figure-1", "x1", "theta", "latent")
        >>> task.id, task.dim_x, task.dim_y
        ('story:story=figure-1,x=x1,y=theta,view=latent', 3072, 1)
        >>> round(task.mi("x1", "x2, theta") - task.mi("x1", "theta") - task.cmi("x1", "x2", given="theta"), 9)
        0.0
    """

    story: str
    x: str
    y: str
    view: str = "observed"

    family: ClassVar[str] = "story"
    source: ClassVar[str] = "linear structural equations; information of their joint law"
    in_ids: ClassVar[Mapping[str, Mapping[str, Value]]] = {"story": NAMES_IN_IDS}

    def __post_init__(self) -> None:
        expect(self.view in VIEWS, "view", self.view, f"one of {', '.join(VIEWS)}", "Use observed.")
        known = (*self.compiled.graph.nodes, *self.compiled.labels)
        for name in (*self.sides[0], *self.sides[1]):
            if name not in known:
                raise TaskError(
                    f"variable `{name}` of the story `{self.story}`: expected one of {', '.join(known)}. "
                    "Name one of them."
                )
        twice = set(self.sides[0]) & set(self.sides[1])
        expect(not twice, "y", self.y, "variables that are not in x", "Name every variable once.")
        for which, names in zip("xy", self.sides, strict=True):
            words = any(has_words(self.compiled, name) for name in names)
            expect(
                not words or is_discrete(self.compiled, names),
                which,
                "+".join(names),
                "words, classes and categories, or other variables, because one array has numbers of one type",
                "Put them on different sides.",
            )

    @property
    def name(self) -> str:
        """Name for people."""
        return f"{self.x} and {self.y} of {self.story}, {self.view}"

    @property
    def sides(self) -> tuple[Names, Names]:
        """Variables of x and of y."""
        return tuple(self.x.split("+")), tuple(self.y.split("+"))

    @property
    def observed(self) -> bool:
        """Whether modalities are seen through their flows."""
        return self.view == "observed"

    @cached_property
    def compiled(self) -> Story:
        """The story."""
        return _preset(self.story) if self.story in preset_names() else load(self.story)


def preset_tasks(view: str = "observed") -> Iterator[StoryTask]:
    """Every pair of modalities and every modality with every target and label, of every preset.

    Modalities of which a category chooses the class are left out: no task shows them.
    """
    for preset in preset_names():
        spec = load_spec(preset)
        alone = [
            name for name, one in spec.modalities.items() if flow_choice(one.flow, spec.directory) is None
        ]
        pairs = [
            *combinations(alone, 2),
            *((modality, name) for modality in alone for name in (*spec.targets, *spec.labels)),
        ]
        yield from (StoryTask(preset, x, y, view) for x, y in pairs)


@cache
def _preset(name: str) -> Story:
    return load(name)
