"""Captions in specs: what is read, and what is refused with its path."""

import pytest

from infoloom.errors import FlowError, SpecError
from infoloom.spec.flows.captions import parse_caption, split_tokens
from infoloom.spec.flows.flow import flow_caption, flow_factors, flow_shape, latent_shape
from infoloom.story import load

FLOW = 'caption("a {size} {hue} [thing|object]")'
WORDS = {"size": ["small", "big"], "hue": {"red": 0.5, "green": 0.3, "blue": 0.2}}


def spec(flow=FLOW, words=WORDS, latent=None, **more):
    latent = {"size": "c + noise"} if latent is None else latent
    text = {"flow": flow, "latent": latent, "words": words} | more
    return {"name": "s", "causes": {"c": "normal"}, "modalities": {"text": text}}


def test_a_caption_is_read():
    assert flow_factors(FLOW) == ("size", "hue", "synonym_1")
    assert flow_shape(FLOW) == (2,)
    assert latent_shape(FLOW) == (3,)
    assert flow_caption("vector(3)") is None
    two = parse_caption(["a {size} thing", "[one|a] thing that is {size}"])
    assert two.factors == ("size", "kind", "synonym_1")
    assert two.choices == {"kind": 2, "synonym_1": 2}
    assert split_tokens("A light-blue thing, isn't it?") == (
        "A",
        "light-blue",
        "thing",
        ",",
        "isn't",
        "it",
        "?",
    )


def test_a_caption_survives_yaml():
    story = load(spec())
    again = load(story.spec.to_dict())
    assert again.spec.digest == story.spec.digest
    assert again.information("H(text)") == story.information("H(text)")


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ("caption()", r"expected one sentence or more in quotes"),
        ("caption(3)", r"expected one sentence or more in quotes"),
        ('caption("a {size")', r"expected every bracket to close and none inside another"),
        ('caption("a {size} [one|{hue}]")', r"expected every bracket to close"),
        ('caption("a thing")', r"sentence `a thing`: expected every slot of {…} once"),
        ('caption("{size} {size}")', r"expected every slot of size, size once"),
        ('caption("{size} {hue}", "{size}")', r"sentence `{size}`: expected every slot of size, hue once"),
        ('caption("a {2nd}")', r"slot `{2nd}`: expected a name of letters"),
        ('caption("{synonym_1} [a|b]")', r"slot `synonym_1`: this name is taken by the noise"),
        ('caption("{size} [one]")', r"`\[one\]` has one option; expected two or more"),
        ('caption("{size}") | asinh', r"expected a caption alone"),
        ('caption[big]("{size}")', r"expected a caption alone"),
    ],
)
def test_captions_that_are_refused(flow, message):
    with pytest.raises(FlowError, match=message):
        flow_shape(flow)
    with pytest.raises(SpecError, match=r"modalities.text.flow: .*" + message):
        load(spec(flow))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": None}, r"modalities.text.words: this key is missing. Add the words of size, hue."),
        (
            {"words": {**WORDS, "hues": ["a"]}},
            r"modalities.text.words.hues: the caption has no slot `hues`; did you mean",
        ),
        ({"words": {"size": ["a", "b"]}}, r"modalities.text.words.hue: the words of this slot are missing"),
        (
            {"words": {**WORDS, "size": []}},
            r"modalities.text.words.size: expected a list of 1 to 10,000 words",
        ),
        ({"words": {**WORDS, "size": "big"}}, r"modalities.text.words.size: expected a list"),
        ({"words": {**WORDS, "size": [1, 2]}}, r"modalities.text.words.size: word `1`: expected one word"),
        (
            {"words": {**WORDS, "size": ["very big"]}},
            r"word `very big`: expected one word of letters and digits",
        ),
        ({"words": {**WORDS, "size": ["a", "a"]}}, r"modalities.text.words.size: word `a` stands twice"),
        (
            {"words": {**WORDS, "size": {"a": 0.5, "b": 0.4}}},
            r"text.words.size: probabilities add up to 0.9; expected 1",
        ),
        ({"words": {**WORDS, "size": {"a": 1.0, "b": 0}}}, r"probability of `b`: expected a number above 0"),
        ({"latent": "c + noise"}, r"modalities.text.latent: expected an equation for each slot"),
        (
            {"latent": {"sise": "c"}},
            r"modalities.text.latent.sise: .* has no factor `sise`; did you mean `size`",
        ),
        ({"latent": {"synonym_1": "c"}}, r"modalities.text.latent.synonym_1: expected no equation"),
        ({"whitening": "none"}, r"modalities.text.whitening: expected none for a caption"),
        ({"flow": "vector(1)"}, r"modalities.text.words: expected a flow that says them"),
    ],
)
def test_words_that_are_refused(change, message):
    tree = spec(**change)
    if tree["modalities"]["text"]["words"] is None:
        del tree["modalities"]["text"]["words"]
    with pytest.raises(SpecError, match=message):
        load(tree)


def test_sentences_that_do_not_tell_their_words_are_refused():
    words = {"a": ["red", "blue"], "b": ["red", "blue"]}
    latent = {"a": "c + noise"}
    with pytest.raises(
        SpecError, match=r"modalities.text.flow: two sentences can be equal and say another `a`"
    ):
        load(spec('caption("{a} {b}", "{b} {a}")', words, latent))
    assert load(spec('caption("{a} {b}", "{b} with {a}")', words, latent)).captions == ("text",)
    many = " ".join("[x|y]" for _ in range(9))
    with pytest.raises(SpecError, match=r"expected at most 256 sentences besides the words"):
        load(spec(f'caption("{{a}} {{b}} {many}")', words, latent))


def test_words_need_a_gaussian_story_of_equations():
    tree = spec()
    tree["causes"]["c"] = "laplace"
    with pytest.raises(
        SpecError, match=r"modalities.text.words: expected a story of normal and categorical causes"
    ):
        load(tree)
    tree = {"name": "c", "targets": {"t": None}, "covariance": {"t": 1.0}}
    text = {"flow": FLOW, "words": WORDS}
    with pytest.raises(
        SpecError, match=r"modalities.text.flow: a spec with `covariance` has no factors for words"
    ):
        load({**tree, "modalities": {"text": text, "x": {"flow": "vector(1)"}}})


def test_names_of_words_in_queries():
    story = load(spec())
    assert story.information("H(text[size])") == pytest.approx(0.6931471805599453, abs=1e-15)
    assert set(story.cells) == {"text", "text[size]", "text[hue]"}
    with pytest.raises(Exception, match=r"unknown variable `text\[sise\]`; did you mean `text\[size\]`"):
        story.information("H(text[sise])")


def test_a_slot_may_have_any_name_that_no_synonym_has() -> None:
    """The noise that chooses among sentences takes another name then."""
    assert parse_caption(["a {s} {kind}", "{kind}, {s}"]).factors == ("s", "kind", "template")
    both = parse_caption(["{template} {kind} [one|two]", "{kind}, {template}"])
    assert both.factors == ("template", "kind", "sentence", "synonym_1")
    assert parse_caption(["a {s}", "the {s}"]).factors == ("s", "kind")
