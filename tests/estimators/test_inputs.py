"""Arrays and settings are checked in one place, and every refusal says what to do."""

from __future__ import annotations

import re

import numpy as np
import pytest

from infoloom.errors import EstimatorError, InfoloomError
from infoloom.estimators.inputs import expect, flat, paired_rows

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
    "text": ((ROWS, np.full((20, 2), "a")), "`y` `dtype <U1`: expected an array of real numbers. Convert"),
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


def test_what_is_accepted_becomes_float64_rows():
    x, y = paired_rows(list(range(20)), ROWS.astype(np.float32), least=8)
    assert x.shape == (20, 1)
    assert y.shape == (20, 3)
    assert x.dtype == y.dtype == np.float64
    pictures, flags = paired_rows(np.arange(120.0).reshape(20, 1, 2, 3), np.arange(20) % 2 == 0, least=8)
    assert pictures.shape == (20, 1, 2, 3)
    assert set(np.unique(flags)) == {0.0, 1.0}


def test_rows_flatten_in_c_order():
    pictures = np.arange(24.0).reshape(2, 2, 2, 3)
    assert np.array_equal(flat(pictures)[1], np.arange(12.0, 24.0))
    assert flat(pictures)[0, 1 * 6 + 1 * 3 + 2] == pictures[0, 1, 1, 2]
