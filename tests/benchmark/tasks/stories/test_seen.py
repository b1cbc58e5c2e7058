"""Observations side by side and words about them: truths, kinds of columns, what may be asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infoloom.benchmark.tasks import StoryTask, build, groups, names
from infoloom.errors import TaskError

pytest.importorskip("torch")

SPEC = """
infoloom: 1
name: captioned
causes: {c: normal}
modalities:
  x: {flow: vector(4), latent: "0.6*c + noise"}
  text:
    flow: 'caption("a {size} one, [so|thus] {hue}")'
    latent: {size: "c + noise", hue: "0.5*c + noise"}
    words: {size: [tiny, big, huge], hue: {red: 0.7, blue: 0.3}}
"""


@pytest.fixture
def captioned(tmp_path):
    path = tmp_path / "captioned.yaml"
    path.write_text(SPEC)
    return StoryTask(str(path), "x", "text")


def test_two_observations_hold_what_is_asked_for():
    task = build("seen:x=rotation-curve,y=xray-spectrum,nats=1.3,pairs=2")
    assert task.mutual_information == pytest.approx(1.3, abs=1e-9)
    x, y = task.sample(200, 4)
    assert (x.shape, y.shape) == ((200, 64), (200, 128))
    assert not any((*task.discrete_x, *task.discrete_y))
    found = task.pmi_behind(*task.behind(3000, 4))
    assert abs(found.mean() - 1.3) <= 4.0 * found.std() / math.sqrt(3000)
    assert build("seen:x=ring,y=sprites,nats=0.0").mutual_information == 0.0


@pytest.mark.parametrize("nats", [0.1, 1.4])
def test_captions_hold_what_is_asked_for(nats):
    task = build(f"caption:x=rotation-curve,nats={nats}")
    assert task.mutual_information == pytest.approx(nats, abs=1e-6)
    assert (task.discrete_y, task.shape_y, task.gaussian) == ((True, True), (2,), False)
    assert task.metadata["discrete_y"] == [0, 1]
    assert task.metadata["discrete_x"] == []
    u, v = task.behind(3000, 4)
    assert set(np.unique(v[:, 0])) == set(range(8))
    assert set(np.unique(v[:, 1])) == set(range(4))
    found = task.pmi_behind(u, v)
    assert abs(found.mean() - nats) <= 4.0 * found.std() / math.sqrt(3000)


def test_rows_of_a_caption_are_words_and_can_be_undone():
    task = build("caption:x=xray-spectrum,nats=0.8")
    x, y = task.sample(60, 1)
    assert (x.dtype, y.dtype, task.kinds) == (np.float64, np.int64, ("continuous", "discrete"))
    for found, wanted in zip(task.unveil(x, y), task.behind(60, 1), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_captions_of_any_story_are_tasks(captioned):
    assert (captioned.dim_x, captioned.dim_y) == (4, 2)
    assert captioned.discrete_y == (True, True)
    x, y = captioned.sample(4000, 0)
    shares = np.bincount(y[:, 1]) / 4000
    assert abs(shares[0] - 0.7) <= 4.0 * math.sqrt(0.7 * 0.3 / 4000)
    found = captioned.pmi(x, y)
    assert abs(found.mean() - captioned.mutual_information) <= 4.0 * found.std() / math.sqrt(4000)


def test_words_are_words_behind_the_flow_too_and_not_beside_numbers(captioned):
    latent = StoryTask(captioned.story, "x", "text", "latent")
    assert (latent.kind, latent.discrete_x, latent.discrete_y) == ("mixed", (False,) * 4, (True, True))
    with pytest.raises(
        TaskError, match=r"`y=x\+text`: expected words, classes and categories, or other variables, because"
    ):
        StoryTask(captioned.story, "c", "x+text")


@pytest.mark.parametrize("group", [group for group in groups() if group != "presets"])
def test_discrete_columns_follow_from_the_kinds(group):
    for task in map(build, names(group)):
        told = [(about["kind_x"], about["kind_y"]) for about in [task.metadata]]
        assert told == [task.kinds]
        for kind, discrete, columns in zip(
            task.kinds, (task.discrete_x, task.discrete_y), (task.dim_x, task.dim_y), strict=True
        ):
            assert discrete == (kind == "discrete",) * columns


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("seen:x=moon,y=ring", r"`x=moon`: expected one of rotation-curve, .*cifar10\. Use ring\.$"),
        ("seen:x=ring,y=ring,pairs=7", r"`pairs=7`: expected a whole number from 1 to 6\. Use 2\.$"),
        (
            "seen:x=ring,y=ring,nats=-1",
            r"`nats=-1\.0`: expected a number from 0 to 24, .* Use 1\.0, or more pairs\.$",
        ),
        ("caption:x=moon", r"`x=moon`: expected one of rotation-curve, "),
        ("caption:x=ring,words=9", r"`words=9`: expected a whole number from 3 to 8\. Use 8\.$"),
        (
            "caption:x=ring,nats=0",
            r"`nats=0\.0`: expected a number above 0 and at most 1\.87, which so many words",
        ),
        (
            "caption:x=ring,nats=1.3,words=4",
            r"`nats=1\.3`: expected a number above 0 and at most 1\.25, which so",
        ),
    ],
)
def test_wrong_settings_are_refused(label, message):
    with pytest.raises(TaskError, match=message):
        build(label)
