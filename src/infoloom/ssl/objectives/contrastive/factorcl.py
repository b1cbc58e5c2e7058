"""FactorCL: shared and unique information by lower and upper bounds, conditioned on views of the same row.

Source: Liang, Deng, Ma, Zou, Morency and Salakhutdinov, Factorized contrastive learning: going beyond multi-view
redundancy (NeurIPS 2023), the self-supervised form, with the critics of their code (pliang279/FactorCL,
`synthetic_model.py` at 51002a1 and `critic_objectives.py` at 305bd7c). There the conditional upper bound is given the
row itself in place of its view; here it is given the view, as in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from infoloom.ssl.checks import check_shapes, expect, expect_positive
from infoloom.ssl.learner import Batch, Learner, Shapes, with_fused
from infoloom.ssl.models.encoders import encoders, first_weights, perceptron
from infoloom.ssl.models.views import view
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Critic", "FactorCl", "Settings", "learner", "lower", "upper"]


@dataclass(frozen=True)
class Settings(EncoderSettings):
    """Settings of `factorcl`.

    Args:
        embedding: Values that a critic sees of each side.
        noise: Standard deviation of the noise of a view, in standardised values.
        erased: Share of a modality that a view erases.
    """

    embedding: int = 32
    noise: float = 0.3
    erased: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "embedding")
        expect(self.noise >= 0.0, "noise", self.noise, "0 or more", "Use 0.3.")
        expect(0.0 <= self.erased < 1.0, "erased", self.erased, "a share below 1", "Use 0.2.")


class Critic(nn.Module):
    """A perceptron that scores every pair of rows.

    Args:
        inputs: Values of a row of one side.
        hidden: Width.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.score = perceptron((2 * inputs, hidden, hidden, 1))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """(n, d) and (n, d) → scores (n, n), row i of `b` with row j of `a` at (i, j)."""
        count = len(a)
        pairs = torch.cat([a.expand(count, *a.shape), b[:, None].expand(count, count, b.shape[1])], dim=2)
        scores: Tensor = self.score(pairs)
        return scores[:, :, 0]


def lower(scores: Tensor) -> Tensor:
    """InfoNCE, a lower bound of the information: ⟨sᵢᵢ⟩ − ⟨log ⟨e^{sᵢⱼ}⟩ⱼ⟩ (nats).

    Args:
        scores: (n, n), those that belong together on the diagonal.
    """
    return scores.diagonal().mean() - (scores.logsumexp(dim=1).mean() - math.log(len(scores)))


def upper(scores: Tensor) -> Tensor:
    """NCE-CLUB, ⟨sᵢᵢ⟩ − ⟨sᵢⱼ⟩: an upper bound of the information where the scores are its density ratio (nats).

    Args:
        scores: (n, n), those that belong together on the diagonal.
    """
    return scores.diagonal().mean() - scores.mean()


class FactorCl(Learner):
    """Encoders, and for each pair of modalities the heads and critics of six bounds.

    Of modalities a and b with views a′ and b′ the loss is −lower(a; b) + upper(a; b) − lower(a; a′) − lower(b; b′)
    − lower(a a′; b b′) + upper(a a′; b b′). Critics of upper bounds learn by the lower bound, from embeddings that they
    do not change, while the encoders see them fixed.

    Args:
        shapes: Modality → shape of one row.
        settings: Widths and views.
    """

    def __init__(self, shapes: Shapes, settings: Settings) -> None:
        check_shapes(shapes, least=2)
        super().__init__("factorcl", shapes, settings)
        self.told = settings
        size, width = settings.embedding, settings.hidden
        self.pairs = tuple(combinations(self.shapes, 2))

        def heads(count: int) -> nn.ModuleList:
            return nn.ModuleList(perceptron((settings.features, size, size)) for _ in range(count))

        with first_weights(settings.seed):
            self.encoders = encoders(self.shapes, settings)
            self.own_heads = heads(len(self.shapes))
            self.own_critics = nn.ModuleList(Critic(size, width) for _ in self.shapes)
            self.heads = nn.ModuleList(heads(8) for _ in self.pairs)
            self.critics = nn.ModuleList(
                nn.ModuleList(Critic(wide, width) for wide in (size, size, 2 * size, 2 * size))
                for _ in self.pairs
            )

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The mean over pairs of their shared and unique parts, in float32."""
        scaled, told = self.scaled(batch), self.told
        rows = self._features(scaled)
        views = self._features(view(scaled, generator, noise=told.noise, erased=told.erased))
        rows, views = ({n: values.float() for n, values in both.items()} for both in (rows, views))
        with torch.autocast(next(iter(rows.values())).device.type, enabled=False):
            own = {
                name: -lower(critic(head(rows[name]), head(views[name])))
                for name, head, critic in zip(self.shapes, self.own_heads, self.own_critics, strict=True)
            }
            parts = [
                self._pair(number, rows, views) + own[a] + own[b] for number, (a, b) in enumerate(self.pairs)
            ]
        return torch.stack(parts).mean()

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Features (n, features) of each modality, and all of them side by side."""
        return with_fused(self._features(self.scaled(batch)))

    def _pair(self, number: int, rows: Mapping[str, Tensor], views: Mapping[str, Tensor]) -> Tensor:
        """What a pair shares, and what it shares given views of both."""
        a, b = self.pairs[number]
        heads = list(cast(nn.ModuleList, self.heads[number]))
        shared, top, given, given_top = cast(nn.ModuleList, self.critics[number])

        def both(name: str, head: nn.Module) -> Tensor:
            return torch.cat([head(rows[name]), head(views[name])], dim=1)

        below = lower(shared(heads[0](rows[a]), heads[1](rows[b])))
        above = _capped(top, heads[2](rows[a]), heads[3](rows[b]))
        inside = lower(given(both(a, heads[4]), both(b, heads[5])))
        over = _capped(given_top, both(a, heads[6]), both(b, heads[7]))
        return above - below - inside + over

    def _features(self, scaled: Mapping[str, Tensor]) -> dict[str, Tensor]:
        networks = dict(zip(self.shapes, self.encoders, strict=True))
        return {name: networks[name](values) for name, values in scaled.items()}


def _capped(critic: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """The upper bound with the critic fixed, and the critic's own loss with the embeddings fixed."""
    fixed = {name: weight.detach() for name, weight in critic.named_parameters()}
    scores: Tensor = functional_call(critic, fixed, (a, b))
    return upper(scores) - lower(critic(a.detach(), b.detach()))


learner = FactorCl
