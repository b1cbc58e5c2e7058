"""Columns of labels and of optimal predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import infoloom as loom
from infoloom.datasets.making.predictions import parse_prediction, prediction_name
from infoloom.errors import DatasetError

SPEC = {
    "name": "labelled",
    "causes": {"mass": "normal"},
    "targets": {"theta": "0.8*mass + 0.6*noise"},
    "labels": {"grade": {"target": "theta", "classes": 4}},
    "modalities": {
        "x": {"flow": "vector(6)", "latent": "0.5*mass@random(1) + noise"},
        "y": {"flow": "vector(6) | asinh", "latent": "0.3*mass + 0.5*noise"},
    },
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> loom.Dataset:
    folder: Path = tmp_path_factory.mktemp("labelled") / "data"
    return loom.generate(loom.load(SPEC), folder, 1000, seed=3, predictions=True)


def test_labels_are_stored_as_whole_numbers_and_follow_from_the_stored_target(data: loom.Dataset) -> None:
    grade, theta = data["grade"], data["theta"]
    assert grade.dtype == np.int64
    assert set(grade.tolist()) == {0, 1, 2, 3}
    edges = [theta[grade == k].max() for k in range(3)]
    assert all(edges[k] <= theta[grade == k + 1].min() for k in range(3))


def test_predictions_of_each_modality_and_of_all_are_stored_and_verified(data: loom.Dataset) -> None:
    names = [c.name for c in data.columns if c.kind == "prediction"]
    assert names == ["prediction(theta|x)", "prediction(theta|y)", "prediction(theta|x,y)"]
    story = data.story
    again = story.predict(story.sample(1000, seed=3), "theta", ("x", "y"))
    assert np.array_equal(data["prediction(theta|x,y)"], again)
    report = loom.verify(data.root)
    assert report.passed


def test_predictions_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    made = loom.generate(loom.load(SPEC), tmp_path / "plain", 16)
    assert not [c for c in made.columns if c.kind == "prediction"]


def test_names_of_predictions_are_read_back() -> None:
    assert parse_prediction(prediction_name("theta", ("x", "y"))) == ("theta", ("x", "y"))
    with pytest.raises(
        DatasetError, match=r"^prediction `theta\|x`: expected `prediction\(target\|a,b\)`\.$"
    ):
        parse_prediction("theta|x")


def test_predictions_of_a_story_that_is_not_gaussian_are_those_of_the_story(tmp_path: Path) -> None:
    story = loom.load({**SPEC, "causes": {"mass": "laplace"}, "labels": {}})
    made = loom.generate(story, tmp_path / "laplace", 16, predictions=True)
    assert [c for c in made.columns if c.kind == "prediction"]


def test_predictions_under_a_common_scale_are_refused(tmp_path: Path) -> None:
    story = loom.load({**SPEC, "scale": "student_t(5)", "labels": {}})
    with pytest.raises(
        DatasetError, match=r"^predictions of `labelled`: expected a story without a common scale"
    ):
        loom.generate(story, tmp_path / "scaled", 16, predictions=True)
