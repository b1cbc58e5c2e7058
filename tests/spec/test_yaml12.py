"""Numbers, booleans and keys of specs are those of YAML 1.2."""

from __future__ import annotations

import re

import pytest

from infoloom.errors import SpecError
from infoloom.spec.load import parse_spec, read_yaml
from infoloom.spec.yaml12 import dump

SPEC = """
name: pair
causes: {{mass: normal}}
parameters: {{w: {w}}}
modalities:
  {name}: {{flow: vector(8), latent: w*mass + noise}}
"""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1e-1", 0.1),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-3", -3),
        ("+.5", 0.5),
        ("2.", 2.0),
        (".inf", float("inf")),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("on", "on"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("2001-01-01", "2001-01-01"),
        ("<<", "<<"),
        ('"7"', "7"),
    ],
)
def test_plain_values(written, read):
    found = read_yaml(f"a: {written}\n")["a"]
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    "text", ["on", "1e-1", "010", "1:30", "0o7", "true", "null", "2001-01-01", "", "x: y"]
)
def test_text_stays_text(text):
    assert read_yaml(dump({"a": text})) == {"a": text}


def test_a_weight_in_any_notation_of_a_number():
    assert parse_spec(SPEC.format(w="1e-1", name="a")).parameters["w"].value == 0.1
    assert parse_spec(SPEC.format(w="010", name="a")).parameters["w"].value == 10.0
    with pytest.raises(SpecError, match=r"parameters\.w"):
        parse_spec(SPEC.format(w="1:30", name="a"))


def test_words_that_were_booleans_are_names():
    spec = parse_spec(SPEC.format(w="0.1", name="on"))
    assert list(spec.modalities) == ["on"]
    assert parse_spec(spec.to_yaml()).modalities.keys() == {"on"}


@pytest.mark.parametrize(("key", "line"), [("1", 6), ("true", 6), ("null", 6), ("1.5", 6)])
def test_a_key_that_is_no_text_is_named_with_its_line(key, line):
    message = f"spec: line {line}, column 3: not valid YAML: the key `{key}` is no text; quote it."
    with pytest.raises(SpecError, match=re.escape(message)):
        parse_spec(SPEC.format(w="0.1", name=key))


def test_a_key_that_is_a_collection_is_refused():
    with pytest.raises(SpecError, match="the key `a collection` is no text; quote it"):
        read_yaml("[a]: 1\n")


def test_what_follows_from_an_unknown_section_is_not_said():
    with pytest.raises(SpecError) as caught:
        parse_spec(SPEC.format(w="0.1", name="a").replace("causes", "cause"))
    assert str(caught.value) == "cause: unknown key `cause`; did you mean `causes`?"
