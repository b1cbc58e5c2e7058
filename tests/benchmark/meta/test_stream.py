"""The stream: what task k depends on, what hides it, and what it refuses."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import infoloom as loom
from infoloom.benchmark.meta.laws.base import Family, Frame, log_uniform, rising, split
from infoloom.benchmark.meta.laws.named import FAMILIES
from infoloom.benchmark.meta.laws.story import StoryLaw, information
from infoloom.benchmark.meta.recipes import BLOCK
from infoloom.benchmark.meta.sides import MAPS, USUAL, relabelled, side
from infoloom.benchmark.meta.steps import BENDS, Residual, backward, forward
from infoloom.errors import TaskError
from infoloom.estimators import build

SMALL = {"dims": (1, 6), "rows": (50, 80)}


def same(one, other):
    return (
        np.array_equal(one.x, other.x)
        and np.array_equal(one.y, other.y)
        and one.mutual_information == other.mutual_information
        and one.params == other.params
    )


def test_a_task_depends_on_the_seed_and_its_number_only():
    whole = list(itertools.islice(loom.tasks.stream(5, **SMALL), BLOCK + 6))
    later = loom.tasks.stream(5, start=BLOCK - 2, **SMALL)
    assert all(same(one, next(later)) for one in whole[BLOCK - 2 :])
    assert later.position == BLOCK + 6
    assert same(whole[3], later[3])
    assert later.position == BLOCK + 6  # looking back moves nothing
    assert not same(whole[3], loom.tasks.stream(6, **SMALL)[3])


def test_the_number_of_blas_threads_does_not_matter():
    def drawn(threads):
        with threadpool_limits(threads, user_api="blas"):
            tasks = loom.tasks.stream(7, dims=(1, 5), rows=(50, 60))
            return list(itertools.islice(tasks, 64))

    assert all(same(one, two) for one, two in zip(drawn(1), drawn(2), strict=True))


def test_the_same_stream_goes_on_for_ever_with_new_tasks():
    tasks = list(itertools.islice(loom.tasks.stream(0, **SMALL), 3 * BLOCK))
    assert [task.index for task in tasks] == list(range(3 * BLOCK))
    assert len({task.x.tobytes() for task in tasks}) == 3 * BLOCK


def test_tasks_keep_to_what_was_asked():
    for task in itertools.islice(loom.tasks.stream(2, dims=(2, 5), rows=(60, 70), nats=(1.0, 2.0)), 300):
        assert task.x.dtype == task.y.dtype == np.float32
        assert len(task.x) == len(task.y)
        assert 60 <= len(task.x) <= 70
        assert 2 <= task.x.shape[1] <= 5
        assert 2 <= task.y.shape[1] <= 5
        assert 1.0 - 1e-4 <= task.mutual_information <= 2.0 + 1e-4
        for side_, discrete in zip((task.x, task.y), task.discrete, strict=True):
            assert np.isfinite(side_).all()
            assert discrete == np.array_equal(side_, np.round(side_))
        assert json.loads(json.dumps(task.params)) == task.params


@pytest.mark.parametrize("family", FAMILIES)
def test_one_value_can_be_asked_for(family):
    tasks = loom.tasks.stream(1, dims=(3, 5), rows=(50, 50), nats=(2.0, 2.0), families=[family])
    assert all(abs(task.mutual_information - 2.0) < 1e-4 for task in itertools.islice(tasks, 64))


@pytest.mark.parametrize("family", FAMILIES)
def test_tasks_without_information_say_so_exactly(family):
    tasks = loom.tasks.stream(1, **SMALL, nats=(0.0, 0.0), families=[family])
    assert all(task.mutual_information == 0.0 for task in itertools.islice(tasks, 32))


def test_every_map_is_undone_in_float64():
    """Heavy tails too: rows are Cauchy's, which reach 1e5 here."""
    rng = np.random.default_rng(0)
    for name, dim in itertools.product(MAPS, (1, 2, 7)):
        count = 30 if name == "rendered" else 2000  # its inverse searches
        for rows in (rng.standard_normal((200, dim))[:count], rng.standard_cauchy((2000, dim))[:count]):
            steps = side(rng, name, dim)
            back = backward(steps, forward(steps, rows))
            np.testing.assert_allclose(back, rows, rtol=1e-6, atol=1e-6)
    labels = rng.integers(0, 8, (100, 4)).astype(np.float64)
    steps = relabelled(rng, 4)
    renamed = forward(steps, labels)
    assert not np.array_equal(renamed, labels)
    np.testing.assert_array_equal(backward(steps, renamed), labels)


@pytest.mark.parametrize("name", BENDS)
def test_bends_rise(name):
    values = np.linspace(-30.0, 30.0, 20_001)
    bend, unbend = BENDS[name]
    assert (np.diff(bend(values)) > 0.0).all()
    np.testing.assert_allclose(unbend(bend(values)), values, atol=1e-9)


