"""How estimators did on a problem set: each by its own answers alone, so that no file moves another's score."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median, stdev
from typing import Any, Final, TypeAlias

from infoloom.benchmark.estimators import references
from infoloom.benchmark.estimators.problem_sets import Group, ProblemKey, ProblemSet, SetBlock
from infoloom.benchmark.estimators.scoring.credit import baselines, credit, is_near
from infoloom.benchmark.estimators.scoring.intervals import Intervals, intervals
from infoloom.benchmark.running.trees import require_rows
from infoloom.errors import BenchmarkError

__all__ = ["RANKED", "BlockScore", "Mean", "Score", "answers", "met", "scores"]

Row: TypeAlias = Mapping[str, Any]
Answers: TypeAlias = Mapping[ProblemKey, Row]

#: Kinds of blocks that count for the rank.
RANKED: Final = ("linear", "nonlinear", "real")
_AGREED: Final = 1e-6  # of the truth, between a row and the set


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error, None where it cannot be known."""

    value: float
    error: float | None


@dataclass(frozen=True)
class BlockScore:
    """One block.

    Attributes:
        block: Its name.
        kind: Its kind.
        credit: Mean credit of its groups; None where a block is not ranked.
        order: Rank correlation of estimates and truths, None where fewer than three were answered.
        right: Problems answered right.
        problems: All.
    """

    block: str
    kind: str
    credit: Mean | None
    order: float | None
    right: int
    problems: int


@dataclass(frozen=True)
class Score:
    """How one estimator did.

    Attributes:
        estimator: Its name.
        role: `estimator`, `reference` (knows more than an estimator may) or `baseline` (looks at no row).
        rank: 1 for the best; equals share a rank; None for others than estimators.
        score: Mean of the ranked blocks, all equal.
        kinds: The same by kind.
        problems: Of the set.
        answered: Problems with a run, those apart whose kind of variables it does not take.
        states: Runs by status.
        right: Problems answered right.
        median_error: Median of |estimate − truth| over answers, null problems apart (nats).
        median_relative_error: The same divided by the truth.
        null_right: Share of the null problems answered within 0.1 nats.
        null_worst: The answer farthest from 0 there.
        intervals: Coverage, width and score of intervals.
        order: Mean rank correlation of the blocks.
        precision: Of the answers that call themselves reliable, the share that is right.
        recall: Of the right answers, the share that calls itself reliable.
        trusted: Answers that call themselves reliable.
        seconds: Median processor seconds of an estimate, its programs included.
        total_seconds: Their sum.
        memory: Largest peak (MiB).
        blocks: By block.
    """

    estimator: str
    role: str
    rank: int | None
    score: Mean
    kinds: Mapping[str, Mean]
    problems: int
    answered: int
    states: Mapping[str, int]
    right: int
    median_error: float | None
    median_relative_error: float | None
    null_right: float | None
    null_worst: float | None
    intervals: Intervals | None
    order: float | None
    precision: float | None
    recall: float | None
    trusted: int
    seconds: float | None
    total_seconds: float | None
    memory: float | None
    blocks: tuple[BlockScore, ...]

    def to_json(self) -> dict[str, Any]:
        """The score as JSON-able values."""
        return asdict(self)


def scores(found: ProblemSet, rows: Sequence[Row]) -> list[Score]:
    """Scores of all estimators, best first, then references, then baselines.

    Args:
        found: The set.
        rows: Rows of the estimator benchmark; those of other sets are passed over.

    Raises:
        BenchmarkError: No row of the set, one that is not whole, or one whose truth is another.
    """
    by_estimator = answers(found, rows)
    every = [_score(name, found, given) for name, given in by_estimator.items()]
    every += [_score(name, found, given) for name, given in _guesses(found).items()]
    ordered = sorted(every, key=lambda one: (_ROLES.index(one.role), -one.score.value, one.estimator))
    return [_ranked(one, ordered) for one in ordered]


def answers(found: ProblemSet, rows: Sequence[Row]) -> dict[str, dict[ProblemKey, Row]]:
    """Rows of a set by estimator and problem, in alphabetical order.

    Raises:
        BenchmarkError: As `scores`.
    """
    own = [row for row in rows if row["bench"] == "estimators" and row.get("suite") == found.name]
    if not own:
        raise BenchmarkError(
            f"results: expected rows of `{found.name}`. Run `infoloom bench estimators --suite {found.name}`."
        )
    require_rows(own, "estimators")
    truths = found.truths
    by_estimator: dict[str, dict[ProblemKey, Row]] = defaultdict(dict)
    for row in own:
        key = (row["task"], row["rows"], row["seed"])
        if key in truths:
            _agree(row, truths[key])
            by_estimator[row["estimator"]][key] = row
    return dict(sorted(by_estimator.items()))


def met(row: Row | None) -> bool:
    """Whether there is a run of a problem, and of a kind of variables that its estimator takes."""
    return row is not None and row["status"] != "not-taken"


_ROLES: Final = ("estimator", "reference", "baseline")


def _agree(row: Row, truth: float) -> None:
    if row["status"] == "ok" and abs(row["truth"] - truth) > _AGREED * max(1.0, truth):
        raise BenchmarkError(
            f"run `{row['run']}`: expected a truth of {truth:g} nats, as the set has it, got {row['truth']:g}. "
            "Run it again with this version."
        )


