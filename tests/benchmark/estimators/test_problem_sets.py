"""Problem sets: whole, fixed, and such that no answer that looks at no row gets anything."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infoloom.benchmark import tasks
from infoloom.benchmark.estimators.drawing.draw import LOWEST, Plan, Setting, draw_set, truths
from infoloom.benchmark.estimators.drawing.makers import copies, gaussian, grid, of_family
from infoloom.benchmark.estimators.drawing.plans import DRAWN, SEEDS, draw
from infoloom.benchmark.estimators.entering.entrants import Entrant, check_entrants
from infoloom.benchmark.estimators.problem_sets import (
    PUBLISHED,
    Group,
    SetProblem,
    part_of,
    problem_set,
    write_set,
)
from infoloom.benchmark.estimators.scoring.credit import baselines, best_guess, credit, is_near
from infoloom.benchmark.estimators.scoring.scores import RANKED
from infoloom.benchmark.estimators.suites import jobs
from infoloom.errors import BenchmarkError

#: Problems, and the sum of their truths: a set that is published never changes.
FIXED = {
    "v2/quick": (229, 316.49028),
    "v2/core": (431, 40692.412988),
    "v2/full": (1380, 202100.637288),
}


@pytest.fixture(params=PUBLISHED)
def board(request):
    return problem_set(request.param)


@pytest.mark.parametrize(("name", "content"), FIXED.items())
def test_published_sets_never_change(name, content):
    found = problem_set(name).truths
    assert (len(found), round(math.fsum(found.values()), 6)) == content


def test_no_constant_gets_credit_in_any_block(board):
    """Nor does the logarithm of the columns, whichever the constant: so they rank last on every set."""
    constants = [float(c) for c in np.geomspace(0.01, 12.0, 200)] + [0.0]
    answers = [lambda _, c=c: c for c in constants] + list(baselines(board).values())
    for block, group in board.groups():
        if block.kind in RANKED:
            for answer in answers:
                right = [is_near(answer(problem), problem.truth) for problem in group.problems]
                assert credit(group, right) == 0.0
            assert credit(group, [True] * len(group.problems)) == 1.0


def test_truths_are_spread_over_every_block(board):
    for block in board.blocks:
        values = [problem.truth for group in block.groups for problem in group.problems]
        if block.kind in RANKED:
            assert min(values) >= LOWEST - 1e-9
            assert max(values) / min(values) > 4.0
            assert len(set(values)) > len(values) / 2
            assert len({group.seed for group in block.groups}) >= 5
        elif block.kind == "null":
            assert set(values) == {0.0}
        else:
            assert block.kept


def test_questions_of_the_issue_are_blocks(board):
    names = {block.name for block in board.blocks}
    assert {
        "information",
        "dimension",
        "rows",
        "template",
        "law",
        "maps",
        "null",
        "scalar",
        "relations",
    } <= names
    kinds = {block.kind for block in board.blocks}
    assert {"linear", "nonlinear", "real", "null"} <= kinds


def test_estimators_of_a_set_exist(board):
    check_entrants([Entrant(name) for name in {name for block in board.blocks for name in block.estimators}])


def test_seeds_for_tuning_are_in_no_set(board):
    assert min(seed for _, _, seed in board.truths) >= 10**6


def test_tasks_of_the_quick_set_hold_their_truths():
    found = problem_set("v2/quick")
    sampled = [group for _, group in found.groups()][::6]
    for problem in (problem for group in sampled for problem in group.problems[:1]):
        task = tasks.build(problem.task)
        assert task.mutual_information == pytest.approx(problem.truth, abs=1e-6)
        assert task.dim_x + task.dim_y == problem.columns


def test_a_set_is_drawn_as_its_plans_say():
    """The first blocks again, from the seed: the file is what the code drew."""
    purpose, limit, plans = DRAWN["v2/quick"]
    again = draw_set("v2/quick", purpose, limit, plans()[:3], SEEDS["v2/quick"])
    for one, other in zip(again.blocks, problem_set("v2/quick").blocks[:3], strict=True):
        assert [group.keys for group in one.groups] == [group.keys for group in other.groups]


def test_truths_are_log_uniform_and_apart():
    setting = Setting("x", grid(4, 1), truths=3, least=0.1, most=10.0)
    drawn = [truths(setting, np.random.default_rng(seed)) for seed in range(400)]
    logs = np.log10(np.asarray(drawn).ravel())
    assert abs(logs.mean()) < 4 * logs.std() / math.sqrt(400)
    assert np.allclose(np.diff(np.log10(drawn), axis=1), 2 / 3, atol=1e-3)
    places, ends = np.histogram(logs, bins=6, range=(-1, 1))
    assert (abs(places - 200) < 4 * math.sqrt(200)).all(), ends


def test_settings_hold_what_is_asked_for():
    assert tasks.build(gaussian("3v4", 2, "bent")(1.5)[0]).mutual_information == 1.5
    one, four = (tasks.build(task) for task in copies(3, 2, "rotated")(0.5))
    assert (one.mutual_information, four.mutual_information) == (0.5, 2.0)
    assert (one.dim_x, four.dim_x) == (3, 12)
    (task,) = of_family("1v1-additive:epsilon={}", 1e-4, 10.0)(0.7)
    assert tasks.build(task).mutual_information == pytest.approx(0.7, abs=1e-8)


def group_of(*values, columns=2):
    problems = [SetProblem(task=f"t{n}", truth=value, columns=columns) for n, value in enumerate(values)]
    return Group(label="g", rows=10, seed=1, problems=problems)


@pytest.mark.parametrize(
    ("values", "guessed"),
    [
        ((1.0, 2.0, 5.0), 1),
        ((1.0, 1.15, 5.0), 2),
        ((0.0, 0.2), 2),
        ((0.0, 0.21), 1),
        ((10.0, 12.0), 2),
        ((10.0, 12.3), 1),
    ],
)
def test_the_best_guess(values, guessed):
    assert best_guess(group_of(*values, columns=10**9).problems) == guessed


def test_credit_is_what_is_right_beyond_the_best_guess():
    three = group_of(0.2, 1.0, 5.0)
    found = [credit(three, [True] * right + [False] * (3 - right)) for right in range(4)]
    assert found == [0.0, 0.0, 0.5, 1.0]
    assert credit(group_of(1.0, 1.1), [True, True]) is None
    assert best_guess(group_of(math.log(50), 0.1, columns=50).problems) == 1


def test_groups_that_tell_nothing_are_not_drawn():
    plan = Plan(
        "same", "?", "linear", (), (Setting("x", lambda nats: ("gaussian:dims=1v1,nats=1.0,pairs=1",) * 1),)
    )
    with pytest.raises(
        BenchmarkError, match=r"^block `same`, `x`: expected truths that differ, got \[1\.0, 1\.0\]\. Widen"
    ):
        draw_set("x", "-", 1.0, [plan], 1)


def test_a_set_is_written_and_read(tmp_path):
    found = problem_set("v2/quick").model_copy(update={"name": "own"})
    path = write_set(found, tmp_path / "own.json")
    assert problem_set(path) == found
    assert {job.limit for job in jobs(str(path))} == {found.limit}
    assert len(jobs(str(path), [Entrant("own", "sh x.sh")])) == len(found.truths)


def test_a_set_does_not_replace_another(tmp_path):
    found = problem_set("v2/quick").model_copy(update={"name": "mine/1"})
    path = write_set(found, tmp_path / "set.json", new=True)
    assert write_set(found, path, new=True) == path
    other = found.model_copy(update={"limit": 1.0})
    with pytest.raises(
        BenchmarkError, match=r"^file `.*set\.json`: expected none yet, or the same set, because results may"
    ):
        write_set(other, path, new=True)
    assert problem_set(path) == found
    assert problem_set(write_set(other, path)) == other
    for place in (tmp_path, tmp_path / "none" / "set.json"):
        with pytest.raises(
            BenchmarkError, match=r"^file `.*`: expected one that can be written \(.*directory\)\. Choose"
        ):
            write_set(found, place)


def test_a_set_may_be_a_file_without_an_ending(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_set(problem_set("v2/quick").model_copy(update={"name": "mine/1"}), "myset")
    assert len(jobs("myset", [Entrant("own", "sh x.sh")])) == 229
    write_set(problem_set("v2/quick").model_copy(update={"name": "paper"}), "myset")
    with pytest.raises(
        BenchmarkError, match=r"^problem set `myset`: expected a name of its own, because `paper` is"
    ):
        jobs("myset")


@pytest.mark.parametrize(
    ("seed", "name", "message"),
    [
        (-7, "mine/1", r"^seed `-7`: expected 0 or more\. Use 7\.$"),
        *(
            (
                7,
                name,
                r"^set `.*`: expected a name with a `/`, of at most 200 signs without .*\. Use `mine/1`\.$",
            )
            for name in ("", "quick", "plain", "a/b c", "a/|", "a/\x1b", "a/\udcff", "/" * 257)
        ),
    ],
)
def test_sets_that_cannot_be_drawn(seed, name, message):
    with pytest.raises(BenchmarkError, match=message):
        draw("v2/quick", seed, name)


def test_the_first_seeds_of_every_setting(board):
    part = part_of(board, 1)
    assert part.name == board.name
    for one, whole in zip(part.blocks, board.blocks, strict=True):
        first = {}
        for group in whole.groups:
            first.setdefault(group.label, group)
        assert one.groups == list(first.values())
    assert part_of(board, None) == part_of(board, 1000) == board
    assert set(part_of(board, 1).truths) < set(part_of(board, 2).truths) < set(board.truths)


def test_few_columns(board):
    part = part_of(board, columns=64)
    kept = {key for _, group in part.groups() for key in group.keys}
    few = {key for _, group in board.groups() for key in group.keys if _most(group) <= 64}
    assert kept == few
    assert 0 < len(kept) < len(board.truths)
    assert part_of(board, columns=10**6) == board


def _most(group):
    return max(problem.columns for problem in group.problems)


def test_runs_of_the_first_seeds_are_runs_of_the_set():
    part = {job.run for job in jobs("v2/quick", seeds=1)}
    assert part < {job.run for job in jobs("v2/quick")}
    own = jobs("v2/quick", [Entrant("own", "sh x.sh")], seeds=1)
    assert len(own) == len(part_of(problem_set("v2/quick"), 1).truths)


def test_parts_that_are_none_are_refused():
    for words, message in (
        ({"seeds": 0}, r"^seeds `0`: expected 1 or more\. Leave it out for all seeds of `v2/quick`\.$"),
        (
            {"columns": 1},
            r"^columns `1`: expected 2 or more, because `v2/quick` has no problem of fewer\. Raise it",
        ),
    ):
        with pytest.raises(BenchmarkError, match=message):
            jobs("v2/quick", **words)
    for words in ({"seeds": 1}, {"columns": 9}):
        with pytest.raises(
            BenchmarkError, match=r"^suite `quick`: expected a problem set, because a suite of the"
        ):
            jobs("quick", **words)


def test_what_is_no_set_is_refused(tmp_path):
    with pytest.raises(
        BenchmarkError, match=r"^problem set `v9/quick`: expected one of v2/quick, v2/core, v2/full, or"
    ):
        problem_set("v9/quick")
    path = tmp_path / "set.json"
    path.write_text("{")
    with pytest.raises(
        BenchmarkError, match=r"^problem set `.*set\.json`: expected JSON \(.*\)\. Give the file of a set\.$"
    ):
        problem_set(path)
    path.write_text("{}")
    with pytest.raises(
        BenchmarkError, match=r"^problem set `.*`: expected a whole set \(`.*\)\. Write it again\.$"
    ):
        problem_set(path)
    found = problem_set("v2/quick")
    write_set(found.model_copy(update={"limit": 1.0}), path)
    with pytest.raises(
        BenchmarkError, match=r"expected a name of its own, because `v2/quick` is published and holds"
    ):
        problem_set(path)
    write_set(found.model_copy(update={"name": "own", "blocks": [found.blocks[0], found.blocks[0]]}), path)
    with pytest.raises(
        BenchmarkError, match=r"^problem set `.*`, `grid:.*` of 1000 rows, seed \d+: expected once\. Remove"
    ):
        problem_set(path)
