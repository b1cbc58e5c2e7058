"""What is shown of results of the estimator benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from infoloom.benchmark.estimators.first_version.leaderboard import TOLERANCE, Standing, standings
from infoloom.benchmark.estimators.problem_sets import PUBLISHED, problem_set
from infoloom.benchmark.estimators.scoring.comparisons import compare
from infoloom.benchmark.estimators.scoring.scores import scores
from infoloom.benchmark.estimators.scoring.tables import (
    block_table,
    board_table,
    explanation,
    pair_table,
    quality_table,
)
from infoloom.report.estimators.figures import (
    LOST,
    bias_figure,
    coverage_figure,
    error_figure,
    heat_figure,
    order,
    time_figure,
)
from infoloom.report.page import Number, Section, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["sections", "surroundings"]

Row: TypeAlias = Mapping[str, Any]

#: Quantities along which a block may vary: how to read them, and what the axis is called.
QUANTITIES: Final[Mapping[str, tuple[Callable[[Row], float], str]]] = {
    "truth": (lambda row: row["truth"], "truth (nats)"),
    "rows": (lambda row: row["rows"], "rows"),
    "dim_x": (lambda row: row["dim_x"], "columns of x"),
}
_MOST_COLUMNS: Final = 14


def sections(rows: Sequence[Row]) -> list[Section]:
    """Leaderboard, one section a block of problems, intervals, time, and all that gave no estimate.

    Args:
        rows: Rows of the estimator benchmark, of one suite or of several.

    Returns:
        Sections for `write_page` and `write_figures`.
    """
    blocks: dict[str, list[Row]] = {}
    for row in rows:
        blocks.setdefault(row.get("block", "others"), []).append(row)
    ended = [row for row in rows if row["status"] == "ok"]
    rest = [row for row in rows if row["suite"] not in PUBLISHED and row["status"] != "not-taken"]
    boards = [section for name in PUBLISHED for section in _board(name, rows)]
    boards += [_leaderboard(rest)] if rest else []
    found = [*boards, *(_block(some) for some in blocks.values())]
    if any(row["interval"] for row in ended):
        found.append(_coverage(ended))
    if ended:
        found.append(_time(ended))
    return [*found, _lost(rows), surroundings(rows)]


def _board(name: str, rows: Sequence[Row]) -> list[Section]:
    """The scores of one problem set, where there are rows of it."""
    if not any(row["suite"] == name for row in rows):
        return []
    board = problem_set(name)
    found = scores(board, rows)
    made = (
        board_table(found),
        quality_table(found),
        block_table(board, found),
        pair_table(compare(board, rows)),
    )
    tables = [Table(head, lines) for head, *lines in made]
    command = f"infoloom bench estimators --suite {name} --out RESULTS"
    return [Section(f"Leaderboard of {name}", f"{explanation(board)}.", tables=tables, command=command)]


def _leaderboard(rows: Sequence[Row]) -> Section:
    found = standings(rows)
    head = (
        "estimator", "right (%)", "ok", "failed", "time-outs", "missing", "median error (nats)",
        "null, mean", "null, worst", "intervals that hold", "right when it says so", "seconds",
    )  # fmt: skip
    text = (
        f"An estimate is right when it is within {TOLERANCE} nats of the truth, or within a tenth of it. The share "
        "counts all problems that at least half of the estimators tried; a failure, a time-out and a missing run are "
        "not right. Its error is the standard error over tasks. References know more than an estimator may: the "
        "oracle undoes the maps, and says what these rows hold."
    )
    table = Table(head, [_standing(one) for one in found], f"{found[0].problems} problems.")
    suites = " ".join(sorted({row["suite"] for row in rows}))
    return Section(
        "Leaderboard",
        text,
        tables=[table],
        command=f"infoloom bench estimators --suite {suites} --out RESULTS",
    )


def _standing(one: Standing) -> tuple[Any, ...]:
    error = "" if one.right_error is None else f" ± {100 * one.right_error:.0f}"
    return (
        f"`{one.estimator}`" + ("" if one.ranked else " (reference)"),
        Number(one.right, f"{100 * one.right:.0f}{error}"),
        one.ok,
        one.failed,
        one.timeout,
        one.missing,
        _short(one.median_error),
        _short(one.null_mean),
        _short(one.null_worst),
        f"{one.covered} of {one.intervals}" if one.intervals else None,
        f"{one.trusted_right} of {one.trusted}" if one.trusted else None,
        _short(one.seconds),
    )


def _short(value: float | None) -> Number | None:
    """Three digits of what a few seeds give; the page keeps the others."""
    return None if value is None else Number(value, f"{value:.3g}")


def _block(rows: Sequence[Row]) -> Section:
    """The section of one block: figures of what varies, or a table where there are too many tasks."""
    first = rows[0]
    vary, title = first.get("vary", "task"), first.get("title", "Other tasks")
    ended = [row for row in rows if row["status"] == "ok"]
    figures: dict[str, Figure] = {}
    if vary == "truth" and ended:
        figures[f"Estimates against truths: {title}"] = bias_figure(rows)
    elif vary in QUANTITIES and ended:
        figures[f"Mean error along {QUANTITIES[vary][1]}: {title}"] = error_figure(ended, *QUANTITIES[vary])
    if first["suite"] in PUBLISHED:  # truths differ under each label: no mean over them says anything
        return Section(title, _sizes(rows), figures)
    labels = list(dict.fromkeys(_label(row) for row in rows))
    if len(labels) <= _MOST_COLUMNS:
        caption = f"Mean estimates ± standard deviation over runs (nats), the truth under each label: {title}"
        figures[caption] = heat_figure(rows, _label)
        return Section(title, _sizes(rows), figures)
    return Section(title, _sizes(rows), figures, [_table(rows, labels)])


def _label(row: Row) -> str:
    return str(row.get("label") or row["task"])


def _sizes(rows: Sequence[Row]) -> str:
    sizes = ", ".join(f"{n:,}" for n in sorted({row["rows"] for row in rows}))
    return f"{len(rows):,} runs; rows: {sizes}; seeds: {len({row['seed'] for row in rows})}."


def _table(rows: Sequence[Row], labels: Sequence[str]) -> Table:
    """Mean estimates, a line a task and a column an estimator."""
    names = order(row["estimator"] for row in rows)
    lines = []
    for label in labels:
        some = [row for row in rows if _label(row) == label]
        truth = next((row["truth"] for row in some if row["status"] == "ok"), None)
        cells = [_mean([row for row in some if row["estimator"] == name]) for name in names]
        lines.append((label, truth, *cells))
    return Table(("task", "truth", *names), lines, "Mean estimates (nats).")


def _mean(runs: Sequence[Row]) -> str | Number | None:
    lost = [row["status"] for row in runs if row["status"] != "ok"]
    if lost:
        return LOST[lost[0]]
    if not runs:
        return None
    value = fmean(row["estimate"] for row in runs)
    return Number(value, f"{value:.3f}")


def _coverage(ended: Sequence[Row]) -> Section:
    text = (
        "Each estimator's 95 % intervals that hold the truth, all tasks together, with a 95 % interval of that share. "
        "Most intervals only say how a mean over rows scatters. "
        "They do not include information that the estimator did not find."
    )
    return Section("Intervals", text, {"Intervals that hold the truth": coverage_figure(ended)})


def _time(ended: Sequence[Row]) -> Section:
    caption = "Median processor time of one estimate, by the columns of both sides"
    return Section("Time", "One thread, drawing the rows not counted.", {caption: time_figure(ended)})


def _lost(rows: Sequence[Row]) -> Section:
    """Every run without an estimate, like ones together."""
    spared = sum(row["status"] == "not-taken" for row in rows)
    more = f" Not taken, because of the kind of variables: {spared:,}." if spared else ""
    lost = Counter(
        (row["estimator"], row["status"], row["message"])
        for row in rows
        if row["status"] not in ("ok", "not-taken")
    )
    if not lost:
        return Section("Failures and time-outs", f"None.{more}")
    lines = [(name, status, count, message) for (name, status, message), count in lost.most_common()]
    table = Table(("estimator", "status", "runs", "message"), lines)
    return Section("Failures and time-outs", f"{lost.total()} of {len(rows):,} runs.{more}", tables=[table])


def surroundings(rows: Sequence[Row]) -> Section:
    """Versions and machines, as far as they differ."""
    kinds = Counter((_line(row["versions"]), _line(row["machine"])) for row in rows)
    lines = [(versions, machine, count) for (versions, machine), count in kinds.most_common()]
    table = Table(("versions", "machine", "runs"), lines)
    return Section("Where it ran", tables=[table])


def _line(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
