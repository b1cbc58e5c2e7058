"""Mean and scale of channels and components, over more rows than are read at once."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from infoloom.errors import LearnerError
from infoloom.ssl.scaling import Standardise, TokenIds


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 2)])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_channels_have_mean_0_and_variance_1(shape, kind):
    rng = np.random.default_rng(0)
    channel = np.arange(1.0, shape[0] + 1.0).reshape(-1, *(1 for _ in shape[1:]))
    rows = (10.0 * channel + channel * rng.normal(size=(5000, *shape))).astype(np.float32)
    scale = Standardise(shape)
    untouched = scale(torch.from_numpy(rows))
    assert torch.equal(untouched, torch.from_numpy(rows))
    scale.fit(kind(rows))
    found = scale(torch.from_numpy(rows)).double()
    axes = (0, *range(2, rows.ndim))
    np.testing.assert_allclose(found.mean(axes), 0.0, atol=1e-4)
    np.testing.assert_allclose(found.var(axes, correction=0), 1.0, rtol=1e-4)


def test_a_channel_that_never_varies_is_only_centred():
    scale = Standardise((2,))
    scale.fit(np.stack([np.full(9, 1e6), np.arange(9.0)], axis=1))
    found = scale(torch.tensor([[1e6, 4.0], [1e6 + 1.0, 4.0]]))
    assert found[:, 0].tolist() == [0.0, 1.0]
    assert found[:, 1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("factor", [1.0, 1e-8, 1e-17, 1e30])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_scale_and_offset_of_a_channel_do_not_matter(factor, offset):
    plain = np.random.default_rng(1).normal(size=(4000, 1))
    scale = Standardise((1,))
    given = ((plain + offset) * factor).astype(np.float32)
    scale.fit(given)
    found = scale(torch.from_numpy(given)).double().numpy()
    assert found.std() == pytest.approx(1.0, rel=1e-3)
    np.testing.assert_allclose(found, (plain - plain.mean()) / plain.std(), atol=max(1e-5, 2e-7 * offset))


def test_a_deviation_of_rounding_is_constant():
    scale = Standardise((1,))
    ulp = np.spacing(np.float32(1e6))
    scale.fit(np.float32(1e6) + ulp * np.arange(100)[:, None].astype(np.float32) // 99)
    assert scale.scale.item() == 1.0


@pytest.mark.parametrize("bad", [5.0, 7.0, -1.0, 1.75, np.nan])
def test_token_ids_are_looked_at_wherever_they_come_in(bad):
    """Training rows, and any rows that are encoded."""
    ids = TokenIds("text", 5)
    rows = np.array([[0.0, 4.0], [1.0, bad]], np.float32)
    message = f"`token id of text` `{bad}`: expected a whole number from 0 to 4. Raise its size in"
    for look in (
        ids.fit,
        lambda given: ids(torch.from_numpy(given)),
        lambda given: ids.eval()(torch.from_numpy(given)),
    ):
        with pytest.raises(LearnerError, match=re.escape(message)):
            look(rows)
    assert ids(torch.from_numpy(rows[:1])).tolist() == [[0, 4]]
    assert ids(torch.tensor([[0, 4]])).dtype == torch.int64
