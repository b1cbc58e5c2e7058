"""Words where a category multiplies a normal cause: Gaussian for each category, so counts and grids must agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from infoloom.errors import SpecError
from infoloom.story import Story, load

ATOMS = np.sqrt(1.5) * np.array([-1.0, 0.0, 1.0])
ROWS = 1_000_000


def story(**other: object) -> Story:
    """A word whose factor sees the cause more or less, as the category says; the category is open."""
    tree = {
        "name": "products",
        "causes": {"c": "normal", "kind": "categorical(3)"},
        "targets": {"theta": "c - 0.4*kind*c + 0.5*noise"},
        "modalities": {
            "x": {"flow": "vector(1)", "latent": "0.8*c + 0.5*c*kind + noise"},
            "text": {
                "flow": 'caption("a {size} one")',
                "latent": {"size": "0.9*c + 0.6*c*kind + 0.5*noise"},
                "words": {"size": ["tiny", "small", "big"]},
            },
        },
        "labels": {"cls": {"target": "theta", "classes": 2}},
    }
    return load(tree | other)


def test_words_and_classes_against_counts_of_a_million_rows() -> None:
    rng = np.random.default_rng(5)
    c, kind, *noise = rng.standard_normal(ROWS), rng.choice(ATOMS, ROWS), *rng.standard_normal((2, ROWS))
    size = 0.9 * c + 0.6 * c * kind + 0.5 * noise[0]
    theta = c - 0.4 * kind * c + 0.5 * noise[1]
    word, side = np.searchsorted(edges(), size), (theta > 0.0).astype(int)
    table = np.zeros((3, 2, 3))
    np.add.at(table, (word, side, np.searchsorted(ATOMS, kind - 1e-9)), 1.0 / ROWS)
    both, alone = table.sum(axis=2), (table.sum(axis=(1, 2)), table.sum(axis=(0, 2)))
    points = np.log(both / np.outer(*alone))
    seen = float((both * points).sum())
    error = math.sqrt(float((both * points**2).sum()) - seen**2) / math.sqrt(ROWS)
    found = story().quantity("I(text; cls)")
    assert abs(found.value - (seen - 2.0 / (2 * ROWS))) <= 4.0 * error + found.error
    of_kind = table.sum(axis=1)
    points = np.log(of_kind * 3.0 / alone[0][:, None])
    seen = float((of_kind * points).sum())
    error = math.sqrt(float((of_kind * points**2).sum()) - seen**2) / math.sqrt(ROWS)
    found = story().quantity("I(text; kind)")
    assert abs(found.value - (seen - 4.0 / (2 * ROWS))) <= 4.0 * error + found.error


def test_a_word_and_an_observation_against_a_grid() -> None:
    c = np.linspace(-7.0, 7.0, 281)
    weight = scipy.stats.norm.pdf(c) * (c[1] - c[0])
    x = np.linspace(-16.0, 16.0, 1601)
    joint = np.zeros((3, len(x)))
    for atom in ATOMS:
        cells = np.diff(
            scipy.stats.norm.cdf(
                np.concatenate([[-np.inf], edges(), [np.inf]])[:, None], (0.9 + 0.6 * atom) * c, 0.5
            ),
            axis=0,
        )
        seen = scipy.stats.norm.pdf(x[:, None], (0.8 + 0.5 * atom) * c, 1.0)
        joint += (cells * weight) @ seen.T / 3.0
    step = x[1] - x[0]
    apart = joint.sum(axis=0) * (joint.sum(axis=1, keepdims=True) * step)
    wanted = float(np.sum(joint * np.log(joint / apart)) * step)
    found = story().quantity("I(x; text)")
    assert not found.exact
    assert abs(found.value - wanted) <= 4.0 * found.error


def test_a_category_that_is_held_leaves_a_gaussian_story() -> None:
    held = story().intervene(kind=float(ATOMS[2]))
    plain = load(
        {
            "name": "plain",
            "causes": {"c": "normal"},
            "targets": {"theta": "c"},
            "modalities": {
                "x": {"flow": "vector(1)", "latent": f"{float(0.8 + 0.5 * ATOMS[2])!r}*c + noise"}
            },
        }
    )
    assert held.information("I(x; c)") == pytest.approx(plain.information("I(x; c)"), abs=1e-12)
    assert held.quantity("I(text; x)").method == "quadrature"


@pytest.mark.parametrize("size", ["c**2 + noise", "sin(c)*kind + noise", "c*mood + noise"])
def test_other_equations_have_no_words(size: str) -> None:
    modalities = story().spec.to_dict()["modalities"]
    modalities["text"]["latent"] = {"size": size}
    with pytest.raises(
        SpecError, match=r"expected a story of normal and categorical causes, its equations linear"
    ):
        story(causes={"c": "normal", "mood": "normal", "kind": "categorical(3)"}, modalities=modalities)


def edges() -> np.ndarray:
    """Thirds of the mixture of the word's factor."""

    def below(value: float) -> float:
        spread = np.sqrt((0.9 + 0.6 * ATOMS) ** 2 + 0.25)
        return float(scipy.stats.norm.cdf(value / spread).mean())

    return np.array([scipy.optimize.brentq(lambda v, u=u: below(v) - u, -9.0, 9.0) for u in (1 / 3, 2 / 3)])
