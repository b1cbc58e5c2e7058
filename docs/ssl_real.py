"""What docs/ssl.md says of learners on observations by trained flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ssl_values import Row, param, some, table, values

from infoloom.benchmark.learners.scene_suites import SCENE_SIZE

__all__ = ["REAL"]

#: Story → its first modality.
_STORIES: Final = {"digits": "x1", "galaxies": "face_on", "heart": "ecg", "supernova": "spectrum"}


def _galaxies(rows: Sequence[Row]) -> str:
    """R² of the target from the picture alone, as what the picture knows grows, under the ceiling."""
    return _under_ceiling(some(rows, "galaxies"), "nats", "I(galaxy; theta), nats", (0.3, 1.0, 2.0))


def _automobiles(rows: Sequence[Row]) -> str:
    """The same of pictures of CIFAR-10."""
    return _under_ceiling(some(rows, "automobiles"), "nats", "I(automobile; theta), nats", (0.3, 1.0, 2.0))


def _patterns(rows: Sequence[Row]) -> str:
    """R² of the target from pictures of galaxies that know it by one template or another."""
    return _under_ceiling(
        some(rows, "patterns"), "template", "template", ("ones", "frequency", "disk", "sparse")
    )


def _beats(rows: Sequence[Row]) -> str:
    """R² of the target from heartbeats that know it by one template or another."""
    return _under_ceiling(
        some(rows, "beats"), "template", "template", ("ones", "frequency", "patch", "sparse")
    )


def _under_ceiling(rows: Sequence[Row], along: str, head: str, places: Sequence[Any]) -> str:
    """R² of the target from the first side alone, and the largest that could be."""
    found = values(rows, param(along), inputs="x1", field="r_squared")
    ceilings = values(rows, param(along), inputs="x1", field="ceiling_r_squared")
    return table(found, head, places) + _most(ceilings, places)


def _most(ceilings: Mapping[tuple[str, Any], Sequence[float]], places: Sequence[Any]) -> str:
    """The last line of a table: the largest R² that could be."""
    most = (f"{next(nats[0] for (_, at), nats in ceilings.items() if at == place):.2f}" for place in places)
    return f"| ceiling | {' | '.join(most)} |\n"


def _galaxy_pairs(rows: Sequence[Row]) -> str:
    """R² of the target from the picture, where it knows 1 nat, as the pairs to train on grow."""
    first = [{**row, "params": {"rows": SCENE_SIZE["rows"]}} for row in some(rows, "galaxies", nats=1.0)]
    own = [*first, *some(rows, "pairs")]
    text = _under_ceiling(own, "rows", "pairs", (2048, 4096, 8192, 12_288))
    return text.replace("| 2048 | 4096 | 8192 | 12288 |", "| 2,048 | 4,096 | 8,192 | 12,288 |", 1)


def _stories(rows: Sequence[Row]) -> str:
    """R² of the target from the first modality and from all of them, a story a column."""
    heads = [f"{name}, {side}" for name, first in _STORIES.items() for side in (first, "all")]

    def read(field: str) -> dict[tuple[str, Any], list[float]]:
        found: dict[tuple[str, Any], list[float]] = {}
        for name, first in _STORIES.items():
            own = some(rows, "stories", name=name)
            for inputs, side in ((first, first), ("fused", "all")):
                for (objective, _), seen in values(own, param("name"), inputs=inputs, field=field).items():
                    found[objective, f"{name}, {side}"] = seen
        return found

    return table(read("r_squared"), "story, modality", heads) + _most(read("ceiling_r_squared"), heads)


REAL: Mapping[str, Callable[[Sequence[Row]], str]] = {
    "galaxies": _galaxies,
    "automobiles": _automobiles,
    "patterns": _patterns,
    "beats": _beats,
    "galaxy-pairs": _galaxy_pairs,
    "stories": _stories,
}