def test_rows_in_float32_are_those_of_the_law_behind_their_maps():
    """Undone in float64, rows are the law's up to what float32 holds of them."""
    for task in itertools.islice(loom.tasks.stream(8, **SMALL, families=["gaussian", "story", "mixed"]), 200):
        law = task.recipe.latents()
        found = task.recipe.unveil(task.x.astype(np.float64), task.y.astype(np.float64))
        for one, other in zip(found, law, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-2)
            assert np.median(np.abs(one - other)) < 1e-5


@pytest.mark.parametrize("name", ["flow", "rendered"])
def test_maps_that_are_named_hide_the_rows_and_show_them_again(name):
    """In float32, up to what it holds of them; more columns than before where factors are rendered."""
    tasks = loom.tasks.stream(3, dims=(1, 6), rows=(50, 50), families=["gaussian", "story"], maps=[name])
    for task in itertools.islice(tasks, 3 if name == "rendered" else 12):
        law = task.recipe.latents()
        found = task.recipe.unveil(task.x.astype(np.float64), task.y.astype(np.float64))
        for one, other in zip(found, law, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-3)
        if name == "rendered":
            assert task.x.shape[1] > law[0].shape[1]
        assert task.maps == (name, name)


def test_streams_draw_named_maps_only_where_they_are_named():
    tasks = itertools.islice(loom.tasks.stream(0, **SMALL), 3 * BLOCK)
    drawn = {name for task in tasks for name in task.maps}
    assert drawn == {*USUAL, "relabelled"}


def test_renderers_are_refused_without_torch(monkeypatch):
    monkeypatch.setattr("infoloom.benchmark.meta.request.find_spec", lambda name: None)
    with pytest.raises(
        TaskError, match=r"^task setting `maps=rendered`: expected torch, because it renders\. Install"
    ):
        loom.tasks.stream(0, maps=["rendered"])
    loom.tasks.stream(0, maps=["flow"])


def test_residual_steps_shrink_what_they_add():
    """So that each is a bijection: the change of two rows is at most 0.8 of their distance."""
    rng = np.random.default_rng(2)
    for dim in (1, 3, 20):
        step = next(one for one in side(rng, "flow", dim) if isinstance(one, Residual))
        rows = 0.1 * rng.standard_normal((500, dim))
        change = step.forward(rows) - rows
        far = np.linalg.norm(np.diff(rows, axis=0), axis=1)
        assert (np.linalg.norm(np.diff(change, axis=0), axis=1) <= 0.8 * far * (1.0 + 1e-9)).all()


def test_gaussian_tasks_estimate_to_their_truth():
    """The classical estimator, over many plain and rotated tasks: mean error within 4 standard errors of zero."""
    tasks = loom.tasks.stream(
        4, dims=(1, 3), rows=(400, 500), nats=(0.1, 3.0), families=["gaussian"], maps=["rotated"]
    )
    estimator = build("gaussian")
    errors = np.array(
        [estimator.estimate(t.x, t.y) - t.mutual_information for t in itertools.islice(tasks, 100)]
    )
    assert abs(errors.mean()) < 4.0 * errors.std(ddof=1) / math.sqrt(len(errors))


def test_stories_are_those_of_a_spec(tmp_path):
    """Causes, templates, field and edge, compiled by the story itself."""
    seen = 0
    for task in itertools.islice(loom.tasks.stream(3, dims=(2, 6), rows=(50, 50), families=["story"]), 120):
        law = task.recipe.law
        if law.frame.dim_x != law.frame.dim_y or not law.edge:
            continue
        seen += 1
        terms = {
            "x": [f"{law.field_x!r}*f", "noise"],
            "y": [f"{law.field_y!r}*f", f"{law.edge!r}*x", "noise"],
        }
        for name, into in (("x", law.into_x), ("y", law.into_y)):
            for k, column in enumerate(into.T):
                if column.any():
                    np.save(tmp_path / f"{name}{k}.npy", column)
                    terms[name].append(f'1.0*c{k}@file("{tmp_path}/{name}{k}.npy", normalize=false)')
        dim = law.frame.dim_x
        spec = {
            "infoloom": 1,
            "name": "random",
            "causes": {f"c{k}": "normal" for k in range(law.into_x.shape[1])},
            "fields": {"f": "normal"},
            "modalities": {
                name: {"flow": f"identity({dim})", "latent": " + ".join(parts).replace("+ -", "- ")}
                for name, parts in terms.items()
            },
        }
        truth = loom.load(spec).information("I(x; y)")
        assert truth == pytest.approx(task.mutual_information, abs=1e-8)
    assert seen > 10


def test_uncoupled_stories_without_a_common_cause_hold_nothing():
    law = StoryLaw(Frame(2, 3, 0.0), np.array([[1.0, 0.0], [0.5, 0.0]]), np.array([[0.0, 1.0]] * 3))
    assert law.truth.value == 0.0
    assert information(law) == pytest.approx(0.0, abs=1e-12)


