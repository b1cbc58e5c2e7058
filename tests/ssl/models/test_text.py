"""Captions as token ids: a transformer that knows order, learners that take words, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from infoloom.errors import LearnerError
from infoloom.ssl import REGISTRY, Training, build, features, load, save, train
from infoloom.ssl.models.encoders import first_weights
from infoloom.ssl.models.text import TextEncoder

SHAPES = {"image": (1, 12, 12), "text": (9,)}
WORDS = {"text": 6}
TAKE_WORDS = tuple(sorted(set(REGISTRY) - {"mvae", "mmvae", "mopoe"}))


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(count, 1, 12, 12)).astype(np.float32)
    return {
        "image": image,
        "text": rng.integers(0, 6, (count, 9)),
        "theta": image.mean(axis=(1, 2, 3)),
    }


def test_it_sees_every_word_and_its_place():
    with first_weights(0):
        encoder = TextEncoder(5, 7, 16, 3)
    ids = torch.tensor([[1, 2, 3, 4, 5]])
    found = encoder(ids)
    assert found.shape == (1, 3)
    for place in range(5):
        other = ids.clone()
        other[0, place] = 6
        assert not torch.allclose(encoder(other), found, atol=1e-6)
    assert not torch.allclose(encoder(ids.flip(1)), found, atol=1e-6)
    assert torch.allclose(encoder(torch.cat([ids, ids + 1]))[:1], found, atol=1e-6)


@pytest.mark.parametrize("name", TAKE_WORDS)
def test_learners_take_words(name, tmp_path):
    """Trained for a few steps, saved and loaded, with features of words alone as together."""
    learner = build(name, SHAPES, features=4, vocabularies=WORDS)
    train(learner, rows(48), Training(batch=16, steps=3))
    given = rows(7, seed=1)
    found = features(learner, given)
    assert list(found) == ["image", "text", "fused"]
    assert all(np.isfinite(values).all() for values in found.values())
    alone = features(learner, {"text": given["text"]})["text"]
    np.testing.assert_allclose(alone, found["text"], rtol=1e-4, atol=1e-5)
    save(learner, tmp_path / "learner")
    np.testing.assert_array_equal(features(load(tmp_path / "learner"), given)["fused"], found["fused"])


def test_pixels_of_words_are_indicators():
    learner = build("pixels", {"text": (9,)}, vocabularies=WORDS)
    given = rows(5)
    found = features(learner, {"text": given["text"]})["text"].reshape(5, 9, 6)
    np.testing.assert_array_equal(found.argmax(axis=2), given["text"])
    np.testing.assert_array_equal(found.sum(axis=2), 1.0)


def test_clip_learns_what_a_caption_says():
    """One word of nine says the sign of a picture's mean: its features tell the sign."""
    rng = np.random.default_rng(0)
    sign = np.where(rng.random(1536) < 0.5, -1.0, 1.0).astype(np.float32)
    arrays = {
        "image": 0.4 * sign[:, None, None, None] + rng.normal(size=(1536, 1, 12, 12)).astype(np.float32),
        "text": rng.integers(1, 4, (1536, 9)),
    }
    arrays["text"][:, 3] = np.where(sign > 0, 4, 5)
    learner = build("clip", SHAPES, features=4, channels=4, hidden=32, vocabularies=WORDS)
    train(learner, {n: a[:1024] for n, a in arrays.items()}, Training(batch=64, epochs=4, learning_rate=3e-3))
    found = features(learner, {"text": arrays["text"]})["text"].astype(np.float64)
    design = np.column_stack([found, np.ones(len(found))])
    weights = np.linalg.lstsq(design[:1024], sign[:1024], rcond=None)[0]
    assert (np.sign(design[1024:] @ weights) == sign[1024:]).mean() > 0.97


@pytest.mark.parametrize(
    ("vocabularies", "message"),
    [
        ({"text": 1}, "`vocabulary of text` `1`: expected 2 ids or more. Count the ids, 0 included."),
        ({"words": 6}, "`vocabularies` `words`: expected a modality among image, text. Rename it."),
        (
            {"image": 6},
            "`shape of image` `(1, 12, 12)`: expected (tokens,), because it has a vocabulary. "
            "Give token ids, or leave it out of `vocabularies`.",
        ),
    ],
)
def test_vocabularies_are_checked(vocabularies, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build("clip", SHAPES, vocabularies=vocabularies)


@pytest.mark.parametrize("bad", [6, -1, 0.5])
def test_ids_beyond_the_vocabulary_are_refused(bad):
    given = rows(32)
    given["text"] = given["text"].astype(np.float32)
    given["text"][20, 2] = bad
    message = (
        f"`token id of text` `{float(bad)}`: expected a whole number from 0 to 5. Raise its size in `vocabularies`, or "
        "leave it out if these rows are values."
    )
    with pytest.raises(LearnerError, match=re.escape(message)):
        train(build("clip", SHAPES, vocabularies=WORDS), given, Training(batch=16, steps=1))
