"""Scores as tables: for a terminal, or for a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence

from infoloom.benchmark.estimators.names import shown
from infoloom.benchmark.estimators.problem_sets import ProblemSet
from infoloom.benchmark.estimators.scoring.comparisons import Comparison
from infoloom.benchmark.estimators.scoring.credit import TOLERANCE
from infoloom.benchmark.estimators.scoring.scores import Mean, Score
from infoloom.benchmark.estimators.variants import TUNED, names
from infoloom.units import number_of

__all__ = [
    "block_table", "board_table", "explanation", "markdown", "pair_table", "quality_table", "text",
]  # fmt: skip

Table = list[tuple[str, ...]]
_NONE = "–"


def board_table(found: Sequence[Score]) -> Table:
    """Who is where: the score, its parts, and what became of the runs."""
    head = (
        "rank", "estimator", "score", "linear", "nonlinear", "real", "right", "of", "failed, time-outs, not taken",
        "median error", "null right", "seconds",
    )  # fmt: skip
    return [head, *(_board_row(one) for one in found)]


def quality_table(found: Sequence[Score]) -> Table:
    """What estimators say of themselves: intervals, verdicts; how well they order; what they cost."""
    head = (
        "estimator", "relative error", "order", "intervals", "hold", "width", "interval score", "says reliable",
        "of these right", "of the right ones", "seconds in all", "memory (MiB)",
    )  # fmt: skip
    return [head, *(_quality_row(one) for one in found if one.role != "baseline")]


def block_table(board: ProblemSet, found: Sequence[Score]) -> Table:
    """Credit by block, problems answered right in brackets."""
    head = ("block", "kind", *(one.estimator for one in found))
    rows = []
    for number, block in enumerate(board.blocks):
        cells = [one.blocks[number] for one in found]
        size = sum(len(group.problems) for group in block.groups)
        texts = [
            f"{one.right}/{size}" if one.credit is None else f"{one.credit.value:.2f} ({one.right}/{size})"
            for one in cells
        ]
        rows.append((block.name, block.kind, *texts))
    return [head, *rows]


def pair_table(found: Sequence[Comparison]) -> Table:
    """Share of the problems on which one is nearer to the truth than the other."""
    head = ("estimator", "against", "nearer on", "problems")
    return [
        head,
        *((one.one, one.other, _mean(Mean(one.share, one.error)), str(one.problems)) for one in found),
    ]


def markdown(table: Table) -> str:
    """A table as Markdown."""
    head, *rows = ([shown(cell).replace("|", "\\|") for cell in line] for line in table)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def text(table: Table) -> str:
    """A table for a terminal or a pipe: the first column to the left, all others to the right."""
    table = [tuple(map(shown, line)) for line in table]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    left = table[0].index("estimator") if "estimator" in table[0] else 0
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number == left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )


def explanation(board: ProblemSet, problems: int | None = None) -> str:
    """What the score means, in one sentence.

    Args:
        board: The set, or a part of one.
        problems: Problems of the whole set, where it is a part.
    """
    part = f" of {problems}, a part," if problems not in (None, len(board.truths)) else ""
    size, blocks = number_of(len(board.truths), "problem"), number_of(len(board.blocks), "block")
    return (
        f"{board.name}, {size}{part} in {blocks}; right: within {TOLERANCE} "
        "nats or a tenth of the truth; score: what is right beyond the best constant answer, all blocks equal"
    )


def _board_row(one: Score) -> tuple[str, ...]:
    lost = ", ".join(str(one.states.get(status, 0)) for status in ("failed", "timeout", "not-taken"))
    return (
        str(one.rank) if one.rank is not None else _NONE,
        _label(one),
        _mean(one.score),
        *(_mean(one.kinds[kind]) if kind in one.kinds else _NONE for kind in ("linear", "nonlinear", "real")),
        str(one.right),
        f"{one.answered} of {one.problems}",
        lost if lost != "0, 0, 0" else _NONE,
        _number(one.median_error, 3),
        _number(one.null_right, 2),
        _number(one.seconds, 2),
    )


def _quality_row(one: Score) -> tuple[str, ...]:
    ends = one.intervals
    held = _NONE if ends is None else _mean(Mean(ends.coverage, ends.coverage_error))
    return (
        _label(one),
        _number(one.median_relative_error, 2),
        _number(one.order, 2),
        str(ends.count) if ends else _NONE,
        held,
        _number(ends.width if ends else None, 3),
        _number(ends.score if ends else None, 3),
        str(one.trusted) if one.recall is not None else _NONE,
        _number(one.precision, 2),
        _number(one.recall, 2),
        _number(one.total_seconds, 0),
        _number(one.memory, 0),
    )


def _label(one: Score) -> str:
    tuned = one.estimator in {names(method, how) for method, how in TUNED.items() if how != "published"}
    role = {"estimator": ", tuned" if tuned else "", "reference": ", a reference", "baseline": ", a baseline"}
    return one.estimator + role[one.role]


def _mean(mean: Mean) -> str:
    return f"{mean.value:.2f}" + ("" if mean.error is None else f" ± {mean.error:.2f}")


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f}".replace("-", "−")
