"""Weights from requirements on words and labels."""

import math

import pytest

from infoloom.design.designs import design, sweep
from infoloom.errors import DesignError, SpecError
from infoloom.presets import captions
from infoloom.story import load

TEXT = {
    "flow": 'caption("a {size} {hue} thing")',
    "latent": {"size": "a*c + noise", "hue": "b*d + noise"},
    "words": {"size": ["tiny", "small", "big"], "hue": ["red", "blue"]},
}


def spec(**require: float | str) -> dict:
    return {
        "name": "said",
        "causes": {"c": "normal", "d": "normal"},
        "parameters": {"a": "free", "b": "free"},
        "targets": {"theta": "c + 0.5*noise"},
        "modalities": {
            "x": {"flow": "vector(2)", "latent": "0.9*c@random(1) + 0.8*d@random(2) + noise"},
            "text": TEXT,
        },
        "labels": {"cls": {"target": "theta", "classes": 3}},
        "require": require,
    }


def test_words_and_factors_together() -> None:
    solved = design(spec(**{"I(text; x)": 0.2, "I(text[size]; cls)": 0.15}))
    assert solved.residual <= 1e-6
    story = load(solved.story.spec.to_dict())
    assert story.information("I(text; x)") == pytest.approx(0.2, abs=1e-6)
    assert story.information("I(text[size]; cls)") == pytest.approx(0.15, abs=1e-6)
    assert solved.determined


def test_more_weights_than_requirements_are_said() -> None:
    solved = design(spec(**{"I(text; x)": 0.2}))
    assert not solved.determined
    assert "Other weights may meet the requirements too" in solved.note


def test_a_sweep_of_words() -> None:
    stories = sweep(spec(**{"I(text; x)": 0.1, "I(text[hue]; d)": ">= 0.05"}), "I(text; x)", [0.1, 0.2])
    assert [one.information("I(text; x)") for one in stories] == pytest.approx([0.1, 0.2], abs=1e-6)


def test_what_words_cannot_tell_is_refused() -> None:
    with pytest.raises(
        DesignError, match=r"require.I\(text\[hue\]; d\): the closest value that was found is 0\.6"
    ):
        design(spec(**{"I(text[hue]; d)": math.log(2) + 0.1}))
    with pytest.raises(SpecError, match="unknown variable `text\\[hu\\]`"):
        design(spec(**{"I(text[hu]; d)": 0.1}))


@pytest.mark.parametrize("nats", [0.5, 1.0, 2.0])
def test_captions(nats: float) -> None:
    story = captions(nats)
    assert story.information("I(text; picture)") == pytest.approx(nats, abs=1e-6)
    assert story.modalities == ("picture", "text")


def test_a_value_with_a_standard_error_is_refused() -> None:
    """Five slots through six causes: no quadrature reaches their information."""
    names = "cdefgh"
    sums = [" + ".join(f"{0.3 + 0.1 * ((i * k) % 4):.1f}*{n}" for k, n in enumerate(names)) for i in range(5)]
    tree = {
        "name": "many",
        "causes": dict.fromkeys(names, "normal"),
        "parameters": {"a": "free"},
        "modalities": {
            "x": {
                "flow": "vector(8)",
                "latent": " + ".join(f"a*{n}@random({i})" for i, n in enumerate(names)) + " + noise",
            },
            "text": {
                "flow": 'caption("{s0} {s1} {s2} {s3} {s4}")',
                "latent": {f"s{i}": f"{one} + 0.5*noise" for i, one in enumerate(sums)},
                "words": {f"s{i}": ["a", "b"] for i in range(5)},
            },
        },
        "require": {"I(text; x)": ">= 0.0001"},
    }
    with pytest.raises(
        DesignError, match=r"its value has a standard error of .* expected one that quadrature reaches"
    ):
        design(tree)
