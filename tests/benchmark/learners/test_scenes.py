"""Stories on observations with named parts: truths, captions as tokens, mismatched pairs, probes beside ceilings."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infoloom as loom
from infoloom.benchmark.learners.learning import Measured
from infoloom.benchmark.learners.mismatch import chosen_rows, lost_rows, mismatched_information, mixed_in
from infoloom.benchmark.learners.named import factors_of, measure_named, told_of
from infoloom.benchmark.learners.runs import learn
from infoloom.benchmark.learners.shared_rows import observed_rows
from infoloom.benchmark.learners.stories import make_story
from infoloom.errors import BenchmarkError
from infoloom.ssl.probes.splits import Split

TINY = {
    "rows": 256,
    "epochs": 1,
    "batch": 128,
    "probe": [256, 256, 256],
    "stopping": {"floor": 1, "patience": 1, "drops": 0},
    "held_out": 128,
    "settings": {"features": 8},
}


def ridge(scores, inputs, of):
    return next(s for s in scores if (s["probe"], s["inputs"], s["of"]) == ("ridge", inputs, of))


def pair(rho):
    """Two scalars with correlation rho."""
    weight = math.sqrt(rho / (1.0 - rho))
    modality = {"flow": "vector(1)", "latent": f"{weight}*mass + noise"}
    return loom.load(
        {"name": "pair", "causes": {"mass": "normal"}, "modalities": {"x": modality, "y": modality}}
    )


def mixture_by_quadrature(rho, share, nodes=120):
    """E log((1 − p) c + p) over the mixture, c the density of the Gaussian copula, by Gauss–Hermite rules."""
    at, weight = np.polynomial.hermite_e.hermegauss(nodes)
    weight = weight / weight.sum()
    u, v = np.meshgrid(at, at, indexing="ij")
    w = np.outer(weight, weight)

    def term(x, y):
        log_c = -0.5 * math.log(1 - rho**2) - (rho**2 * (x**2 + y**2) - 2 * rho * x * y) / (2 * (1 - rho**2))
        return np.log((1 - share) * np.exp(log_c) + share)

    matched = float((w * term(u, rho * u + math.sqrt(1 - rho**2) * v)).sum())
    return (1 - share) * matched + share * float((w * term(u, v)).sum())


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_information_of_mismatched_pairs_is_that_of_quadrature(share):
    found, error = mismatched_information(pair(0.8), "x", "y", share, rows=40_000, seed=1)
    coarse, fine = (mixture_by_quadrature(0.8, share, nodes) for nodes in (80, 120))
    assert abs(coarse - fine) < 1e-5
    assert 0.0 < error < 0.02
    assert abs(found - fine) < 4.0 * error


def test_all_or_no_pairs_mismatched():
    story = pair(0.8)
    whole, error = mismatched_information(story, "x", "y", 0.0)
    assert abs(whole - story.information("I(x; y)")) < 4.0 * error
    assert mismatched_information(story, "x", "y", 1.0) == (0.0, 0.0)
    with pytest.raises(BenchmarkError, match=r"^share `2`: expected a share from 0 to 1\.$"):
        mismatched_information(story, "x", "y", 2)


def test_rows_that_are_mixed_in():
    own = {"a": np.arange(1000.0), "text": np.zeros((1000, 2))}
    mixed = mixed_in(own, np.ones((1000, 2)), "text", 0.3, seed=4)
    chosen = chosen_rows(1000, 0.3, 4)
    np.testing.assert_array_equal(mixed["text"], np.repeat(chosen[:, None], 2, 1).astype(float))
    np.testing.assert_array_equal(mixed["a"], own["a"])
    assert not own["text"].any()
    assert abs(chosen.mean() - 0.3) < 4.0 * math.sqrt(0.3 * 0.7 / 1000)


def test_rows_that_lack_a_modality():
    lost = lost_rows(("a", "b", "c"), 6000, 0.6, seed=4)
    together = np.sum(list(lost.values()), axis=0)
    assert set(together.tolist()) == {0, 1}  # no row lacks two
    for mask in lost.values():
        assert abs(mask.mean() - 0.2) < 4.0 * math.sqrt(0.2 * 0.8 / 6000)
    assert lost_rows(("a", "b"), 6000, 0.0, seed=4) == {}
    again = lost_rows(("a", "b", "c"), 6000, 0.6, seed=4)
    assert all(np.array_equal(again[name], mask) for name, mask in lost.items())


def test_complete_rows_alone_are_what_is_left():
    """Two runs differ in what becomes of the other rows: an epoch of complete rows has fewer steps."""
    size = {**TINY, "batch": 32}
    params = {"absent": 0.5}
    taken = learn("missing", params, "mvae", 0, size)["details"]
    left = learn("missing", {**params, "incomplete": "left"}, "mvae", 0, size)["details"]
    assert taken["complete_rows"] == left["complete_rows"] < 192
    assert left["steps"] == left["complete_rows"] // 32 < taken["steps"]


def test_refusals():
    with pytest.raises(
        BenchmarkError, match=r"^absent `1\.0`: expected a share of incomplete rows, 0 or more"
    ):
        make_story("missing", absent=1.0)
    with pytest.raises(BenchmarkError, match=r"^incomplete `x`: expected taken or left\.$"):
        make_story("missing", absent=0.5, incomplete="x")
    with pytest.raises(BenchmarkError, match=r"^words `5`: expected 1 to 4\.$"):
        make_story("dropped", words=5)
    with pytest.raises(
        BenchmarkError, match=r"^share `1\.0`: expected a share of mismatched pairs, 0 or more and"
    ):
        make_story("mismatched", share=1.0)
    with pytest.raises(
        BenchmarkError, match=r"^kind `x`: expected redundant, unique, synergistic, xor or mixed\.$"
    ):
        make_story("kinds", kind="x")


def test_fewer_words_say_less_and_their_words_are_the_same():
    whole = make_story("captions", nats=4.0)
    known = [make_story("dropped", words=n).information("I(text; picture)") for n in (1, 2, 3, 4)]
    assert known == sorted(known)
    assert known[-1] == pytest.approx(4.0, abs=1e-6)
    one = make_story("dropped", words=1)
    assert one.information("I(text; picture)") == pytest.approx(
        whole.information("I(text[hue]; picture)"), abs=1e-9
    )


def test_an_xor_is_in_neither_side():
    story = make_story("kinds", kind="xor")
    assert story.information("I(x1; theta)") == pytest.approx(0.0, abs=1e-6)
    assert story.information("I(x1; x2)") == pytest.approx(0.0, abs=1e-9)
    assert story.information("I(x1, x2; theta)") > 0.5
    bits = loom.load("symile-xor")
    one = math.log(2.0) - _lost_of_a_sign(2.0)
    assert bits.information("I(x1; bit)") < one
    for a, b in (("x1", "x2"), ("x1", "x3"), ("x2", "x3")):
        assert bits.information(f"I({a}; {b})") == pytest.approx(0.0, abs=1e-6)
    assert bits.information("I(x1, x2; x3)") > 5 * 0.5


def _lost_of_a_sign(size):
    """H(sign | sign · size + noise) by a sum over a grid."""
    y = np.linspace(-12.0, 12.0, 20_001)
    density = 0.5 * (np.exp(-0.5 * (y - size) ** 2) + np.exp(-0.5 * (y + size) ** 2)) / math.sqrt(2 * math.pi)
    odds = 1.0 / (1.0 + np.exp(-2.0 * size * y))
    entropy = -(odds * np.log(np.maximum(odds, 1e-300)) + (1 - odds) * np.log(np.maximum(1 - odds, 1e-300)))
    return float((density * entropy).sum() * (y[1] - y[0]))


def test_a_caption_reaches_learners_as_token_ids():
    story = make_story("captions", nats=1.0)
    rows, observed = observed_rows(story, 64, 0, 0)
    assert list(observed) == ["picture", "text"]
    assert observed["text"].shape == (64, 10)
    assert observed["text"].dtype == np.int64
    np.testing.assert_array_equal(
        observed["text"],
        story.observe(rows)["text_tokens"] if hasattr(story, "observe") else observed["text"],
    )


def test_factors_stand_in_their_columns():
    story = make_story("content")
    factors = factors_of(story, story.sample(4000, seed=0))
    assert len(factors) == 16
    rows = story.sample(4000, seed=0)
    expected = math.sqrt(1.0 - math.exp(-2.0 * story.information("I(x1.hue; warmth)")))
    found = np.corrcoef(factors["x1.hue"], rows["warmth"])[0, 1]
    assert abs(math.atanh(found) - math.atanh(expected)) < 4.0 / math.sqrt(3997)
    assert abs(np.corrcoef(factors["x1.angle"], rows["warmth"])[0, 1]) < 4.0 / math.sqrt(4000)


def test_the_best_features_reach_the_ceilings():
    """Latents are sufficient, and the best prediction from them is linear."""
    story = make_story("kinds", kind="mixed")
    rows = story.sample(9000, seed=2)
    observed = {name: rows[name].astype(np.float64) for name in story.modalities}
    features = {**observed, "fused": np.concatenate(list(observed.values()), axis=1)}
    split = Split(*(part.astype(np.intp) for part in np.split(np.arange(9000), [4000, 5000])))
    table = measure_named(features, Measured(story, rows, observed, split))
    for inputs, of in (("fused", "own1"), ("x1", "shared"), ("fused", "hidden"), ("x2", "x1.diameter")):
        score = next(s for s in table.select(probe="ridge") if (s.inputs, s.of) == (inputs, of))
        assert score.ceiling == pytest.approx(
            1.0 - math.exp(-2.0 * story.information(f"I({'x1, x2' if inputs == 'fused' else inputs}; {of})"))
        )
        assert (
            abs(score.value - score.ceiling) < 4.0 * score.standard_error + 40 / 5000
        )  # its own fit of 12 numbers
    own = next(s for s in table.select(probe="ridge") if (s.inputs, s.of) == ("x1", "x1.angle"))
    assert own.ceiling == 1.0
    assert own.value > 0.999
    bound = next(s for s in table if s.measure == "bound")
    assert bound.value < bound.ceiling + 4.0 * bound.standard_error


def test_what_is_told_of_a_story():
    told = told_of(make_story("captions", nats=1.0), ("picture.hue",))
    assert told["I(picture; text)"] == pytest.approx(1.0, abs=1e-6)
    assert "I(text; picture.hue)" in told
    assert "I(picture; picture.hue)" not in told
    assert told_of(make_story("kinds", kind="xor")) == {"I(x1; x2)": 0.0}


@pytest.mark.parametrize(
    ("experiment", "params", "objective"),
    [
        ("captions", {"nats": 1.0}, "clip"),
        ("mismatched", {"share": 0.5}, "vicreg"),
        ("kinds", {"kind": "xor"}, "mvae"),
        ("many", {"count": 5}, "symile"),
    ],
)
def test_a_run_of_a_scene(experiment, params, objective):
    found = learn(experiment, params, objective, 0, {**TINY, "probes": ("ridge", "mlp")})
    assert found["details"]["plateau"] in (True, False)
    first = "picture" if experiment in ("captions", "mismatched") else "x1"
    assert {s["inputs"] for s in found["scores"] if s["probe"] == "ridge"} >= {first, "fused"}
    assert ridge(found["scores"], "fused", "theta")["r_squared"] < 1.0
    assert any(s["probe"] == "mlp" for s in found["scores"])
    assert ("mixture_nats" in found["details"]) is (experiment == "mismatched")
    if experiment == "captions":
        told = ridge(found["scores"], "text", "warmth")
        assert told["ceiling_r_squared"] < 1.0 - math.exp(
            -2.0 * told["truth_nats"]
        )  # words say less than this bound
        assert any(s["probe"] == "critic" and s["measure"] == "bound" for s in found["scores"])


def test_a_target_without_special_causes_among_targets_that_have_some():
    best = {(one.target, one.given): one for one in loom.load("trifeature").ceilings(batch=None).targets}
    for target, given in (("unique2", ("x2",)), ("unique2", ("x1",)), ("theta", ("x1", "x2"))):
        one = best[target, given]
        assert one.r_squared == pytest.approx(1.0 - math.exp(-2.0 * one.information), abs=1e-9)
    assert best["synergy", ("x1",)].r_squared == pytest.approx(0.0, abs=1e-3)
    assert best["synergy", ("x1", "x2")].r_squared > 0.5
