"""Words whose variable is known for certain, once a category is: against sums and integrals over the categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import entr
from scipy.stats import norm

import infoloom as loom
from infoloom.information.quantity import Quantity
from infoloom.story import Story


def label_story(kinds: int = 2, noise: str = "") -> Story:
    return loom.load(
        {
            "name": "d",
            "causes": {"c": "normal", "kind": f"categorical({kinds})"},
            "targets": {"th": "c + kind" + noise},
            "modalities": {"x": {"flow": "vector(1)", "latent": "c + noise"}},
            "labels": {"cls": {"target": "th", "classes": 3}},
        }
    )


def held_story() -> Story:
    return loom.load(
        {
            "name": "h",
            "causes": {"c": "normal", "kind": "categorical(3)"},
            "modalities": {
                "x": {"flow": "vector(1)", "latent": "c + 0.4*kind + 0.5*noise"},
                "text": {
                    "flow": 'caption("a {w}")',
                    "latent": {"w": "0.8*c + 0.5*kind"},
                    "words": {"w": {"a": 0.2, "b": 0.3, "d": 0.5}},
                },
            },
            "do": {"c": 0.1},
        }
    )


def agrees(found: Quantity, expected: float) -> None:
    assert abs(found.value - expected) <= 4.0 * (found.standard_error or 0.0) + 1e-6, (found, expected)


def class_tables(story: Story, points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """P(cls | c) at some values of c."""
    bounds = story.cells["cls"].cuts[0].bounds
    kinds = np.unique(story.sample(200, seed=0)["kind"])
    of = np.searchsorted(bounds, points[:, None] + kinds, side="right")
    return np.stack([(of == k).mean(axis=1) for k in range(3)], axis=1)


@pytest.mark.parametrize("kinds", [2, 3])
def test_a_class_is_not_certain_when_its_category_is_unknown(kinds: int) -> None:
    story = label_story(kinds)
    step = 1e-4
    points = np.arange(-7.0, 7.0, step)
    left = float(entr(class_tables(story, points)).sum(axis=1) @ norm.pdf(points)) * step  # H(cls | c)
    whole = np.log(3.0)
    agrees(story.quantity("I(cls; c)"), whole - left)
    agrees(story.quantity("H(cls | c)"), left)
    agrees(story.quantity("I(cls; kind | c)"), left)
    agrees(story.quantity("I(kind; cls, c)"), left)
    agrees(story.quantity("H(cls | c, kind)"), 0.0)


def test_the_same_by_counts() -> None:
    story = label_story()
    rows = story.sample(200_000, seed=1)
    values = story.pmi(rows, "cls", "c")
    mean = story.quantity("I(cls; c)")
    error = np.hypot(values.std() / np.sqrt(len(values)), mean.standard_error)
    assert abs(values.mean() - mean.value) < 4.0 * error
    assert np.isfinite(values).all()


def test_a_little_noise_changes_little() -> None:
    sharp, blurred = (label_story(2, noise).quantity("I(cls; c)") for noise in ("", " + 0.001*noise"))
    assert (
        abs(sharp.value - blurred.value)
        < 4.0 * np.hypot(sharp.standard_error, blurred.standard_error) + 0.004
    )


def test_words_that_an_intervention_leaves_to_a_category() -> None:
    story = held_story()
    kinds = np.unique(story.sample(300, seed=0)["kind"])
    at = np.searchsorted(story.cells["text"].cuts[0].bounds, 0.08 + 0.5 * kinds, side="right")
    step = 1e-3
    points = np.arange(-6.0, 6.0, step)
    density = norm.pdf(points[:, None], 0.1 + 0.4 * kinds, 0.5) / 3.0  # of x and kind
    of_word = np.stack([density[:, at == word].sum(axis=1) for word in np.unique(at)], axis=1)
    shares = of_word.sum(axis=0) * step
    word = float(entr(shares).sum())
    both = density.sum(axis=1) * step
    seen = word - float(entr(of_word / of_word.sum(axis=1, keepdims=True)).sum(axis=1) @ both)
    kind = np.log(3.0) - float(entr(density / density.sum(axis=1, keepdims=True)).sum(axis=1) @ both)
    agrees(story.quantity("H(text)"), word)
    agrees(story.quantity("I(text; kind)"), word)
    agrees(story.quantity("I(text; x)"), seen)
    more = story.quantity("I(text, x; kind)")
    assert more.value > word
    agrees(more, word + kind - seen)
    values = story.pmi(story.sample(50_000, seed=3), "text", "x")
    assert abs(values.mean() - seen) < 4.0 * values.std() / np.sqrt(len(values))


def test_a_class_that_the_value_rules_out_has_no_probability() -> None:
    """Without categories too: rows of other pairs, as mismatched pairs are."""
    story = loom.load(
        {
            "name": "m",
            "causes": {"c": "normal"},
            "targets": {"th": "c"},
            "modalities": {"x": {"flow": "vector(1)", "latent": "c + noise"}},
            "labels": {"cls": {"target": "th", "classes": 2}},
        }
    )
    rows = dict(story.sample(1000, seed=0))
    assert np.allclose(story.pmi(rows, "cls", "c"), np.log(2.0))
    rows["cls"] = 1 - rows["cls"]
    assert (story.pmi(rows, "cls", "c") == -np.inf).all()
