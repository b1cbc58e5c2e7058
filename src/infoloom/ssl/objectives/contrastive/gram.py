"""GRAM: embeddings of one row span a small volume, those of different rows a large one.

Source: Cicchetti, Grassucci, Sigillo and Comminiello, Gramian multimodal representation learning and alignment
(ICLR 2025), equations 3 to 6, with the smoothed labels of their code (ispamm/GRAM: `utils/volume.py` at 718bdc7 and
`model/gram.py` at 83c3aea). Their further loss of a matching head between modalities is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from infoloom.ssl.checks import expect
from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.towers import Towers
from infoloom.ssl.settings import CosineSettings

__all__ = ["Gram", "Settings", "gram_loss", "learner", "volumes"]


@dataclass(frozen=True)
class Settings(CosineSettings):
    """Settings of `gram`.

    Args:
        anchor: The modality whose rows are exchanged, or None for the first.
        smoothing: Share of each label that is spread over the whole batch.
    """

    anchor: str | None = None
    smoothing: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        expect(0.0 <= self.smoothing < 1.0, "smoothing", self.smoothing, "a share below 1", "Use 0.1.")


def volumes(anchor: Tensor, others: Sequence[Tensor]) -> Tensor:
    """√ det G of the vectors (anchor i, others j), G their matrix of inner products.

    The volume is that of the others times the distance of the anchor from their span, so no determinant of n² matrices
    is taken. Nothing is added to it. Where it is 0, because rows are perfectly aligned, its gradient is taken as 0; in
    the authors' code it is infinite there.

    Args:
        anchor: Embeddings of length 1, (n, d).
        others: Those of the other modalities, each (m, d).

    Returns:
        (n, m), from 0 where rows are aligned to 1.
    """
    basis: list[Tensor] = []
    volume = torch.ones_like(others[0][:, 0])
    for rows in others:
        rest = rows - sum(
            ((rows * side).sum(dim=1, keepdim=True) * side for side in basis), torch.zeros_like(rows)
        )
        length = _root(rest.square().sum(dim=1))
        basis.append(rest / torch.where(length > 0.0, length, 1.0)[:, None])
        volume = volume * length
    inside = torch.stack([(anchor @ side.T).square() for side in basis]).sum(dim=0)
    outside = anchor.square().sum(dim=1, keepdim=True) - inside
    return volume * _root(outside)


def gram_loss(
    anchor: Tensor, others: Sequence[Tensor], scale: Tensor | float, smoothing: float = 0.1
) -> Tensor:
    """Cross-entropy of finding, by the smallest volume, the others of each anchor and the anchor of the others.

    Args:
        anchor: Embeddings of the anchor, (n, d).
        others: Those of the other modalities, each (n, d).
        scale: 1 / temperature.
        smoothing: Share of each label that is spread over all n rows.

    Returns:
        A scalar (nats); log n where nothing is told apart.
    """
    scores = -scale * volumes(normalize(anchor, dim=1), [normalize(rows, dim=1) for rows in others])
    partner = torch.arange(len(scores), device=scores.device)
    return 0.5 * (
        cross_entropy(scores, partner, label_smoothing=smoothing)
        + cross_entropy(scores.T, partner, label_smoothing=smoothing)
    )


class Gram(nn.Module):
    """`gram_loss` with a learned temperature.

    Args:
        temperature: The first.
        anchor: Name of the anchor.
        smoothing: Of the labels.
    """

    def __init__(self, temperature: float, anchor: str, smoothing: float) -> None:
        super().__init__()
        self.anchor, self.smoothing = anchor, smoothing
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, embeddings: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Modality → (n, d) to a scalar; nothing is drawn."""
        others = [values for name, values in embeddings.items() if name != self.anchor]
        return gram_loss(embeddings[self.anchor], others, self.log_scale.exp(), self.smoothing)


def learner(shapes: Shapes, settings: Settings) -> Towers:
    """Encoders with linear heads.

    Raises:
        LearnerError: If the anchor is no modality.
    """
    anchor = next(iter(shapes), "") if settings.anchor is None else settings.anchor
    expect(
        not shapes or anchor in shapes,
        "anchor",
        anchor,
        f"one of {', '.join(shapes)}",
        "Choose one, or None.",
    )
    return Towers(
        "gram",
        shapes,
        settings,
        head=lambda: nn.Linear(settings.features, settings.embedding, bias=False),
        compare=Gram(settings.temperature, anchor, settings.smoothing),
    )


def _root(squares: Tensor) -> Tensor:
    """√, and 0 without a gradient where nothing is above 0, as rounding leaves it where rows are aligned."""
    some = squares > 0.0
    return torch.where(some, torch.where(some, squares, 1.0).sqrt(), 0.0)
