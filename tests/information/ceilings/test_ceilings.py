"""Ceilings against brute force: dense conditionals, fine grids, simulation, and learners that reach them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import Dense

import infoloom as loom
from infoloom.errors import QueryError, SpecError
from infoloom.information.ceilings.ceilings import (
    bayes_accuracy,
    class_bounds,
    class_information,
    mmse,
    r_squared,
)
from infoloom.information.ceilings.contrastive import canonical_correlations, contrastive

TREE = {
    "name": "three",
    "causes": {"mass": "normal", "style": {"size": 3}},
    "fields": {"texture": "normal"},
    "targets": {"theta": "2.0*mass + 0.6*noise", "phi": "0.5*style[1] + 0.3*texture@ones + 0.2*noise"},
    "labels": {"grade": {"target": "theta", "classes": 4}, "half": {"target": "phi", "classes": 2}},
    "modalities": {
        "x": {"flow": "vector(12)", "latent": "0.3*mass@random(1) + 0.4*texture + noise"},
        "y": {"flow": "vector(12)", "latent": "0.2*mass + 0.1*style@random(2) - 0.5*texture + noise"},
        "z": {"flow": "identity(1, 2, 2)", "latent": "0.5*mass + 0.3*phi@random(3) + noise"},
    },
}
STORY = loom.load(TREE)


def grid(information, classes):
    """Posterior probabilities of the classes on a grid of predictions, and the weights of the grid."""
    r, s = math.sqrt(r_squared(information)), math.exp(-information)
    bounds = scipy.stats.norm.ppf(np.arange(classes + 1) / classes)
    at = np.linspace(-9.0, 9.0, 60_001)
    probability = np.diff(scipy.stats.norm.cdf((bounds - r * at[:, None]) / s), axis=1)
    return probability, scipy.stats.norm.pdf(at) * (at[1] - at[0])


@pytest.mark.parametrize("information", [0.02, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("classes", [2, 3, 4, 7, 12])
def test_class_ceilings_agree_with_a_fine_grid(information, classes):
    probability, weights = grid(information, classes)
    # The rule of the grid sees the kinks of the maximum to second order in its step of 3e-4.
    assert bayes_accuracy(information, classes) == pytest.approx(weights @ probability.max(axis=1), abs=2e-7)
    doubt = -(probability * np.log(np.where(probability > 0, probability, 1.0))).sum(axis=1)
    assert class_information(information, classes) == pytest.approx(
        math.log(classes) - weights @ doubt, abs=1e-8
    )


@pytest.mark.parametrize("information", [1e-6, 1e-3, 0.2, 1.0, 4.0, 9.0])
def test_accuracy_of_two_classes_is_the_arcsine_law(information):
    exact = 0.5 + math.asin(math.sqrt(r_squared(information))) / math.pi
    assert bayes_accuracy(information, 2) == pytest.approx(exact, abs=1e-10)


@given(st.floats(0.0, 8.0), st.integers(2, 30))
@settings(max_examples=60)
def test_class_ceilings_obey_their_bounds(information, classes):
    accuracy, told = bayes_accuracy(information, classes), class_information(information, classes)
    assert 1.0 / classes - 1e-12 <= accuracy <= 1.0 + 1e-12
    assert -1e-10 <= told <= min(information, math.log(classes)) + 1e-10
    # Fano: what is left unknown bounds the error from below, and the accuracy from above.
    error = 1.0 - accuracy
    entropy = -sum(p * math.log(p) for p in (error, accuracy) if p > 0)
    assert math.log(classes) - told <= entropy + error * math.log(max(classes - 1, 1)) + 1e-9


def test_class_ceilings_at_the_ends():
    assert bayes_accuracy(0.0, 5) == 0.2
    assert class_information(0.0, 5) == 0.0
    assert bayes_accuracy(40.0, 5) == 1.0
    assert class_information(40.0, 5) == pytest.approx(math.log(5), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 5, 9])
def test_class_ceilings_of_almost_no_information_are_a_series(classes):
    for of, start in ((bayes_accuracy, 1.0 / classes), (class_information, 0.0)):
        power = 0.5 if of is bayes_accuracy else 1.0  # of the information, with which the gain grows
        gain = [of(at, classes) - start for at in (1e-12, 9.9e-10, 1.01e-9, 1e-7)]
        assert gain[1] / gain[0] == pytest.approx(990.0**power, rel=1e-5)
        assert gain[2] / gain[1] == pytest.approx((1.01e-9 / 9.9e-10) ** power, rel=1e-3)
        assert gain[3] / gain[0] == pytest.approx(1e5**power, rel=1e-3)
    law = 0.5 + math.asin(math.sqrt(r_squared(1e-12))) / math.pi
    assert bayes_accuracy(1e-12, 2) == pytest.approx(law, abs=1e-15)


def test_simulated_bayes_decisions_reach_the_accuracy():
    information, classes, rows = 0.6, 5, 200_000
    r, s = math.sqrt(r_squared(information)), math.exp(-information)
    generator = np.random.default_rng(5)
    guess = generator.standard_normal(rows)
    theta = r * guess + s * generator.standard_normal(rows)
    bounds = class_bounds(classes)
    edges = np.concatenate([[-np.inf], bounds, [np.inf]])
    posterior = np.diff(scipy.stats.norm.cdf((edges - r * guess[:, None]) / s), axis=1)
    right = np.argmax(posterior, axis=1) == np.searchsorted(bounds, theta)
    expected = bayes_accuracy(information, classes)
    assert abs(right.mean() - expected) < 4.0 * math.sqrt(expected * (1 - expected) / rows)
    true = np.log(posterior[np.arange(rows), np.searchsorted(bounds, theta)]) + math.log(classes)
    assert abs(true.mean() - class_information(information, classes)) < 4.0 * true.std() / math.sqrt(rows)


def test_target_ceilings_are_dense_conditional_variances():
    oracle = Dense(TREE)
    for one in STORY.ceilings(batch=2, batches=2).targets:
        given = list(one.given)
        joint = oracle.covariance([one.target, *given])
        left = joint[0, 0] - joint[0, 1:] @ np.linalg.solve(joint[1:, 1:], joint[1:, 0])
        assert one.mmse == pytest.approx(left, rel=1e-10)
        assert one.r_squared == pytest.approx(1.0 - left / joint[0, 0], abs=1e-10)
        assert one.mmse == pytest.approx(mmse(one.information, joint[0, 0]), rel=1e-12)


def test_predictions_are_dense_regressions_and_reach_the_ceiling():
    rows = STORY.sample(20_000, seed=11)
    oracle = Dense(TREE)
    for one in STORY.ceilings(batch=2, batches=2).targets:
        given = list(one.given)
        joint = oracle.covariance([one.target, *given])
        weights = np.linalg.solve(joint[1:, 1:], joint[1:, 0])
        values = np.concatenate([rows[name].reshape(20_000, -1).astype(np.float64) for name in given], axis=1)
        predicted = STORY.predict(rows, one.target, one.given)
        assert np.abs(predicted - values @ weights).max() < 1e-9
        squares = (rows[one.target].astype(np.float64) - predicted) ** 2
        assert abs(squares.mean() - one.mmse) < 4.0 * squares.std() / math.sqrt(len(squares))


def test_predictions_under_an_intervention_know_the_shifted_mean():
    story = loom.load({**TREE, "labels": {}, "do": {"style": [1.0, 2.0, -1.0]}})
    rows = story.sample(20_000, seed=2)
    error = rows["phi"].astype(np.float64) - story.predict(rows, "phi", ("x", "y", "z"))
    assert rows["phi"].mean() > 0.9
    assert abs(error.mean()) < 4.0 * error.std() / math.sqrt(len(error))


def test_labels_are_equally_likely_and_belong_to_their_target():
    rows = STORY.sample(20_000, seed=1)
    assert STORY.labels == ("grade", "half")
    for name, target, classes in (("grade", "theta", 4), ("half", "phi", 2)):
        assert rows[name].dtype == np.int64
        share = np.bincount(rows[name], minlength=classes) / 20_000
        assert np.abs(share - 1 / classes).max() < 4.0 * math.sqrt((1 / classes) * (1 - 1 / classes) / 20_000)
        order = np.argsort(rows[target], kind="stable")
        assert (np.diff(rows[name][order]) >= 0).all()
    assert np.array_equal(STORY.sample(300, seed=1, start=500)["grade"], rows["grade"][500:800])


def test_class_ceilings_cover_labels_and_asked_classes():
    found = STORY.ceilings(classes=3, batch=2, batches=2).classes
    cut = {(one.label, one.target, one.classes) for one in found}
    assert cut == {("grade", "theta", 4), ("half", "phi", 2), ("theta", "theta", 3), ("phi", "phi", 3)}
    for one in found:
        information = STORY.information(f"I({one.target}; {', '.join(one.given)})")
        assert one.accuracy == bayes_accuracy(information, one.classes)
        assert one.information == class_information(information, one.classes)


@pytest.mark.parametrize(("a", "b"), [("x", "y"), ("y", "z"), ("x", "z")])
def test_canonical_correlations_are_dense_and_hold_the_information(a, b):
    joint = Dense(TREE).covariance([a, b])
    size = STORY.dim(a)
    roots = [np.linalg.inv(np.linalg.cholesky(block)) for block in (joint[:size, :size], joint[size:, size:])]
    dense = np.linalg.svd(roots[0] @ joint[:size, size:] @ roots[1].T, compute_uv=False)
    found = np.sort(canonical_correlations(STORY.covariance, [a], [b]))[::-1]
    assert np.abs(found - dense[: len(found)]).max() < 1e-10
    assert np.abs(dense[len(found) :]).max(initial=0.0) < 1e-7
    assert -0.5 * np.log1p(-(found**2)).sum() == pytest.approx(STORY.information(f"I({a}; {b})"), abs=1e-10)


def test_contrastive_ceilings_agree_with_the_pmi_of_sampled_rows():
    batch, batches = 16, 200
    found = contrastive(STORY.covariance, ["x"], ["y"], batch, batches, seed=4)
    rows = STORY.sample(batch * batches, seed=9)
    one, other = (rows[name].reshape(batches, batch, -1) for name in ("x", "y"))
    every = {
        "x": np.repeat(one, batch, axis=1).reshape(batches * batch**2, -1),
        "y": np.tile(other, (1, batch, 1)).reshape(batches * batch**2, -1),
    }
    pmi = STORY.pmi(every, "x", "y").reshape(batches, batch, batch)
    true = np.diagonal(pmi, axis1=1, axis2=2)
    terms = math.log(batch) + (true - np.logaddexp.reduce(pmi, axis=2)).mean(axis=1)
    hits = (np.argmax(pmi, axis=2) == np.arange(batch)).mean(axis=1)
    for mine, sampled in ((found.bound, terms), (found.retrieval, hits)):
        error = math.hypot(mine.standard_error, np.std(sampled, ddof=1) / math.sqrt(batches))
        assert abs(mine.value - np.mean(sampled)) < 4.0 * error


@given(st.sampled_from([2, 8, 32]), st.integers(0, 100))
@settings(max_examples=15)
def test_the_contrastive_bound_is_below_information_and_log_of_the_batch(batch, seed):
    found = contrastive(STORY.covariance, ["y"], ["z"], batch, 50, seed)
    limit = min(STORY.information("I(y; z)"), math.log(batch))
    assert found.bound.value <= limit + 4.0 * found.bound.standard_error
    assert found.retrieval.value >= 1 / batch - 4.0 * found.retrieval.standard_error
    assert found == contrastive(STORY.covariance, ["y"], ["z"], batch, 50, seed)


def test_a_weak_pair_is_bounded_far_more_exactly_than_by_drawn_terms():
    both = {name: {"latent": "0.1*c + noise", "flow": "vector(8)"} for name in "xy"}
    weak = loom.load({"name": "weak", "causes": {"c": "normal"}, "modalities": both})
    information = weak.information("I(x; y)")
    found = contrastive(weak.covariance, ["x"], ["y"], 64, 100)
    spread = weak.pmi(weak.sample(6_400, seed=1), "x", "y").std() / math.sqrt(6_400)
    assert found.bound.standard_error < 0.2 * spread
    assert found.limit == pytest.approx(information)
    assert found.bound.value <= found.limit + 4.0 * found.bound.standard_error


def test_the_limit_of_a_small_batch_is_its_logarithm():
    strong = {name: {"latent": "2.0*c + noise", "flow": "vector(8)"} for name in "xy"}
    covariance = loom.load({"name": "strong", "causes": {"c": "normal"}, "modalities": strong}).covariance
    found = contrastive(covariance, ["x"], ["y"], 2, 10)
    assert found.limit == math.log(2) >= found.bound.value - 4.0 * found.bound.standard_error


def test_independent_sides_are_retrieved_by_chance():
    story = loom.load({**TREE, "labels": {}, "causes": {"mass": "normal", "style": {"size": 3}}})
    found = contrastive(story.covariance, ["style"], ["mass"], 8, 10)
    assert found.bound.value == pytest.approx(0.0, abs=1e-12)
    assert story.ceilings(batch=2, batches=2).pairs[0].pair == ("x", "y")


def test_monte_carlo_values_carry_their_error_everywhere():
    tree = STORY.ceilings(batch=8, batches=10).to_json()
    for pair in tree["pairs"]:
        assert set(pair["bound"]) == set(pair["retrieval"]) == {"value", "standard_error"}
        assert pair["bound"]["standard_error"] > 0


def test_pairs_can_be_left_out():
    story = loom.preset("multimodal-decay")
    assert story.ceilings(batch=None).pairs == ()
    assert len(story.ceilings(batch=None).targets) == 11


def test_what_has_no_ceiling_is_refused_by_name():
    def refused(error, text, call):
        with pytest.raises(error) as caught:
            call()
        assert text in str(caught.value)

    scaled = loom.load({**TREE, "labels": {}, "scale": "student_t(5)"})
    rows = scaled.sample(2)
    refused(QueryError, "ceilings: expected a story without a common scale", scaled.ceilings)
    refused(
        QueryError,
        "prediction of `theta`: expected a story without a common scale",
        lambda: scaled.predict(rows, "theta", "x"),
    )
    refused(
        QueryError, "prediction of `x` from `y`: expected a scalar", lambda: STORY.predict(rows, "x", "y")
    )
    refused(QueryError, "prediction of `theta` from nothing", lambda: STORY.predict(rows, "theta", ()))
    refused(
        QueryError, "the rows have no values of `y`", lambda: STORY.predict({"x": rows["x"]}, "theta", "y")
    )
    for name, values in (
        ("classes", (1, 2.5, "3", 1001)),
        ("batch", (1, 0, 2.5, float("nan"), True, 10**9)),
        ("batches", (0, -2, 2.5)),
        ("seed", (-1, 1.5, None)),
    ):
        for value in values:
            message = f"ceilings: {name} `{value}`: expected a whole number from "
            refused(QueryError, message, lambda name=name, value=value: STORY.ceilings(**{name: value}))
    held = loom.load({**TREE, "do": {"mass": 1.0}})
    refused(QueryError, "ceilings: expected a story without interventions", held.ceilings)
    refused(
        ValueError, "batch `1`: expected at least 2", lambda: contrastive(STORY.covariance, ["x"], ["y"], 1)
    )
    refused(ValueError, "batches `1`: expected", lambda: contrastive(STORY.covariance, ["x"], ["y"], 2, 1))
    many = {f"m{i}": {"flow": "vector(2)", "latent": "mass + noise"} for i in range(11)}
    crowd = loom.load({"name": "crowd", "causes": {"mass": "normal"}, "modalities": many})
    refused(QueryError, "ceilings: 11 modalities have more than 45 pairs", crowd.ceilings)


def test_labels_of_what_cannot_be_cut_are_refused_by_name():
    def problems(**changed):
        with pytest.raises(SpecError) as caught:
            loom.load({**TREE, **changed})
        return caught.value.problems

    unknown = problems(labels={"grade": {"target": "teta", "classes": 4}})
    assert unknown == ("labels.grade.target: unknown target `teta`; did you mean `theta`?",)
    (scaled,) = problems(labels={"grade": {"target": "theta", "classes": 4}}, scale="student_t(5)")
    assert scaled.startswith("labels.grade: expected a story without a common scale, because the ceilings of")
    assert problems(labels={"x": {"target": "theta", "classes": 4}}) == (
        "labels.x: the name `x` is used twice, also in `modalities`. Rename one of them.",
    )
