"""Arrays and settings are checked in one place, and every refusal says what to do."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from infoloom.errors import EstimatorError, InfoloomError
from infoloom.estimators import Training, build
from infoloom.estimators.copies import near_copies, repeated_rows
from infoloom.estimators.inputs import expect, flat, paired_rows, tied_values

ROWS = np.random.default_rng(0).standard_normal((20, 3))


def with_value(value):
    rows = ROWS.copy()
    rows[4, 1] = value
    return rows


def with_constant():
    rows = ROWS.copy()
    rows[:, 2] = 0.5
    return rows


REFUSALS = {
    "nan": (
        (with_value(np.nan), ROWS),
        "`x` `1 values nan or infinite, the first in row 4`: expected finite",
    ),
    "infinite": ((ROWS, with_value(-np.inf)), "`y` `1 values nan or infinite, the first in row 4`: expected"),
    "mismatch": (
        (ROWS, ROWS[:7]),
        "`y` `7 rows`: expected as many rows as x, 20, because row i of x is paired",
    ),
    "few": ((ROWS[:5], ROWS[:5]), "`x` `5 rows`: expected at least 8 rows. Draw more rows."),
    "constant": (
        (ROWS, with_constant()),
        "`y` `1 constant columns, the first 2`: expected columns that vary",
    ),
    "text": (
        (ROWS, np.full((20, 2), "a")),
        "`y` `text`: expected numbers, because sentences and words have no",
    ),
    "sentences": (
        (np.array(["a big thing"] * 20, dtype=object), ROWS),
        "are the columns `text_words` and `text_tokens`; for other text np.unique(values, return_inverse=True)[1].",
    ),
    "huge": (
        (np.full(20, 2**63, dtype=np.uint64), ROWS),
        "`x` `9223372036854775808`: expected whole numbers below 2^63. Number the categories from 0.",
    ),
    "object": ((np.array([None] * 20), ROWS), "`x` `dtype object`: expected an array of real numbers"),
    "complex": ((ROWS * 1j, ROWS), "`x` `dtype complex128`: expected an array of real numbers"),
    "scalar": ((3.0, ROWS), "`x` `shape ()`: expected rows first, (n,) or (n, ...), and at least one value"),
    "empty": ((np.zeros((20, 0)), ROWS), "`x` `shape (20, 0)`: expected rows first"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case):
    (x, y), message = REFUSALS[case]
    with pytest.raises(EstimatorError, match=re.escape(message)):
        paired_rows(x, y, least=8)


def test_errors_are_infolooms():
    assert issubclass(EstimatorError, InfoloomError)
    with pytest.raises(EstimatorError, match=re.escape("`k` `0`: expected 1 or more. Use 3.")):
        expect(False, "k", 0, "1 or more", "Use 3.")


def test_what_is_accepted_becomes_rows_of_two_types():
    x, y = paired_rows(list(range(20)), ROWS.astype(np.float32), least=8)
    assert x.shape == (20, 1)
    assert y.shape == (20, 3)
    assert x.dtype == np.int64
    assert y.dtype == np.float64
    pictures, flags = paired_rows(np.arange(120.0).reshape(20, 1, 2, 3), np.arange(20) % 2 == 0, least=8)
    assert pictures.shape == (20, 1, 2, 3)
    assert flags.dtype == np.int64
    assert set(np.unique(flags)) == {0, 1}


def test_whole_numbers_may_be_constant_beside_others():
    words = np.column_stack([np.full(20, 7), np.arange(20) % 3])
    assert paired_rows(words, ROWS, least=8)[0].shape == (20, 2)
    with pytest.raises(EstimatorError, match=r"`x` `2 constant columns, the first 0`"):
        paired_rows(np.ones((20, 2), dtype=int), ROWS, least=8)


def test_rows_flatten_in_c_order():
    pictures = np.arange(24.0).reshape(2, 2, 2, 3)
    assert np.array_equal(flat(pictures)[1], np.arange(12.0, 24.0))
    assert flat(pictures)[0, 1 * 6 + 1 * 3 + 2] == pictures[0, 1, 1, 2]


RNG = np.random.default_rng(1)


@pytest.mark.parametrize("name", ["ksg", "ksg2", "histogram", "gaussian", "kernel"])
def test_pairs_that_are_copies_are_doubted(name):
    x, y = (np.repeat(RNG.standard_normal(300), 2) for _ in "xy")
    found = build(name).estimate_with_info(x, y)
    assert found.reliable is False
    assert any(doubt == "300 of 600 pairs are copies of others" for doubt in found.details["doubts"])


def test_pairs_of_a_trained_estimator_too():
    x, y = (np.repeat(RNG.standard_normal((100, 4)), 4, axis=0) for _ in "xy")
    order = RNG.permutation(400)
    found = build("infonce", training=Training(epochs=2)).estimate_with_info(x[order], y[order])
    assert found.reliable is False


def test_categories_are_no_copies():
    x, y = (RNG.integers(0, 4, 500).astype(float) for _ in "xy")
    assert repeated_rows(x[:, None], y[:, None]) == 0
    assert repeated_rows(RNG.standard_normal((500, 1)), RNG.standard_normal((500, 1))) == 0
    many = RNG.integers(0, 200, (500, 1))
    assert repeated_rows(many, many // 2) == 0
    atoms = np.where(RNG.random((500, 1)) < 0.5, RNG.standard_normal((500, 1)), 1.0)
    assert repeated_rows(atoms, atoms) == 0


@pytest.mark.parametrize("name", ["ksg", "ksg2"])
def test_rounded_values_are_doubted_by_neighbours(name):
    x = RNG.standard_normal(1000)
    y = x + RNG.standard_normal(1000)
    assert build(name).estimate_with_info(x, y).reliable is None
    found = build(name).estimate_with_info(np.round(x, 2), y)
    assert found.reliable is False
    assert "rounded or discrete" in found.details["doubts"][0]
    assert tied_values(np.round(x, 2)[:, None]) > 0.25


def test_masked_values_are_refused():
    x = np.ma.masked_array(RNG.standard_normal(50), np.arange(50) < 5)
    with pytest.raises(EstimatorError, match=r"`x` `5 masked values`: expected values everywhere"):
        build("gaussian").estimate(x, RNG.standard_normal(50))
    whole = np.ma.masked_array(RNG.standard_normal(50), False)
    assert build("gaussian").estimate(whole, RNG.standard_normal(50)) < 1.0


@pytest.mark.parametrize("offset", [1e7, 1e8, 1e9])
def test_an_offset_changes_no_estimate(offset):
    x = RNG.standard_normal(600)
    y = x + RNG.standard_normal(600)
    for name in ("kernel", "gaussian", "ksg", "histogram"):
        estimator = build(name)
        assert estimator.estimate(x + offset, y) == pytest.approx(estimator.estimate(x, y), abs=0.02), name


def test_tensors_with_gradients_and_of_half_precision():
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    y = x + torch.randn(200, 2, generator=torch.Generator().manual_seed(1))
    expected = build("gaussian").estimate(x, y)
    assert build("gaussian").estimate(x.clone().requires_grad_(), y) == expected
    assert build("gaussian").estimate(x.bfloat16(), y) == pytest.approx(expected, abs=0.02)


def pairs_of(kind):
    rng = np.random.default_rng(3)
    if kind == "over and over":
        return (np.repeat(rng.standard_normal(20), 50) for _ in "xy")
    if kind == "of few":
        return (np.repeat(rng.standard_normal((10, 2)), 100, axis=0) for _ in "xy")
    change = {"float32": lambda rows: rows.astype(np.float32), "rounding": lambda rows: rows + 1e-9}[kind]
    once = [rng.standard_normal((400, 2)) for _ in "xy"]
    return (np.concatenate([rows, change(rows)]) for rows in once)


DOUBTS = {
    "over and over": "980 of 1000 pairs are copies of others",
    "of few": "990 of 1000 pairs are copies of others",
    "float32": "400 of 800 pairs are copies of others but for rounding",
    "rounding": "400 of 800 pairs are copies of others but for rounding",
}


@pytest.mark.parametrize("kind", DOUBTS)
def test_pairs_that_stand_there_over_and_over_are_doubted(kind):
    """Few pairs often, or all of them twice but for their last digits."""
    x, y = pairs_of(kind)
    for name, settings in {"gao": {}, "gaussian": {}, "amortised": {"shuffles": 0}}.items():
        found = build(name, **settings).estimate_with_info(x, y)
        assert found.reliable is False
        assert DOUBTS[kind] in found.details["doubts"], name


LEVEL = np.random.default_rng(4).standard_normal(10)
CLASS = np.random.default_rng(5).integers(0, 10, 2000)
OTHER = (CLASS + (np.random.default_rng(6).random(2000) < 0.3)) % 10
#: What repeats by nature: levels through a noisy channel, standardised counts, decimals in float32, classes.
NATURAL = {
    "noisy levels": (LEVEL[CLASS], LEVEL[OTHER]),
    "standardised": ((CLASS - 4.5) / 2.87, (CLASS - 4.5) / 2.87),
    "decimals": ((CLASS / 10).astype(np.float32).astype(float), CLASS.astype(float)),
    "classes": (CLASS, LEVEL[OTHER]),
    "a line": (np.linspace(0.0, 1.0, 2000), np.linspace(0.0, 1.0, 2000) ** 2),
    "far values": (np.random.default_rng(7).standard_cauchy(2000),) * 2,
}


@pytest.mark.parametrize("kind", NATURAL)
def test_what_repeats_by_nature_is_no_copy(kind):
    x, y = (side[:, None] for side in NATURAL[kind])
    assert repeated_rows(x, y) == near_copies(x, y) == 0


@pytest.mark.parametrize("name", ["ksg", "ksg2", "gao", "kernel", "gaussian", "histogram", "gaussianised"])
@pytest.mark.parametrize("factor", [2.0**-1000, 2.0**-600, 2.0**600, 2.0**1000])
def test_a_scale_changes_no_estimate(name, factor):
    x = np.random.default_rng(8).standard_normal((300, 1))
    y = x + np.random.default_rng(9).standard_normal((300, 1))
    expected = build(name).estimate_with_info(x, y)
    found = build(name).estimate_with_info(factor * x, y)
    assert found.nats == pytest.approx(expected.nats, abs=1e-9)
    assert found.reliable == expected.reliable


def test_ordinary_columns_are_taken_as_they_are():
    rows = np.random.default_rng(8).standard_normal((300, 2)) * [1e-50, 1e50]
    assert np.array_equal(paired_rows(rows, rows, least=8)[0], rows)
    assert 0.5 <= np.abs(paired_rows(rows * 1e-200, rows, least=8)[0]).max() < 1.0


@pytest.mark.parametrize("name", ["ksg", "gao", "latent"])
def test_values_rounded_to_float32_around_an_offset_are_doubted_by_neighbours(name):
    rng = np.random.default_rng(10)
    x = rng.standard_normal(1000)
    y = x + rng.standard_normal(1000)
    settings = {"training": Training(epochs=1)} if name == "latent" else {}
    found = build(name, **settings).estimate_with_info((x + 1e6).astype(np.float32), y)
    assert found.reliable is False
    assert "rounded or discrete" in found.details["doubts"][0]
    counts = rng.poisson(3.0, 1000).astype(float)
    assert name != "gao" or build("gao").estimate_with_info(counts + 1e6, y).reliable is None
