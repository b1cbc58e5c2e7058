"""Captions as a spec names them: sentence templates with slots for words and synonyms chosen by noise."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Final

from infoloom.errors import FlowError

__all__ = [
    "CAPTION",
    "Caption",
    "Choice",
    "Slot",
    "Words",
    "caption_problems",
    "check_words",
    "parse_caption",
    "shares",
    "split_tokens",
    "vocabulary",
    "word_list",
]

CAPTION: Final = "caption"
Words = list[str] | dict[str, float]
MAX_WORDS: Final = 10_000
MAX_SENTENCES: Final = 256
_PIECE: Final = re.compile(r"\{(?P<slot>[^{}\[\]]*)\}|\[(?P<choice>[^{}\[\]]*)\]|(?P<text>[^{}\[\]]+)")
_NAME: Final = re.compile(r"[^\W\d]\w{0,99}")
_WORD: Final = re.compile(r"\w+(?:[-'’]\w+)*")
_TOKEN: Final = re.compile(r"\w+(?:[-'’]\w+)*|[^\w\s]")
_SUM: Final = 1e-9


@dataclass(frozen=True)
class Slot:
    """Where a word is said: `{size}`."""

    name: str


@dataclass(frozen=True)
class Choice:
    """Where one of several texts is said, chosen by noise: `[thing|object]`."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Caption:
    """A caption's sentence templates.

    Attributes:
        templates: Each a sequence of texts, slots and choices.
        slots: Names of the slots, in the order of the first template.
        kind: Name of the noise that chooses the template; empty for one template.
    """

    templates: tuple[tuple[str | Slot | Choice, ...], ...]
    slots: tuple[str, ...]
    kind: str = ""

    @property
    def choices(self) -> dict[str, int]:
        """Number of options by the name of the noise that chooses among them."""
        sizes = {self.kind: len(self.templates)} if self.kind else {}
        pieces = (piece for template in self.templates for piece in template)
        return sizes | {piece.name: len(piece.options) for piece in pieces if isinstance(piece, Choice)}

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the latent's components: the slots, then what chooses synonyms and templates."""
        return (*self.slots, *self.choices)


def parse_caption(templates: Sequence[Any]) -> Caption:
    """Read the arguments of a flow expression `caption("a {size} {hue} [thing|object]", …)`.

    Args:
        templates: One sentence or several, of which noise chooses one a row. Each names every slot once.

    Raises:
        FlowError: No sentence, brackets that do not close, or slots that do not fit.

    Example:
        >>> parse_caption(["a {size} [thing|object]"]).factors
        ('size', 'synonym_1')
    """
    if not templates or not all(isinstance(text, str) and text.strip() for text in templates):
        raise FlowError(
            f"flow `caption({', '.join(map(str, templates))})`: expected one sentence or more in quotes, as in "
            '`caption("a {size} {hue} thing")`.'
        )
    read: list[tuple[str | Slot | Choice, ...]] = []
    count = 0
    for text in templates:
        pieces = tuple(_pieces(text, count))
        count += sum(isinstance(piece, Choice) for piece in pieces)
        read.append(pieces)
    slots = tuple(piece.name for piece in read[0] if isinstance(piece, Slot))
    free = next(name for name in ("kind", "template", "sentence") if name not in slots or name == "sentence")
    caption = Caption(tuple(read), slots, free if len(read) > 1 else "")
    _check_slots(caption, templates)
    return caption


def _pieces(text: str, count: int) -> Iterator[str | Slot | Choice]:
    place = 0
    for match in _PIECE.finditer(text):
        if match.start() != place:
            break
        place = match.end()
        if match["slot"] is not None:
            yield Slot(match["slot"].strip())
        elif match["choice"] is not None:
            count += 1
            yield Choice(f"synonym_{count}", tuple(match["choice"].split("|")))
        else:
            yield match["text"]
    if place != len(text):
        raise FlowError(
            f"flow `caption`: sentence `{text}`: expected every bracket to close and none inside another, as in "
            "`a {size} [thing|object]`; cannot read on from "
            f"`{text[place : place + 20]}`."
        )


def _check_slots(caption: Caption, templates: Sequence[str]) -> None:
    for text, pieces in zip(templates, caption.templates, strict=True):
        names = [piece.name for piece in pieces if isinstance(piece, Slot)]
        bad = next((name for name in names if not _NAME.fullmatch(name)), None)
        if bad is not None:
            raise FlowError(
                f"flow `caption`: slot `{{{bad}}}`: expected a name of letters, digits and underscores."
            )
        taken = next((name for name in names if name in caption.choices), None)
        if taken is not None:
            raise FlowError(
                f"flow `caption`: slot `{taken}`: this name is taken by the noise that chooses. Rename the slot."
            )
        if not names or len(set(names)) != len(names) or set(names) != set(caption.slots):
            raise FlowError(
                f"flow `caption`: sentence `{text}`: expected every slot of {', '.join(caption.slots) or '{…}'} once, "
                "because each sentence says all words."
            )
        single = next((p for p in pieces if isinstance(p, Choice) and len(p.options) < 2), None)
        if single is not None:
            raise FlowError(
                f"flow `caption`: sentence `{text}`: `[{single.options[0]}]` has one option; expected two or more. "
                "Remove the brackets."
            )


def split_tokens(text: str) -> tuple[str, ...]:
    """Words and punctuation marks of a text.

    Example:
        >>> split_tokens("a light-blue thing.")
        ('a', 'light-blue', 'thing', '.')
    """
    return tuple(_TOKEN.findall(text))


