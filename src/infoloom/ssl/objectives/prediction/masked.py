"""Masked multimodal modelling: the hidden pieces of all modalities are predicted from the visible ones.

Source: He et al., Masked autoencoders are scalable vision learners (2022), with their learned token; Bachmann, Mizrahi,
Atanov and Zamir, MultiMAE: multi-modal multi-task masked autoencoders (2022), whose visible pieces are drawn over all
modalities at once. Values are predicted as they are, not normalised by patch, which would erase what shifts a patch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import check_shapes, expect, expect_positive
from infoloom.ssl.learner import Batch, Learner, Shapes
from infoloom.ssl.models.cuts import Cut, cut_of
from infoloom.ssl.models.encoders import first_weights
from infoloom.ssl.models.patches import Block
from infoloom.ssl.settings import LearnerSettings

__all__ = ["Masked", "Settings", "learner", "visible_pieces"]

_POOLS = ("mean", "token", "both")


@dataclass(frozen=True)
class Settings(LearnerSettings):
    """Settings of `masked`.

    Args:
        features: Features of a token; `pool` says which of them are given.
        width: Values of a token inside of the transformer.
        hidden: Width of the perceptrons in the transformer.
        depth: Blocks of the encoder.
        decoder_depth: Blocks of the decoder, which is left out of the features.
        heads: Attention heads.
        patch: Side of the patches of a picture, at least 4.
        pieces: Pieces into which a signal or a vector is cut; a caption has one a word.
        masked: Share of all pieces that is hidden.
        whole: Share of rows in which whole modalities are hidden first.
        pool: What is given as features: the `mean` of the tokens, the learned `token` that looks at all of them, or
            `both` side by side.
    """

    width: int = 64
    hidden: int = 128
    depth: int = 2
    decoder_depth: int = 1
    heads: int = 4
    patch: int = 4
    pieces: int = 16
    masked: float = 0.75
    whole: float = 0.5
    pool: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "width", "hidden", "depth", "decoder_depth", "heads", "pieces")
        expect(
            self.width % self.heads == 0,
            "heads",
            self.heads,
            f"a divisor of the width, {self.width}",
            "Use 4, or a width that it divides.",
        )
        expect(
            self.patch >= 4,
            "patch",
            self.patch,
            "4 or more, because of a few neighbouring values most is noise",
            "Use 4.",
        )
        expect(0.0 < self.masked < 1.0, "masked", self.masked, "a share between 0 and 1", "Use 0.75.")
        expect(0.0 <= self.whole <= 1.0, "whole", self.whole, "a share from 0 to 1", "Use 0.5.")
        expect(self.pool in _POOLS, "pool", self.pool, f"one of {', '.join(_POOLS)}", "Use mean.")


def piece_owners(numbers: Sequence[int]) -> Tensor:
    """Number of the modality that owns each piece, from how many pieces each has."""
    return torch.arange(len(numbers)).repeat_interleave(torch.tensor(numbers))


def visible_pieces(
    owners: Tensor, rows: int, masked: float, whole: float, generator: torch.Generator
) -> Tensor:
    """Draw which pieces each row shows.

    All rows show the same number of pieces, at random over all modalities. In some rows each modality is, with
    probability ½, hidden as a whole: its pieces are shown only where too few others are left.

    Args:
        owners: Number of the modality that owns each piece, (pieces,).
        rows: Rows of the batch, n.
        masked: Share of pieces that is hidden; at least one is shown and one hidden.
        whole: Share of rows that hide whole modalities.
        generator: Of the draw.

    Returns:
        Positions of the visible pieces, (n, shown).
    """
    device = owners.device
    shown = min(max(1, round((1.0 - masked) * len(owners))), len(owners) - 1)
    modalities = int(owners.max()) + 1
    hidden = torch.rand(rows, modalities, generator=generator, device=device) < 0.5
    hidden &= torch.rand(rows, 1, generator=generator, device=device) < whole
    scores = torch.rand(rows, len(owners), generator=generator, device=device) + hidden[:, owners]
    return scores.argsort(dim=1)[:, :shown]


class Masked(Learner):
    """One transformer over the pieces of all modalities, with a learned token, and a shallow one that predicts.

    Args:
        shapes: Modality → shape of one row.
        settings: Widths, depths, pieces and masks.

    Raises:
        LearnerError: A modality of fewer than nine pieces.
    """

    partial = True

    def __init__(self, shapes: Shapes, settings: Settings) -> None:
        check_shapes(shapes, least=1)
        super().__init__("masked", shapes, settings)
        width, sizes = settings.width, (settings.width, settings.heads, settings.hidden)
        self.shares, self.pool = (settings.masked, settings.whole), settings.pool
        with first_weights(settings.seed):
            self.cuts = nn.ModuleList(
                cut_of(
                    name,
                    shape,
                    settings.vocabularies.get(name),
                    patch=settings.patch,
                    pieces=settings.pieces,
                    width=width,
                )
                for name, shape in self.shapes.items()
            )
            self.numbers = [cut.number for cut in self._cuts.values()]
            self.places = nn.Parameter(0.02 * torch.randn(2, sum(self.numbers), width))
            self.token = nn.Parameter(0.02 * torch.randn(width))
            self.mask = nn.Parameter(0.02 * torch.randn(width))
            self.blocks = nn.Sequential(*(Block(*sizes) for _ in range(settings.depth)), nn.LayerNorm(width))
            self.narrow = nn.Linear(width, settings.features)
            self.bridge = nn.Linear(settings.features, width)
            self.decoder = nn.Sequential(
                *(Block(*sizes) for _ in range(settings.decoder_depth)), nn.LayerNorm(width)
            )

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Mean over modalities of the error of their hidden pieces.

        That of values is the squared error in standardised values, that of words the cross-entropy (nats a word).
        """
        rows = len(next(iter(batch.values())))
        numbers = self._numbers(batch)
        owners = piece_owners(list(numbers.values())).to(self.mask.device)
        shown = visible_pieces(owners, rows, *self.shares, generator)
        unseen = torch.ones(rows, len(owners), device=owners.device).scatter(1, shown, 0.0)
        wanted, predicted = self._cut(self.scaled(batch)), self.predict(batch, shown)
        hidden = dict(zip(numbers, torch.split(unseen, list(numbers.values()), dim=1), strict=True))
        errors = [self._cuts[name].error(predicted[name], wanted[name], hidden[name]) for name in numbers]
        return torch.stack(errors).mean()

    def predict(self, batch: Batch, shown: Tensor) -> dict[str, Tensor]:
        """Predict all pieces from some of them.

        Args:
            batch: All modalities, or some of them.
            shown: Positions of the pieces that are seen, among those of these modalities in order, (n, shown).

        Returns:
            Modality → pieces (n, number, values), in standardised values, or logits of words.
        """
        tokens = torch.cat(list(self._tokens(self._cut(self.scaled(batch))).values()), dim=1)
        told, encoded = self._encoded(_taken(tokens, shown))
        numbers, places = self._numbers(batch), self._places(1)
        filled = self._filled(self.bridge(encoded), shown, sum(numbers.values()))
        filled = filled + torch.cat([places[name] for name in numbers])
        whole = torch.cat([self.bridge(told)[:, None].to(filled.dtype), filled], dim=1)
        decoded = torch.split(self.decoder(whole)[:, 1:], list(numbers.values()), dim=1)
        return {name: self._cuts[name].leave(part) for name, part in zip(numbers, decoded, strict=True)}

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Features (n, d) of each modality seen alone, and of all seen together as `fused`; `pool` says of what."""
        tokens = self._tokens(self._cut(self.scaled(batch)))
        alone = {name: self._pooled(values) for name, values in tokens.items()}
        return {**alone, "fused": self._pooled(torch.cat(list(tokens.values()), dim=1))}

    @property
    def _cuts(self) -> dict[str, Cut]:
        return dict(zip(self.shapes, cast(list[Cut], list(self.cuts)), strict=True))

    def _numbers(self, batch: Batch) -> dict[str, int]:
        """Pieces of each modality that a batch holds."""
        return {name: number for name, number in zip(self.shapes, self.numbers, strict=True) if name in batch}

    def _places(self, kind: int) -> dict[str, Tensor]:
        """What the encoder (0) or decoder (1) is told of a piece's place, by modality."""
        return dict(zip(self.shapes, torch.split(self.places[kind], self.numbers), strict=True))

    def _cut(self, scaled: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pieces by modality."""
        cuts = self._cuts
        return {name: cuts[name].pieces(values) for name, values in scaled.items()}

    def _tokens(self, cut: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pieces as tokens that know their place, (n, number, width) by modality."""
        places = self._places(0)
        return {name: self._cuts[name].enter(pieces) + places[name] for name, pieces in cut.items()}

    def _encoded(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the learned token (n, features), and of the tokens that it looked at (n, tokens, features)."""
        first = self.token.to(tokens.dtype).expand(len(tokens), 1, -1)
        found = self.narrow(self.blocks(torch.cat([first, tokens], dim=1)))
        return found[:, 0], found[:, 1:]

    def _pooled(self, tokens: Tensor) -> Tensor:
        told, found = self._encoded(tokens)
        given = {"token": (told,), "mean": (found.mean(dim=1),), "both": (told, found.mean(dim=1))}
        return torch.cat(given[self.pool], dim=1)

    def _filled(self, encoded: Tensor, shown: Tensor, number: int) -> Tensor:
        """Encoded tokens at their places and mask tokens at the others."""
        rows, _, width = encoded.shape
        blank = self.mask.to(encoded.dtype).expand(rows, number, width)
        return blank.scatter(1, shown[:, :, None].expand(-1, -1, width), encoded)


def _taken(tokens: Tensor, shown: Tensor) -> Tensor:
    return tokens.gather(1, shown[:, :, None].expand(-1, -1, tokens.shape[2]))


learner = Masked
