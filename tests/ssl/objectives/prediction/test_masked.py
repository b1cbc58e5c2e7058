"""Masks, their error, and that nothing hidden is seen."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from infoloom.errors import LearnerError
from infoloom.ssl import Training, build, features, train
from infoloom.ssl.models.cuts import masked_error, masked_nats
from infoloom.ssl.objectives.prediction.masked import piece_owners, visible_pieces

OWNERS = torch.tensor([0] * 8 + [1] * 4 + [2] * 4)
SHAPES = {"a": (1, 12, 13), "b": (2, 24), "c": (11,), "text": (9,)}
WORDS = {"text": 5}


def drawn(rows, generator):
    batch = {
        name: torch.randn(rows, *shape, generator=generator)
        for name, shape in SHAPES.items()
        if name != "text"
    }
    return batch | {"text": torch.randint(0, 5, (rows, 9), generator=generator)}


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


def test_nats_by_hand():
    generator = seeded()
    logits = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    wanted = torch.randint(0, 5, (3, 4), generator=generator)
    hidden = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
    nats = [
        math.log(sum(math.exp(x) for x in logits[n, k].tolist())) - logits[n, k, wanted[n, k]].item()
        for n in range(3)
        for k in range(4)
        if hidden[n, k]
    ]
    assert masked_nats(logits, wanted, hidden).item() == pytest.approx(sum(nats) / len(nats), rel=1e-6)
    assert masked_nats(logits, wanted, torch.zeros(3, 4)).item() == 0.0


def test_pictures_are_cut_into_patches_and_the_rest_into_pieces():
    """Sides of at least 4; a signal of 24 samples wants 16 pieces and so gets 12 of two; a word is a token."""
    learner = build("masked", SHAPES, vocabularies=WORDS)
    assert learner.numbers == [3 * 4, 12, 11, 9]
    assert learner.cuts[0].patches.sizes == (4, 4)
    assert build("masked", {"a": (3, 32, 32), "b": (1, 28, 28)}).numbers == [64, 49]
    assert build("masked", {"a": (3, 32, 32), "b": (1, 400)}, patch=8, pieces=20).numbers == [16, 20]


def test_nothing_hidden_is_seen_and_everything_shown_is():
    learner = build("masked", SHAPES, features=8, hidden=16, vocabularies=WORDS)
    generator = seeded()
    batch = drawn(5, generator)
    shown = visible_pieces(piece_owners(learner.numbers), 5, 0.5, 0.5, generator)
    given = {name: values.clone().requires_grad_() for name, values in batch.items() if name != "text"}
    other = {"text": (batch["text"] + 1) % 5}
    # A fixed mixture of the outputs: normalised tokens have a sum that no input changes.
    outputs = learner.predict(given | {"text": batch["text"]}, shown)
    sum(
        (values * torch.randn(values.shape, generator=generator)).sum() for values in outputs.values()
    ).backward()
    pieces = []
    for name, cut in zip(given, learner.cuts, strict=False):
        assert outputs[name].shape == (5, cut.number, cut.patches.width)
        pieces.append(cut.pieces(given[name].grad).abs().amax(dim=2))
    seen = torch.zeros(5, sum(learner.numbers)).scatter(1, shown, 1.0) > 0.0
    assert torch.equal(torch.cat(pieces, dim=1) > 0.0, seen[:, :-9])
    changed = learner.predict(batch | other, shown)["a"]
    assert torch.equal((changed != outputs["a"]).flatten(1).any(dim=1), seen[:, -9:].any(dim=1))


def test_loss_is_the_mean_over_modalities():
    learner = build("masked", SHAPES, features=8, hidden=16, whole=0.0, vocabularies=WORDS)
    batch = drawn(6, seeded())
    shown = visible_pieces(piece_owners(learner.numbers), 6, 0.75, 0.0, seeded(3))
    hidden = torch.ones(6, sum(learner.numbers)).scatter(1, shown, 0.0)
    outputs, first, errors = learner.predict(batch, shown), 0, []
    for name, cut in zip(SHAPES, learner.cuts, strict=True):
        unseen = hidden[:, first : first + cut.number]
        if name == "text":
            errors.append(masked_nats(outputs[name], batch[name], unseen).item())
        else:
            wanted = cut.patches(batch[name])
            errors.append(masked_error(outputs[name], wanted, unseen, cut.patches.real).item())
        first += cut.number
    assert learner.loss(batch, seeded(3)).item() == pytest.approx(sum(errors) / 4, rel=1e-5)


def test_features_are_the_mean_the_learned_token_or_both():
    batch = drawn(6, seeded())
    found = {
        pool: build("masked", SHAPES, features=8, vocabularies=WORDS, pool=pool).encode(batch)
        for pool in ("mean", "token", "both")
    }
    for name in (*SHAPES, "fused"):
        both = torch.cat([found["token"][name], found["mean"][name]], dim=1)
        assert torch.equal(found["both"][name], both)
        assert not torch.allclose(found["token"][name], found["mean"][name], atol=1e-3)


def test_words_are_predicted_from_a_picture_and_a_tone():
    """A caption of nine words, all the same function of one cause that the others show: hidden words become certain."""
    rng = np.random.default_rng(0)
    cause = rng.integers(0, 2, 1024)
    sign = (2.0 * cause - 1.0).astype(np.float32)
    arrays = {
        "picture": sign[:, None, None, None] + rng.normal(size=(1024, 1, 12, 12)).astype(np.float32),
        "tone": sign[:, None, None] * np.sin(np.arange(36, dtype=np.float32))
        + rng.normal(size=(1024, 1, 36)).astype(np.float32),
        "text": np.repeat(1 + cause[:, None], 9, axis=1),
    }
    shapes = {name: values.shape[1:] for name, values in arrays.items()}
    learner = build("masked", shapes, features=8, width=32, hidden=32, depth=1, vocabularies={"text": 3})
    train(learner, arrays, Training(batch=64, epochs=6, learning_rate=3e-3))
    blind = {name: torch.from_numpy(values[:200]) for name, values in arrays.items()}
    blind["text"] = torch.zeros_like(blind["text"])
    shown = torch.arange(sum(learner.numbers) - 9).expand(200, -1)
    said = learner.predict(blind, shown)["text"].argmax(dim=2).numpy()
    assert (said == arrays["text"][:200]).mean() > 0.95
    assert features(learner, {"text": arrays["text"][:5]})["text"].shape == (5, 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"heads": 3},
            "`heads` `3`: expected a divisor of the width, 64. Use 4, or a width that it divides.",
        ),
        ({"masked": 1.0}, "`masked` `1.0`: expected a share between 0 and 1. Use 0.75."),
        ({"whole": -0.1}, "`whole` `-0.1`: expected a share from 0 to 1. Use 0.5."),
        ({"depth": 0}, "`depth` `0`: expected a number above 0. Use 2."),
        (
            {"patch": 2},
            "`patch` `2`: expected 4 or more, because of a few neighbouring values most is noise. Use 4.",
        ),
        ({"pool": "max"}, "`pool` `max`: expected one of mean, token, both. Use mean."),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build("masked", SHAPES, **settings)


@pytest.mark.parametrize(
    ("shape", "settings", "got", "advice"),
    [
        ((1, 8, 8), {}, 4, "Use pictures of 12 × 12 or more, or smaller patches."),
        ((3, 32, 32), {"patch": 16}, 4, "Use pictures of 48 × 48 or more, or smaller patches."),
        ((5,), {}, 5, "Use 9 values or more along each row, or more `pieces`."),
        ((2, 400), {"pieces": 2}, 2, "Use 9 values or more along each row, or more `pieces`."),
        ((6,), {"vocabularies": {"a": 4}}, 6, "Use captions of 9 tokens or more."),
    ],
)
def test_fewer_than_nine_tokens_are_refused(shape, settings, got, advice):
    message = f"`tokens of a` `{got}`: expected at least 9, because most of them are hidden and predicted from the rest"
    with pytest.raises(LearnerError, match=re.escape(f"{message}. {advice}")):
        build("masked", {"a": shape}, **settings)
