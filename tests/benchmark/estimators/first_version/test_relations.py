"""Relations: the truths obey them, and gaps measure who does not."""

from __future__ import annotations

import pytest

from infoloom.benchmark.estimators.first_version.relations import KINDS, Relation, relations
from infoloom.benchmark.tasks import build, from_mi
from infoloom.errors import TaskError

ALL = list(relations())


@pytest.mark.parametrize("relation", ALL, ids=lambda relation: relation.name)
def test_the_truths_obey_every_relation(relation):
    truths = {task.id: task.mutual_information for task in relation.tasks}
    assert abs(relation.gap(truths)) <= 1e-9
    assert (
        (relation.truth > relation.value + 1e-3)
        if relation.bound
        else abs(relation.truth - relation.value) <= 1e-9
    )


def test_there_are_relations_of_every_kind_by_unique_names():
    assert {relation.kind for relation in ALL} == set(KINDS)
    assert len({relation.name for relation in ALL}) == len(ALL)
    assert [one for kind in KINDS for one in relations(kind)] == ALL


def test_a_gap_is_what_is_missing():
    whole, part = from_mi(2.0, 2), from_mi(1.0, 2)
    bound = Relation("part", "data processing", ((whole, 1.0), (part, -1.0)), bound=True)
    assert bound.gap({whole.id: 0.5, part.id: 0.75}) == -0.25
    assert bound.gap({whole.id: 1.5, part.id: 0.75}) == 0.0
    double = Relation("double", "additivity", ((whole, 1.0), (part, -2.0)))
    assert double.gap({whole.id: 1.5, part.id: 0.75}) == 0.0
    assert double.gap({whole.id: 2.0, part.id: 0.75}) == 0.5


def test_additivity_is_of_independent_copies():
    """The pairs of the larger task are twice those of the smaller, each with the same information."""
    for relation in relations("additivity"):
        two, one = relation.tasks
        assert two.law.nats == 2 * one.law.nats
        assert (two.dim_x, two.dim_y) == (2 * one.dim_x, 2 * one.dim_y)


def test_refusals():
    task = build("gaussian:dims=1v1,nats=1.0,pairs=1")
    with pytest.raises(
        TaskError, match=r"relation `one`: expected an estimate of `gaussian:.*`, got none\. Run that"
    ):
        Relation("one", "independence", ((task, 1.0),)).gap({})
    with pytest.raises(
        TaskError, match=r"kind of relation `symmetry`: expected one of additivity, .*\. Name one"
    ):
        relations("symmetry")
