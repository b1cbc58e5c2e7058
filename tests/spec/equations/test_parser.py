"""The grammar of equations: what it reads, what it refuses, and at which character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoloom.spec.equations.expression import Expression, Factor, TemplateCall, Term
from infoloom.spec.equations.parser import ExpressionError, parse_expression


def plain(expression):
    """The same expression without the places of its parts in the text."""
    return Expression(
        tuple(
            Term(
                t.coefficient,
                tuple(Factor(f.name, f.index, f.power, f.function, f.scale) for f in t.factors),
                t.template and t.template.key,
            )
            for t in expression.terms
        )
    )


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("mass", [Term(1.0, (Factor("mass"),))]),
        (" - mass ", [Term(-1.0, (Factor("mass"),))]),
        ("+mass", [Term(1.0, (Factor("mass"),))]),
        ("2*3*mass", [Term(6.0, (Factor("mass"),))]),
        ("mass*2", [Term(2.0, (Factor("mass"),))]),
        ("1e-4*mass", [Term(1e-4, (Factor("mass"),))]),
        (".5*mass", [Term(0.5, (Factor("mass"),))]),
        ("2.*mass", [Term(2.0, (Factor("mass"),))]),
        ("a*b*mass", [Term(1.0, (Factor("a"), Factor("b"), Factor("mass")))]),
        ("style[2]", [Term(1.0, (Factor("style", 2),))]),
        ("mass**2", [Term(1.0, (Factor("mass", power=2),))]),
        ("sin(-2*mass)", [Term(1.0, (Factor("mass", function="sin", scale=-2.0),))]),
        ("tanh(style[1])**3", [Term(1.0, (Factor("style", 1, 3, "tanh"),))]),
        ("sin", [Term(1.0, (Factor("sin"),))]),
        ("0.5", [Term(0.5)]),
        ("größe", [Term(1.0, (Factor("größe"),))]),
        (
            "m@ring(0.3, width=-1)",
            [Term(1.0, (Factor("m"),), TemplateCall("ring", (0.3,), (("width", -1),)))],
        ),
        ("m@ring()", [Term(1.0, (Factor("m"),), TemplateCall("ring"))]),
        ("m@ring(1,)", [Term(1.0, (Factor("m"),), TemplateCall("ring", (1,)))]),
        ("m@file('a b.npy')", [Term(1.0, (Factor("m"),), TemplateCall("file", ("a b.npy",)))]),
        (r'm@file("a\"b\\c")', [Term(1.0, (Factor("m"),), TemplateCall("file", ('a"b\\c',)))]),
        ("m@t(true, x=false)", [Term(1.0, (Factor("m"),), TemplateCall("t", (True,), (("x", False),)))]),
        (
            "m@random(9007199254740993)",
            [Term(1.0, (Factor("m"),), TemplateCall("random", (9007199254740993,)))],
        ),
    ],
)
def test_reads(text, terms):
    assert plain(parse_expression(text)) == Expression(tuple(terms))


def test_signs_and_order():
    terms = parse_expression("-0.3*mass@ones - spin + 5e-1*noise").terms
    assert [t.coefficient for t in terms] == [-0.3, -1.0, 0.5]
    assert [t.factors[0].name for t in terms] == ["mass", "spin", "noise"]


def test_a_term_may_have_a_sign_of_its_own():
    terms = parse_expression("a + -1.02*d - -2*b - c").terms
    assert [t.coefficient for t in terms] == [1.0, -1.02, 2.0, -1.0]
    assert str(parse_expression("0.5*mass + -1.02*noise")) == "0.5*mass - 1.02*noise"


def test_positions_point_at_the_parts():
    (one, two) = parse_expression("0.5*mass + 2*spin@disk").terms
    assert (one.position, one.factors[0].position) == (0, 4)
    assert (two.position, two.factors[0].position, two.template.position) == (11, 13, 18)


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("", "expected a number or a name, got the end", 0),
        ("   ", "expected a number or a name, got the end", 0),
        ("mass +", "expected a number or a name, got the end", 6),
        ("mass + + spin", "expected a number or a name, got `+`", 7),
        ("mass - - - spin", "expected a number or a name, got `-`", 9),
        ("--mass", "expected a number or a name, got `-`", 1),
        ("mass spin", "expected `+`, `-`, `*`, `@` or the end, got `spin`", 5),
        ("3 mass", "expected `+`, `-`, `*`, `@` or the end, got `mass`", 2),
        ("mass / 2", "unexpected character `/`", 5),
        ("mass #", "unexpected character `#`", 5),
        ('mass@file("open', 'unexpected character `"`', 10),
        ("mass * @disk", "expected a number or a name, got `@`", 7),
        ("mass@", "expected the name of a template, got the end", 5),
        ("mass@3", "expected the name of a template, got `3`", 5),
        ("mass@disk(", 'expected a number, "text", true or false, got the end', 10),
        ("mass@disk(0.3", "expected `,`, got the end", 13),
        ("mass@disk(a)", 'expected a number, "text", true or false, got `a`', 10),
        ("mass@disk(-true)", 'expected a number, "text", true or false, got `true`', 11),
        ("mass@disk(x=1, 2)", "expected a keyword argument after the first one, got `2`", 15),
        ("mass@disk@ring", "expected `+`, `-`, `*`, `@` or the end, got `@`", 9),
        ("style[", "expected a whole number, got the end", 6),
        ("style[1.5]", "expected a whole number, got `1.5`", 6),
        ("style[-1]", "expected a whole number, got `-`", 6),
        ("style[1", "expected `]`, got the end", 7),
        ("style[9999999999]", "expected a whole number, got `9999999999`", 6),
        ("mass**x", "expected a whole number, got `x`", 6),
        ("sin(2)", "expected `*`, got `)`", 5),
        ("sin(2*3)", "expected the name of a cause, got `3`", 6),
        ("sin(mass", "expected `)`, got the end", 8),
        ("1e999*mass", "expected a finite number, got `1e999`", 0),
        ("1e300*1e300*mass", "expected a finite weight", 0),
        ("mass@disk(1e999)", "expected a finite number, got `1e999`", 10),
    ],
)
def test_refuses(text, message, position):
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert (str(caught.value), caught.value.position) == (message, position)


def test_refuses_absurd_sizes():
    with pytest.raises(ExpressionError, match=r"^expected at most 100,000 characters, got 1,999,999$"):
        parse_expression("+".join(["x"] * 1_000_000))
    with pytest.raises(ExpressionError, match=r"^expected at most 10,000 terms, got "):
        parse_expression("+".join(["x"] * 10_002))
    assert len(parse_expression("+".join(["x"] * 10_000)).terms) == 10_000


names = st.sampled_from(["mass", "spin", "a", "noise", "sin", "größe"])
numbers = st.floats(-1e300, 1e300, allow_nan=False) | st.integers(-(10**15), 10**15)
values = (
    numbers
    | st.booleans()
    | st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=8)
)
calls = st.builds(
    TemplateCall,
    st.sampled_from(["disk", "ring"]),
    st.lists(values, max_size=2).map(tuple),
    st.lists(st.tuples(st.sampled_from(["x", "width"]), values), max_size=2).map(tuple),
)
factors = st.builds(
    Factor, names.filter(lambda n: n != "sin"), st.none() | st.integers(0, 9), st.integers(1, 3)
)
terms = st.builds(
    Term,
    st.floats(1e-300, 1e300) | st.floats(-1e300, -1e-300),
    st.lists(factors, max_size=3).map(tuple),
    st.none() | calls,
)


@given(st.lists(terms, min_size=1, max_size=4).map(lambda found: Expression(tuple(found))))
def test_text_of_an_expression_reads_back(expression):
    assert plain(parse_expression(str(expression))) == plain(expression)


@given(st.text(max_size=40) | st.text(alphabet="ab12.*+-@()[],=\"' e", max_size=30))
def test_any_text_is_read_or_refused_at_a_character(text):
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert plain(parse_expression(str(expression))) == plain(expression)
