"""Flow expressions: how they are read, the shapes they give, and their errors."""

from __future__ import annotations

import json
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoloom.errors import FlowError
from infoloom.spec.flows.flow import SHAPE_KEEPING, FlowStep, flow_header, flow_path, flow_shape, parse_flow


def write(path, description, header=None):
    """A file with the header of safetensors and no weights."""
    text = json.dumps(header or {"__metadata__": {"infoloom": json.dumps(description)}}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    return path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("vector(16)", [FlowStep("vector", None, (16,))]),
        (" vector ( 16 ) ", [FlowStep("vector", None, (16,))]),
        ("digits[3]", [FlowStep("digits", "3")]),
        ("digits[ a b ]", [FlowStep("digits", "a b")]),
        ("digits[]", [FlowStep("digits", "")]),
        ("a[1](2, k=x)", [FlowStep("a", "1", (2,), (("k", "x"),))]),
        ("./a-b/c.safetensors", [FlowStep("./a-b/c.safetensors")]),
        ("f(1e-3, true, 'x', -2.5, 1e999)", [FlowStep("f", None, (1e-3, True, "x", -2.5, "1e999"))]),
        (
            "vector(2)|rotation(seed=1) | asinh",
            [
                FlowStep("vector", None, (2,)),
                FlowStep("rotation", None, (), (("seed", 1),)),
                FlowStep("asinh"),
            ],
        ),
    ],
)
def test_reads(text, steps):
    assert parse_flow(text) == tuple(steps)


@pytest.mark.parametrize(
    "step", ["", " ", "3", "vector(", "vector)", "vector((2))", "a b", "a[1", "a]", "a(1)[2]", "a;b"]
)
def test_refuses_what_is_no_step(step):
    with pytest.raises(FlowError) as caught:
        parse_flow(f"vector(2) | {step}")
    assert str(caught.value) == (
        f"flow `vector(2) | {step}`: cannot read the step `{step.strip()}`; expected `name`, `name[class]` or "
        "`name(argument, key=value)`, joined by `|`."
    )


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("identity(3, 32, 32)", (3, 32, 32)),
        ("identity(5)", (5,)),
        ("vector(16) | rotation(seed=1) | asinh", (16,)),
        ("vector(12) | identity(3, 2, 2)", (3, 2, 2)),
    ],
)
def test_shapes(text, shape):
    assert flow_shape(text) == shape


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "asinh",
            "flow `asinh`: expected a first step that fixes the shape, such as `identity(3, 32, 32)`, `vector(16)`",
        ),
        ("vectro(3)", "Did you mean `vector`?"),
        ("vector(0)", "flow `vector(0,)`: expected positive whole sizes, as in `vector(16)`."),
        ("vector(2, 3)", "flow `vector(2, 3)`: expected positive whole sizes, as in `vector(16)`."),
        ("vector", "flow `vector()`: expected positive whole sizes, as in `vector(16)`."),
        (
            "identity(2.5)",
            "flow `identity(2.5,)`: expected positive whole sizes, as in `identity(3, 32, 32)`.",
        ),
        (
            "identity(true)",
            "flow `identity(True,)`: expected positive whole sizes, as in `identity(3, 32, 32)`.",
        ),
        (
            "identity(2, n=3)",
            "flow `identity(2,)`: expected positive whole sizes, as in `identity(3, 32, 32)`.",
        ),
        (
            "identity(100000, 100000)",
            "flow `identity(100000, 100000)`: expected at most 8 axes and 100,000,000 components.",
        ),
        ("identity(1,1,1,1,1,1,1,1,1)", ": expected at most 8 axes and 100,000,000 components."),
        (
            "vector(12) | identity(3, 2)",
            "`: step `identity` expected 6 components, got 12 from the steps before it.",
        ),
        (
            "nothing[3]",
            "flow `nothing[3]`: expected a first step that fixes the shape, such as `identity(3, 32, 32)`",
        ),
        ("vector[3](2)", "flow `vector[3]`: this flow has no classes. Write `vector`."),
        ("vector(2) | asinh[x]", "flow `asinh[x]`: this flow has no classes. Write `asinh`."),
        (
            "none.safetensors",
            "flow `none.safetensors`: expected a readable file (No such file or directory). Check the path.",
        ),
        ("~nobody-at-all/a.safetensors", "flow `~nobody-at-all/a.safetensors`: expected a readable file"),
        ("a" * 3000, "expected a first step that fixes the shape"),
        ("a/" * 3000 + ".safetensors", "expected a readable file (File name too long). Check the path."),
    ],
)
def test_refuses_shapes(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FlowError) as caught:
        flow_shape(text)
    assert message in str(caught.value)


WHOLE = {
    "format": 1,
    "shape": [2],
    "classes": None,
    "solver": "euler",
    "grid": [0.0, 0.5, 1.0],
    "network": {"name": "mlp", "hidden": 8},
    "sigma": 0.1,
    "spread": 1.0,
    "center": 0.0,
    "scale": 1.0,
    "card": {
        "certificate": {"passes": True, "margin": 0.5, "round_trip": {"float32": {"worst": "Infinity"}}}
    },
}


def test_a_flow_of_ones_own(tmp_path):
    write(tmp_path / "mine.safetensors", WHOLE | {"shape": [1, 8, 8], "classes": ["cat", "dog"]})
    assert flow_shape("mine.safetensors[dog]", tmp_path) == (1, 8, 8)
    assert flow_shape("mine.safetensors[1]", tmp_path) == (1, 8, 8)
    assert flow_shape(f"{tmp_path}/mine.safetensors[cat] | asinh") == (1, 8, 8)
    assert flow_path("mine.safetensors", tmp_path) == tmp_path / "mine.safetensors"
    assert flow_header(tmp_path / "mine.safetensors")["classes"] == ["cat", "dog"]
    write(tmp_path / "free.safetensors", WHOLE | {"shape": [5]})
    assert flow_shape("free.safetensors", tmp_path) == (5,)


