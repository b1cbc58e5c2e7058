"""Where a cause shows, and rows to look at."""

from __future__ import annotations

import numpy as np
import pytest

from infoloom.datasets.making.observe import observe
from infoloom.datasets.showing.gallery import sorted_rows
from infoloom.datasets.showing.influence import influence
from infoloom.datasets.showing.strip import strip_rows
from infoloom.errors import QueryError
from infoloom.story import load


def test_through_the_identity_it_is_the_whitened_template():
    story = load("black-hole-templates")
    found = influence(story, "mass", "radio", rows=2)
    template = story.templates()["radio: mass@disk"].ravel()
    whitened = story.whitener("radio").matrix() @ (0.03 * template)
    assert found.shape == (3, 32, 32)
    assert found.ravel() == pytest.approx(np.abs(whitened), abs=1e-6)


def test_through_a_trained_flow_it_is_the_mean_of_counterfactual_slopes():
    story = load("digits-pair")
    step, rows = 0.02, 12
    up, down = (
        observe(story, "eight", story.twins(rows, 5, node="style", shift=sign * step)[1]).astype(float)
        for sign in (1, -1)
    )
    slopes = np.abs(up - down).mean(axis=0) / (2 * step)
    found = influence(story, "style", "eight", rows=rows, seed=5)
    # float32 rounds observations of order 1 to 1e-7, and the flow bends by less than 1 over the step.
    assert np.abs(found - slopes).max() < 1e-7 / step + step**2 + 1e-3
    assert found.max() > 0.1


def test_sorted_rows_are_rows_of_the_story():
    story = load("stress-normal")
    found = sorted_rows(story, "x1", "theta", seed=4)
    drawn = story.sample(64, seed=4)
    assert list(found.values) == sorted(found.values)
    assert found.values == tuple(drawn["theta"][list(found.rows)].tolist())
    assert np.array_equal(found.observed, observe(story, "x1", {"x1": drawn["x1"][list(found.rows)]}))
    assert sorted_rows(story, "x2", "theta", seed=4).rows == found.rows


def test_sorting_wants_a_scalar():
    with pytest.raises(QueryError, match=r"sort by `texture`: expected a scalar, one of mass, theta\."):
        sorted_rows(load("stress-normal"), "x1", "texture")


def test_a_strip_of_one_modality_is_that_of_all():
    story = load("stress-normal")
    every = strip_rows(story, "mass", (-1.0, 1.0))
    one = strip_rows(story, "mass", (-1.0, 1.0), modalities=["x2"])
    assert list(one) == ["x2"]
    assert np.array_equal(one["x2"], every["x2"])
