"""Equations written with Python's operators."""

from __future__ import annotations

import numpy as np
import pytest

from infoloom.spec.equations.expression import Expression, noise, symbols, template
from infoloom.spec.equations.parser import parse_expression

mass, spin, a = symbols("mass spin a")


@pytest.mark.parametrize(
    ("built", "text"),
    [
        (mass, "mass"),
        (-mass, "-mass"),
        (0.8 * mass + 0.6 * spin, "0.8*mass + 0.6*spin"),
        (mass - spin * 2, "mass - 2*spin"),
        (mass - (spin - noise), "mass - spin + noise"),
        (a * mass @ "disk", "a*mass@disk"),
        (
            (mass + spin) @ template("ring", 0.3, width=0.1),
            "mass@ring(0.3, width=0.1) + spin@ring(0.3, width=0.1)",
        ),
        (a * (mass - 0.5 * spin), "a*mass - 0.5*a*spin"),
        (2 * mass[3] @ "ones", "2*mass[3]@ones"),
        (mass**2, "mass**2"),
        ((mass**2) ** 3, "mass**6"),
        (np.float64(0.5) * mass, "0.5*mass"),
        (mass * np.float32(0.5), "0.5*mass"),
        (mass @ template("ring", np.float64(0.3)), "mass@ring(0.3)"),
        (mass @ template("patch", np.int64(2), True, "x"), 'mass@patch(2, true, "x")'),
        (0.0 * mass, "0*mass"),
        (Expression(()), "0"),
    ],
)
def test_operators(built, text):
    assert str(built) == text
    if built.terms:
        assert str(parse_expression(text)) == text


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (lambda: (mass + spin) ** 2, r"^`mass \+ spin` \*\*: expected a single name on the left\.$"),
        (lambda: (2 * mass)[0], r"^`2\*mass` \[ \]: expected a single name on the left\.$"),
        (lambda: mass + 1, r"^unsupported operand"),
        (lambda: 1 - mass, r"^unsupported operand"),
        (lambda: mass - "spin", r"^unsupported operand"),
    ],
)
def test_what_is_no_expression_is_refused(operation, message):
    with pytest.raises(TypeError, match=message):
        operation()
