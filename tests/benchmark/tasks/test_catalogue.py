"""Ids: every task comes back from its own, and wrong ones are refused with advice."""

from __future__ import annotations

import json
import math

import pytest

from infoloom.benchmark import tasks
from infoloom.errors import TaskError
from infoloom.estimators.protocol import Task


@pytest.mark.parametrize("group", tasks.groups())
def test_every_task_comes_back_from_its_id(group):
    for name in tasks.names(group):
        task = tasks.build(name)
        assert task.id == name
        assert tasks.build(task.id) == task


@pytest.mark.parametrize("group", [group for group in tasks.groups() if group != "presets"])
def test_every_task_keeps_the_protocol(group):
    for name in tasks.names(group):
        task = tasks.build(name)
        assert isinstance(task, Task)
        about = json.loads(json.dumps(task.metadata, allow_nan=False))
        assert (about["id"], about["unit"]) == (name, "nats")
        assert about["mutual_information"] == task.mutual_information == task.target >= 0.0
        assert about["dim_x"] == task.dim_x
        assert about["source"]


@pytest.mark.slow
@pytest.mark.parametrize("group", tasks.groups())
def test_rows_of_every_task_hold_its_truth(group):
    for name in tasks.names(group):
        task = tasks.build(name)
        found = task.pmi_behind(*task.behind(400, 11))
        error = found.std() / math.sqrt(len(found)) + task.truth.error
        assert abs(found.mean() - task.mutual_information) <= 4.0 * error, name


def test_ids_are_unique_and_all_are_listed():
    assert len(set(tasks.names())) == len(tasks.names())
    assert set(tasks.names("hard")) < set(tasks.names())


def test_settings_left_out_have_their_default():
    assert tasks.build("gaussian:dims=2v2,nats=1,pairs=2").id == (
        "gaussian:dims=2v2,nats=1.0,pairs=2,hidden=plain,turn=0"
    )


@pytest.mark.parametrize(
    ("task_id", "message"),
    [
        (
            "1v1-normal-0.7",
            r"task `1v1-normal-0\.7`: expected an id such as .* Did you mean `1v1-normal-0\.75`\?",
        ),
        ("???", r"task `\?\?\?`: expected an id such as .* Run `infoloom bench tasks`\."),
        (
            "gauss:dims=2v2",
            r"family of tasks `gauss`: expected one of gaussian, .*story, .*\. Name one of them\.",
        ),
        ("gaussian:dims", r"task `gaussian:dims`: expected `family:name=value,name=value`\."),
        ("gaussian:dims=1v1,dims=1v1", r"task `.*`: expected `dims` once\. Remove one of them\."),
        (
            "gaussian:dims=2v2,nats=1,pairs=1,bent=1",
            r"settings of `gaussian` `bent`: expected dims, nats, pairs, hidden, turn\. Write them as name=value\.",
        ),
        ("mixture-ai:x=1", r"^settings of `mixture-ai` `x`: expected none\. Leave them out\.$"),
        (
            "grid:nats=200.0",
            r"`nats=200\.0`: expected a number from 0 to 48, 12 a pair, which rows still show\.",
        ),
        ("gaussian:dims=2v2,nats=1", r"settings of `gaussian` `without pairs`: expected dims, nats"),
        (
            "gaussian:dims=2v2,nats=much,pairs=1",
            r"task setting `nats=much`: expected a number\. Write it in digits\.",
        ),
        ("gaussian:dims=2v2,nats=1,pairs=1.5", r"task setting `pairs=1\.5`: expected a whole number\."),
    ],
)
def test_wrong_ids_are_refused_with_advice(task_id, message):
    with pytest.raises(TaskError, match=message):
        tasks.build(task_id)


def test_an_unknown_group_is_refused():
    with pytest.raises(
        TaskError, match=r"group of tasks `easy`: expected one of hard, null, .*\. Name one of them\."
    ):
        tasks.names("easy")


def test_words_that_an_id_cannot_hold_are_refused():
    task = tasks.from_mi(1.0)
    object.__setattr__(task, "hidden", "a,b")
    with pytest.raises(
        TaskError, match=r"task setting `hidden=a,b`: expected letters, digits and `_ \. / \+ -`"
    ):
        task.id  # noqa: B018
