"""Values and derivatives of many quantities at once, against the measures one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoloom.design import linearised as module
from infoloom.design.linearised import Linearised
from infoloom.design.quantities import Quantities
from infoloom.errors import InfiniteInformationError, SpecError
from infoloom.information.notation import evaluate, parse_query
from infoloom.information.pieces import pieces
from infoloom.information.requirements import parse_requirements
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import compose, lay_out
from infoloom.law.graph import build_graph
from infoloom.spec.model import build_spec

TREE = {
    "name": "all-kinds-of-edges",
    "causes": {"c": "normal", "s": {"size": 3}},
    "fields": {"f": "normal"},
    "parameters": {"a": "free", "b": "free", "e": "free", "k": 0.7},
    "targets": {"t": "a*c + 0.3*s[1]", "u": "b*t + 0.2*f@ones + k*x + noise"},
    "modalities": {
        "x": {"flow": "vector(6)", "latent": "a*c@random(1) + a*b*f + 0.4*s@random(2) + noise"},
        "y": {"flow": "vector(6)", "latent": "a*a*t + e*k*f + 0.3*x + 0.5*noise"},
        "z": {"flow": "vector(4)", "latent": "b*t@random(3) + c + e*noise"},
    },
}
QUERIES = [
    "I(x; t)",
    "I(x; y)",
    "I(x; y | t)",
    "I(x; t | c, s)",
    "I(x; c, t, s[1])",
    "I(x; f)",
    "I(y; u | f, s[0])",
    "I(x, y; t; z)",
    "I(x; y; z; t)",
    "TC(x, y, z, u)",
    "DTC(x, y, z)",
    "O(x; y; z, t)",
    "H(x)",
    "H(x, u | t)",
    "H(t, x, y | c, u)",
]
GRAPH = build_graph(build_spec(TREE))
GEOMETRY = lay_out(GRAPH)
LINEARISED = Linearised(GRAPH, GEOMETRY, {"k": 0.7}, ["a", "b", "e"])
PARSED = [parse_query(text) for text in QUERIES]


def values(weights):
    composed = compose(GRAPH, GEOMETRY, dict(zip("abe", weights, strict=True), k=0.7))
    return np.array([evaluate(StructuredCovariance(composed), query) for query in PARSED])


@given(st.lists(st.floats(-1.5, 1.5).filter(lambda w: abs(w) > 0.1), min_size=3, max_size=3))
@settings(max_examples=12)
def test_values_are_the_measures_and_derivatives_their_differences(weights):
    weights = np.array(weights)
    found, slopes = Quantities(LINEARISED, PARSED).at(weights)
    assert np.abs(found - values(weights)).max() < 1e-10
    step = 1e-5
    difference = [(values(weights + step * e) - values(weights - step * e)) / (2 * step) for e in np.eye(3)]
    assert np.abs(slopes - np.stack(difference, axis=1)).max() < 1e-6


def test_loadings_are_those_of_the_composer():
    weights = np.array([0.4, -0.8, 1.1])
    composed = compose(GRAPH, GEOMETRY, {"a": 0.4, "b": -0.8, "e": 1.1, "k": 0.7})
    loadings = LINEARISED.at(weights)
    for name in LINEARISED.names:
        place = LINEARISED.places[name]
        mine, theirs = loadings.span[0, place.rows], composed.in_span[name]
        assert np.abs(mine @ mine.T - theirs @ theirs.T).max() < 1e-12


@pytest.mark.parametrize("text", QUERIES)
def test_pieces_add_up_to_the_quantity(text):
    query = parse_query(text)
    covariance = StructuredCovariance(compose(GRAPH, GEOMETRY, {"a": 0.4, "b": -0.8, "e": 1.1, "k": 0.7}))
    if query.measure == "H":
        assert len(pieces(query)) == 1
        return
    total = sum(p.factor * evaluate(covariance, parse_query(_text(p))) for p in pieces(query))
    assert total == pytest.approx(evaluate(covariance, query), abs=1e-10)


def _text(piece):
    given = f" | {', '.join(piece.given)}" if piece.given else ""
    return f"I({', '.join(piece.a)}; {', '.join(piece.b)}{given})"


def test_weights_that_stop_a_variable_are_not_regular():
    quantities = Quantities(LINEARISED, [parse_query("I(z; x)")])
    assert quantities.regular(np.array([0.4, 0.5, 1.0]))
    assert not quantities.regular(np.array([0.4, 0.5, 0.0]))


def test_what_is_infinite_whatever_the_weights_is_named():
    with pytest.raises(
        InfiniteInformationError, match=r"^`I\(t; c, s\)`: infinite whatever the weights, because"
    ):
        Quantities(LINEARISED, [parse_query("I(t; c, s)")])


def test_too_many_derivatives_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_DERIVATIVES", 100)
    with pytest.raises(
        SpecError, match=r"^parameters: 3 free ones and .* loadings; expected at most 100 derivatives"
    ):
        Linearised(GRAPH, GEOMETRY, {"k": 0.7}, ["a", "b", "e"])


def test_requirements_are_read_and_their_problems_collected():
    known = ("x", "y")
    first, second, third = parse_requirements({"I(x; y)": 2.0, "H(x)": "<= 1", "TC(x, y)": ">= 0.5"}, known)
    assert (first.excess(2.5), first.excess(1.5), str(first)) == (0.5, -0.5, "I(x; y) = 2")
    assert (second.excess(2.5), second.excess(0.5)) == (1.5, 0.0)
    assert (third.excess(2.5), third.excess(0.25)) == (0.0, -0.25)
    with pytest.raises(SpecError) as caught:
        parse_requirements({"I(x; w)": 1.0, "J(x; y)": 1.0}, known)
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith(
        "require.I(x; w): query `I(x; w)`: unknown variable `w`; expected one of"
    )
    assert caught.value.problems[1].startswith(
        "require.J(x; y): query `J(x; y)`: unknown measure `J`; expected one of"
    )