def test_rising_functions_are_solved_or_end_at_a_bound():
    wanted = np.array([-5.0, -0.5, 0.3, 2.0, 50.0])
    found = rising(lambda v: v**3, wanted, -1.0, 2.0)
    np.testing.assert_allclose(
        found, [-1.0, -(0.5 ** (1 / 3)), 0.3 ** (1 / 3), 2.0 ** (1 / 3), 2.0], atol=1e-6
    )


def test_splits_keep_their_sum_and_their_cap():
    rng = np.random.default_rng(0)
    for nats in np.linspace(0.01, 7.9, 200):
        parts = split(rng, Frame(4, 6, float(nats)), 2.0)
        assert parts.sum() == pytest.approx(nats)
        assert parts.max() <= 2.0 + 1e-12
    assert len(split(rng, Frame(4, 6, 0.0), 2.0)) == 0
    for _ in range(50):  # no room but for even shares
        np.testing.assert_allclose(split(rng, Frame(10, 10, 12.0), 1.2), 1.2, rtol=1e-9)


def test_log_uniform_reaches_both_ends_and_favours_small_numbers():
    rng = np.random.default_rng(0)
    drawn = np.array([log_uniform(rng, (1, 16)) for _ in range(4000)])
    assert (drawn.min(), drawn.max()) == (1, 16)
    share = (drawn <= 3).mean()
    expected = math.log(4) / math.log(17)
    assert abs(share - expected) < 4.0 * math.sqrt(expected * (1 - expected) / len(drawn))


def test_families_know_how_many_pairs_they_need():
    family = Family(None, None, 0.5, 2.0, 3)
    assert [family.pairs(nats) for nats in (0.0, 0.5, 0.6, 2.5, 2.6)] == [1, 1, 2, 2, 3]
    assert [family.capacity(pairs) for pairs in (1, 2, 3, 9)] == [0.5, 2.5, 4.5, 4.5]


REFUSED = {
    "seed": [
        (-1, "seed=-1`: expected a whole number from 0 to 2^63 - 1. Use 0."),
        (True, "seed=True`"),
        (0.5, "seed=0.5`"),
        ("0", "seed=0`"),
    ],
    "dims": [
        ((0, 4), "dims=(0, 4)`: expected two whole numbers from 1 to 128, the smaller first. Use dims=(1, 32)."),
        ((4, 2), "dims=(4, 2)`"),
        ((1, 129), "dims=(1, 129)`"),
        (7, "dims=7`"),
        ("12", "dims=12`"),
        ((1.0, 2.0), "dims=(1.0, 2.0)`"),
        ((1, 2, 3), "dims=(1, 2, 3)`"),
    ],
    "rows": [
        ((0, 9), "rows=(0, 9)`: expected two whole numbers from 1 to 100,000, the smaller first. Use rows=(50, 500)."),
        (None, "rows=None`"),
    ],
    "nats": [
        ((-1.0, 2.0), "nats=(-1.0, 2.0)`: expected two finite numbers, each 0 or from 1e-12 to 1e6, the smaller"),
        ((0, 10**400), "expected two finite numbers"),
        ((1e-13, 1.0), "nats=(1e-13, 1.0)`"),
        ((2.0, 1.0), "nats=(2.0, 1.0)`"),
        ((0.0, math.inf), "nats=(0.0, inf)`"),
        ((0.0, math.nan), "nats=(0.0, nan)`"),
        ((0, "6"), "nats=(0, '6')`"),
        ((False, True), "nats=(False, True)`"),
    ],
    "families": [
        (["normal"], "families=normal`: expected one of story, gaussian, student"),
        ([], "families=[]`: expected at least one name"),
        ("gaussian", "families=gaussian`: expected names out of story"),
        (3, "families=3`: expected names out of"),
    ],
    "maps": [(["spun"], "rotated, turned, coupling, flow, rendered. Name one of them.")],
    "start": [(-1, "start=-1`: expected a whole number from 0 to 2^53 - 1. Use 0."), (1.0, "start=1.0`")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "message"), [(name, *case) for name, cases in REFUSED.items() for case in cases]
)
def test_what_makes_no_stream_is_refused(name, value, message):
    with pytest.raises(TaskError) as caught:
        loom.tasks.stream(**{"seed": 0, name: value})
    assert str(caught.value).startswith("task setting `")
    assert message in str(caught.value)


def test_more_than_columns_can_carry_is_refused_by_family():
    with pytest.raises(
        TaskError, match=r"that `discrete` can carry in 2 columns, 3.6 nats or less. Lower it"
    ):
        loom.tasks.stream(0, dims=(1, 2), nats=(5.0, 6.0), families=["discrete", "gaussian"])


def test_a_number_that_is_none_is_refused():
    tasks = loom.tasks.stream(0)
    with pytest.raises(TaskError, match=r"`index=-1`: expected a whole number from 0 to 2\^53 - 1"):
        tasks[-1]
