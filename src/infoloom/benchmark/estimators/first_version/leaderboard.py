"""Standings of estimators, from result files alone; what failed, ran out of time or was left out counts."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median, stdev
from typing import Any, Final, TypeAlias

from infoloom.benchmark.estimators.scoring import tables
from infoloom.benchmark.running.trees import require_rows
from infoloom.errors import BenchmarkError

__all__ = ["REFERENCES", "TOLERANCE", "Standing", "is_right", "markdown", "problems", "standings"]

#: Nats, and the same as a share of the truth: an estimate is right to within the larger of the two.
TOLERANCE: Final = 0.1
#: What knows more than an estimator may; shown, but not ranked.
REFERENCES: Final = ("oracle", "pixel-floor")

Row: TypeAlias = Mapping[str, Any]
Problem: TypeAlias = tuple[str, int, int]


@dataclass(frozen=True)
class Standing:
    """How one estimator did on the problems of a leaderboard.

    Args:
        estimator: Its name.
        ranked: False for a reference.
        right: Share of all problems answered right; a failure, a time-out and a missing run are not right.
        right_error: Standard error of that share, problems of one task taken together.
        problems: Problems of the leaderboard.
        ok: Of these, runs that ended well.
        failed: Runs that failed.
        timeout: Runs that were not done in time.
        missing: Problems without a run.
        median_error: Median of |estimate − truth| over the runs that ended well (nats).
        null_mean: Mean estimate where the truth is 0 (nats).
        null_worst: The one of these that is farthest from 0 (nats).
        covered: Intervals that hold the truth.
        intervals: Intervals given.
        trusted: Runs that called themselves reliable.
        trusted_right: Of these, the right ones.
        seconds: Median processor time of an estimate.
    """

    estimator: str
    ranked: bool
    right: float
    right_error: float | None
    problems: int
    ok: int
    failed: int
    timeout: int
    missing: int
    median_error: float | None
    null_mean: float | None
    null_worst: float | None
    covered: int
    intervals: int
    trusted: int
    trusted_right: int
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """The standing as JSON-able values."""
        return asdict(self)


def standings(rows: Sequence[Row]) -> list[Standing]:
    """Standings on the problems that at least half of the estimators tried, the best first.

    A problem is a task with a number of rows and a seed. References and estimators are told apart by name.

    Args:
        rows: Rows of the estimator benchmark.

    Raises:
        BenchmarkError: There are no such rows, or one that is not whole.
    """
    own = [row for row in rows if row["bench"] == "estimators"]
    if not own:
        raise BenchmarkError(
            "results: expected rows of the estimator benchmark. Run `infoloom bench estimators`."
        )
    require_rows(own, "estimators")
    own = [row for row in own if row["status"] != "not-taken"]  # as if it had not been asked
    asked = problems(own)
    by_estimator: dict[str, dict[Problem, Row]] = defaultdict(dict)
    for row in own:
        if _problem(row) in asked:
            by_estimator[row["estimator"]][_problem(row)] = row
    found = [_standing(name, runs, asked) for name, runs in by_estimator.items()]
    return sorted(found, key=lambda one: (not one.ranked, -one.right, one.median_error or 0.0, one.estimator))


def problems(rows: Sequence[Row]) -> frozenset[Problem]:
    """Problems that at least half of the estimators tried, well or not."""
    tried = Counter({(_problem(row), row["estimator"]) for row in rows if row["estimator"] not in REFERENCES})
    estimators = {estimator for _, estimator in tried}
    times = Counter(problem for problem, _ in tried)
    return frozenset(problem for problem, count in times.items() if 2 * count >= len(estimators))


def is_right(row: Row) -> bool:
    """Whether a run ended well, and within 0.1 nats of the truth or a tenth of it, whichever is larger."""
    return bool(row["status"] == "ok" and abs(row["error"]) <= max(TOLERANCE, TOLERANCE * row["truth"]))


def markdown(found: Sequence[Standing]) -> str:
    """Standings as a table of a Markdown page."""
    head = (
        "estimator", "right", "failed, time-outs, missing", "median error", "null: mean, worst",
        "intervals that hold", "right when it says so", "seconds",
    )  # fmt: skip
    return tables.markdown([head, *map(_cells, found)])


def _standing(estimator: str, runs: Mapping[Problem, Row], asked: frozenset[Problem]) -> Standing:
    ended = [row for row in runs.values() if row["status"] == "ok"]
    states = Counter(row["status"] for row in runs.values())
    null = [row["estimate"] for row in ended if row["truth"] == 0.0]
    intervals = [row for row in ended if row["interval"]]
    trusted = [row for row in ended if row["reliable"]]
    right, error = _share(runs, asked)
    return Standing(
        estimator=estimator,
        ranked=estimator not in REFERENCES,
        right=right,
        right_error=error,
        problems=len(asked),
        ok=states["ok"],
        failed=states["failed"],
        timeout=states["timeout"],
        missing=len(asked) - len(runs),
        median_error=median(abs(row["error"]) for row in ended) if ended else None,
        null_mean=fmean(null) if null else None,
        null_worst=max(null, key=abs) if null else None,
        covered=sum(row["interval"][0] <= row["truth"] <= row["interval"][1] for row in intervals),
        intervals=len(intervals),
        trusted=len(trusted),
        trusted_right=sum(map(is_right, trusted)),
        seconds=median(row["estimator_processor_seconds"] for row in ended) if ended else None,
    )


def _share(runs: Mapping[Problem, Row], asked: frozenset[Problem]) -> tuple[float, float | None]:
    """Share of right answers, and its standard error from how the tasks differ."""
    by_task: dict[str, list[bool]] = defaultdict(list)
    for problem in asked:
        by_task[problem[0]].append(problem in runs and is_right(runs[problem]))
    share = sum(map(sum, by_task.values())) / len(asked)
    if len(by_task) < 2:
        return share, None
    # The share is a ratio of sums over tasks: what each task adds to its numerator beyond its due.
    excess = [sum(answers) - share * len(answers) for answers in by_task.values()]
    return share, math.sqrt(len(excess)) * stdev(excess) / len(asked)


def _problem(row: Row) -> Problem:
    return row["task"], row["rows"], row["seed"]


def _cells(one: Standing) -> tuple[str, ...]:
    lost = f"{one.failed}, {one.timeout}, {one.missing}"
    spread = "" if one.right_error is None else f" ± {100 * one.right_error:.0f}"
    return (
        f"`{one.estimator}`" + ("" if one.ranked else ", a reference"),
        f"{100 * one.right:.0f}{spread} % of {one.problems}",
        lost if lost != "0, 0, 0" else "–",
        _number(one.median_error, 3),
        "–" if one.null_mean is None else f"{_number(one.null_mean, 3)}, {_number(one.null_worst, 3)}",
        f"{one.covered} of {one.intervals}" if one.intervals else "–",
        f"{one.trusted_right} of {one.trusted}" if one.trusted else "–",
        _number(one.seconds, 1),
    )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")
