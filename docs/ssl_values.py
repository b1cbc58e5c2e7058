"""Values of learners out of results files, and tables of them, for `make_ssl.py`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infoloom.benchmark.running.results import read_results
from infoloom.report.ssl.figures import Mean, order

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"

Row = Mapping[str, Any]
Place = Callable[[Row, Row], Any]


def rows_of(suite: str) -> list[Row]:
    """Runs of a suite that have a result."""
    path = RESULTS / f"ssl-{suite}.jsonl"
    return [row for row in read_results(path) if row["status"] == "ok"] if path.exists() else []


def values(
    rows: Iterable[Row], place: Place, inputs: str = "fused", probe: str = "ridge", field: str = "reachable"
) -> dict[tuple[str, Any], list[float]]:
    """Objective and place → one value a seed."""
    found: dict[tuple[str, Any], list[float]] = defaultdict(list)
    for row in rows:
        for score in row["scores"]:
            at = place(row, score)
            if at is not None and (score["probe"], score["inputs"]) == (probe, inputs) and field in score:
                found[row["objective"], at].append(score[field])
    return found


def param(name: str, of: str = "theta") -> Place:
    """Along a parameter of the story."""
    return lambda row, score: row["params"].get(name) if score["of"] == of else None


def scores_of(*names: str) -> Place:
    """Along what is told."""
    return lambda row, score: score["of"] if score["of"] in names else None


def written_mean(found: Sequence[float]) -> str:
    """Mean ± standard error over seeds."""
    one = Mean.of(found)
    error = "" if one.error is None else f" ± {one.error:.2f}"
    return f"{one.value:.2f}{error}".replace("-", "−")


def table(found: Mapping[tuple[str, Any], Sequence[float]], head: str, places: Sequence[Any] = ()) -> str:
    """A row an objective, a column a place."""
    columns = list(places) or list(dict.fromkeys(at for _, at in found))
    lines = [[head, *(f"{at:g}" if isinstance(at, float) else str(at) for at in columns)]]
    for name in order(name for name, _ in found):
        cells = [written_mean(found[name, at]) if found.get((name, at)) else "" for at in columns]
        lines.append([f"`{name}`", *cells])
    return markdown(lines)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the first the head."""
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(lines[0]), *text[1:]]) + "\n"


def some(rows: Iterable[Row], experiment: str, /, **params: Any) -> list[Row]:
    """Runs of an experiment with these parameters."""
    return [
        row
        for row in rows
        if row["experiment"] == experiment and all(row["params"].get(n) == v for n, v in params.items())
    ]


def variants(text: str) -> str:
    """`clip, such` as `clip`, such."""
    return re.sub(r"`(\w+), ([^`]+)`", r"`\1`, \2", text)


def share_of_ceiling(
    rows: Sequence[Row], place: Place, inputs: str, probe: str
) -> dict[tuple[str, Any], list[float]]:
    found: dict[tuple[str, Any], list[float]] = defaultdict(list)
    for row in rows:
        for score in row["scores"]:
            at = place(row, score)
            if at is None or (score["probe"], score["inputs"]) != (probe, inputs):
                continue
            if score.get("ceiling_r_squared", 0.0) > 0.05:
                found[row["objective"], at].append(score["r_squared"] / score["ceiling_r_squared"])
    return found
