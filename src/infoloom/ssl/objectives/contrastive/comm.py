"""CoMM: one embedding of all modalities of a view agrees with that of another view, and with each modality's own.

Source: Dufumier, Castillo-Navarro, Tuia and Thiran, What to align in multimodal contrastive learning? (ICLR 2025), with
the loss of their code (Duplums/CoMM, `losses/comm_loss.py`: NT-Xent at a temperature of 0.1). Their augmentations suit
photographs; the views here are noise and an erased block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from infoloom.ssl.checks import check_shapes, expect, expect_positive
from infoloom.ssl.learner import Batch, Learner, Shapes
from infoloom.ssl.models.encoders import encoders, first_weights, perceptron
from infoloom.ssl.models.patches import Block
from infoloom.ssl.models.views import view
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Comm", "Settings", "comm_loss", "learner", "nt_xent"]


@dataclass(frozen=True)
class Settings(EncoderSettings):
    """Settings of `comm`.

    Args:
        embedding: Values of an embedding.
        temperature: Of the comparison; it is not learned.
        heads: Attention heads where modalities are joined; they divide the features.
        noise: Standard deviation of the noise of a view, in standardised values.
        erased: Share of a modality that a view erases.
    """

    embedding: int = 64
    temperature: float = 0.1
    heads: int = 4
    noise: float = 0.3
    erased: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "embedding", "temperature", "heads")
        expect(
            self.features % self.heads == 0,
            "heads",
            self.heads,
            f"a divisor of the features, {self.features}",
            "Use 4, or features that it divides.",
        )
        expect(self.noise >= 0.0, "noise", self.noise, "0 or more", "Use 0.3.")
        expect(0.0 <= self.erased < 1.0, "erased", self.erased, "a share below 1", "Use 0.2.")


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding the partner among all other embeddings of both sides.

    −(1/2n) Σᵢ log softmax(s)(i, partner of i) over 2n embeddings, s the cosines over the temperature, without itself.

    Args:
        a: Embeddings of length 1, (n, d).
        b: Embeddings of length 1, (n, d), row i belongs to row i of `a`.
        temperature: Of the cosines.

    Returns:
        A scalar (nats); log (2n − 1) where nothing is told apart.
    """
    rows = torch.cat([a, b])
    own = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    scores = (rows @ rows.T / temperature).masked_fill(own, -torch.inf)
    partner = torch.arange(len(rows), device=rows.device).roll(len(a))
    return cross_entropy(scores, partner)


def comm_loss(first: Sequence[Tensor], second: Sequence[Tensor], temperature: float) -> Tensor:
    """⟨½ [NT-Xent(zᵢ′, z″) + NT-Xent(zᵢ″, z′)]⟩ over the modalities alone and all of them, z, the last of each list.

    Args:
        first: Embeddings of the first view, each (n, d): of each modality, then of all together.
        second: Those of the second view.
        temperature: Of the cosines.
    """
    one, two = ([normalize(rows, dim=1) for rows in embeddings] for embeddings in (first, second))
    losses = [
        0.5 * (nt_xent(a, two[-1], temperature) + nt_xent(b, one[-1], temperature))
        for a, b in zip(one, two, strict=True)
    ]
    return torch.stack(losses).mean()


class Comm(Learner):
    """Encoders, a block of attention that joins what they say with a learned token, and a head.

    Features are what the learned token has seen: of one modality alone, or of all.

    Args:
        shapes: Modality → shape of one row.
        settings: Widths, temperature and views.
    """

    def __init__(self, shapes: Shapes, settings: Settings) -> None:
        check_shapes(shapes, least=2)
        super().__init__("comm", shapes, settings)
        self.told = settings
        width = settings.features
        with first_weights(settings.seed):
            self.encoders = encoders(self.shapes, settings)
            self.kinds = nn.Parameter(0.02 * torch.randn(len(self.shapes), width))
            self.token = nn.Parameter(0.02 * torch.randn(width))
            self.join = nn.Sequential(Block(width, settings.heads, settings.hidden), nn.LayerNorm(width))
            self.head = perceptron((width, settings.embedding, settings.embedding))

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """`comm_loss` of two views, computed in float32."""
        scaled, views = self.scaled(batch), self.told
        pair = [self._of(view(scaled, generator, noise=views.noise, erased=views.erased)) for _ in range(2)]
        first, second = ([self.head(rows).float() for rows in one.values()] for one in pair)
        with torch.autocast(first[0].device.type, enabled=False):
            return comm_loss(first, second, views.temperature)

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Features (n, features) of each modality alone, and of all of them joined."""
        return self._of(self.scaled(batch))

    def _of(self, scaled: Mapping[str, Tensor]) -> dict[str, Tensor]:
        networks = dict(zip(self.shapes, self.encoders, strict=True))
        kinds = dict(zip(self.shapes, self.kinds, strict=True))
        tokens = {name: (networks[name](rows) + kinds[name])[:, None] for name, rows in scaled.items()}
        alone = {name: self._joined(token) for name, token in tokens.items()}
        return {**alone, "fused": self._joined(torch.cat(list(tokens.values()), dim=1))}

    def _joined(self, tokens: Tensor) -> Tensor:
        first = self.token.to(tokens.dtype).expand(len(tokens), 1, -1)
        seen: Tensor = self.join(torch.cat([first, tokens], dim=1))
        return seen[:, 0]


learner = Comm
