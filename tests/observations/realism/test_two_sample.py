"""The two-sample classifier test on rows of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infoloom.errors import FlowError
from infoloom.observations.realism.quality import moments
from infoloom.observations.realism.two_sample import _split, two_sample_test

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 32), (32,)])
def test_equal_rows_are_not_told_apart(shape: tuple[int, ...]) -> None:
    real, made = (RNG.standard_normal((400, *shape), dtype=np.float32) for _ in range(2))
    found = two_sample_test(real, made, sizes=(8, 16), epochs=8)
    assert abs(found.accuracy - 0.5) < 4.0 * found.standard_error
    assert found.rows == (280, 40, 400)  # five splits report 80 of each kind


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 32), (32,)])
def test_smoother_rows_are_told_apart(shape: tuple[int, ...]) -> None:
    real, made = (RNG.standard_normal((400, *shape), dtype=np.float32) for _ in range(2))
    smooth = (made + np.roll(made, 1, axis=-1)) / np.float32(np.sqrt(2.0))  # of the same mean and deviation
    found = two_sample_test(real, smooth, sizes=(16, 32), epochs=10)
    assert found.accuracy > 0.5 + 4.0 * found.standard_error


@pytest.mark.parametrize("shape", [(1, 16, 16), (2, 32), (32,)])
def test_the_strong_network_tells_the_same(shape: tuple[int, ...]) -> None:
    real, made = (RNG.standard_normal((200, *shape), dtype=np.float32) for _ in range(2))
    equal = two_sample_test(real, made, sizes=(8, 16), strong=True, epochs=3)
    assert abs(equal.accuracy - 0.5) < 4.0 * equal.standard_error
    smooth = (made + np.roll(made, 1, axis=-1)) / np.float32(np.sqrt(2.0))
    found = two_sample_test(real, smooth, sizes=(16, 32), strong=True, epochs=5)
    assert found.accuracy > 0.5 + 4.0 * found.standard_error


def test_a_known_difference_is_told_as_well_as_it_can_be() -> None:
    shift = 1.0  # of the mean of a row, in its own deviations: the best accuracy is Φ(½)
    real, made = RNG.standard_normal((2, 3000, 1)).astype(np.float32)
    rows = [np.repeat(one, 16, axis=1) for one in (real, made + np.float32(shift))]
    found = two_sample_test(*rows, sizes=(8,), epochs=15)
    assert found.accuracy == pytest.approx(0.6915, abs=4.0 * found.standard_error)


def test_all_passes_are_made() -> None:
    """What shows in late passes only is found: on few rows an early pass may look best by luck."""
    real, made = RNG.standard_normal((2, 100, 32)).astype(np.float32)
    smooth = (made + np.roll(made, 1, axis=-1)) / np.float32(np.sqrt(2.0))
    soon, late = (two_sample_test(real, smooth, sizes=(8, 16), epochs=epochs) for epochs in (3, 100))
    assert late.kept > 25
    assert late.accuracy > soon.accuracy + 4.0 * soon.standard_error


@pytest.mark.parametrize(("count", "reported"), [(60, 60), (474, 475), (1149, 460), (2048, 410)])
def test_few_rows_are_split_more_than_once(count: int, reported: int) -> None:
    rows = RNG.standard_normal((2, count, 8)).astype(np.float32)
    assert two_sample_test(*rows, sizes=(8,), epochs=1).rows[2] == reported


@pytest.mark.parametrize("count", [60, 474, 1149])
def test_splits_report_other_rows(count: int) -> None:
    parts = [_split(count, 0, number) for number in range(5)]
    assert all(sorted(torch.cat(part).tolist()) == list(range(2 * count)) for part in parts)
    reported = torch.cat([part[2] for part in parts])
    assert (
        len(reported) - len(reported.unique()) <= 2 * 4
    )  # a row more or less, where five do not divide the count


def test_few_rows_are_refused() -> None:
    with pytest.raises(FlowError, match="expected at least 50 rows of each kind, got 49"):
        two_sample_test(np.zeros((49, 8), np.float32), np.zeros((90, 8), np.float32))


def test_moments_are_in_units_of_the_real_deviation() -> None:
    real = RNG.standard_normal((4000, 6)).astype(np.float32)
    found = moments(3.0 * real, 3.0 * (1.1 * real + 0.5))
    assert found["mean"] == pytest.approx(0.5, abs=0.01)
    assert found["deviation"] == pytest.approx(0.1, abs=1e-3)
    assert found["component_mean"] == pytest.approx(0.5, abs=0.01)
    assert found["component_deviation"] == pytest.approx(0.1, abs=0.01)
