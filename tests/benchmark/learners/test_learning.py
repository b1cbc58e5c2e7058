"""Probes joined with the truth: oracle and pixel features reach the ceilings that closed forms say."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infoloom as loom
from infoloom.benchmark.learners.learning import (
    Measured,
    latent_ceiling,
    measure,
    observe,
    pmi_of_pairs,
    scalars,
    template_ceiling,
    truth_of,
)
from infoloom.ssl.probes.splits import Split

STORY = loom.load(
    {
        "name": "tied",
        "causes": {"mass": "normal", "spin": "normal"},
        "fields": {"texture": "normal"},
        "targets": {"theta": "mass", "other": "0.6*mass + 0.8*spin"},
        "modalities": {
            "x": {
                "flow": "identity(1, 4, 4)",
                "latent": "0.4*mass@disk + 0.3*spin@ones + 0.5*texture + noise",
            },
            "y": {"flow": "identity(1, 4, 4)", "latent": "0.5*mass@ones - 0.4*texture + noise"},
        },
    }
)
ROWS = 6000


def data(seed=0):
    rows = STORY.sample(ROWS, seed=seed)
    parts = [part.astype(np.intp) for part in np.split(np.arange(ROWS), [3000, 4000])]
    return Measured(STORY, rows, observe(STORY, rows), Split(*parts), seed)


def dense(names):
    """The covariance of some variables by brute force, from the loadings of unit rows."""
    sample = STORY.sample(200_000, seed=3)
    return np.cov(np.hstack([sample[name].reshape(200_000, -1) for name in names]).astype(float).T)


def explained(cov, own, given):
    """tr(Σ_og Σ_gg⁻¹ Σ_go) / tr Σ_oo."""
    cross = cov[np.ix_(own, given)]
    return np.trace(cross @ np.linalg.solve(cov[np.ix_(given, given)], cross.T)) / np.trace(
        cov[np.ix_(own, own)]
    )


def test_ceilings_of_latents_are_those_of_a_dense_covariance():
    cov = dense(["x", "y"])
    x, y = list(range(16)), list(range(16, 32))
    # 200,000 rows give 16 coefficients to a relative error of about √(2 · 16 / 200,000).
    assert latent_ceiling(STORY, "x", ("y",)) == pytest.approx(explained(cov, x, y), rel=0.06)
    assert latent_ceiling(STORY, "y", ("x",)) == pytest.approx(explained(cov, y, x), rel=0.06)
    assert latent_ceiling(STORY, "x", ("x", "y")) == 1.0
    for term, template in STORY.templates().items():
        name = term.partition(":")[0]
        own, given = (x, y) if name == "x" else (y, x)
        flat = template.ravel()
        turned = np.zeros((17, 32))
        turned[0, own] = flat
        turned[1:, given] = np.eye(16)
        rotated = turned @ cov @ turned.T
        other = "y" if name == "x" else "x"
        found = template_ceiling(STORY, name, template, (other,))
        assert found == pytest.approx(explained(rotated, [0], list(range(1, 17))), rel=0.03)
        assert template_ceiling(STORY, name, template, (name,)) == 1.0


def test_a_template_ceiling_is_the_information_about_it():
    # A target that reads x by a template and has noise: its R² from y is the ceiling times its R² from x.
    tree = STORY.spec.to_dict()
    tree["targets"] = {"read": "x@disk + noise"}
    reading = loom.load(tree)
    template = STORY.templates()["x: mass@disk"]
    from_x, from_y = (-math.expm1(-2.0 * reading.information(f"I(read; {name})")) for name in ("x", "y"))
    assert template_ceiling(STORY, "x", template, ("y",)) == pytest.approx(from_y / from_x, abs=1e-12)


def test_observed_latents_reach_every_ceiling():
    probes = data()
    flat = {name: values.reshape(ROWS, -1).astype(float) for name, values in probes.observed.items()}
    table = measure({**flat, "fused": np.hstack(list(flat.values()))}, probes)
    scored = [score for score in table if score.probe == "ridge" and score.standard_error > 1e-4]
    assert {score.of for score in scored} >= {"theta", "other", "spin", "z_x", "z_y", "x: mass@disk"}
    assert {score.inputs for score in scored} == {"x", "y", "fused"}
    for score in scored:
        # 4000 rows fit up to 32 weights: 1 - R² is larger than the best by about 32 / 4000 of it.
        assert score.ceiling is not None
        cost = (1.0 - score.ceiling) * 32.0 / 4000.0
        assert -4.0 * score.standard_error - cost < score.value - score.ceiling < 4.0 * score.standard_error
    accuracy = table.select(measure="accuracy").scores[0]
    assert accuracy.ceiling is not None
    assert accuracy.value < accuracy.ceiling + 4.0 * accuracy.standard_error
    assert accuracy.value > accuracy.ceiling - 0.05
    bound = table.select(probe="canonical", measure="bound").scores[0]
    assert bound.truth == STORY.information("I(x; y)")
    assert bound.ceiling is not None
    assert bound.value < bound.ceiling + 4.0 * bound.standard_error


def test_truth_is_that_of_the_story():
    truth = truth_of(STORY)
    assert scalars(STORY) == ("theta", "other", "spin")  # mass is theta by another name
    assert truth["I(x, y; other)"] == STORY.information("I(x, y; other)")
    assert truth["I(x; y)"] == STORY.information("I(x; y)")
    assert len(truth) == 3 * 3 + 1


def test_pmi_of_all_pairs():
    rows = STORY.sample(6, seed=1)
    chosen = np.array([4, 1, 0])
    found = pmi_of_pairs(STORY, rows, "x", "y", chosen)
    for i, first in enumerate(chosen):
        for j, second in enumerate(chosen):
            pair = {"x": rows["x"][first][None], "y": rows["y"][second][None]}
            assert found[i, j] == pytest.approx(STORY.pmi(pair, "x", "y")[0], abs=1e-9)


def test_the_own_scores_of_a_contrastive_learner_are_compared_with_pmi():
    from infoloom import ssl

    probes = data(1)
    shapes = {name: STORY.shape(name) for name in STORY.modalities}
    learner = ssl.build("clip", shapes, features=8)
    ssl.train(learner, probes.observed, ssl.Training(epochs=3, batch=64, learning_rate=3e-3))
    features = {n: v.astype(float) for n, v in ssl.features(learner, probes.observed).items()}
    own = measure(features, probes, learner).select(probe="critic")
    assert [score.measure for score in own] == ["bound", "retrieval", "pmi_correlation", "pmi_slope"]
    bound, retrieval, correlation, _ = own.scores
    assert bound.ceiling is not None
    assert 0.0 < bound.value < bound.ceiling + 4.0 * bound.standard_error
    assert retrieval.value > 1.0 / 128.0 + 4.0 * retrieval.standard_error
    assert correlation.value > 0.5
