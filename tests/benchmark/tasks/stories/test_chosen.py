"""Words and pictures that a category chooses: tasks and mismatched pairs against sums over the category and a grid."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import yaml

from infoloom.benchmark.learners.mismatch import mismatched_information
from infoloom.benchmark.tasks import build
from infoloom.errors import QueryError

CHOSEN = {
    "name": "chosen",
    "causes": {"c": "normal", "kind": "categorical(3)"},
    "modalities": {
        "x": {"flow": "vector(1)", "latent": "0.6*c + 1.5*kind + noise"},
        "text": {
            "flow": 'caption("a {s} {kind}")',
            "latent": {"s": "0.8*c + 0.6*noise"},
            "words": {"s": ["small", "middle", "large"], "kind": ["k", "l", "m"]},
        },
    },
}


def joint_of_chosen(values: np.ndarray) -> tuple[np.ndarray, float]:
    """p(x, word, kind) on a fine grid of x, (n, 3, 3), and the grid's step: sums over the cause c, no library."""
    x, c = np.linspace(-9.0, 9.0, 1201), np.linspace(-8.0, 8.0, 801)
    weights = np.exp(-(c**2) / 2.0)
    weights /= weights.sum()
    ends = np.concatenate([[-np.inf], scipy.special.ndtri([1 / 3, 2 / 3]), [np.inf]])
    words = np.diff(scipy.special.ndtr((ends[:, None] - 0.8 * c) / 0.6), axis=0)
    away = x[:, None, None] - 0.6 * c[None, :, None] - 1.5 * values
    seen = np.exp(-(away**2) / 2.0) / math.sqrt(2.0 * math.pi)
    return np.einsum("xck,wc,c->xwk", seen, words, weights) / 3.0, x[1] - x[0]


def test_words_that_a_category_chooses_are_in_the_rows_and_in_the_truth(tmp_path):
    path = tmp_path / "chosen.yaml"
    path.write_text(yaml.safe_dump(CHOSEN), encoding="utf-8")
    task = build(f"story:story={path},x=x,y=text,view=latent")
    story = task.compiled
    values = np.unique(story.sample(200, 0)["kind"])
    joint, step = joint_of_chosen(values)
    apart = joint.sum((1, 2), keepdims=True) * (joint.sum(0, keepdims=True) * step)
    truth = float((joint * np.log(joint / apart)).sum() * step)
    assert task.mutual_information == pytest.approx(truth, abs=1e-5)
    x, y = task.sample(4000, 0)
    assert task.shape_y == (2,)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(values[y[:, 1]], story.sample(4000, 0)["kind"])
    pmi = task.pmi(x, y)
    place = np.interp(x[:, 0], np.linspace(-9.0, 9.0, 1201), np.arange(1201)).round().astype(int)
    near = np.log(joint / apart)[place, y[:, 0], y[:, 1]]
    assert np.abs(pmi - near).max() < 0.05  # of the nearest grid point
    assert abs(pmi.mean() - truth) <= 4.0 * pmi.std() / math.sqrt(len(pmi))
    for share in (0.3, 0.8):
        mixed = (1.0 - share) * joint + share * apart
        exact = float((mixed * np.log(mixed / apart)).sum() * step)
        for pair in (("x", "text"), ("text", "x")):
            found, error = mismatched_information(story, *pair, share)
            assert abs(found - exact) <= 4.0 * error
    assert mismatched_information(story, "x", "text", 0.0)[1] < 0.02


def test_two_captions_that_name_one_category_never_disagree(tmp_path):
    """Pairs that name two categories are impossible: pmi is −∞ there, and the mixture counts them so."""
    tree = {**CHOSEN, "modalities": {"text": CHOSEN["modalities"]["text"]}}
    tree["modalities"]["other"] = {"flow": 'caption("the {kind}")', "words": {"kind": ["u", "v", "w"]}}
    path = tmp_path / "chosen.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    task = build(f"story:story={path},x=text,y=other")
    assert task.mutual_information == pytest.approx(math.log(3.0), abs=1e-9)
    x, y = task.sample(300, 0)
    np.testing.assert_allclose(task.pmi(x, y), math.log(3.0), atol=1e-9)
    moved = np.roll(y, 1, axis=0)
    assert (np.isneginf(task.pmi(x, moved)) == (x[:, 1] != moved[:, 0])).all()
    share = 0.3
    same, other = (1.0 - share) / 3.0 + share / 9.0, share / 9.0
    exact = 3.0 * same * math.log(9.0 * same) + 6.0 * other * math.log(9.0 * other)
    found, error = mismatched_information(task.compiled, "text", "other", share)
    assert abs(found - exact) <= 4.0 * error


def test_a_modality_whose_class_a_category_chooses_is_no_side(tmp_path):
    tree = {**CHOSEN, "targets": {"theta": "c + noise"}}
    picture = {"flow": "sprites[{kind}: square, heart, star](16)", "latent": {"x": "c + noise"}}
    tree["modalities"] = {**CHOSEN["modalities"], "picture": picture}
    path = tmp_path / "chosen.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    for view in ("observed", "latent"):
        task = build(f"story:story={path},x=picture,y=theta,view={view}")
        for ask in (lambda task=task: task.truth, lambda task=task: task.sample(4, 0)):
            with pytest.raises(
                QueryError, match="a categorical cause chooses `picture`; expected modalities whose"
            ):
                ask()
    beside = build(f"story:story={path},x=x,y=theta")
    x, y = beside.sample(50, 0)
    assert x.shape == y.shape == (50, 1)
