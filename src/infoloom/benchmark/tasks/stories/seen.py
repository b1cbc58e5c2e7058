"""Two observations as the package makes them, pictures, spectra, curves and words, that share what is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from infoloom.benchmark.tasks.base import expect, whole
from infoloom.benchmark.tasks.stories.base import Names, StoryPairTask
from infoloom.benchmark.tasks.stories.designed import (
    WEIGHT,
    SharedPairTask,
    shared_causes,
    shared_pair,
    solved,
)
from infoloom.story import Story

__all__ = ["OBSERVATIONS", "CaptionTask", "SeenTask"]

#: Observations by name: the expression of the map, and how many numbers it draws them from.
OBSERVATIONS: Final = {
    "rotation-curve": ("rotation_curve(64)", 4),
    "xray-spectrum": ("xray_spectrum(128)", 6),
    "ring": ("ring(32)", 6),
    "sprites": ("sprites[star](32)", 8),
    "supernova": ("supernova[Ia]", 256),
    "heartbeat": ("heartbeat-one", 256),
    "mnist": ("mnist[3]", 784),
    "galaxy": ("galaxy[spiral]", 3072),
    "cifar10": ("cifar10[frog]", 3072),
}
_SAID: Final = 0.9
_NOUNS: Final = ("tiny", "small", "slight", "middling", "fair", "large", "huge", "vast")


@dataclass(frozen=True)
class SeenTask(SharedPairTask):
    """Two observations that share causes with one weight, solved so that they hold the wanted information.

    Args:
        x: One of `OBSERVATIONS`: a renderer, such as `ring`, or a trained flow, such as `galaxy`.
        y: The other one; it may be the same kind.
        nats: The truth; 0 for a null task.
        pairs: Number of shared causes, which enter by random templates.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> task = SeenTask("rotation-curve", "xray-spectrum", nats=1.0, pairs=2)
        >>> task.dim_x, task.dim_y, round(task.mutual_information, 9)
        (64, 128, 1.0)
    """

    x: str
    y: str
    nats: float = 1.0
    pairs: int = 2

    family: ClassVar[str] = "seen"
    source: ClassVar[str] = "designed story behind renderers and trained flows; information of its joint law"

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            value = getattr(self, name)
            expect(value in OBSERVATIONS, name, value, f"one of {', '.join(OBSERVATIONS)}", "Use ring.")
        most = min(OBSERVATIONS[self.x][1], OBSERVATIONS[self.y][1])
        self._accept(self.nats, "1.0", self.pairs, most, "2")

    @property
    def name(self) -> str:
        """Name for people."""
        return f"{self.nats:g} nats between {self.x} and {self.y}, {self.pairs} causes"

    @cached_property
    def compiled(self) -> Story:
        """The story with its weight solved."""
        flows = OBSERVATIONS[self.x][0], OBSERVATIONS[self.y][0]
        return shared_pair("seen", flows, self.pairs, self.nats)


@dataclass(frozen=True)
class CaptionTask(StoryPairTask):
    """An observation, and the words of a caption about its cause: whole numbers, one a slot.

    Each of two slots says one of some words, equally likely, cut from a noisy look at the cause.

    Args:
        x: One of `OBSERVATIONS`.
        nats: The truth; at most 0.9 log(words), because words that follow from the cause alone say log(words).
        words: Words of the first slot, 3 to 8; the second has half as many, rounded up.

    Raises:
        TaskError: Settings that do not fit, or more than the words can say.

    Example:
        >>> task = CaptionTask("xray-spectrum", nats=0.5)
        >>> task.discrete_y, task.sample(3, seed=0)[1].shape
        ((True, True), (3, 2))
    """

    x: str
    nats: float = 0.5
    words: int = 8

    family: ClassVar[str] = "caption"
    source: ClassVar[str] = "designed story; information of words as cells of a Gaussian, by quadrature"
    kinds = ("continuous", "discrete")

    def __post_init__(self) -> None:
        expect(self.x in OBSERVATIONS, "x", self.x, f"one of {', '.join(OBSERVATIONS)}", "Use ring.")
        fits = whole(self.words) and 3 <= self.words <= len(_NOUNS)
        expect(fits, "words", self.words, f"a whole number from 3 to {len(_NOUNS)}", "Use 8.")
        most = _SAID * math.log(self.words)
        expect(
            0.0 < self.nats <= most,
            "nats",
            self.nats,
            f"a number above 0 and at most {most:.3g}, which so many words can say",
            "Use 0.5.",
        )
        object.__setattr__(self, "nats", float(self.nats))

    @property
    def name(self) -> str:
        """Name for people."""
        return f"{self.nats:g} nats between {self.x} and a caption of {self.words} words"

    @property
    def sides(self) -> tuple[Names, Names]:
        """The observation and the caption."""
        return ("x1",), ("text",)

    @property
    def observed(self) -> bool:
        """The observation is seen through its map."""
        return True

    @cached_property
    def compiled(self) -> Story:
        """The story with its weight solved."""
        spec = shared_causes("caption", {"x1": OBSERVATIONS[self.x][0]}, [lambda _: "random(seed=0)"])
        spec["modalities"]["text"] = {
            "flow": 'caption("a {size} one, {sure} so")',
            "latent": {"size": f"{WEIGHT}*c0 + noise", "sure": f"{WEIGHT}*c0 + noise"},
            "words": {
                "size": list(_NOUNS[: self.words]),
                "sure": [f"{word}ly" for word in _NOUNS[: -(-self.words // 2)]],
            },
        }
        return solved(spec, "I(x1; text)", self.nats)
