"""Masked multimodal modelling: the hidden pieces of all modalities are predicted from the visible ones.

Source: He et al., Masked autoencoders are scalable vision learners (2022); Bachmann, Mizrahi, Atanov and Zamir,
MultiMAE: multi-modal multi-task masked autoencoders (2022), whose visible pieces are drawn over all modalities at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import check_shapes, expect, expect_positive
from infoloom.ssl.learner import Batch, Learner, Shapes
from infoloom.ssl.models.encoders import first_weights
from infoloom.ssl.models.patches import Block, Patches, PlaceLinear
from infoloom.ssl.settings import LearnerSettings

__all__ = ["Masked", "Settings", "learner", "masked_error", "visible_pieces"]


@dataclass(frozen=True)
class Settings(LearnerSettings):
    """Settings of `masked`; `features` is the width of a token.

    Args:
        hidden: Width of the perceptrons in the transformer.
        depth: Blocks of the encoder.
        decoder_depth: Blocks of the decoder, which is left out of the features.
        heads: Attention heads.
        pieces: Pieces into which a modality is cut.
        masked: Share of all pieces that is hidden.
        whole: Share of rows in which whole modalities are hidden first.
    """

    hidden: int = 128
    depth: int = 2
    decoder_depth: int = 1
    heads: int = 4
    pieces: int = 4
    masked: float = 0.75
    whole: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "hidden", "depth", "decoder_depth", "heads", "pieces")
        expect(
            self.features % self.heads == 0,
            "heads",
            self.heads,
            f"a divisor of the features, {self.features}",
            "Use 4, or features that it divides.",
        )
        expect(0.0 < self.masked < 1.0, "masked", self.masked, "a share between 0 and 1", "Use 0.75.")
        expect(0.0 <= self.whole <= 1.0, "whole", self.whole, "a share from 0 to 1", "Use 0.5.")


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


def masked_error(predicted: Tensor, wanted: Tensor, hidden: Tensor, real: Tensor) -> Tensor:
    """Mean squared error over the values of hidden pieces.

    Args:
        predicted: (n, pieces, width).
        wanted: (n, pieces, width).
        hidden: (n, pieces), 1 where hidden.
        real: (pieces, width), 0 where a piece was filled up.

    Returns:
        A scalar; 0 where nothing is hidden.
    """
    weights = hidden[:, :, None] * real
    return (weights * (predicted - wanted).square()).sum() / weights.sum().clamp(min=1.0)


class Masked(Learner):
    """One transformer over the pieces of all modalities, and a small one that predicts the hidden pieces.

    Args:
        shapes: Modality → shape of one row.
        settings: Sizes and shares.
    """

    def __init__(self, shapes: Shapes, settings: Settings) -> None:
        check_shapes(shapes, least=1)
        super().__init__("masked", shapes, settings)
        self.shares = (settings.masked, settings.whole)
        width, sizes = settings.features, (settings.features, settings.heads, settings.hidden)
        self.patches = nn.ModuleList(Patches(shape, settings.pieces) for shape in self.shapes.values())
        numbers = [patches.number for patches in self._cutters]
        expect(sum(numbers) >= 2, "pieces", sum(numbers), "at least 2 in all", "Raise it.")
        owners = torch.repeat_interleave(torch.arange(len(numbers)), torch.tensor(numbers))
        self.register_buffer("owners", owners, persistent=False)
        self.numbers = numbers
        with first_weights(settings.seed):
            self.enter = nn.ModuleList(PlaceLinear(p.number, p.width, width) for p in self._cutters)
            self.leave = nn.ModuleList(PlaceLinear(p.number, width, p.width) for p in self._cutters)
            self.places = nn.Parameter(0.02 * torch.randn(2, sum(numbers), width))
            self.mask = nn.Parameter(0.02 * torch.randn(width))
            self.blocks = nn.Sequential(*(Block(*sizes) for _ in range(settings.depth)), nn.LayerNorm(width))
            self.bridge = nn.Linear(width, width)
            self.decoder = nn.Sequential(
                *(Block(*sizes) for _ in range(settings.decoder_depth)), nn.LayerNorm(width)
            )

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Mean over modalities of the squared error of their hidden pieces, in standardised values."""
        owners = self.get_buffer("owners")
        rows = len(next(iter(batch.values())))
        shown = visible_pieces(owners, rows, *self.shares, generator)
        unseen = torch.ones(rows, len(owners), device=owners.device).scatter(1, shown, 0.0)
        wanted, predicted = self._cut(self.scaled(batch)), self.predict(batch, shown)
        hidden = dict(zip(self.shapes, torch.split(unseen, self.numbers, dim=1), strict=True))
        real = {name: cutter.real for name, cutter in zip(self.shapes, self._cutters, strict=True)}
        errors = [
            masked_error(predicted[name].float(), wanted[name], hidden[name], real[name])
            for name in self.shapes
        ]
        return torch.stack(errors).mean()

    def predict(self, batch: Batch, shown: Tensor) -> dict[str, Tensor]:
        """Predict all pieces from some of them.

        Args:
            batch: All modalities.
            shown: Positions of the pieces that are seen, among those of all modalities in order, (n, shown).

        Returns:
            Modality → pieces (n, number, width), in standardised values.
        """
        tokens = torch.cat(list(self._tokens(self._cut(self.scaled(batch))).values()), dim=1)
        encoded = self.bridge(self.blocks(_taken(tokens, shown)))
        decoded = self.decoder(self._filled(encoded, shown) + self.places[1])
        parts = zip(self.shapes, self.leave, torch.split(decoded, self.numbers, dim=1), strict=True)
        return {name: leave(part) for name, leave, part in parts}

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Means (n, features) of the tokens: those of each modality seen alone, and of all seen together."""
        tokens = self._tokens(self._cut(self.scaled(batch)))
        alone = {name: self.blocks(values).mean(dim=1) for name, values in tokens.items()}
        return {**alone, "fused": self.blocks(torch.cat(list(tokens.values()), dim=1)).mean(dim=1)}

    @property
    def _cutters(self) -> list[Patches]:
        return [patches for patches in self.patches if isinstance(patches, Patches)]

    def _cut(self, scaled: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pieces (n, number, width) by modality."""
        cutters = dict(zip(self.shapes, self._cutters, strict=True))
        return {name: cutters[name](values) for name, values in scaled.items()}

    def _tokens(self, cut: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pieces as tokens that know their place, (n, number, features) by modality."""
        enter = dict(zip(self.shapes, self.enter, strict=True))
        places = dict(zip(self.shapes, torch.split(self.places[0], self.numbers), strict=True))
        return {name: enter[name](values) + places[name] for name, values in cut.items()}

    def _filled(self, encoded: Tensor, shown: Tensor) -> Tensor:
        """Encoded tokens at their places and mask tokens at the others."""
        rows, _, width = encoded.shape
        blank = self.mask.to(encoded.dtype).expand(rows, sum(self.numbers), width)
        return blank.scatter(1, shown[:, :, None].expand(-1, -1, width), encoded)


def _taken(tokens: Tensor, shown: Tensor) -> Tensor:
    return tokens.gather(1, shown[:, :, None].expand(-1, -1, tokens.shape[2]))


learner = Masked
