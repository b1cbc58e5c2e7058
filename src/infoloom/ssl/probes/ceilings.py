"""Ceilings beside scores that are no squared error: bounds and retrieval of pairs, accuracies of classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from infoloom.errors import ProbeError
from infoloom.ssl.probes.known import seen_by
from infoloom.ssl.probes.score import Score

__all__ = ["Best", "beside", "best_of", "ceilings_of"]

#: Measure, what is told and what is seen → the largest value that anything reaches.
Best: TypeAlias = Mapping[tuple[str, str, frozenset[str]], float]
_MANY: Final = 10  # modalities of a dataset; of more the pairs would take minutes


def ceilings_of(dataset: Any, classes: int | None, batch: int | None) -> Any:
    """The ceilings of an opened dataset's story, where it is Gaussian and knows them; None otherwise.

    Args:
        dataset: Where it has a `story`, that is asked.
        classes: Into which targets are cut, or None.
        batch: Pairs in a contrastive batch, or None.
    """
    story: Any = getattr(dataset, "story", None)
    if getattr(story, "gaussian", False) is not True or getattr(story, "held", None) != {}:
        return None
    if classes is None and (batch is None or not 1 < len(story.modalities) <= _MANY):
        return None
    pairs = batch if len(story.modalities) <= _MANY else None
    return story.ceilings(classes=classes, batch=pairs)


def best_of(ceilings: Any, batch: int | None) -> Best:
    """Ceilings by what they are of.

    Args:
        ceilings: What `Story.ceilings` returns, its `to_json`, or None.
        batch: Pairs in the batches of the probes.

    Raises:
        ProbeError: Something else, or those of another batch size.
    """
    if ceilings is None:
        return {}
    to_json = getattr(ceilings, "to_json", dict)
    tree = ceilings if isinstance(ceilings, Mapping) else to_json()
    if not {"classes", "pairs"} <= tree.keys():
        raise ProbeError(
            f"ceilings `{type(ceilings).__name__}`: expected what `story.ceilings` returns. Give that, or leave it out."
        )
    found = {}
    for one in tree["classes"]:
        found["accuracy", f"{one['target']} in {one['classes']}", frozenset(one["given"])] = one["accuracy"]
    for one in tree["pairs"]:
        if batch is not None and one["batch"] != batch:
            raise ProbeError(
                f"ceilings of batch `{one['batch']}`: expected those of batches of {batch}, because the bound and "
                f"retrieval depend on it. Ask `story.ceilings(batch={batch})`."
            )
        a, b = one["pair"]
        for measure in ("bound", "retrieval"):
            found[measure, "", frozenset((a, b))] = one[measure]["value"]
    return found


def beside(scores: Iterable[Score], best: Best, modalities: tuple[str, ...]) -> Iterator[Score]:
    """The same scores, with the ceiling of those of pairs and classes.

    Args:
        scores: Of some probes.
        best: Ceilings by what they are of.
        modalities: Everything that was encoded.
    """
    for score in scores:
        seen = frozenset(seen_by(score.inputs, modalities))
        key = ("", seen | {score.of}) if score.measure in ("bound", "retrieval") else (score.of, seen)
        value = best.get((score.measure, *key))
        yield score if value is None else replace(score, ceiling=value)
