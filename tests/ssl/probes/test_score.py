"""Scores, their errors, and the table of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infoloom.ssl.probes.score import Score, Table, mean_score, r_squared


def test_r_squared_and_its_error():
    # Over many samples the stated error is the spread of the value.
    random = np.random.default_rng(0)
    x = random.standard_normal((400, 1000))
    y = 0.8 * x + 0.6 * random.standard_normal(x.shape)
    found = np.array([r_squared(true, 0.8 * one, np.zeros(())) for true, one in zip(y, x, strict=True)])
    spread = found[:, 0].std(ddof=1)
    assert abs(found[:, 0].mean() - 0.64) < 4.0 * spread / math.sqrt(400)
    assert abs(found[:, 1].mean() / spread - 1.0) < 4.0 / math.sqrt(2 * 400)


def test_vectors_count_their_total_variance():
    y = np.array([[1.0, 10.0], [-1.0, -10.0], [1.0, -10.0], [-1.0, 10.0]])
    value, _ = r_squared(y, y * [0.0, 1.0], np.zeros(2))
    assert value == pytest.approx(100.0 / 101.0)


def test_nothing_is_clipped():
    score = Score("ridge", "x", "theta", "r_squared", -0.2, 0.01, ceiling=0.5, truth=0.3465735902799726)
    assert score.nats == pytest.approx(-0.5 * math.log(1.2))
    assert score.reachable == pytest.approx(score.nats / score.truth)
    assert score.excess == pytest.approx(-70.0)
    assert Score("ridge", "x", "theta", "r_squared", 0.01, 0.01, truth=2e-16).reachable is None
    assert Score("ridge", "x", "z", "r_squared", 1.0, 0.0, ceiling=1.0).excess is None
    assert Score("ridge", "x", "z", "r_squared", 1.0, 0.0).nats is None
    assert Score("softmax", "x", "theta", "accuracy", 0.5, 0.0).nats is None
    assert score.interval == pytest.approx((-0.2 - 0.0195996, -0.2 + 0.0195996), abs=1e-6)


def test_json_and_table():
    table = Table(
        (
            Score("ridge", "x", "theta", "r_squared", 0.4, 0.01, ceiling=0.5, truth=0.5),
            Score("knn", "x", "theta", "r_squared", 0.3, 0.01),
        )
    )
    first, second = table.to_json()
    assert first["r_squared"] == 0.4
    assert first["ceiling_r_squared"] == 0.5
    assert first["truth_nats"] == 0.5
    assert set(second) == {"probe", "inputs", "of", "measure", "r_squared", "standard_error", "nats"}
    assert table.best("x", "theta").probe == "ridge"
    assert len(table.select(probe="knn")) == 1
    head, *lines = str(table).splitlines()
    assert head.split() == [
        "probe",
        "inputs",
        "of",
        "measure",
        "value",
        "±",
        "ceiling",
        "nats",
        "truth",
        "reached",
    ]
    assert lines[1].split()[-1] == "–"
    with pytest.raises(ValueError, match=r"^score of `theta` from `y`: expected one among 2 scores\.$"):
        table.best("y", "theta")


def test_mean_score():
    value, error = mean_score(np.array([1.0, 3.0]))
    assert (value, error) == (2.0, 1.0)
