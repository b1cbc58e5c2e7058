"""What categorical causes choose: the class of a flow, and words of captions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.errors import FlowError
from infoloom.spec.flows.captions import Caption, Words
from infoloom.spec.flows.flow import flow_choice
from infoloom.spec.model import CauseSpec, ModalitySpec

if TYPE_CHECKING:
    from infoloom.law.graph import Graph

__all__ = [
    "FLOW",
    "UNUSED",
    "categories",
    "category_column",
    "choice_columns",
    "choosing",
    "chosen_by",
    "chosen_slots",
    "kept_factors",
]

Rows = Mapping[str, np.ndarray[Any, np.dtype[Any]]]

FLOW: Final = ""  # what a flow's choice is called among the choices of a modality
UNUSED: Final = "unused"


def categories(cause: CauseSpec | None) -> int | None:
    """Number of categories of a scalar categorical cause; None for other causes."""
    if cause is None or cause.size != 1:
        return None
    from infoloom.law.sources.distributions import make_distribution

    made = make_distribution(cause.distribution)
    return len(made.atoms[0]) if made.discrete else None


def chosen_slots(caption: Caption | None, latent: object, causes: Mapping[str, CauseSpec]) -> dict[str, str]:
    """The slots of a caption whose word a categorical cause chooses, with the cause.

    Such a slot has the cause alone as its equation, or no equation and the cause's name.
    """
    if caption is None:
        return {}
    written = latent if isinstance(latent, dict) else {}
    named = {slot: str(written.get(slot, slot)).strip() for slot in caption.slots}
    return {slot: cause for slot, cause in named.items() if categories(causes.get(cause)) is not None}


def chosen_by(
    name: str,
    modality: ModalitySpec,
    caption: Caption | None,
    causes: Mapping[str, CauseSpec],
    directory: Path | None,
) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """What categorical causes choose of a modality: pairs of slot (`""` for the flow's class) and cause; problems."""
    slots = chosen_slots(caption, modality.latent, causes)
    problems = []
    for slot, cause in slots.items():
        words = (modality.words or {}).get(slot)
        problems += _word_problems(f"modalities.{name}.words.{slot}", words, cause, causes)
    try:
        choice = flow_choice(modality.flow, directory)
    except FlowError:
        return tuple(slots.items()), problems  # a problem of the flow already
    if choice is None:
        return tuple(slots.items()), problems
    found = categories(causes.get(choice.cause))
    path = f"modalities.{name}.flow"
    if found is None:
        known = [cause for cause in causes if categories(causes[cause]) is not None]
        hint = (
            f"Name one of {', '.join(known)}."
            if known
            else f"Write `{choice.cause}: categorical({max(2, len(choice.names))})` under `causes`."
        )
        problems.append(
            f"{path}: `{{{choice.cause}}}`: expected a scalar categorical cause, because only categories choose. {hint}"
        )
        return tuple(slots.items()), problems
    if found != len(choice.names):
        problems.append(
            f"{path}: `{{{choice.cause}}}` has {found} categories and chooses among {len(choice.names)} classes; "
            f"expected as many. List {found} of {', '.join(choice.names)}, as in "
            f"`[{{{choice.cause}}}: {', '.join(choice.names[:found])}]`, or change the categories."
        )
    return ((FLOW, choice.cause), *slots.items()), problems


def kept_factors(listed: tuple[str, ...], chosen: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Factors of a latent without the slots that causes choose; one that says nothing where none is left."""
    slots = {slot for slot, _ in chosen}
    kept = tuple(name for name in listed if name not in slots)
    return kept or (UNUSED,)


def category_column(cause: str) -> str:
    """Name of the column that holds the category of a cause that chooses."""
    return f"{cause}_class"


def choosing(graph: Graph) -> tuple[str, ...]:
    """Names of the causes that choose, in the story's order."""
    chosen = {cause for node in graph.nodes.values() for _, cause in node.chosen}
    return tuple(name for name in graph.names("cause") if name in chosen)


def choice_columns(graph: Graph, drawn: Rows) -> Rows:
    """Categories of the causes that choose, from 0, by column: `kind_class`, shape (n,), int64."""
    from infoloom.law.sources.distributions import atoms_of

    found = {}
    for name in choosing(graph):
        atoms = np.array(atoms_of(graph.nodes[name].distribution))
        away = np.abs(np.asarray(drawn[name], dtype=np.float64)[:, None] - atoms)
        found[category_column(name)] = away.argmin(axis=1).astype(np.int64)
    return found


def _word_problems(path: str, words: Words | None, cause: str, causes: Mapping[str, CauseSpec]) -> list[str]:
    found = categories(causes.get(cause))
    if words is None or found is None:
        return []  # missing words are a problem already
    if isinstance(words, dict):
        equal = all(math.isclose(share, 1.0 / found) for share in words.values())
        if not equal:
            return [
                f"{path}: expected a list of words, because the categories of `{cause}` are equally likely. Leave the "
                "probabilities out."
            ]
    if len(words) != found:
        return [
            f"{path}: expected {found} words, one for each category of `{cause}`, got {len(words)}. Add or remove some."
        ]
    return []
