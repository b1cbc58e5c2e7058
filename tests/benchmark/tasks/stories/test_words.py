"""Words and classes as sides of a task: truth against counted rows, rows against the story, words in and out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infoloom.benchmark import tasks
from infoloom.benchmark.tasks import StoryTask
from infoloom.benchmark.tasks.stories.columns import as_story_rows, numbers
from infoloom.benchmark.tasks.stories.words import PICTURES, WordsTask
from infoloom.errors import TaskError

SPEC = """
name: words
causes: {c: normal, mood: normal}
targets: {theta: c + 0.5*noise}
modalities:
  x: {flow: "vector(3)", latent: "0.8*c@ones + 0.4*mood@random(1) + noise"}
  text:
    flow: 'caption("a {size} {hue} [thing|object]")'
    latent: {size: "c + 0.5*noise", hue: "mood + noise"}
    words: {size: [tiny, small, big], hue: {red: 0.6, blue: 0.4}}
labels:
  cls: {target: theta, classes: 4}
"""
PAIRS = ["picture-text", "picture-label", "text-label"]


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "words.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_mean_of_the_pointwise_information_is_what_was_asked(pair):
    task = WordsTask(0.3, pair)
    assert task.mutual_information == pytest.approx(0.3, abs=1e-9)
    assert task.truth.method == "quadrature"
    found = task.pmi(*task.sample(6000, 0))
    assert abs(found.mean() - 0.3) <= 4.0 * found.std() / math.sqrt(6000)


def test_words_and_classes_against_counted_rows():
    """Two discrete sides: the plug-in information of 200,000 rows, less its known bias, within four standard errors."""
    task = WordsTask(0.4, "text-label", slots=2, words=3)
    x, y = task.sample(200_000, 5)
    assert x.shape == (200_000, 2)
    assert y.shape == (200_000, 1)
    counts = np.zeros((9, 3))
    np.add.at(counts, (3 * x[:, 0] + x[:, 1], y[:, 0]), 1.0)
    joint = counts / counts.sum()
    ratio = np.log(joint / joint.sum(axis=1, keepdims=True) / joint.sum(axis=0))
    bias = (8 * 2) / (2 * 200_000)
    error = math.sqrt(np.sum(joint * ratio**2) - np.sum(joint * ratio) ** 2) / math.sqrt(200_000)
    assert abs(np.sum(joint * ratio) - bias - 0.4) <= 4.0 * error


@pytest.mark.parametrize("pair", PAIRS)
def test_kinds_shapes_and_rows(pair):
    task = WordsTask(0.3, pair)
    for side, shape, kind in zip(task.sample(40, 3), (task.shape_x, task.shape_y), task.kinds, strict=True):
        assert side.shape == (40, *shape)
        assert side.dtype == (np.int64 if kind == "discrete" else np.float64)
    for small, large in zip(task.sample(10, 3), task.sample(40, 3), strict=True):
        np.testing.assert_array_equal(small, large[:10])
    assert task.gaussian is False
    assert tasks.build(task.id) == task


def test_pictures_of_every_kind_share_the_same():
    for picture in PICTURES:
        task = WordsTask(0.3, "picture-label", picture)
        assert task.mutual_information == pytest.approx(0.3, abs=1e-8)
        assert task.shape_y == (1,)
    assert task.shape_x == (3, 32, 32)
    assert task.compiled.dim("picture") == 8


def test_no_information():
    for name in tasks.names("words-null"):
        task = tasks.build(name)
        assert task.mutual_information == pytest.approx(0.0, abs=1e-12)
        np.testing.assert_allclose(task.pmi(*task.sample(50, 0)), 0.0, atol=1e-9)


def test_what_is_undone_is_what_lay_behind():
    task = WordsTask(0.3)
    for one, other in zip(task.unveil(*task.sample(30, 1)), task.behind(30, 1), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_captions_and_labels_of_any_story(spec):
    pair = StoryTask(spec, "x", "text")
    assert pair.kinds == ("continuous", "discrete")
    assert pair.mutual_information == pair.compiled.information("I(x; text)")
    both = StoryTask(spec, "x+theta", "text+cls", "latent")
    assert both.shape_y == (3,)
    assert both.sample(5, 0)[1].dtype == np.int64
    assert both.mutual_information == pytest.approx(both.mi("x, theta", "text, cls"))
    found = both.pmi(*both.sample(4000, 2))
    assert (
        abs(found.mean() - both.mutual_information) <= 4.0 * found.std() / math.sqrt(4000) + both.truth.error
    )


def test_rows_say_the_words_they_were_made_from(spec):
    story = StoryTask(spec, "x", "text").compiled
    words = np.array([[size, hue] for size in range(3) for hue in range(2)])
    np.testing.assert_array_equal(numbers(story, "text", as_story_rows(story, "text", words)), words)
    classes = np.arange(4)[:, None]
    np.testing.assert_array_equal(numbers(story, "cls", as_story_rows(story, "cls", classes)), classes)


def test_two_types_on_one_side_are_refused(spec):
    message = r"task setting `y=theta\+cls`: expected words, classes and categories, or other variables, because one"
    with pytest.raises(TaskError, match=message):
        StoryTask(spec, "x", "theta+cls")
    with pytest.raises(
        TaskError, match=r"variable `words` of the story .* expected one of c, mood, .*text, cls\."
    ):
        StoryTask(spec, "x", "words")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"pair": "text"},
            r"task setting `pair=text`: expected one of picture-text, picture-label, text-label",
        ),
        (
            {"picture": "cat"},
            r"task setting `picture=cat`: expected one of vector, digits, sprites\. Use vector",
        ),
        ({"slots": 5}, r"task setting `slots=5`: expected a whole number from 1 to 4\. Use 2\."),
        ({"words": 1}, r"task setting `words=1`: expected a whole number of 2 or more\. Use 4\."),
        ({"nats": -1.0}, r"task setting `nats=-1\.0`: expected a number of 0 or more\. Use 0\.5\."),
        (
            {"nats": 3.0},
            r"task setting `nats=3\.0`: expected less, because no weight gives as much\. Lower it\.",
        ),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(TaskError, match=message):
        WordsTask(**{"nats": 0.5, **settings}).compiled  # noqa: B018
