"""Each objective, trained for seconds on an easy story, against the random encoder and what is reachable."""

from __future__ import annotations

import numpy as np
import pytest
from easy_rows import EasyRows, ridge_errors

from infoloom.ssl import Training, build, features, names, train

STORY = EasyRows({"image": (1, 12, 12), "curve": (2, 24), "vector": (32,)})
FLOORS = ("random", "pixels")
#: In 150 steps its features did not get beyond random ones; whether more steps suffice is not known.
LONG = ("factorcl",)
#: Autoencoders and masked models learn from single values, most of them noise, so they need more steps.
EPOCHS = {"mvae": 12, "mmvae": 12, "mopoe": 12, "masked": 10, "jepa": 16}
SETTINGS = {
    "mvae": {"annealing": 60},
    "jepa": {"momentum": 0.95},
    "masked": {"width": 32, "hidden": 64, "pieces": 12},
}


@pytest.fixture(scope="module")
def rows():
    return {
        part: STORY.sample(count, seed)
        for part, count, seed in (("train", 1600, 0), ("probe", 1000, 1), ("test", 2000, 2))
    }


def errors(name, rows):
    """Squared errors of θ by modality and fused, from a learner trained on rows that neither probe nor test sees."""
    learner = build(name, STORY.shapes, features=16, seed=0, **SETTINGS.get(name, {}))
    batch, rate = (64, 4e-3) if name == "masked" else (128, 2e-3)
    train(learner, rows["train"], Training(batch=batch, epochs=EPOCHS.get(name, 8), learning_rate=rate))
    return read(learner, rows)


def read(learner, rows):
    """Squared errors of θ by modality and fused, of ridge regression on a learner's features."""
    found = {part: features(learner, rows[part]) for part in ("probe", "test")}
    return {
        modality: ridge_errors(
            found["probe"][modality], found["test"][modality], rows["probe"]["theta"], rows["test"]["theta"]
        )
        for modality in found["test"]
    }


@pytest.fixture(scope="module")
def floor(rows):
    return errors("random", rows)


@pytest.mark.parametrize("name", [name for name in names() if name not in (*FLOORS, *LONG)])
def test_learned_features_beat_random_ones(name, rows, floor):
    """By 0.05 in R² and 4 standard errors of the difference, and never beyond the ceiling by as many."""
    for modality, mine in errors(name, rows).items():
        gain = floor[modality] - mine
        spread = gain.std() / np.sqrt(len(gain))
        assert gain.mean() - 4.0 * spread > 0.05, modality
        ceiling = STORY.ceiling(3 if modality == "fused" else 1)
        assert 1.0 - mine.mean() < ceiling + 4.0 * mine.std() / np.sqrt(len(mine)), modality


@pytest.mark.slow
def test_masked_modelling_keeps_three_quarters_of_what_is_reachable(rows):
    """Of −½ log(1 − R²), from each modality alone and from all together, once it is trained for 20 epochs."""
    learner = build("masked", STORY.shapes, features=16, width=32, hidden=64, depth=2, pool="both", seed=0)
    train(learner, rows["train"], Training(batch=128, epochs=20, learning_rate=3e-3))
    for modality, squares in read(learner, rows).items():
        ceiling = STORY.ceiling(3 if modality == "fused" else 1)
        assert np.log(squares.mean()) / np.log(1.0 - ceiling) > 0.75, modality
