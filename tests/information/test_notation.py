"""The query language: how it reads, how it prints, what it refuses."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoloom.errors import QueryError
from infoloom.information.notation import MEASURES, Query, evaluate, parse_query
from infoloom.story import compile_story

STORY = {
    "name": "asked",
    "causes": {"mass": "normal", "style": {"size": 2}},
    "fields": {"f": "normal"},
    "targets": {"t": "mass + noise"},
    "modalities": {
        "x": {"flow": "vector(4)", "latent": "mass + style@random + f + noise"},
        "y": {"flow": "vector(4)", "latent": "0.5*t + f + noise"},
    },
}


@pytest.mark.parametrize(
    ("text", "query", "printed"),
    [
        ("I(a;b)", Query("I", (("a",), ("b",))), "I(a; b)"),
        (" I ( a , b ; c | d , e ) ", Query("I", (("a", "b"), ("c",)), ("d", "e")), "I(a, b; c | d, e)"),
        ("I(a;b;c|d)", Query("I", (("a",), ("b",), ("c",)), ("d",)), "I(a; b; c | d)"),
        ("H(a, b)", Query("H", (("a", "b"),)), "H(a, b)"),
        ("H(a | b)", Query("H", (("a",),), ("b",)), "H(a | b)"),
        ("TC(a, b, c)", Query("TC", (("a",), ("b",), ("c",))), "TC(a, b, c)"),
        ("DTC(a, b; c)", Query("DTC", (("a", "b"), ("c",))), "DTC(a, b; c)"),
        ("O(a, b | c)", Query("O", (("a",), ("b",)), ("c",)), "O(a, b | c)"),
        ("I(style[0]; größe)", Query("I", (("style[0]",), ("größe",))), "I(style[0]; größe)"),
    ],
)
def test_reads_and_prints(text, query, printed):
    assert parse_query(text) == query
    assert str(query) == printed
    assert parse_query(printed) == query


FORM = ": expected `I(a; b | c)`, `H(a)`, `TC(a, b, c)`, `DTC(…)` or `O(…)`."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", FORM),
        ("I", FORM),
        ("I(a; b", FORM),
        ("I(a; (b))", FORM),
        ("I(a; b) c", FORM),
        ("2(a; b)", FORM),
        ("J(a; b)", ": unknown measure `J`; expected one of I, H, TC, DTC, O."),
        ("i(a; b)", ": unknown measure `i`; expected one of I, H, TC, DTC, O."),
        ("I(a)", ": expected two or more parts, such as `I(a; b)`."),
        ("I(a, b)", ": expected two or more parts, such as `I(a; b)`."),
        ("TC(a)", ": expected two or more parts, such as `TC(a; b)`."),
        ("H(a; b)", ": an entropy has one part. Join names by commas."),
        ("I(a; a)", ": `a` stands twice. Name every variable once."),
        ("I(a; b | a)", ": `a` stands twice. Name every variable once."),
        ("I(; b)", ": expected the name of a variable, got ``."),
        ("I(a; b |)", ": expected the name of a variable, got ``."),
        ("I(a; b | c | d)", ": expected the name of a variable, got `c | d`."),
        ("I(a b; c)", ": expected the name of a variable, got `a b`."),
        ("I(a[x y]; c)", ": expected the name of a variable, got `a[x y]`."),
        (
            "I(" + "; ".join(f"a{i}" for i in range(13)) + ")",
            ": expected at most 12 parts, whose subsets all enter.",
        ),
    ],
)
def test_refuses(text, message):
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert str(caught.value) == f"query `{text}`{message}"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("I(x; z)", "query `I(x; z)`: unknown variable `z`; expected one of "),
        ("I(x; mas)", "query `I(x; mas)`: unknown variable `mas`; did you mean `mass`?"),
        ("H(x | style[2])", "query `H(x | style[2])`: unknown variable `style[2]`; did you mean `style["),
        ("TC(x, y, noise)", "query `TC(x, y, noise)`: unknown variable `noise`; expected one of "),
    ],
)
def test_unknown_names(query, message):
    with pytest.raises(QueryError) as caught:
        compile_story(STORY).information(query)
    assert str(caught.value).startswith(message)


def test_every_measure_is_evaluated():
    covariance = compile_story(STORY).covariance
    values = {m: evaluate(covariance, parse_query("H(x)" if m == "H" else f"{m}(x; y; t)")) for m in MEASURES}
    assert all(math.isfinite(value) for value in values.values())
    assert values["O"] == pytest.approx(values["TC"] - values["DTC"], abs=1e-12)


def test_every_kind_of_variable_can_be_asked_for():
    story = compile_story(STORY)
    for name in ("mass", "style[1]", "style", "f", "t", "y"):
        assert story.information(f"I(x; {name})") > 0


@given(st.text(max_size=40) | st.text(alphabet="ITCHO(),;|ab[0] ", max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        query = parse_query(text)
    except QueryError as error:
        assert str(error).startswith("query `")
    else:
        assert parse_query(str(query)) == query


def test_long_queries_end_quickly():
    start = time.process_time()
    for text in (
        "I(" + "a," * 5_000 + "b; c)",
        "I(" * 50_000,
        "I" + " " * 50_000 + "x",
        "I(" + "a;" * 20_000,
    ):
        with pytest.raises(QueryError):
            parse_query(text)
    assert time.process_time() - start < 5
