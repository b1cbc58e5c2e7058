"""Discrete, mixed and mixture tasks against integrals of scipy, sums over all cells, and their own rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from infoloom.benchmark import tasks
from infoloom.benchmark.tasks.vectors.mixed import (
    MIXED,
    AtomsTask,
    ChannelTask,
    ClassesTask,
    StepsTask,
    ZeroInflatedTask,
)
from infoloom.errors import TaskError

TASKS = [tasks.build(name) for group in ("mixed", "mixed-null") for name in tasks.names(group)]
named = pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])


@named
def test_the_mean_of_the_pointwise_information_is_the_truth(task):
    found = task.pmi(*task.sample(20_000, 3))
    error = found.std() / math.sqrt(len(found))
    assert abs(found.mean() - task.mutual_information) <= 4.0 * error


@named
def test_a_sample_begins_with_the_rows_of_a_smaller_one(task):
    for large, small in zip(task.sample(50, 1), task.sample(20, 1), strict=True):
        np.testing.assert_array_equal(large[:20], small)
    assert not np.array_equal(task.sample(20, 1)[0], task.sample(20, 2)[0])


@named
def test_kinds_are_those_of_the_rows(task):
    rows = task.sample(500, 0)
    for side, kind, which in zip(rows, task.kinds, "xy", strict=True):
        assert task.metadata[f"kind_{which}"] == kind
        assert (side.dtype == np.int64) == (kind == "discrete")
        times = np.unique(side, return_counts=True)[1]
        assert (times.max() > 1) == (kind != "continuous")
        assert (times.min() == 1 and times.max() > 1) == (kind == "mixture")
    assert task.kind == ("continuous", "mixed", "discrete")[sum(side.dtype == np.int64 for side in rows)]


def test_other_tasks_are_continuous():
    task = tasks.build("1v1-normal-0.75")
    assert task.kinds == ("continuous", "continuous")
    assert task.kind == task.metadata["kind_x"] == "continuous"


def entropy(density, low, high, points=None):
    """−∫ p log p by scipy."""
    return integrate.quad(
        lambda t: -density(t) * math.log(density(t)) if density(t) > 0 else 0.0,
        low, high, points=points, limit=400, epsabs=1e-12,
    )[0]  # fmt: skip


@pytest.mark.parametrize("values", [2, 5, 8])
def test_steps_against_quadrature(values):
    def density(y):
        return sum(0.5 / values for x in range(values) if x <= y <= x + 2)

    found = entropy(density, 0.0, values + 1.0, points=list(range(1, values + 1))) - math.log(2.0)
    assert StepsTask(values).mutual_information == pytest.approx(found, abs=1e-9)
    assert StepsTask(values, 4).mutual_information == 4 * StepsTask(values).mutual_information


@pytest.mark.parametrize(("symbols", "error"), [(2, 0.1), (5, 0.3), (4, 0.75), (3, 0.0), (3, 1.0)])
def test_channels_against_a_sum_over_cells(symbols, error):
    joint = np.full((symbols, symbols), error / (symbols - 1) / symbols)
    np.fill_diagonal(joint, (1.0 - error) / symbols)
    found = math.fsum(p * math.log(p * symbols**2) for p in joint.ravel() if p > 0)
    assert ChannelTask(symbols, error).mutual_information == pytest.approx(found, abs=1e-14)


@pytest.mark.parametrize(("classes", "apart"), [(2, 2.0), (10, 1.0), (3, 0.05), (4, 9.0), (2, 60.0)])
def test_classes_against_quadrature(classes, apart):
    means = apart * (np.arange(classes) - (classes - 1) / 2)

    def density(t):
        return float(np.mean(stats.norm.pdf(t, means)))

    ends = means[0] - 12.0, means[-1] + 12.0
    found = entropy(density, *ends, points=list(means)) - stats.norm.entropy()
    task = ClassesTask(classes, apart)
    assert task.mutual_information == pytest.approx(found, abs=1e-8)
    assert ClassesTask(classes, apart, 7).mutual_information == task.mutual_information
    assert task.truth.tolerance == 1e-12


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 0.97])
def test_lost_counts_against_quadrature(share):
    counts = np.arange(80)

    def of_y(x):
        return share * (counts == 0) + (1.0 - share) * stats.poisson.pmf(counts, x)

    def conditional(x):
        chances = of_y(x)[of_y(x) > 0]
        return -math.exp(-x) * float(np.sum(chances * np.log(chances)))

    marginal = share * (counts == 0) + (1.0 - share) * stats.geom.pmf(counts + 1, 0.5)
    known = -float(np.sum(marginal[marginal > 0] * np.log(marginal[marginal > 0])))
    found = known - integrate.quad(conditional, 0.0, 40.0, limit=400, epsabs=1e-11)[0]
    assert ZeroInflatedTask(share).mutual_information == pytest.approx(found, abs=1e-8)


def test_the_published_value_of_lost_counts_is_an_upper_bound():
    k = np.arange(1.0, 200.0)
    published = 2.0 * math.log(2.0) - np.euler_gamma - np.sum(np.log(k) * np.exp2(-k))
    assert ZeroInflatedTask(0.0).mutual_information == pytest.approx(published, abs=1e-14)
    for share in (0.15, 0.5):
        assert ZeroInflatedTask(share).mutual_information < (1.0 - share) * published - 0.02


def test_a_negative_correlation_has_an_id():
    task = tasks.build("normal-atoms:correlation=-0.5")
    assert tasks.build(task.id) == task
    assert task.mutual_information == pytest.approx(AtomsTask(0.5).mutual_information)


def test_atoms_against_their_parts():
    task = AtomsTask(0.6, 0.3, 0.8)
    cells = [0.5 * p for p in (0.8, 0.2, 0.2, 0.8)]
    signs = math.fsum(p * math.log(4.0 * p) for p in cells)
    covariance = np.array([[1.0, 0.6], [0.6, 1.0]])
    normal = 2 * stats.norm.entropy() - stats.multivariate_normal(cov=covariance).entropy()
    which = -0.3 * math.log(0.3) - 0.7 * math.log(0.7)
    assert task.mutual_information == pytest.approx(which + 0.3 * normal + 0.7 * signs, abs=1e-12)


@pytest.mark.parametrize(("classes", "apart"), [(200, 0.3), (300, 20.0)])
def test_many_classes_are_summed_in_parts(classes, apart):
    """Against one table of all of them, and log K where classes are far apart."""
    law = ClassesTask(classes, apart).law
    t = np.arange(law.means[0] - 12.0, law.means[-1] + 12.0, 1.0 / 16.0)
    p = np.exp(-0.5 * (t[:, None] - law.means) ** 2).mean(axis=1) / math.sqrt(2.0 * math.pi)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum() / 16.0
    assert law.mutual_information == pytest.approx(entropy - 0.5 * math.log(2.0 * math.pi * math.e), abs=1e-9)


def test_every_family_is_in_the_group():
    assert {type(tasks.build(name)) for name in tasks.names("mixed")} == set(MIXED)
    assert all(tasks.build(name).mutual_information == 0.0 for name in tasks.names("mixed-null"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: StepsTask(1),
            r"task setting `values=1`: expected a whole number from 2 to 1,000,000\. Use 2\.",
        ),
        (
            lambda: StepsTask(10**20),
            r"`values=100000000000000000000`: expected a whole number from 2 to 1,000,000",
        ),
        (lambda: StepsTask(3, 0), r"task setting `copies=0`: expected a whole number from 1 to 100,000"),
        (lambda: ChannelTask(1, 0.1), r"task setting `symbols=1`: expected a whole number from 2 to"),
        (lambda: ChannelTask(2, 1.5), r"task setting `error=1\.5`: expected a probability from 0 to 1"),
        (lambda: ClassesTask(1, 1.0), r"task setting `classes=1`: expected a whole number from 2 to 1,000"),
        (lambda: ClassesTask(2, -1.0), r"task setting `apart=-1\.0`: expected a number from 0 to below 100"),
        (lambda: ClassesTask(2, 1.0, 0), r"task setting `dim=0`: expected a whole number from 1 to 100,000"),
        (lambda: ZeroInflatedTask(1.0), r"task setting `share=1\.0`: expected a number from 0 to below 1"),
        (lambda: AtomsTask(1.0), r"task setting `correlation=1\.0`: expected between -1 and 1"),
        (lambda: AtomsTask(share=0.0), r"task setting `share=0\.0`: expected between 0 and 1"),
        (lambda: AtomsTask(agree=-0.1), r"task setting `agree=-0\.1`: expected a probability from 0 to 1"),
    ],
)
def test_settings_that_do_not_fit(make, message):
    with pytest.raises(TaskError, match=message):
        make()
