"""Masks, their error, and that nothing hidden is seen."""

from __future__ import annotations

import math
import re

import pytest
import torch

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.masked import masked_error, visible_pieces

OWNERS = torch.tensor([0] * 8 + [1] * 4 + [2] * 4)
SHAPES = {"a": (1, 6, 6), "b": (2, 9), "c": (4,)}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_as_many_pieces_are_shown_as_asked_and_none_twice():
    for masked, shown in ((0.75, 4), (0.5, 8), (0.99, 1), (0.01, 15)):
        found = visible_pieces(OWNERS, 50, masked, 0.5, seeded())
        assert found.shape == (50, shown)
        assert all(len(row.unique()) == shown for row in found)


def test_without_whole_masks_every_piece_is_shown_as_often():
    """Each with the probability ¼, within 4 standard errors."""
    rows = 8000
    counts = torch.bincount(visible_pieces(OWNERS, rows, 0.75, 0.0, seeded()).flatten(), minlength=16)
    assert ((counts - rows / 4).abs() < 4.0 * math.sqrt(rows * 3 / 16)).all()


def test_whole_masks_hide_modalities():
    """Of 4 pieces shown, all come from modalities that are not hidden: 1/8 of the rows show each one alone."""
    rows = 8000
    shown = visible_pieces(OWNERS, rows, 0.75, 1.0, seeded())
    owners = OWNERS[shown]
    for modality in range(3):
        # By chance too, where no modality or this and another are kept: p is that of only this one shown.
        size = int((modality == OWNERS).sum())
        others = [int((other == OWNERS).sum()) for other in range(3) if other != modality]
        ways = math.comb(size, 4)
        p = (
            ways / math.comb(size, 4)
            + sum(ways / math.comb(size + other, 4) for other in others)
            + 2 * ways / math.comb(16, 4)
        ) / 8
        alone = (owners == modality).all(dim=1).sum().item()
        assert abs(alone - rows * p) < 4.0 * math.sqrt(rows * p * (1 - p))


def test_error_by_hand():
    generator = seeded()
    predicted, wanted = torch.randn(2, 3, 4, 5, generator=generator)
    hidden = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
    real = torch.ones(4, 5)
    real[3, 2:] = 0.0
    squares = [
        (predicted[n, k, v] - wanted[n, k, v]).item() ** 2
        for n in range(3)
        for k in range(4)
        for v in range(5)
        if hidden[n, k] and real[k, v]
    ]
    found = masked_error(predicted, wanted, hidden, real)
    assert found.item() == pytest.approx(sum(squares) / len(squares), rel=1e-5)
    assert masked_error(predicted, predicted, hidden, real).item() == 0.0
    assert masked_error(predicted, wanted, torch.zeros(3, 4), real).item() == 0.0
    doubles = tuple(x.double() for x in (wanted, hidden, real))
    assert torch.autograd.gradcheck(lambda p: masked_error(p, *doubles), predicted.double().requires_grad_())


def test_nothing_hidden_is_seen_and_everything_shown_is():
    learner = build("masked", SHAPES, features=8, hidden=16)
    generator = seeded()
    batch = {name: torch.randn(5, *shape, generator=generator) for name, shape in SHAPES.items()}
    shown = visible_pieces(learner.get_buffer("owners"), 5, 0.5, 0.5, generator)
    given = {name: values.clone().requires_grad_() for name, values in batch.items()}
    # A fixed mixture of the outputs: normalised tokens have a sum that no input changes.
    outputs = learner.predict(given, shown)
    sum(
        (values * torch.randn(values.shape, generator=generator)).sum() for values in outputs.values()
    ).backward()
    pieces = []
    for name, patches in zip(SHAPES, learner.patches, strict=True):
        assert outputs[name].shape == (5, patches.number, patches.width)
        pieces.append(patches(given[name].grad).abs().amax(dim=2))
    seen = torch.zeros(5, sum(learner.numbers)).scatter(1, shown, 1.0) > 0.0
    assert torch.equal(torch.cat(pieces, dim=1) > 0.0, seen)


def test_loss_is_the_mean_over_modalities():
    learner = build("masked", SHAPES, features=8, hidden=16, whole=0.0)
    batch = {name: torch.randn(6, *shape, generator=seeded()) for name, shape in SHAPES.items()}
    shown = visible_pieces(learner.get_buffer("owners"), 6, 0.75, 0.0, seeded(3))
    hidden = torch.ones(6, sum(learner.numbers)).scatter(1, shown, 0.0)
    outputs, first, errors = learner.predict(batch, shown), 0, []
    for name, patches in zip(SHAPES, learner.patches, strict=True):
        unseen = hidden[:, first : first + patches.number]
        errors.append(masked_error(outputs[name], patches(batch[name]), unseen, patches.real).item())
        first += patches.number
    assert learner.loss(batch, seeded(3)).item() == pytest.approx(sum(errors) / 3, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"heads": 3},
            "`heads` `3`: expected a divisor of the features, 64. Use 4, or features that it divides.",
        ),
        ({"masked": 1.0}, "`masked` `1.0`: expected a share between 0 and 1. Use 0.75."),
        ({"whole": -0.1}, "`whole` `-0.1`: expected a share from 0 to 1. Use 0.5."),
        ({"depth": 0}, "`depth` `0`: expected a number above 0. Use 2."),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build("masked", SHAPES, **settings)


def test_one_piece_is_too_few():
    with pytest.raises(LearnerError, match=re.escape("`pieces` `1`: expected at least 2 in all. Raise it.")):
        build("masked", {"a": (5,)}, pieces=1)