@pytest.mark.parametrize(
    ("description", "selector", "message"),
    [
        (
            {"shape": [2], "classes": ["cat", "dog"]},
            "",
            "expected a class, one of cat, dog. Write `f.safetensors[cat]`.",
        ),
        ({"shape": [2], "classes": ["cat", "dog"]}, "[2]", "unknown class `2`; expected one of cat, dog."),
        ({"shape": [2], "classes": ["cat", "dog"]}, "[cot]", "expected one of cat, dog. Did you mean `cat`?"),
        ({}, "[cat]", "this flow has no classes. Write `f.safetensors`."),
    ],
)
def test_refuses_descriptions(description, selector, message, tmp_path):
    write(tmp_path / "f.safetensors", WHOLE | description)
    with pytest.raises(FlowError) as caught:
        flow_shape(f"f.safetensors{selector}", tmp_path)
    assert str(caught.value).startswith(("flow `f.safetensors`: ", f"flow `f.safetensors{selector}`: "))
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": []}, "`shape`: expected List should have at least 1 item"),
        ({"shape": "8"}, "`shape`: expected a valid list, got '8'"),
        ({"shape": [True]}, "`shape.0`: expected a valid integer, got True"),
        ({"shape": [0]}, "`shape.0`: expected greater than or equal to 1, got 0"),
        ({"shape": [10**8, 10**8]}, "expected a shape of at most 100,000,000 components"),
        ({"shape": [10**400]}, "does not fit 64 bits"),
        ({"classes": 5}, "`classes`: expected a valid list, got 5"),
        ({"classes": [1, "b"]}, "`classes.0`: expected a valid string, got 1"),
        ({"grid": [0.0, 0.7, 0.4, 1.0]}, "expected a grid that rises from 0 to 1"),
        ({"grid": [0.0, 1e999]}, "`grid.1`: expected a valid number, got 'Infinity'"),
        (
            {"network": {"channels": 10**9}},
            "`network.channels`: expected less than or equal to 65536",
        ),
        ({"network": {"name": {"a": {}}}}, "an object of 1"),
        ({"sigma": -1.0}, "`sigma`: expected greater than or equal to 0, got -1.0"),
        ({"scale": "1"}, "`scale`: expected a valid number, got '1'"),
        ({"card": {"certificate": 3}}, "`card.certificate`: expected a valid dictionary"),
        (
            {"card": {"certificate": {"passes": "yes"}}},
            "`card.certificate.passes`: expected a valid boolean, got 'yes'",
        ),
        ({"card": {"certificate": {"round_trip": {"float32": {}}}}}, "worst`: it is missing"),
    ],
)
def test_descriptions_of_strangers_have_a_schema(change, message, tmp_path):
    write(tmp_path / "f.safetensors", WHOLE | change)
    with pytest.raises(FlowError) as caught:
        flow_header(tmp_path / "f.safetensors")
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"flow `{tmp_path / 'f.safetensors'}`: expected a safetensors file")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        struct.pack("<Q", 2**60),
        struct.pack("<Q", 4) + b"\xff\xff\xff\xff",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
    ],
)
def test_files_that_are_no_flows(content, tmp_path):
    path = tmp_path / "f.safetensors"
    path.write_bytes(content)
    with pytest.raises(FlowError) as caught:
        flow_header(path)
    assert (
        f"flow `{path}`: expected a safetensors file with infoloom's description, made by `infoloom flow train`;"
        in str(caught.value)
    )
    write(path, [1, 2])
    with pytest.raises(FlowError, match=r"got something else \(its description is not an object\)\.$"):
        flow_header(path)


@given(st.text(max_size=60) | st.text(alphabet="vector[]() ,|=1a.", max_size=40))
def test_any_text_has_a_shape_or_a_named_error(text):
    try:
        shape = flow_shape(text)
    except FlowError as error:
        assert str(error).startswith("flow `")
    else:
        assert all(n > 0 for n in shape)


def test_blanks_are_read_in_linear_time():
    start = time.process_time()
    for text in ("vector" + " " * 100_000 + "!", "a[" + " " * 100_000, "a(" + " " * 100_000, " " * 100_000):
        with pytest.raises(FlowError):
            parse_flow(text)
    assert time.process_time() - start < 5


def test_an_unknown_step_is_refused_with_the_nearest_known_one():
    with pytest.raises(
        FlowError, match=r"unknown step `asnih`; expected one of .*asinh.* Did you mean `asinh`\?"
    ):
        flow_shape("vector(3) | asnih")


def test_every_step_that_a_spec_may_name_can_be_built():
    from infoloom.observations import REGISTRY

    assert set(SHAPE_KEEPING) == set(REGISTRY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("galaxy[{k}: spiral, 1]", "`1` is `spiral`, which stands twice; expected each once"),
        ("galaxy[{k}: 0, elliptical]", "`elliptical` is `elliptical`, which stands twice"),
        (
            "digits[3](seed=7)",
            "flow `digits(seed=7)`: expected a trained flow without arguments. Leave them out.",
        ),
        ("digits[3](99)", "flow `digits(99)`: expected a trained flow without arguments"),
        ("galaxy[{k}](32)", "flow `galaxy(32)`: expected a trained flow without arguments"),
    ],
)
def test_what_a_trained_flow_would_ignore_is_refused(text, message):
    with pytest.raises(FlowError) as error:
        flow_shape(text)
    assert message in str(error.value)
