"""How the scores of each experiment on self-supervised learners are laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from infoloom.report.ssl.figures import Reader
from infoloom.ssl.probes.score import FUSED

__all__ = ["VIEWS", "View"]

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class View:
    """How the scores of an experiment are laid out.

    Attributes:
        title: Heading.
        text: What its stories are.
        label: Name of the varied quantity.
        read: Where a score belongs along it.
        inputs: Whose features are shown.
        probe: Whose scores.
    """

    title: str
    text: str
    label: str
    read: Reader
    inputs: tuple[str, ...] = ("x1", FUSED)
    probe: str = "ridge"


def _by(name: str) -> Reader:
    """Scores about the target, along a parameter of the story."""
    return lambda row, score: row["params"].get(name) if score["of"] == "theta" else None


def _kind(row: Row, score: Row) -> str | None:
    return row["params"].get("kind") if score["of"] == "theta" else None


def _cause(row: Row, score: Row) -> str | None:
    known = row["params"].get("kind") == "mixed" and score["of"] in ("shared", "own1", "own2", "hidden")
    return str(score["of"]) if known else None


def _spin(row: Row, score: Row) -> float | None:
    of = score["of"]
    return int(of[5:]) / 100 if of.startswith("theta") and of[5:].isdigit() else None


_EACH: Final = ("x1", "x2", FUSED, "x1,x2")


def _factor(row: Row, score: Row) -> str | None:
    of = str(score["of"])
    return of.partition(".")[2] if of.startswith("x1.") and score["inputs"] == "x1" else None


def _task(row: Row, score: Row) -> str | None:
    known = ("theta", "unique1", "unique2", "synergy", "bit")
    return f"{row['params']['name']}: {score['of']}" if score["of"] in known else None


_PAIR: Final = ("picture", "text", FUSED)
VIEWS: Final[Mapping[str, tuple[View, ...]]] = {
    "information": (
        View("Information", "Two pictures of one cause; both have the same information about it.",
             "information of each picture (nats)", _by("nats")),
    ),
    "observed": (
        View("Real observations", "Two real observations of one cause; both have the same information about it.",
             "information of each (nats)", _by("nats")),
    ),
    "templates": (
        View("Templates", "One cause, spread over the picture in four ways that carry the same information.",
             "template", _by("template")),
    ),
    "parts": (
        View("Redundant, unique, synergistic",
             "Two pictures whose information about the target is shared, one's own, or in both together only.",
             "kind", _kind, _EACH),
        View("Causes of every kind at once",
             "The `mixed` story: a shared cause, one of each picture's own, and one that only both together show.",
             "cause", _cause, _EACH),
    ),
    "nuisance": (
        View("Nuisance", "Two pictures that share a texture, which is not about the target.",
             "shared nuisance (nats)", _by("nats")),
    ),
    "black-hole": (
        View("From mass to spin",
             "Both pictures show the mass, the first alone the spin; the target turns from mass (0) to spin (1).",
             "weight of the spin", _spin, _EACH),
    ),
    "captions": (
        View("Pictures and captions", "A picture and its caption, by the information that they share.",
             "I(picture; text) (nats)", _by("nats"), _PAIR),
    ),
    "mismatched": (
        View("Mismatched pairs", "A share of the training pairs has the caption of another row.",
             "share of mismatched pairs", _by("share"), _PAIR),
    ),
    "missing": (
        View("Missing modalities", "A share of the training rows lacks the ring or the spectrum.",
             "share of incomplete rows", _by("absent"), _EACH),
    ),
    "dropped": (
        View("Words dropped", "The caption says some of its four words.",
             "words", _by("words"), _PAIR),
    ),
    "plenty": (
        View("More pairs", "A picture and its caption that share 1 nat, and more pairs to train on.",
             "pairs", _by("rows"), _PAIR),
    ),
    "kinds": (
        View("Kinds of information", "A ring and a spectrum; their information about the target is of one kind.",
             "kind", _kind, _EACH),
        View("Kinds of information, read by a network", "The same by a perceptron on all features.",
             "kind", _kind, (FUSED, "x1,x2"), "mlp"),
        View("All kinds at once", "A shared cause, one of each side's own, and one that only both together show.",
             "cause", _cause, _EACH),
    ),
    "spread": (
        View("Spread over factors", "One cause that reaches one factor or all, with the same information.",
             "factors", _by("how")),
    ),
    "turning": (
        View("From mass to spin", "Ring and spectrum show the mass, the ring alone the spin.",
             "weight of the spin", _spin, _EACH),
    ),
    "content": (
        View("Content and style", "Two sprites share x, y, size and hue; the rest is each one's own.",
             "factor of x1", _factor, ("x1",)),
    ),
    "many": (
        View("Number of spectra", "Spectra of one cause; each knows 0.5 nats about it.",
             "spectra", _by("count")),
    ),
    "clutter": (
        View("Shared clutter", "Ring and spectrum share causes that are not about the target.",
             "shared clutter (nats)", _by("nats")),
    ),
    "preset": (
        View("Data sets of the literature", "FactorCL's, Symile's and CoMM's synthetic data as stories.",
             "task", _task),
        View("Data sets of the literature, read by a network", "The same by a perceptron on all features.",
             "task", _task, (FUSED,), "mlp"),
    ),
    "galaxies": (
        View("Galaxies", "A galaxy's picture and its rotation curve; the picture knows more and more of the mass.",
             "I(x1; theta) (nats)", _by("nats")),
    ),
    "pairs": (
        View("More pairs of a galaxy", "A galaxy's picture that knows 1 nat, its rotation curve, and more pairs.",
             "pairs", _by("rows")),
    ),
    "stories": (
        View("Stories of trained flows", "Two digits, two galaxies, a heartbeat with a voice, a supernova.",
             "story", _by("name"), (FUSED,)),
    ),
    "automobiles": (
        View("Automobiles", "An automobile of CIFAR-10 and a curve; the picture knows more and more of the mass.",
             "I(x1; theta) (nats)", _by("nats")),
    ),
    "patterns": (
        View("Patterns", "A galaxy's picture shows the target by a template, always with the same information.",
             "template", _by("template")),
    ),
    "beats": (
        View("Heartbeats", "A heartbeat shows the target by a template, always with the same information.",
             "template", _by("template")),
    ),
    "tuning": (
        View("Learning rates", "What settings are chosen on: a rotation curve and a spectrum of two causes.",
             "learning rate", _by("rate")),
    ),
    "modalities": (
        View("Modalities", "Several pictures of one cause; with a decay, each knows less than the one before.",
             "modalities", _by("count")),
    ),
}  # fmt: skip
