"""Pieces hold every value once, and blocks of a transformer treat tokens alike."""

from __future__ import annotations

import math

import pytest
import torch

from infoloom.ssl.models.encoders import first_weights
from infoloom.ssl.models.patches import Block, Patches, PlaceLinear


def numbered(shape, rows=2):
    return 1.0 + torch.arange(float(rows * math.prod(shape))).view(rows, *shape)


def test_pieces_of_a_picture_by_hand():
    picture = numbered((3, 4, 6))
    patches = Patches((3, 4, 6), (2, 3))
    found = patches(picture)
    assert found.shape == (2, 4, 18)
    for place, (top, left) in enumerate([(0, 0), (0, 3), (2, 0), (2, 3)]):
        expected = picture[:, :, top : top + 2, left : left + 3].flatten(1)
        assert torch.equal(found[:, place], expected)


def test_pieces_of_a_signal_by_hand():
    signal = numbered((2, 12))
    found = Patches((2, 12), (4,))(signal)
    for place in range(3):
        assert torch.equal(found[:, place], signal[:, :, 4 * place : 4 * place + 4].flatten(1))


@pytest.mark.parametrize("size", [1, 2, 4, 5, 100])
@pytest.mark.parametrize("shape", [(1,), (7,), (2, 5), (3, 100), (1, 1, 1), (3, 7, 9), (1, 33, 2)])
def test_every_value_is_in_one_piece(shape, size):
    rows = numbered(shape)
    sides = shape[-2:] if len(shape) == 3 else shape[-1:]
    patches = Patches(shape, tuple(size for _ in sides))
    found = patches(rows)
    assert found.shape == (2, patches.number, patches.width)
    for row, cut in zip(rows, found, strict=True):
        assert sorted(cut[cut != 0.0].tolist()) == sorted(row.flatten().tolist())
    assert torch.equal(patches.real, (found[0] != 0.0).float())
    assert (patches.real.sum(dim=1) > 0.0).all()
    assert patches.number == math.prod(math.ceil(side / size) for side in sides)


def test_each_place_has_a_map_of_its_own():
    with first_weights(0):
        layer = PlaceLinear(3, 5, 2)
    pieces = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    found = layer(pieces)
    for place in range(3):
        expected = pieces[:, place] @ layer.weight[place] + layer.bias[place]
        assert torch.allclose(found[:, place], expected, rtol=1e-5, atol=1e-6)


def test_a_block_turns_with_its_tokens_and_looks_at_all_of_them():
    with first_weights(0):
        block = Block(8, 2, 16)
    tokens = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = block(tokens)
    order = torch.tensor([4, 2, 0, 1, 3])
    assert torch.allclose(block(tokens[:, order]), found[:, order], rtol=1e-4, atol=1e-6)
    found[0, 0].sum().backward()
    assert (tokens.grad[0].abs().sum(dim=1) > 0.0).all()
    assert torch.equal(tokens.grad[1:], torch.zeros(2, 5, 8))
