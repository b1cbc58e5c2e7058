"""Laws that float64 loses: exact arithmetic against values known by hand and against mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import infoloom as loom
from infoloom.errors import InfiniteInformationError, SpecError
from infoloom.law.covariance import DOUBT
from infoloom.law.exact import half_log_det, leading
from infoloom.law.triangle import triangle

FUZZ = {
    "name": "fuzz",
    "causes": {"c0": "normal", "c1": "normal", "c2": "normal"},
    "targets": {
        "t0": "-0.000600293*m2@blob(0.881, 0.285, 0.467) - 0.00263752*f0@ring(0.256, 0.214) "
        "- 0.00438929*m0@frequency(1.146, 0.433) + 0.0116798*noise",
        "t1": "-0.000395911*f0@disk(0.474) - 1570.14*noise",
        "t2": "4136.56*c2 - 0.917747*t1 + 24907.6*m0@ones + 215.664*noise",
    },
    "modalities": {
        "m0": {
            "flow": "identity(2, 2, 3)",
            "latent": "2.53354e-05*c2@frequency(1.069, -0.768) + 3040.81*t1@frequency(0.255, 0.594) "
            "+ 1.2319e-06*c1@frequency(1.135, -0.952) - 0.0001992*c0@ones + 5.36823e-05*noise",
        },
        "m1": {
            "flow": "identity(2, 2, 3)",
            "latent": "-10090.6*c1@patch(1, 1, 1, 1) - 2.48211e-06*m3 + 1*f1 + 71.2463*noise",
        },
        "m2": {"flow": "identity(2, 2, 3)", "latent": "-1.27901e-05*f1 - 0.000424261*noise"},
        "m3": {
            "flow": "identity(2, 2, 3)",
            "latent": "6.43642e-05*c1@frequency(0.263, -0.872) + 0.0210926*c0@ring(0.33, 0.118) "
            "+ 0.000127623*f0 + 4.05431e-05*noise",
        },
    },
    "fields": {"f0": "normal", "f1": "normal"},
}


def story(latent: str, target: str = "1000*c", flow: str = "vector(1)") -> loom.Story:
    return loom.load(
        {
            "name": "x",
            "causes": {"c": "normal"},
            "targets": {"t": target},
            "modalities": {"m": {"flow": flow, "latent": latent}},
        }
    )


@pytest.mark.parametrize(
    ("query", "value"),
    [("I(m0; f0)", 3.8369e-13), ("I(m0; c1, f0)", 0.001036454350), ("I(m0; c1)", 0.001036454350)],
)
def test_weights_far_apart(query, value):
    found = loom.load(FUZZ).quantity(query)
    assert found.value == pytest.approx(value, abs=1e-12)
    assert found.exact


def test_no_value_of_weights_far_apart_is_negative():
    fuzz = loom.load(FUZZ)
    for query, found in fuzz.truth().items():
        if query.startswith("I(") and query.count(";") == 1:
            assert found.value > -1e-9, query


def test_a_large_value_is_not_called_infinite():
    expected = 0.5 * math.log1p((1e7 / 1e-6) ** 2)
    assert story("1e4*t + 1e-6*noise").information("I(m; c)") == pytest.approx(expected, abs=1e-9)
    assert story("1e10*t + 1e-12*noise").information("I(m; c)") == pytest.approx(
        0.5 * math.log1p(1e50), abs=1e-9
    )


def test_an_infinite_value_is_called_infinite():
    with pytest.raises(SpecError, match="information would be infinite: `m` is determined by `t`"):
        story("2*t", flow="vector(1)")


def test_decimals_are_read_as_they_were_written():
    """0.1 + 0.2 − 0.3 is no noise, though its float64 is."""
    with pytest.raises(SpecError, match="`m` does not vary: nothing random enters it"):
        loom.load(
            {
                "name": "x",
                "causes": {"c": "normal"},
                "targets": {"s": "c", "t": "0.1*c + 0.2*c"},
                "modalities": {"m": {"flow": "vector(1)", "latent": "0.3*s - t"}},
            }
        )


def test_templates_that_nearly_agree_cannot_be_told_from_infinite():
    """Nine patches make up `ones` but for rounding; the rest, 1e-16 of a cause, is neither zero nor a number."""
    patches = " + ".join(f"c@patch({x}, {y}, 1, 1)" for x in range(3) for y in range(3))
    spec = {
        "name": "x",
        "causes": {"c": "normal", "d": "normal"},
        "modalities": {
            "m": {"flow": "identity(1, 3, 3)", "latent": f"d@blob(0.4, 0.4, 0.3) + {patches} + noise"}
        },
        "targets": {"t": "m@ones", "u": "t - m@frequency(0, 0)"},
    }
    with pytest.raises(
        (SpecError, InfiniteInformationError), match=r"cannot be told from infinite|does not vary|deter"
    ):
        loom.load(spec).information("I(u; m)")


def test_volumes_against_mpmath():
    rng = np.random.default_rng(3)
    for _ in range(20):
        n, sources = int(rng.integers(1, 7)), 9
        rows = rng.standard_normal((n, 2)) @ rng.standard_normal((2, sources))
        rows = rows + 10.0 ** rng.uniform(-9, 0) * rng.standard_normal((n, sources))
        exact = half_log_det([[Fraction(float(value)) for value in row] for row in rows])
        with mpmath.workdps(80):
            matrix = mpmath.matrix(rows.tolist())
            slow = float(mpmath.log(mpmath.det(matrix * matrix.T)) / 2)
        assert exact == pytest.approx(slow, abs=1e-12)


def test_what_float64_says_it_lost_covers_what_it_lost():
    rng = np.random.default_rng(5)
    for _ in range(200):
        n = int(rng.integers(2, 10))
        rows = rng.standard_normal((n, 2)) @ rng.standard_normal((2, n + 3))
        rows = rows + 10.0 ** rng.uniform(-11, 0) * rng.standard_normal((n, n + 3))
        found = triangle(rows)
        if found.singular:
            continue
        bound = 1e-15 * np.sum(found.lengths / np.abs(np.diagonal(found.r)))
        exact = half_log_det([[Fraction(float(value)) for value in row] for row in rows])
        assert abs(exact - found.log_volume) <= max(bound, DOUBT)


def test_leading_rows():
    rows = [[Fraction(1), Fraction(2)], [Fraction(2), Fraction(4)], [Fraction(0), Fraction(1)]]
    assert leading(rows) == [0, 2]
    assert leading([]) == []
    assert half_log_det(rows) is None
    assert half_log_det([]) == 0.0


@pytest.mark.parametrize("weight", [1e-4, 1e-6, 1e-8, 1e-9])
@pytest.mark.parametrize("query", ["I(m; c | s, t)", "I(m; c | t, u)", "I(c; u | s)"])
def test_what_others_leave_of_a_reading_may_be_tiny(weight, query):
    """Given s, t = m@ones + s tells m's sum however small m is, so information does not depend on m's scale."""

    def told(scale):
        return loom.load(
            {
                "name": "tiny",
                "causes": {"c": "normal", "s": "normal"},
                "targets": {"t": "m@ones + s", "u": "0.5*t + s"},
                "modalities": {"m": {"flow": "vector(3)", "latent": f"{scale}*c@random(1) + {scale}*noise"}},
            }
        ).information(query)

    assert told(weight) == pytest.approx(told(1.0), abs=1e-9)
