"""CLIP: each row finds its partner in the other modality among all rows of the batch.

Source: Radford et al., Learning transferable visual models from natural language supervision (2021), figure 3;
the bound is InfoNCE, van den Oord, Li and Vinyals (2018). The temperature is held in its range in place, as in the
training loop of open_clip (`src/open_clip_train/train.py`), so its gradient never stops.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.towers import Towers
from infoloom.ssl.objectives.pairs import mean_over_pairs
from infoloom.ssl.settings import CosineSettings

__all__ = ["Clip", "Settings", "clip_loss", "clip_scores", "learner"]

Settings = CosineSettings

#: Range of the factor of the cosines: its end is the paper's (section 2.5), its beginning open_clip's.
LEAST, MOST = 1.0, 100.0


def clip_scores(a: Tensor, b: Tensor, scale: Tensor | float) -> Tensor:
    """Scores of every pair of rows, the cosines times a factor.

    Args:
        a: Embeddings of one modality, (n, d).
        b: Embeddings of another, (m, d).
        scale: 1 / temperature.

    Returns:
        (n, m); for the best encoders pmi(aᵢ; bⱼ) up to a constant (nats).
    """
    return scale * normalize(a, dim=1) @ normalize(b, dim=1).T


def clip_loss(a: Tensor, b: Tensor, scale: Tensor | float) -> Tensor:
    """Cross-entropy of finding the partner, both ways.

    −½ ⟨log softmaxⱼ(s)ᵢᵢ + log softmaxᵢ(s)ᵢᵢ⟩; log n minus it is a lower bound of the mutual information.

    Args:
        a: Embeddings of one modality, (n, d).
        b: Embeddings of another, (n, d), row i belongs to row i of `a`.
        scale: 1 / temperature.

    Returns:
        A scalar (nats); log n where nothing is told apart.
    """
    scores = clip_scores(a, b, scale)
    partner = torch.arange(len(scores), device=scores.device)
    return 0.5 * (cross_entropy(scores, partner) + cross_entropy(scores.T, partner))


class Clip(nn.Module):
    """`clip_loss` over all pairs of modalities, with one learned temperature.

    What a step of training left outside of the range is moved to its end before it is used. Were the factor clamped on
    its way into the loss instead, its gradient would be 0 beyond the end and the temperature would never come back.

    Args:
        temperature: The first.
    """

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    @property
    def scale(self) -> Tensor:
        """1 / temperature, from 1 to 100."""
        with torch.no_grad():
            self.log_scale.clamp_(math.log(LEAST), math.log(MOST))
        return self.log_scale.exp()

    def forward(self, embeddings: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Modality → (n, d) to a scalar; nothing is drawn."""
        return mean_over_pairs(partial(clip_loss, scale=self.scale), embeddings)


def learner(shapes: Shapes, settings: CosineSettings) -> Towers:
    """Encoders with linear heads, as in the paper."""
    return Towers(
        "clip",
        shapes,
        settings,
        head=lambda: nn.Linear(settings.features, settings.embedding, bias=False),
        compare=Clip(settings.temperature),
    )