def check_words(value: object) -> object:
    """Refuse what is no list of words and no mapping of words to probabilities.

    Raises:
        ValueError: It is neither, or a word or a probability does not fit.
    """
    if not isinstance(value, list | dict) or not 1 <= len(value) <= MAX_WORDS:
        raise ValueError(
            f"expected a list of 1 to {MAX_WORDS:,} words, or words with probabilities, as in "
            f"`[small, big]` or `{{small: 0.7, big: 0.3}}`, got {str(value)[:60]!r}"
        )
    for word in value:
        if not isinstance(word, str) or not _WORD.fullmatch(word):
            raise ValueError(
                f"word `{word}`: expected one word of letters and digits, hyphens inside allowed. "
                "Join words by hyphens, and put numbers into quotes"
            )
    if len(set(value)) != len(value):
        twice = next(word for word in value if list(value).count(word) > 1)
        raise ValueError(
            f"word `{twice}` stands twice; expected each once, because a word is a class. Remove one"
        )
    if isinstance(value, dict):
        _check_shares(value)
    return value


def _check_shares(value: dict[Any, Any]) -> None:
    for word, share in value.items():
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not number or not 0.0 < share <= 1.0:
            raise ValueError(
                f"probability of `{word}`: expected a number above 0 and at most 1, got {share!r}"
            )
    total = math.fsum(value.values())
    if abs(total - 1.0) > _SUM:
        raise ValueError(f"probabilities add up to {total:g}; expected 1. Change one of them")


def word_list(words: Words) -> tuple[str, ...]:
    """The words of a slot, from those of its smallest values to those of its largest."""
    return tuple(words)


def shares(words: Words) -> tuple[float, ...]:
    """Probabilities of the words of a slot."""
    return tuple(map(float, words.values())) if isinstance(words, dict) else (1.0 / len(words),) * len(words)


def vocabulary(caption: Caption, words: Mapping[str, Words]) -> tuple[str, ...]:
    """Every token that a sentence can have, sorted; token ids count from 1, and 0 fills up short sentences."""
    tokens = {word for one in words.values() for word in one}
    for template in caption.templates:
        for piece in template:
            texts = piece.options if isinstance(piece, Choice) else (piece,) if isinstance(piece, str) else ()
            tokens.update(token for text in texts for token in split_tokens(text))
    return tuple(sorted(tokens))


def caption_problems(
    path: str, caption: Caption | None, words: Mapping[str, Words] | None, latent: object, whitening: str
) -> list[str]:
    """What does not fit between a modality's caption, words and latent.

    Args:
        path: Of the modality, `modalities.text`.
        caption: Its caption, or None where its flow is none.
        words: Words by slot.
        latent: As written.
        whitening: As written.
    """
    if caption is None:
        if words is None:
            return []
        return [
            f'{path}.words: expected a flow that says them. Write `flow: caption("…")`, or remove the words.'
        ]
    problems = []
    if words is None:
        problems.append(f"{path}.words: this key is missing. Add the words of {', '.join(caption.slots)}.")
    words = words or {}
    for slot in words:
        if slot not in caption.slots:
            near = difflib.get_close_matches(slot, caption.slots, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"expected some of {', '.join(caption.slots)}."
            problems.append(f"{path}.words.{slot}: the caption has no slot `{slot}`; {hint}")
    missing = [slot for slot in caption.slots if words and slot not in words]
    problems += [f"{path}.words.{slot}: the words of this slot are missing. Add them." for slot in missing]
    if latent is not None and not isinstance(latent, dict):
        problems.append(
            f"{path}.latent: expected an equation for each slot, because each says a factor of its own. Write "
            f"`{{{caption.slots[0]}: …}}`."
        )
    for name in latent if isinstance(latent, dict) else ():
        if name in caption.choices:
            problems.append(
                f"{path}.latent.{name}: expected no equation, because this noise chooses a synonym, which must not "
                "tell anything. Remove it."
            )
    if whitening != "whiten":
        problems.append(
            f"{path}.whitening: expected none for a caption, because each slot reads a standardised factor. Remove it."
        )
    return problems or _unclear(path, caption, words)


def _unclear(path: str, caption: Caption, words: Mapping[str, Words]) -> list[str]:
    """Two sentences that may be the same and say other words: then a sentence would not tell its words."""
    skeletons: list[tuple[tuple[str, frozenset[str]], ...]] = []
    for template in caption.templates:
        options = [piece.options if isinstance(piece, Choice) else (piece,) for piece in template]
        if math.prod(map(len, options)) + len(skeletons) > MAX_SENTENCES:
            return [
                f"{path}.flow: expected at most {MAX_SENTENCES} sentences besides the words, so that they can be "
                "checked to be different. Use fewer synonyms."
            ]
        skeletons += [tuple(_tokens(chosen, words)) for chosen in product(*options)]
    for one, other in combinations(skeletons, 2):
        if len(one) == len(other) and all(a[1] & b[1] for a, b in zip(one, other, strict=True)):
            strange = next((a[0] or b[0] for a, b in zip(one, other, strict=True) if a[0] != b[0]), None)
            if strange is not None:
                return [
                    f"{path}.flow: two sentences can be equal and say another `{strange}`; expected that a sentence "
                    "tells its words. Change a synonym or a word."
                ]
    return []


def _tokens(pieces: Sequence[str | Slot], words: Mapping[str, Words]) -> Iterator[tuple[str, frozenset[str]]]:
    """Of every token its slot, empty for a fixed one, and what it can be."""
    for piece in pieces:
        if isinstance(piece, Slot):
            yield piece.name, frozenset(words[piece.name])
        else:
            yield from (("", frozenset([token])) for token in split_tokens(piece))
