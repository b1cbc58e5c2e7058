"""Pictures with captions and labels: the information of words and classes is known by quadrature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Final

from infoloom.benchmark.tasks.base import expect, whole
from infoloom.benchmark.tasks.stories.base import Names, StoryPairTask
from infoloom.benchmark.tasks.stories.designed import WEIGHT, solved
from infoloom.story import Story

__all__ = ["PAIRS", "PICTURES", "WordsTask", "words_tasks", "null_words"]

#: Pictures and the flows or renderers behind them.
PICTURES: Final = {"vector": "vector(4)", "digits": "digits[3]", "sprites": "sprites[heart](32)"}
#: Pairs and the variables that they consist of.
PAIRS: Final[dict[str, tuple[Names, Names]]] = {
    "picture-text": (("picture",), ("text",)),
    "picture-label": (("picture",), ("cls",)),
    "text-label": (("text",), ("cls",)),
}
_FACTORS: Final = ("size", "hue", "x", "y")  # of a sprite that causes may move, one a slot
_HEARD: Final = 0.5  # noise of a factor that a word is cut from, its cause being 1
_LEAST: Final = 2


@dataclass(frozen=True)
class WordsTask(StoryPairTask):
    """A picture, a caption and a label of hidden causes, two of the three at a time.

    Each slot of the caption says one of a few equally likely words, cut from a cause under noise; the label is a class
    of the noisy sum of all causes. The weight of the causes in the picture, or in the caption where there is no picture
    in the pair, is solved so that the pair shares what is asked, to the tolerance of the quadrature.

    Args:
        nats: The truth.
        pair: `picture-text`, `picture-label` or `text-label`.
        picture: `vector`, four numbers; `digits`, 8 × 8 pixels of a trained flow; or `sprites`, 3 × 32 × 32 pixels of a
            renderer whose size, hue and place the causes move.
        slots: Slots of the caption, as many as there are causes; with 4 the story takes minutes.
        words: Words of each slot, and classes of the label.

    Raises:
        TaskError: Settings that do not fit; when the story is first needed, more information than words can hold.

    Example:
        >>> task = WordsTask(0.5)
        >>> task.id
        'words:nats=0.5,pair=picture-text,picture=vector,slots=2,words=4'
        >>> task.kinds, task.shape_x, task.shape_y, round(task.mutual_information, 6)
        (('continuous', 'discrete'), (4,), (2,), 0.5)
    """

    nats: float
    pair: str = "picture-text"
    picture: str = "vector"
    slots: int = 2
    words: int = 4

    family: ClassVar[str] = "words"
    source: ClassVar[str] = (
        "words and classes are cells of normal variables; quadrature of their probabilities"
    )

    def __post_init__(self) -> None:
        expect(self.pair in PAIRS, "pair", self.pair, f"one of {', '.join(PAIRS)}", "Use picture-text.")
        expect(
            self.picture in PICTURES, "picture", self.picture, f"one of {', '.join(PICTURES)}", "Use vector."
        )
        most = len(_FACTORS)
        fits = whole(self.slots) and 1 <= self.slots <= most
        expect(fits, "slots", self.slots, f"a whole number from 1 to {most}", "Use 2.")
        fits = whole(self.words) and self.words >= _LEAST
        expect(fits, "words", self.words, f"a whole number of {_LEAST} or more", "Use 4.")
        expect(self.nats >= 0.0, "nats", self.nats, "a number of 0 or more", "Use 0.5.")
        object.__setattr__(self, "nats", float(self.nats))

    @property
    def name(self) -> str:
        """Name for people."""
        about = f"{self.slots} slots of {self.words} words"
        return f"{self.nats:g} nats, {self.pair.replace('-', ' and ')}, {self.picture}, {about}"

    @property
    def sides(self) -> tuple[Names, Names]:
        """Variables of x and of y."""
        return PAIRS[self.pair]

    @property
    def kinds(self) -> tuple[str, str]:
        """Of the columns of x and of y: pictures are `continuous`, words and classes `discrete`."""
        x, y = ("continuous" if names == ("picture",) else "discrete" for names in self.sides)
        return x, y

    @property
    def observed(self) -> bool:
        """Pictures are seen through their maps."""
        return True

    @cached_property
    def compiled(self) -> Story:
        """The story."""
        return _story(self.nats, self.pair, self.picture, self.slots, self.words)


def words_tasks() -> Iterator[WordsTask]:
    """Every pair, with pictures of every kind."""
    for pair in ("picture-text", "picture-label"):
        yield from (WordsTask(0.5, pair, picture) for picture in PICTURES)
    yield WordsTask(0.5, "text-label")
    yield WordsTask(0.25, "picture-text", "vector", 1, 5)


def null_words() -> Iterator[WordsTask]:
    """A caption and a label that say nothing of the picture."""
    yield from (WordsTask(0.0, pair) for pair in ("picture-text", "picture-label"))


@cache
def _story(nats: float, pair: str, picture: str, slots: int, words: int) -> Story:
    """The story whose weight holds the information of a pair."""
    (x,), (y,) = PAIRS[pair]
    return solved(_spec(pair, picture, slots, words), f"I({x}; {y})", nats)


def _spec(pair: str, picture: str, slots: int, words: int) -> dict[str, Any]:
    """The spec with the free weight in the picture, or in the caption where the pair has no picture."""
    causes = [f"c{slot}" for slot in range(slots)]
    shown, said = (WEIGHT, "1.0") if pair != "text-label" else ("1.0", WEIGHT)
    if picture == "sprites":
        latent: Any = {
            factor: f"{shown}*{cause} + noise" for factor, cause in zip(_FACTORS[:slots], causes, strict=True)
        }
    else:
        latent = " + ".join([*(f"{shown}*{cause}@random({k})" for k, cause in enumerate(causes)), "noise"])
    slot_names = [f"w{slot}" for slot in range(slots)]
    sentence = " ".join(f"{{{name}}}" for name in slot_names)
    text = {
        "flow": f'caption("{sentence}")',
        "latent": {name: f"{said}*{c} + {_HEARD}*noise" for name, c in zip(slot_names, causes, strict=True)},
        "words": {name: [f"{name}n{word}" for word in range(words)] for name in slot_names},
    }
    return {
        "name": "captions",
        "causes": dict.fromkeys(causes, "normal"),
        "parameters": {WEIGHT: "free"},
        "targets": {"theta": " + ".join([*causes, f"{_HEARD}*noise"])},
        "modalities": {"picture": {"flow": PICTURES[picture], "latent": latent}, "text": text},
        "labels": {"cls": {"target": "theta", "classes": words}},
    }
