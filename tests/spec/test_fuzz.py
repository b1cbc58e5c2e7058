"""Whatever is loaded: a spec, or a `SpecError`; whatever is compiled: a story, or an `InfoloomError`."""

from __future__ import annotations

import copy

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import stories

from infoloom.errors import InfoloomError, SpecError
from infoloom.spec.load import parse_spec, preset_names, preset_text
from infoloom.spec.model import Spec, build_spec
from infoloom.story import Story, compile_story

WORDS = [
    "name", "causes", "fields", "targets", "modalities", "covariance", "parameters", "flow", "latent", "size", "normal",
    "free", "x", "y", "m", "t", "noise", "vector(2)", "identity(1, 2, 2)", "m + noise", "x@random(1) + noise", "x, y",
    "0.5", "0.3@ones", "whitening", "scale", "none", "value", "min", "max", "infoloom", "require", "I(x; y)", "m@disk",
]  # fmt: skip
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=15,
)


def loads(make):
    try:
        spec = make()
    except SpecError as error:
        assert error.problems
        assert all(problem.strip() for problem in error.problems)
        return
    assert isinstance(spec, Spec)
    assert parse_spec(spec.to_yaml()).digest == spec.digest
    compiles(spec)


def compiles(spec):
    try:
        story = compile_story(spec)
    except InfoloomError as error:
        assert str(error)
    else:
        assert isinstance(story, Story)


@given(st.text(max_size=80) | st.text(alphabet=" \n:-[]{}#&*!|>'\"%@`ab1,?", max_size=60))
@settings(max_examples=150)
def test_any_text(text):
    loads(lambda: parse_spec(text))


@given(trees)
@settings(max_examples=150)
def test_any_tree(tree):
    loads(lambda: build_spec(tree))


@given(
    st.dictionaries(st.sampled_from([key for key in Spec.model_fields if key != "directory"]), trees),
    st.booleans(),
)
@settings(max_examples=150)
def test_any_tree_with_the_right_keys(tree, complete):
    if complete:
        tree = {"name": "a", "modalities": {"x": {"flow": "vector(2)", "latent": "noise"}}, **tree}
    loads(lambda: build_spec(tree))


def places(tree, path=()):
    yield path
    for key, value in tree.items() if isinstance(tree, dict) else ():
        yield from places(value, (*path, key))


@given(stories(most=3), st.data())
@settings(max_examples=150)
def test_mutated_stories(tree, data):
    """One place of a valid spec is removed, replaced, renamed or edited by a character."""
    tree = copy.deepcopy(tree)
    *path, key = data.draw(st.sampled_from([place for place in places(tree) if place]))
    inside = tree
    for step in path:
        inside = inside[step]
    match data.draw(st.sampled_from(["remove", "replace", "rename", "edit", "edit"])):
        case "remove":
            del inside[key]
        case "replace":
            inside[key] = data.draw(trees)
        case "rename":
            inside[data.draw(st.sampled_from(WORDS) | st.text(max_size=4))] = inside.pop(key)
        case "edit":
            text = str(inside[key])
            at = data.draw(st.integers(0, len(text)))
            inside[key] = text[:at] + data.draw(st.sampled_from([*"()[]@*+-.,19xc ", ""])) + text[at + 1 :]
    loads(lambda: build_spec(tree))


@given(st.sampled_from([n for n in preset_names() if n != "multimodal-decay"]), st.data())
@settings(max_examples=80)
def test_mutated_text(name, data):
    text = preset_text(name)
    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 5))
    text = (
        text[:at]
        + data.draw(st.text(max_size=4) | st.sampled_from([":", "\n", "  ", "- ", "{", "*a", "&a ", "!!"]))
        + text[at + length :]
    )
    loads(lambda: parse_spec(text))


@given(stories(most=4, noise_free_targets=True))
@settings(max_examples=60)
def test_random_stories_compile_and_their_yaml_is_the_same_story(tree):
    try:
        story = compile_story(tree)
    except SpecError as error:
        assert all(": information would be infinite: `" in problem for problem in error.problems)
        return
    again = compile_story(parse_spec(yaml.safe_dump(tree)))
    assert again.spec.digest == story.spec.digest
    assert again.truth_table() == story.truth_table()
