"""Views: noise of the size that was asked, one erased block a row, words dropped."""

from __future__ import annotations

import math

import pytest
import torch

from infoloom.ssl.models.views import view


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(3, 12, 10), (2, 40), (30,)])
@pytest.mark.parametrize("erased", [0.0, 0.25, 0.5])
def test_a_block_is_erased_and_the_rest_has_noise(shape, erased):
    rows = 100.0 + torch.randn(500, *shape, generator=seeded(1))
    found = view({"x": rows}, seeded(), noise=0.5, erased=erased)["x"]
    gone = found == 0.0
    sides = shape[1:] or shape
    lengths = [round(erased ** (1.0 / len(sides)) * side) for side in sides]
    per_row = math.prod(lengths) * (shape[0] if len(shape) > 1 else 1)
    assert (gone.flatten(1).sum(dim=1) == (per_row if erased else 0)).all()
    noise = (found - rows)[~gone]
    assert abs(noise.mean().item()) < 4.0 * 0.5 / math.sqrt(noise.numel())
    assert abs(noise.std().item() / 0.5 - 1.0) < 4.0 / math.sqrt(2.0 * noise.numel())
    if erased and len(shape) == 3:
        block = gone[0, 0]
        places = block.nonzero()
        extent = (places.max(dim=0).values - places.min(dim=0).values + 1).tolist()
        assert extent == lengths
        assert torch.equal(gone[:, 0], gone[:, 2])


def test_every_place_can_be_erased_and_rows_differ():
    gone = view({"x": 1.0 + torch.zeros(4000, 8)}, seeded(), noise=0.0, erased=0.5)["x"] == 0.0
    starts = gone.int().argmax(dim=1)
    counts = torch.bincount(starts, minlength=5)
    assert len(counts) == 5
    assert ((counts - 800.0).abs() < 4.0 * math.sqrt(4000 * 0.2 * 0.8)).all()


def test_words_are_dropped_one_by_one():
    words = torch.randint(1, 9, (500, 12), generator=seeded(1))
    found = view({"text": words}, seeded(), noise=3.0, erased=0.3)["text"]
    kept = found == words
    assert found.dtype == torch.int64
    assert (found[~kept] == 0).all()
    spread = math.sqrt(0.3 * 0.7 / words.numel())
    assert abs((~kept).double().mean().item() - 0.3) < 4.0 * spread
