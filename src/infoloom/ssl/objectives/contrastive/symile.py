"""Symile: rows of all modalities at once, told from rows whose other modalities are shuffled.

Source: Saporta, Puli, Goldstein and Ranganath, Contrasting with Symile: simple model-agnostic representation learning
for unlimited modalities (NeurIPS 2024), algorithm 1 with n − 1 shuffled negatives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.towers import Towers
from infoloom.ssl.settings import CosineSettings

__all__ = ["Settings", "Symile", "learner", "symile_loss", "symile_scores"]

Settings = CosineSettings


def symile_scores(anchor: Tensor, others: Sequence[Tensor], generator: torch.Generator) -> Tensor:
    """Multilinear products ⟨a, b, c, …⟩ = Σ_d a_d b_d c_d … of rows that belong together, and of shuffled ones.

    Args:
        anchor: Embeddings of one modality, (n, d).
        others: Embeddings of the others, each (n, d).
        generator: Of the shuffles, one for each of the others.

    Returns:
        (n, n): on the diagonal the rows as they are, elsewhere anchor i with the others' shuffled rows j. A shuffle may
        bring true partners together by chance, as in the paper.
    """
    together = torch.stack(list(others)).prod(dim=0)
    shuffled = torch.stack([rows[_order(len(rows), generator)] for rows in others]).prod(dim=0)
    scores = anchor @ shuffled.T
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    return torch.where(own, (anchor * together).sum(dim=1), scores)


def symile_loss(embeddings: Sequence[Tensor], scale: Tensor | float, generator: torch.Generator) -> Tensor:
    """Cross-entropy of finding the others of each anchor, the mean over modalities as anchors.

    log n minus it is a lower bound of the total correlation of the modalities.

    Args:
        embeddings: Of each modality, (n, d), at least two.
        scale: Factor of the products of vectors of length 1.
        generator: Of the shuffles.

    Returns:
        A scalar (nats); log n where nothing is told apart.
    """
    rows = [normalize(values, dim=1) for values in embeddings]
    partner = torch.arange(len(rows[0]), device=rows[0].device)
    losses = [
        cross_entropy(scale * symile_scores(anchor, [*rows[:k], *rows[k + 1 :]], generator), partner)
        for k, anchor in enumerate(rows)
    ]
    return torch.stack(losses).mean()


class Symile(nn.Module):
    """`symile_loss` with a learned temperature.

    Products of N vectors of length 1 shrink as d^(1 − N/2), so the factor is d^(N/2 − 1) / temperature: the first
    scores are then of one size for any number of modalities, and for two those of CLIP.

    Args:
        modalities: N.
        embedding: d.
        temperature: The first.
    """

    def __init__(self, modalities: int, embedding: int, temperature: float) -> None:
        super().__init__()
        growth = 0.5 * (modalities - 2) * math.log(embedding)
        self.log_scale = nn.Parameter(torch.tensor(growth - math.log(temperature)))

    def forward(self, embeddings: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Modality → (n, d) to a scalar."""
        return symile_loss(list(embeddings.values()), self.log_scale.exp(), generator)


def learner(shapes: Shapes, settings: CosineSettings) -> Towers:
    """Encoders with linear heads."""
    return Towers(
        "symile",
        shapes,
        settings,
        head=lambda: nn.Linear(settings.features, settings.embedding, bias=False),
        compare=Symile(len(shapes), settings.embedding, settings.temperature),
    )


def _order(rows: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(rows, generator=generator, device=generator.device)
