"""What docs/benchmark.md says of the problems with many columns: estimates beside truths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from infoloom.benchmark.estimators.problem_sets import ProblemSet, part_of
from infoloom.benchmark.estimators.scoring import tables
from infoloom.benchmark.estimators.scoring.credit import is_near

__all__ = ["wide"]

#: In the order of the columns; who read none of these problems is left out.
_ASKED: Final = (
    "gaussian",
    "gaussianised",
    "ksg",
    "ksg@canonical",
    "infonce",
    "infonce@gaussianise",
    "oracle",
)
Row = Mapping[str, Any]


def wide(whole: ProblemSet, rows: Sequence[Row], columns: int) -> str:
    """Every problem of the first seeds with more columns, its truth and what was read; the right ones in bold.

    Args:
        whole: The problem set.
        rows: Results.
        columns: Those of x and y together; problems of at most so many are in the other tables.
    """
    few = part_of(whole, seeds=1, columns=columns).truths
    asked = [one for one in _problems(part_of(whole, seeds=1)) if one[2] not in few]
    found = {(row["task"], row["rows"], row["seed"], row["estimator"]): row for row in rows}
    people = [name for name in _ASKED if any((*key, name) in found for _, _, key, _ in asked)]
    lines = [("observations", "truth (nats)", *(f"`{name}`" for name in people))]
    for block, label, key, truth in asked:
        cells = (_read(found.get((*key, name)), truth) for name in people)
        lines.append((f"{block}: {label}, {key[1]:,} rows", f"{truth:.2f}", *cells))
    return tables.markdown(lines)


def _problems(board: ProblemSet) -> Iterator[tuple[str, str, tuple[str, int, int], float]]:
    for block, group in board.groups():
        for problem in group.problems:
            yield block.name, group.label, (problem.task, group.rows, group.seed), problem.truth


def _read(row: Row | None, truth: float) -> str:
    if row is None:
        return "–"
    if row["status"] != "ok":
        return {"not-taken": "not taken", "timeout": "no time"}.get(row["status"], row["status"])
    text = f"{row['estimate']:.2f}".replace("-", "−")
    return f"**{text}**" if is_near(row["estimate"], truth) else text
