"""The laws of information on random stories, and what must leave every value as it was."""

from __future__ import annotations

import re

import laws
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import Dense
from strategies import splits, stories, whole_names

from infoloom.story import compile_story


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
def test_law(law):
    @given(stories(most=4), st.data())
    @settings(max_examples=40)
    def holds(tree, data):
        oracle = Dense(tree)
        assume(len(whole_names(oracle)) >= 3)
        (a, b, c), _ = data.draw(splits(whole_names(oracle), 3, given=False))
        assume(oracle.condition([*a, *b, *c]) < 1e8)
        law(compile_story(tree), a, b, c)

    holds()


@given(stories(most=4), st.data())
@settings(max_examples=80)
def test_separated_variables_share_nothing(tree, data):
    story = compile_story(tree)
    names = whole_names(Dense(tree))
    assume(len(names) >= 2)
    (a, b), condition = data.draw(splits(names, 2))
    assume(Dense(tree).condition([*a, *b, *condition]) < 1e8)
    if story.graph.d_separated(a, b, condition):
        assert laws.mutual(story, a, b, condition) == pytest.approx(0.0, abs=laws.TOLERANCE)


@given(stories(most=4), st.data(), st.integers(0, 2**16))
@settings(max_examples=80)
def test_connected_variables_share_something(tree, data, seed):
    """The converse for generic weights and templates: each weight is replaced by an own nonzero number."""
    numbers = iter(range(1, 10_000))

    def generic(text):
        text = re.sub(r"@[a-z]+(\([^()]*\))?", "", text)
        bare = re.sub(r"(?<![\w.\[])(\d+(\.\d+)?(e-?\d+)?|[pq]\b)\*(?=[\w.])", "", text)
        names = re.findall(r"[a-z]\w*(?:\[\d\])?", bare)
        return " + ".join(
            f"{0.4 + ((seed + 7919 * next(numbers)) % 1000) / 1000!r}*{name}"
            + (f"@random({next(numbers)})" if name[0] in "ct" and name != "noise" else "")
            for name in names
        )

    modalities = {x: {**m, "latent": generic(m["latent"])} for x, m in tree["modalities"].items()}
    targets = {
        t: re.sub(r"([cx]?t\d|c\d\[\d\]|c\d)@random\(\d+\)", r"\1", generic(text))
        for t, text in tree["targets"].items()
    }
    story = compile_story({**tree, "modalities": modalities, "targets": targets})
    names = whole_names(Dense(tree))
    assume(len(names) >= 2)
    (a, b), condition = data.draw(splits(names, 2))
    oracle = Dense({**tree, "modalities": modalities, "targets": targets})
    assume(oracle.condition([*a, *b, *condition]) < 1e8)
    value = laws.mutual(story, a, b, condition)
    if story.graph.d_separated(a, b, condition):
        assert value == pytest.approx(0.0, abs=laws.TOLERANCE)
    else:
        assert value > 1e-12


@given(
    st.lists(
        st.sampled_from(
            ["ones", "disk", "ring(0.3)", "blob(0.2, 0.7, 0.1)", "random(4)", "sparse(5)", "frequency(2, 1)"]
        ),
        min_size=2,
        max_size=2,
    )
)
@settings(max_examples=30)
def test_exchanging_templates_of_equal_norm_changes_nothing(chosen):
    def story(one, two):
        latents = {"a": f"0.2*m@{one} + noise", "b": f"-0.1*m@{two} + 0.4*noise"}
        return compile_story(
            {
                "name": "exchange",
                "causes": {"m": "normal"},
                "targets": {"t": "m + 0.3*noise"},
                "modalities": {
                    x: {"flow": "identity(2, 8, 8)", "latent": latent} for x, latent in latents.items()
                },
            }
        ).truth_table()

    assert story(*chosen) == pytest.approx(story("ones", "ones"), abs=laws.TOLERANCE)


@given(stories(most=3), st.floats(0.01, 100.0), st.data())
@settings(max_examples=50)
def test_rescaling_a_latent_changes_no_information(tree, factor, data):
    """Only a modality that nothing else reads is rescaled, else the others would change too."""
    read = {
        word
        for text in [*tree["targets"].values(), *(m["latent"] for m in tree["modalities"].values())]
        for word in re.findall(r"x\d", text)
    }
    leaves = [x for x in tree["modalities"] if x not in read]
    assume(leaves)
    leaf = data.draw(st.sampled_from(leaves))
    text = tree["modalities"][leaf]["latent"]
    negated = text.removeprefix("-") if text.startswith("-") else f"-{text}"
    terms = re.split(r"(?<=[\w)\]]) ([+-]) ", negated)
    signs = {"+": "-", "-": "+"}
    flipped = "".join(
        f" {signs[t]} "
        if t in signs
        else f"{factor!r}*{t}"
        if not t.startswith("-")
        else f"-{factor!r}*{t[1:]}"
        for t in terms
    )
    rescaled = {
        **tree,
        "modalities": {**tree["modalities"], leaf: {**tree["modalities"][leaf], "latent": flipped}},
    }
    expected = compile_story(tree).truth_table()
    assert compile_story(rescaled).truth_table() == pytest.approx(expected, abs=1e-8, rel=1e-9)
