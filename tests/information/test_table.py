"""The truth table: which quantities are in it, and the published values."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from oracles import Dense

from infoloom import presets
from infoloom.information.quantity import MONTE_CARLO, Quantity
from infoloom.spec.load import load_spec, preset_names
from infoloom.story import compile_story

GOLDEN = Path(__file__).parents[1] / "golden"


def test_quantities_of_two_modalities():
    assert list(compile_story("figure-1").truth_table()) == [
        "I(x1; theta)",
        "I(x2; theta)",
        "I(x1, x2; theta)",
        "I(x1; x2)",
        "I(x1; x2 | theta)",
        "I(x1; x2; theta)",
    ]


def test_quantities_of_one_and_of_many_modalities():
    one = {
        "name": "one",
        "targets": {"t": "x@ones + noise"},
        "modalities": {"x": {"flow": "vector(3)", "latent": "noise"}},
    }
    assert list(compile_story(one).truth_table()) == ["I(x; t)"]
    alone = {"name": "alone", "modalities": {"x": {"flow": "vector(3)", "latent": "noise"}}}
    assert compile_story(alone).truth_table() == {}
    ten = presets.multimodal_decay(modalities=10, dim=5).truth_table()
    assert len(ten) == 10 + 1 + 45 + 45 + 45 + 3
    assert [q for q in ten if q[0] in "TDO"] == [
        f"{m}({', '.join(f'x{i}' for i in range(10))})" for m in ("TC", "DTC", "O")
    ]
    eleven = presets.multimodal_decay(modalities=11, dim=5).truth_table()
    assert not any("|" in query for query in eleven)


def test_figure_1_has_the_published_values():
    """I(x; θ) = ½ log(1 + d w² / ρ²), I(x1; x2) = −½ log(1 − s1 s2 / ((1 + s1)(1 + s2)))."""
    table = compile_story("figure-1").truth_table()
    assert table["I(x1; theta)"] == pytest.approx(5.113672420, abs=5e-10)
    assert table["I(x1; x2)"] == pytest.approx(4.309011329, abs=5e-10)
    s1, s2 = 3072 * 0.09 / 0.01, 3072 * 0.09 / 0.04
    assert table["I(x1; theta)"] == pytest.approx(0.5 * math.log1p(s1), abs=1e-12)
    assert table["I(x2; theta)"] == pytest.approx(0.5 * math.log1p(s2), abs=1e-12)
    assert table["I(x1; x2)"] == pytest.approx(-0.5 * math.log1p(-s1 * s2 / ((1 + s1) * (1 + s2))), abs=1e-11)


def test_exchangeable_modalities_have_equal_information():
    """The official code prints 0.00195 and 0.00146 nats here: its determinants are of float32."""
    table = compile_story("galaxy-images").truth_table()
    assert table["I(x1; theta)"] == table["I(x2; theta)"]
    assert table["I(x1; theta)"] == pytest.approx(0.001533646, abs=5e-10)
    assert table["I(x1; theta)"] == pytest.approx(0.5 * math.log1p(3072 * 1e-8 / 1e-2), abs=1e-13)


@pytest.mark.parametrize("weight", [0.3, 1.0, 3.0])
def test_conditional_information_of_a_shared_field(weight):
    """The official code prints I(x1; x2; θ) − I(x1; x2) here: the negative of the conditional information."""
    story = compile_story(
        {
            "name": "shared",
            "causes": {"m": "normal"},
            "fields": {"f": "normal"},
            "targets": {"theta": "m"},
            "modalities": {
                x: {"flow": "identity(3, 32, 32)", "latent": f"0.1*m + {weight}*f + 0.5*noise"}
                for x in ("x1", "x2")
            },
        }
    )
    correlation = weight**2 / (weight**2 + 0.25)
    expected = -0.5 * 3072 * math.log1p(-(correlation**2))
    assert story.information("I(x1; x2 | theta)") == pytest.approx(expected, rel=1e-13)
    wrong = story.information("I(x1; x2; theta)") - story.information("I(x1; x2)")
    assert wrong == pytest.approx(-expected, rel=1e-12)


def test_the_value_that_the_official_code_prints_with_the_wrong_sign():
    """Two modalities whose shared field makes 1754.09 nats given the target: ours is positive."""
    ratio = math.sqrt(-math.expm1(-2 * 1754.09 / 3072))  # correlation of the complement
    noise = math.sqrt(1 / ratio - 1)
    latents = {"x1": f"0.3*m + f + {noise!r}*noise", "x2": f"0.2*m + f + {noise!r}*noise"}
    story = compile_story(
        {
            "name": "shared",
            "causes": {"m": "normal"},
            "fields": {"f": "normal"},
            "targets": {"theta": "m"},
            "modalities": {x: {"flow": "identity(3, 32, 32)", "latent": text} for x, text in latents.items()},
        }
    )
    assert story.truth_table()["I(x1; x2 | theta)"] == pytest.approx(1754.09, abs=1e-9)


@pytest.mark.parametrize("name", preset_names())
def test_presets_keep_their_truth(name):
    """A golden file changes only with the preset: `python tests/golden/make.py` writes them anew."""
    kept = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert compile_story(name).truth_table() == pytest.approx(kept["nats"], abs=1e-9)
    assert list(kept["nats"]) == list(compile_story(name).truth_table())
    assert load_spec(name).digest == kept["digest"]


def test_every_golden_file_has_its_preset():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(preset_names())


def test_the_family_contains_its_preset():
    assert presets.multimodal_decay().truth_table() == pytest.approx(
        compile_story("multimodal-decay").truth_table(), abs=1e-10
    )


def test_the_family_against_the_oracle():
    story = presets.multimodal_decay(modalities=4, alpha=1.5, beta=1.1, dim=6, weight=0.4)
    oracle = Dense(story.spec.to_dict())
    for a, b, condition in [("x0", "x1", ()), ("x0", "x3", ("theta",)), ("x2", "theta", ())]:
        query = f"I({a}; {b}{' | ' + condition[0] if condition else ''})"
        assert story.information(query) == pytest.approx(oracle.information([a], [b], condition), abs=1e-9)


@pytest.mark.slow
def test_a_preset_against_the_dense_oracle_at_full_size():
    story = compile_story("black-hole-templates")
    oracle = Dense(story.spec.to_dict())
    a, b = story.modalities
    for query, parts in [(f"I({a}; theta)", ([a], ["theta"])), (f"I({a}; {b})", ([a], [b]))]:
        assert story.information(query) == pytest.approx(oracle.information(*parts), abs=1e-8)


def test_a_value_whose_draws_all_agree_keeps_its_digits():
    assert Quantity(1 / 256, 0.0, MONTE_CARLO).text() == "0.003906250 ± 0.000000000 (Monte Carlo)"
    assert Quantity(3.0, 2.0, MONTE_CARLO).text() == "3.0 ± 2.0 (Monte Carlo)"
