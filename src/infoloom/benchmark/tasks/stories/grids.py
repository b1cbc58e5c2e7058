"""Grids: stories that differ in one thing while the design solver holds their information."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final

from infoloom.benchmark.tasks.base import expect, whole
from infoloom.benchmark.tasks.stories.base import Names, StoryPairTask
from infoloom.benchmark.tasks.stories.designed import hold, holdable, shared_causes
from infoloom.story import Story

__all__ = ["GRIDS", "LAWS", "TEMPLATES", "GridTask", "grid"]

#: Template calls by name; {seed} differs from cause to cause and from modality to modality, {part} is an eighth.
TEMPLATES: Final = {
    "ones": "ones",
    "random": "random(seed={seed})",
    "sparse": "sparse({part}, seed={seed})",
    "disk": "disk(0.25)",
    "ring": "ring(0.3)",
    "blob": "blob(0.3, 0.3, 0.2)",
    "frequency": "frequency(1, 1)",
}
_PLANAR: Final = ("disk", "ring", "blob", "frequency")
_MANY: Final = ("random", "sparse")

#: Laws of the causes by name.
LAWS: Final = {"normal": "normal", "laplace": "laplace", "student": "student_t(5)", "uniform": "uniform"}


@dataclass(frozen=True)
class GridTask(StoryPairTask):
    """Modalities that see the same causes with one weight, solved so that x and y share the wanted information.

    x is the first modality, y all others side by side. Latents are whitened, so every modality is N(0, I) where the
    causes are normal. Random templates are drawn anew for every cause and modality.

    Args:
        nats: The truth; 0 for a null task.
        dim: Components of a modality; a picture where it is a square number, else a vector.
        pairs: Number of shared causes, and of canonical pairs.
        template: By which causes enter: `ones`, `random`, `sparse`, `disk`, `ring`, `blob` or `frequency`.
        modalities: Number of modalities.
        law: Of the causes: `normal`, `laplace`, `student` (five degrees of freedom) or `uniform`.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> GridTask(1.0, dim=16, modalities=3).sides
        (('x1',), ('x2', 'x3'))
    """

    nats: float = 1.0
    dim: int = 64
    pairs: int = 4
    template: str = "random"
    modalities: int = 2
    law: str = "normal"

    family: ClassVar[str] = "grid"
    source: ClassVar[str] = "designed story; information of its joint law"
    kinds = ("continuous", "continuous")

    def __post_init__(self) -> None:
        for name, least in (("dim", 1), ("pairs", 1), ("modalities", 2)):
            value = getattr(self, name)
            expect(
                whole(value) and value >= least,
                name,
                value,
                f"a whole number of {least} or more",
                f"Use {least}.",
            )
        holdable(self.nats, self.pairs, "1.0")
        expect(
            self.template in TEMPLATES,
            "template",
            self.template,
            f"one of {', '.join(TEMPLATES)}",
            "Use random.",
        )
        expect(self.law in LAWS, "law", self.law, f"one of {', '.join(LAWS)}", "Use normal.")
        square = math.isqrt(self.dim) ** 2 == self.dim
        expect(
            square or self.template not in _PLANAR,
            "dim",
            self.dim,
            "a square number for a planar template",
            "Use 64.",
        )
        most = self.dim if self.template in _MANY else 1
        expect(
            self.pairs <= most,
            "pairs",
            self.pairs,
            f"at most {most} with this template and dim",
            f"Use {most}.",
        )
        plain = self.law == "normal" or (self.pairs == 1 and self.modalities == 2)
        expect(
            plain,
            "law",
            self.law,
            "normal where there is more than one pair or two modalities",
            "Use pairs=1.",
        )
        object.__setattr__(self, "nats", float(self.nats))

    @property
    def name(self) -> str:
        """Name for people."""
        return (
            f"{self.nats:g} nats, {self.modalities} modalities of {self.dim}, {self.pairs} {self.law} causes on "
            f"{self.template} templates"
        )

    @property
    def sides(self) -> tuple[Names, Names]:
        """The first modality and the others."""
        names = tuple(f"x{i + 1}" for i in range(self.modalities))
        return names[:1], names[1:]

    @property
    def observed(self) -> bool:
        """Modalities are seen whitened."""
        return True

    @cached_property
    def compiled(self) -> Story:
        """The story with its weight solved."""
        side = math.isqrt(self.dim)
        flow = f"identity(1, {side}, {side})" if side * side == self.dim else f"vector({self.dim})"
        (x,), rest = self.sides
        part, call = max(1, self.dim // 8), TEMPLATES[self.template]
        templates = [
            lambda modality, cause=cause: call.format(seed=1000 * modality + cause, part=part)
            for cause in range(self.pairs)
        ]
        spec = shared_causes("grid", dict.fromkeys((x, *rest), flow), templates, LAWS[self.law])
        return hold(spec, f"I({x}; {', '.join(rest)})", self.nats)


#: What varies, and over which values; all else is as in `GridTask()`, laws and templates with one cause.
GRIDS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "information": [{"nats": nats} for nats in (0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0)],
    "dimension": [{"nats": 2.0, "dim": dim} for dim in (4, 16, 64, 256, 1024, 3072)],
    "sharing": [{"nats": 2.0, "pairs": pairs} for pairs in (1, 2, 4, 8, 16)],
    "template": [{"nats": 1.0, "pairs": 1, "template": template} for template in TEMPLATES],
    "modalities": [{"nats": 2.0, "modalities": count} for count in (2, 3, 5, 10)],
    "law": [{"nats": 1.0, "pairs": 1, "template": "ones", "law": law} for law in LAWS],
}


def grid(name: str) -> Iterator[GridTask]:
    """The tasks of one grid of `GRIDS`."""
    return (replace(GridTask(), **settings) for settings in GRIDS[name])