def _guesses(found: ProblemSet) -> dict[str, dict[ProblemKey, Row]]:
    """What the baselines answer, as rows."""
    guessed: dict[str, dict[ProblemKey, Row]] = {}
    for name, answer in baselines(found).items():
        guessed[name] = {
            key: {"status": "ok", "estimate": answer(problem), "interval": None, "reliable": None}
            for _, group in found.groups()
            for key, problem in zip(group.keys, group.problems, strict=True)
        }
    return guessed


def _role(name: str, guessed: bool) -> str:
    if guessed:
        return "baseline"
    return "reference" if name in references.NAMES else "estimator"


def _score(name: str, found: ProblemSet, given: Answers) -> Score:
    truths = found.truths
    guessed = not any("run" in row for row in given.values())
    blocks = tuple(_block(block, given) for block in found.blocks)
    ok = {key: row for key, row in given.items() if row["status"] == "ok"}
    right = {key for key, row in ok.items() if is_near(row["estimate"], truths[key])}
    errors = {key: abs(row["estimate"] - truths[key]) for key, row in ok.items() if truths[key] > 0.0}
    null = [row["estimate"] for key, row in ok.items() if truths[key] == 0.0]
    asked_null = sum(truth == 0.0 for truth in truths.values())
    trusted = {key for key, row in ok.items() if row["reliable"]}
    seconds = [row["estimator_processor_seconds"] for row in ok.values() if "run" in row]
    memory = [row["peak_memory_mib"] for row in given.values() if row.get("peak_memory_mib") is not None]
    orders = [block.order for block in blocks if block.order is not None]
    return Score(
        estimator=name,
        role=_role(name, guessed),
        rank=None,
        score=_macro([block for block in blocks if block.credit is not None]),
        kinds={
            kind: _macro(some) for kind in RANKED if (some := [one for one in blocks if one.kind == kind])
        },
        problems=len(truths),
        answered=sum(map(met, given.values())),
        states=dict(Counter(row["status"] for row in given.values())),
        right=len(right),
        median_error=median(errors.values()) if errors else None,
        median_relative_error=median(e / truths[key] for key, e in errors.items()) if errors else None,
        null_right=sum(is_near(value, 0.0) for value in null) / asked_null if asked_null else None,
        null_worst=max(null, key=abs) if null else None,
        intervals=intervals(found, ok),
        order=fmean(orders) if orders else None,
        precision=len(trusted & right) / len(trusted) if trusted else None,
        recall=len(trusted & right) / len(right)
        if right and any(r["reliable"] is not None for r in ok.values())
        else None,
        trusted=len(trusted),
        seconds=median(seconds) if seconds else None,
        total_seconds=math.fsum(seconds) if seconds else None,
        memory=max(memory) if memory else None,
        blocks=blocks,
    )


def _block(block: SetBlock, given: Answers) -> BlockScore:
    rights = [_rights(group, given) for group in block.groups]
    credited = [credit(group, right) for group, right in zip(block.groups, rights, strict=True)]
    known = [value for value in credited if value is not None]
    pairs = [
        (given[key]["estimate"], problem.truth)
        for group in block.groups
        for key, problem in zip(group.keys, group.problems, strict=True)
        if key in given and given[key]["status"] == "ok"
    ]
    return BlockScore(
        block=block.name,
        kind=block.kind,
        credit=_mean(known) if block.kind in RANKED else None,
        order=_rank_correlation(pairs) if block.kind != "null" else None,
        right=sum(map(sum, rights)),
        problems=sum(len(group.problems) for group in block.groups),
    )


def _rights(group: Group, given: Answers) -> list[bool]:
    """Whether each problem was answered right; a failure, a time-out, one not taken and a missing run are not."""
    return [
        key in given and given[key]["status"] == "ok" and is_near(given[key]["estimate"], problem.truth)
        for key, problem in zip(group.keys, group.problems, strict=True)
    ]


def _mean(values: Sequence[float]) -> Mean:
    """A mean over groups, which differ in setting, seed and truths."""
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Mean(fmean(values) if values else 0.0, error)


def _macro(blocks: Sequence[BlockScore]) -> Mean:
    """The mean of blocks, all equal, with the error that follows from theirs.

    A block of one group has no error of its own; it is taken to be as uncertain as the others are on average.
    """
    means = [block.credit for block in blocks if block.credit is not None]
    if not means:
        return Mean(0.0, None)
    squares = [mean.error**2 for mean in means if mean.error is not None]
    spread = math.sqrt(fmean(squares) / len(means)) if squares else None
    return Mean(fmean(mean.value for mean in means), spread)


def _rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's correlation of estimates and truths; 0 for estimates that are all the same."""
    if len(pairs) < 3 or len({truth for _, truth in pairs}) < 3:
        return None
    if len({estimate for estimate, _ in pairs}) == 1:
        return 0.0
    from scipy.stats import spearmanr

    return float(spearmanr([estimate for estimate, _ in pairs], [truth for _, truth in pairs]).statistic)


def _ranked(one: Score, ordered: Sequence[Score]) -> Score:
    """The score with its rank: one more than the number of better ones."""
    if one.role != "estimator":
        return one
    better = sum(other.role == "estimator" and other.score.value > one.score.value for other in ordered)
    return Score(**{**{name: getattr(one, name) for name in one.__dataclass_fields__}, "rank": better + 1})
