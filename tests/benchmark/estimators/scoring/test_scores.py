"""Scores: each by its own answers; constants last; copies tie; parts computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmark.estimators.estimator_rows import row

from infoloom.benchmark.estimators.problem_sets import (
    PUBLISHED,
    Group,
    ProblemSet,
    SetBlock,
    SetProblem,
    problem_set,
)
from infoloom.benchmark.estimators.scoring.comparisons import compare
from infoloom.benchmark.estimators.scoring.credit import BASELINES
from infoloom.benchmark.estimators.scoring.intervals import interval_score
from infoloom.benchmark.estimators.scoring.scores import scores
from infoloom.benchmark.estimators.scoring.tables import (
    block_table,
    board_table,
    markdown,
    pair_table,
    quality_table,
    text,
)
from infoloom.errors import BenchmarkError


def answered(board, name, answer, keys=None, **fields):
    """A row for every problem of a set."""
    return [
        row(
            name,
            task=task,
            rows=rows,
            seed=seed,
            truth=truth,
            estimate=answer(truth, number),
            suite=board.name,
            **fields,
        )
        for number, ((task, rows, seed), truth) in enumerate(board.truths.items())
        if keys is None or (task, rows, seed) in keys
    ]


def blind(board):
    """Near the truth for every third problem."""
    random = np.random.default_rng(0)
    return answered(
        board, "blind", lambda truth, n: truth * (1.0 if n % 3 else 1.5) + 0.01 * random.standard_normal()
    )


def small(**kinds):
    """A set of one block a kind, two groups of two problems each."""
    blocks = [
        SetBlock(
            name=name,
            question="?",
            kind=kind,
            estimators=[],
            groups=[
                Group(
                    label="g",
                    rows=100,
                    seed=seed,
                    problems=[
                        SetProblem(task=f"{name}-{n}", truth=truth, columns=5)
                        for n, truth in enumerate(values)
                    ],
                )
                for seed in (1, 2)
            ],
        )
        for name, (kind, values) in kinds.items()
    ]
    return ProblemSet(format=1, name="small/1", purpose="-", limit=1.0, blocks=blocks)


BOARD = small(a=("linear", (0.5, 5.0)), b=("nonlinear", (0.3, 3.0)), zero=("null", (0.0,)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_constants_rank_last_on_every_set(name):
    """Even behind an estimator that is right in a single group."""
    board = problem_set(name)
    block, group = next((block, group) for block, group in board.groups() if block.kind == "nonlinear")
    rows = answered(board, "one-group", lambda truth, _: truth, keys=group.keys)
    rows += answered(board, "always-3.7", lambda *_: 3.7)
    found = scores(board, rows)
    assert [one.estimator for one in found[-3:]] == sorted(BASELINES)
    assert {one.score.value for one in found[-3:]} == {0.0}
    assert found[0].estimator == "one-group"
    assert found[0].score.value > 0.0
    assert found[1].score.value == 0.0
    assert block.name in [one.block for one in found[0].blocks if one.credit and one.credit.value > 0]


def test_a_relabelled_copy_ties():
    board = problem_set("v2/quick")
    rows = blind(board)
    copy = [{**one, "estimator": "copy", "run": f"{one['run']} copy"} for one in rows]
    one, other = scores(board, rows + copy)[:2]
    assert {one.estimator, other.estimator} == {"blind", "copy"}
    assert (one.rank, other.rank) == (1, 1)
    assert {**one.to_json(), "estimator": ""} == {**other.to_json(), "estimator": ""}
    (pair,) = compare(board, rows + copy)
    assert (pair.share, pair.error, pair.problems) == (0.5, 0.0, len(board.truths))


def test_adding_a_file_changes_no_other_row():
    board = problem_set("v2/quick")
    mine = blind(board)
    perfect = answered(board, "perfect", lambda truth, _: truth)
    part = answered(board, "part", lambda truth, _: truth, keys=list(board.truths)[:5])
    alone = {one.estimator: one.to_json() for one in scores(board, mine)}
    every = {one.estimator: one.to_json() for one in scores(board, mine + perfect + part)}
    assert {**alone["blind"], "rank": 0} == {**every["blind"], "rank": 0}
    assert (every["perfect"]["rank"], every["blind"]["rank"]) == (1, 2)
    assert all(alone[name] == every[name] for name in BASELINES)
    assert (every["part"]["answered"], every["part"]["problems"]) == (5, len(board.truths))
    assert every["perfect"]["score"]["value"] == 1.0


def test_blocks_weigh_equally_and_kinds_are_apart():
    right = [key for key in BOARD.truths if key[0].startswith("a")]
    (one, *_) = scores(BOARD, answered(BOARD, "a-only", lambda truth, _: truth, keys=right))
    assert (one.score.value, one.kinds["linear"].value, one.kinds["nonlinear"].value) == (0.5, 1.0, 0.0)
    assert (one.right, one.answered, one.problems) == (4, 4, 10)
    assert one.null_right == 0.0
    assert "real" not in one.kinds


def test_a_block_of_one_group_is_as_uncertain_as_the_others():
    first, second, _ = BOARD.blocks
    lone = second.model_copy(update={"groups": second.groups[:1]})
    both = BOARD.model_copy(update={"blocks": [first, lone]})
    (one, *_) = scores(both, answered(both, "half", lambda truth, n: truth if n < 2 else -9.0))
    errors = [block.credit.error for block in one.blocks]
    assert errors == [pytest.approx(0.5), None]
    assert one.score.error == pytest.approx(errors[0] / math.sqrt(2))
    alone = BOARD.model_copy(update={"blocks": [lone]})
    (one, *_) = scores(alone, answered(alone, "right", lambda truth, n: truth))
    assert (one.score.value, one.score.error) == (1.0, None)


def test_errors_of_the_mean_are_over_groups():
    half = [key for key in BOARD.truths if key[2] == 1]
    (one, *_) = scores(BOARD, answered(BOARD, "half", lambda truth, _: truth, keys=half))
    assert one.score.value == 0.5
    block = one.blocks[0].credit
    assert (block.value, block.error) == (0.5, pytest.approx(math.sqrt(0.5) / math.sqrt(2)))
    assert one.score.error == pytest.approx(math.sqrt(2 * 0.25) / 2)


def test_failures_are_wrong_and_counted():
    rows = answered(BOARD, "x", lambda truth, _: truth)
    rows[0] = {**row("x", task=rows[0]["task"], rows=100, seed=1, status="failed"), "suite": BOARD.name}
    (one, *_) = scores(BOARD, rows)
    assert one.states == {"failed": 1, "ok": 9}
    assert one.blocks[0].credit.value == 0.5
    assert one.right == 9


def test_what_is_not_taken_is_no_failure_and_earns_nothing():
    rows = answered(BOARD, "x", lambda truth, _: truth)
    rows[0] = {**row("x", task=rows[0]["task"], rows=100, seed=1, status="not-taken"), "suite": BOARD.name}
    (one, *_) = scores(BOARD, rows)
    assert one.states == {"not-taken": 1, "ok": 9}
    assert (one.blocks[0].credit.value, one.right, one.answered) == (0.5, 9, 9)
    head, line, *_ = board_table([one])
    assert line[head.index("failed, time-outs, not taken")] == "0, 0, 1"
    (pair,) = compare(BOARD, rows + answered(BOARD, "y", lambda truth, _: truth + 1.0))
    assert (pair.share, pair.problems) == (1.0, 9)


def test_intervals_verdicts_order_and_cost_by_hand():
    def made(truth, number):
        return truth if number % 2 else truth + 1.0

    rows = [
        {
            **one,
            "interval": [one["estimate"] - 0.5, one["estimate"] + 0.5],
            "reliable": n < 3,
            "peak_memory_mib": 10.0 * n,
        }
        for n, one in enumerate(answered(BOARD, "x", made))
    ]
    (one, *_) = scores(BOARD, rows)
    # the truth is 0.5 outside half of the intervals: 1 + 40 · 0.5 = 21
    assert (one.intervals.count, one.intervals.coverage, one.intervals.width) == (10, 0.5, 1.0)
    assert one.intervals.score == pytest.approx(11.0)
    assert one.precision == pytest.approx(1 / 3)  # of rows 0, 1 and 2, the second is right
    assert one.recall == pytest.approx(1 / 5)
    assert (one.seconds, one.total_seconds, one.memory) == (0.25, 2.5, 90.0)
    assert one.median_error == 0.5
    assert one.null_worst == 1.0


def test_the_interval_score_prefers_the_honest_interval():
    """In the mean over normal estimates the interval of 1.96 standard errors scores best, wider or narrower worse."""
    random = np.random.default_rng(1)
    noise = random.standard_normal(20_000)
    means = [np.mean([interval_score(e - k, e + k, 0.0) for e in noise]) for k in (1.0, 1.96, 3.0)]
    assert means[1] < min(means[0], means[2])


def test_rank_correlation_is_spearmans():
    board = small(a=("linear", (0.3, 1.0, 4.0)))
    (one, *_) = scores(board, answered(board, "x", lambda truth, _: truth**3))
    assert one.order == 1.0
    (one, *_) = scores(board, answered(board, "x", lambda truth, _: -truth))
    assert one.order == -1.0
    (one, *_) = scores(board, answered(board, "x", lambda *_: 2.0))
    assert one.order == 0.0


def test_pairs_count_what_both_met():
    rows = answered(BOARD, "near", lambda truth, _: truth + 0.1) + answered(
        BOARD, "far", lambda truth, _: truth + 0.2
    )
    rows += answered(BOARD, "few", lambda truth, _: truth, keys=list(BOARD.truths)[:2])
    found = {(one.one, one.other): one for one in compare(BOARD, rows)}
    assert (found["far", "near"].share, found["far", "near"].problems) == (0.0, 10)
    assert (found["few", "near"].share, found["few", "near"].problems) == (1.0, 2)
    lost = [
        {**row("lost", task=t, rows=r, seed=s, status="failed"), "suite": BOARD.name}
        for t, r, s in BOARD.truths
    ]
    (pair,) = compare(BOARD, lost + answered(BOARD, "near", lambda truth, _: truth + 9.0))
    assert (pair.one, pair.share) == ("lost", 0.0)


def test_rows_of_other_sets_and_truths_are_refused():
    rows = answered(BOARD, "x", lambda truth, _: truth)
    with pytest.raises(
        BenchmarkError, match=r"^results: expected rows of `small/1`\. Run `infoloom bench estimators --"
    ):
        scores(BOARD, [{**one, "suite": "other"} for one in rows])
    rows[1] = {**rows[1], "truth": 7.0}
    with pytest.raises(
        BenchmarkError, match=r"^run `.*`: expected a truth of 5 nats, as the set has it, got 7\. Run it"
    ):
        scores(BOARD, rows)


def test_tables():
    rows = answered(BOARD, "x", lambda truth, _: truth) + answered(BOARD, "oracle", lambda truth, _: truth)
    found = scores(BOARD, rows)
    board = board_table(found)
    assert board[1][:4] == ("1", "x", "1.00 ± 0.00", "1.00 ± 0.00")
    assert [line[1] for line in board[2:]] == [
        "oracle, a reference",
        *(f"{name}, a baseline" for name in sorted(BASELINES)),
    ]
    assert [line[0] for line in quality_table(found)[1:]] == ["x", "oracle, a reference"]
    assert block_table(BOARD, found)[1][:3] == ("a", "linear", "1.00 (4/4)")
    assert pair_table(compare(BOARD, rows))[1] == ("oracle", "x", "0.50 ± 0.00", "10")
    assert markdown(board).splitlines()[1] == "|" + " --- |" * len(board[0])
    assert markdown([("a|b", "c")]).startswith("| a\\|b | c |\n")
    assert text([("a\x1b[31m", "b")]) == "a�[31m  b"
    assert len({len(line) for line in text(board).splitlines()[:2]}) <= 2
