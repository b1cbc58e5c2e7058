"""Tasks of stories: truths are the story's, rows are its rows, flows change nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from infoloom.benchmark.tasks import StoryTask, build
from infoloom.benchmark.tasks.stories.presets import preset_tasks
from infoloom.errors import SpecError, TaskError
from infoloom.presets import names as preset_names
from infoloom.presets import preset

RESULTS = Path(__file__).parents[4] / "benchmarks" / "results"


def test_every_pair_and_every_target_of_every_preset_is_a_task():
    found = list(preset_tasks())
    assert {task.story for task in found} == set(preset_names())
    wanted = {f"{a}|{b}" for a, b in [("x1", "x2"), ("x1", "theta"), ("x2", "theta")]}
    assert {f"{task.x}|{task.y}" for task in found if task.story == "figure-1"} == wanted
    assert sum(task.story == "multimodal-decay" for task in found) == 45 + 10


@pytest.mark.parametrize("name", ["figure-1", "synergy", "black-hole", "black-hole-templates"])
def test_truths_are_those_of_the_story(name):
    story = preset(name)
    for task in preset_tasks("latent"):
        if task.story == name:
            assert task.mutual_information == story.information(f"I({task.x}; {task.y})")


@pytest.mark.parametrize(
    "task_id", ["figure-1,x=x1,y=x2", "synergy,x=x1+x2,y=theta", "stress-student,x=x1,y=x2"]
)
def test_pointwise_information_of_latents_has_the_truth_as_its_mean(task_id):
    task = build(f"story:story={task_id},view=latent")
    found = task.pmi(*task.sample(512, 0))
    assert abs(found.mean() - task.mutual_information) <= 4.0 * found.std() / math.sqrt(len(found))


def test_flows_leave_every_row_its_information():
    seen, hidden = (StoryTask("digits-pair", "three", "theta", view) for view in ("observed", "latent"))
    x, y = seen.sample(4, 0)
    assert x.shape == (4, 1, 8, 8)
    assert y.shape == (4, 1)
    latents = hidden.sample(4, 0)
    np.testing.assert_allclose(seen.unveil(x, y)[0], latents[0], atol=1e-4)
    np.testing.assert_allclose(seen.pmi(x, y), hidden.pmi(*latents), atol=1e-3)


def test_rows_begin_with_those_of_a_smaller_sample_to_the_bit():
    task = StoryTask("stress-normal", "x1", "x2+theta")
    for large, small in zip(task.sample(300, 1), task.sample(40, 1), strict=True):
        np.testing.assert_array_equal(large[:40], small)


def test_sides_of_several_variables_lie_side_by_side():
    task = StoryTask("stress-normal", "x1", "x2+theta")
    y, all_of_it = task.sample(5, 0)[1], task.sample_all(5, 0)
    assert y.shape == (5, 65)
    np.testing.assert_array_equal(y[:, :64], all_of_it["x2"].reshape(5, -1))
    np.testing.assert_array_equal(y[:, 64:], all_of_it["theta"])
    assert set(all_of_it) == {"mass", "theta", "x1", "x2"}


def test_information_of_other_variables_of_the_story():
    task, story = StoryTask("black-hole", "radio", "xray"), preset("black-hole")
    assert task.mi("radio", "theta") == story.information("I(radio; theta)")
    assert task.cmi("radio", "xray", given="theta") == story.information("I(radio; xray | theta)")
    assert task.total_correlation() == story.information("TC(radio, xray)")
    assert task.total_correlation("radio", "theta") == story.information("TC(radio, theta)")
    joint, marginal = (StoryTask("black-hole", "radio", y) for y in ("xray+theta", "theta"))
    difference = joint.mutual_information - marginal.mutual_information
    assert difference == pytest.approx(task.cmi("radio", "xray", given="theta"), abs=1e-9)


@pytest.mark.parametrize(
    ("in_id", "name", "nats"),
    [
        ("black-hole", "black-hole-templates", 0.4046539691408635),
        ("black-hole-physical", "black-hole", 0.6717081419447614),
    ],
)
def test_ids_keep_the_names_that_their_stories_had(in_id, name, nats):
    task = build(f"story:story={in_id},x=radio,y=xray,view=latent")
    assert task == StoryTask(name, "radio", "xray", "latent")
    assert task.id == f"story:story={in_id},x=radio,y=xray,view=latent"
    assert task.metadata["params"]["story"] == in_id
    assert task.mutual_information == pytest.approx(nats, abs=1e-12)
    assert build("story:story=black-hole-templates,x=radio,y=xray") == build(
        "story:story=black-hole,x=radio,y=xray"
    )


def test_recorded_results_have_the_truths_of_today():
    lines = (RESULTS / "estimators-paper.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if "story:story=" in line]
    recorded = {row["task"]: row["truth"] for row in rows if row["truth"] is not None}
    named = {task for task in recorded if "=black-hole," in task}
    assert len(named) == 2
    for task in named:
        assert build(task).mutual_information == pytest.approx(recorded[task], abs=1e-12)


def test_a_spec_file_is_a_story(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(preset("stress-normal").spec.to_yaml(), encoding="utf-8")
    task = build("story:story=own.yaml,x=x1,y=theta")
    assert task.mutual_information == preset("stress-normal").information("I(x1; theta)")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (("figure-1", "x1", "x3"), TaskError, r"variable `x3` of the story `figure-1`: expected one of .*x1"),
        (
            ("figure-1", "x1", "x1+x2"),
            TaskError,
            r"task setting `y=x1\+x2`: expected variables that are not in x\.",
        ),
        (
            ("figure-1", "x1", "x2", "seen"),
            TaskError,
            r"task setting `view=seen`: expected one of observed, latent\.",
        ),
        (("figure-0", "x1", "x2"), SpecError, "figure-0"),
    ],
)
def test_settings_that_do_not_fit(settings, error, message):
    with pytest.raises(error, match=message):
        StoryTask(*settings)
