"""Categorical causes as sides of tasks: whole numbers beside words and classes, values beside other variables."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from infoloom.benchmark import tasks
from infoloom.benchmark.tasks.stories.presets import StoryTask
from infoloom.errors import TaskError
from infoloom.story import load

WORDS = {
    "name": "words",
    "causes": {"k": "categorical(3)", "c": "normal", "s": "normal"},
    "targets": {"theta": "0.8*k + c + 0.5*noise"},
    "modalities": {
        "x": {"flow": "vector(2)", "latent": "k + c + noise"},
        "text": {
            "flow": 'caption("a {k} {hue}")',
            "latent": {"hue": "0.7*k + c + noise"},
            "words": {"k": ["one", "two", "three"], "hue": ["red", "blue"]},
        },
    },
    "labels": {"cls": {"target": "theta", "classes": 4}},
}
VECTORS = {
    "name": "vectors",
    "causes": {"k": "categorical(3)", "m": {"size": 2, "distribution": "categorical(2)"}, "c": "normal"},
    "modalities": {
        "x": {"flow": "vector(2)", "latent": "k + c + noise"},
        "y": {"flow": "vector(1)", "latent": "m[0] + noise"},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("categories")
    for tree in (WORDS, VECTORS):
        (found / f"{tree['name']}.yaml").write_text(yaml.safe_dump(tree))
    return found


def build(path: Path, x: str, y: str) -> StoryTask:
    return tasks.build(f"story:story={path},x={x},y={y},view=latent")


@pytest.mark.parametrize(
    ("name", "x", "y", "kinds"),
    [
        ("words", "k", "text", ("discrete", "discrete")),
        ("words", "x", "k", ("continuous", "discrete")),
        ("words", "k+cls", "x", ("discrete", "continuous")),
        ("words", "k+c", "text", ("continuous", "discrete")),  # a value among values
        ("vectors", "k+m", "x", ("discrete", "continuous")),
        ("vectors", "c", "m", ("continuous", "discrete")),
    ],
)
def test_sides_of_categories_are_discrete(
    folder: Path, name: str, x: str, y: str, kinds: tuple[str, str]
) -> None:
    task = build(folder / f"{name}.yaml", x, y)
    assert task.kinds == kinds
    for side, kind, columns in zip(task.sample(50, seed=1), kinds, (task.dim_x, task.dim_y), strict=True):
        assert side.dtype == (np.int64 if kind == "discrete" else np.float64)
        assert side.shape == (50, columns)


def test_rows_are_the_numbers_of_the_categories(folder: Path) -> None:
    path = folder / "vectors.yaml"
    rows = load(str(path)).sample(3000, seed=4)
    x, _ = build(path, "k+m", "x").sample(3000, seed=4)
    values = [sorted(set(rows["k"].tolist())), [-1.0, 1.0]]
    np.testing.assert_array_equal(np.array(values[0], np.float32)[x[:, 0]], rows["k"])
    np.testing.assert_array_equal(np.array(values[1], np.float32)[x[:, 1:]], rows["m"])
    share = np.bincount(x[:, 0], minlength=3) / 3000
    assert np.abs(share - 1 / 3).max() < 4.0 * math.sqrt(2 / 9 / 3000)
    beside, _ = build(path, "k+c", "x").sample(3000, seed=4)
    np.testing.assert_array_equal(beside[:, 0].astype(np.float32), rows["k"])


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [("words", "k", "cls"), ("words", "k", "text"), ("words", "cls+k", "text"), ("vectors", "m", "k")],
)
def test_counts_of_two_discrete_sides_fit_the_truth(folder: Path, name: str, x: str, y: str) -> None:
    task, count = build(folder / f"{name}.yaml", x, y), 40_000
    a, b = (np.unique(side, axis=0, return_inverse=True)[1].ravel() for side in task.sample(count, seed=2))
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1.0 / count)
    ratio = np.log(table[a, b] / (table.sum(axis=1)[a] * table.sum(axis=0)[b]))
    cells = (table > 0).sum() - table.shape[0] - table.shape[1] + 1
    wanted, error = ratio.mean() - cells / (2 * count), ratio.std() / math.sqrt(count)
    assert abs(task.truth.value - wanted) < 4.0 * (error + task.truth.error) + 8.0 / count


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("words", "k", "x"),
        ("words", "k+cls", "x"),
        ("words", "k", "text"),
        ("vectors", "m", "y"),
        ("vectors", "m+k", "x+y"),
    ],
)
def test_pointwise_values_are_those_of_the_story(folder: Path, name: str, x: str, y: str) -> None:
    path = folder / f"{name}.yaml"
    task, story = build(path, x, y), load(str(path))
    a, b = task.sample(400, seed=3)
    u, v = task.unveil(a, b)
    for one, other in zip((u, v), task.behind(400, seed=3), strict=True):
        np.testing.assert_array_equal(one, other)
    rows = story.sample(400, seed=3)
    wanted = story.pmi(rows, *task.sides)
    np.testing.assert_allclose(task.pmi(a, b), wanted, atol=1e-6)
    spread = 4.0 * (wanted.std() / math.sqrt(400) + task.truth.error)
    assert abs(wanted.mean() - task.truth.value) < spread + 1e-6


def test_rows_of_two_categories_at_once_are_impossible(folder: Path) -> None:
    task = build(folder / "words.yaml", "k", "text")
    a, b = task.sample(20, seed=3)
    assert np.isneginf(task.pmi((a + 1) % 3, b)).all()


def test_words_beside_values_are_refused(folder: Path) -> None:
    with pytest.raises(
        TaskError, match=r"`x=text\+c`: expected words, classes and categories, or other variables"
    ):
        build(folder / "words.yaml", "text+c", "x")
