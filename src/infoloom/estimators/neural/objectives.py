"""Variational objectives: what trains a critic, and what each held-out row then adds to the estimate.

A critic gives a matrix of scores s[i, j] of row i of x with row j of y; the diagonal holds the true pairs. For
every objective the best s is the log density ratio log p(x, y) / (p(x) p(y)), for most up to a constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from infoloom.estimators.inputs import expect

__all__ = ["OBJECTIVES", "Objective", "RunningMean", "objective"]


class RunningMean:
    """Mean of exponentiated scores over past batches, which removes most of the bias of MINE's gradient.

    Kept as its logarithm: critics of ten bits and more have scores whose exponentials overflow.
    """

    def __init__(self, rate: float = 0.05) -> None:
        self.rate = rate
        self.log_value: Tensor | None = None

    def update(self, log_mean: Tensor) -> Tensor:
        """Take in the log of a batch's mean and return the log of the running one, without gradient."""
        new = log_mean.detach()
        if self.log_value is not None:
            new = torch.logaddexp(self.log_value + math.log1p(-self.rate), new + math.log(self.rate))
        self.log_value = new
        return new


@dataclass(frozen=True)
class Objective:
    """A way to train a critic and to read it.

    Args:
        loss: Score matrix and running mean → loss of a batch; validation passes no running mean.
        terms: Score matrix → one term a row (n,), nats; their mean is the estimate.
        bounded: Whether the estimate cannot exceed log n.
    """

    loss: Callable[[Tensor, RunningMean | None], Tensor]
    terms: Callable[[Tensor], Tensor]
    bounded: bool = False


def objective(name: str, clip: float) -> Objective:
    """An objective by name; `clip` is τ of SMILE.

    Raises:
        EstimatorError: If the name is unknown or the clip is not positive.
    """
    expect(name in OBJECTIVES, "objective", name, f"one of {', '.join(OBJECTIVES)}", "Choose one.")
    expect(clip > 0.0, "clip", clip, "a positive number, infinity for none", "Use 5.")
    if name == "smile":
        return Objective(_jensen_shannon_loss, lambda scores: smile_terms(scores, clip))
    return OBJECTIVES[name]


def others(scores: Tensor) -> Tensor:
    """The scores of pairs that are not true, (n (n − 1),)."""
    return scores[~torch.eye(len(scores), dtype=torch.bool)]


def log_mean_exp(values: Tensor) -> Tensor:
    """log of the mean of exponentials over all values."""
    return torch.logsumexp(values.flatten(), dim=0) - math.log(values.numel())


def donsker_varadhan_terms(scores: Tensor) -> Tensor:
    """s_ii − log ⟨exp s_ij⟩. Source: Donsker and Varadhan 1983; Belghazi et al. 2018."""
    return scores.diagonal() - log_mean_exp(others(scores))


def nwj_terms(scores: Tensor) -> Tensor:
    """1 + s_ii − ⟨exp s_ij⟩, the bound of critic 1 + s. Source: Nguyen, Wainwright and Jordan 2010."""
    return 1.0 + scores.diagonal() - torch.exp(log_mean_exp(others(scores)))


def infonce_terms(scores: Tensor) -> Tensor:
    """s_ii − log ⟨exp s_ij⟩_j with the true pair among them, averaged with the other direction; ≤ log n.

    Source: van den Oord, Li and Vinyals 2018; Radford et al. 2021 (both directions).
    """
    rows, columns = torch.logsumexp(scores, dim=1), torch.logsumexp(scores, dim=0)
    return scores.diagonal() - 0.5 * (rows + columns) + math.log(len(scores))


def smile_terms(scores: Tensor, clip: float) -> Tensor:
    """s_ii − log ⟨exp clamp(s_ij, −τ, τ)⟩. Source: Song and Ermon 2020, equation 13."""
    return scores.diagonal() - log_mean_exp(others(scores).clamp(-clip, clip))


def density_ratio_terms(scores: Tensor) -> Tensor:
    """s_ii: the mean log density ratio itself, where the training fixes its constant."""
    return scores.diagonal()


def anchor_loss(scores: Tensor, memory: RunningMean | None) -> Tensor:
    """Cross-entropy of telling which of K = n − 1 candidates is the true one, or that none is: the anchor.

    With r = exp s and the anchor as likely as all true pairs together, the classes have the odds r_1 : … : r_K : K, so
    that the best r is the density ratio itself; InfoNCE, without an anchor, leaves a factor free for each row.

    Source: Ryu, Yeddanapudi, Xu and Wornell 2025 (arXiv 2510.25983); the weight of the anchor is our choice.
    """
    n = len(scores)
    same, left_out = torch.eye(n, dtype=torch.bool), torch.eye(n, dtype=torch.bool).roll(1, dims=1)
    anchor = scores.new_full((n,), math.log(n - 1))
    with_true = torch.logsumexp(scores.masked_fill(left_out, -math.inf), dim=1)
    without = torch.logsumexp(scores.masked_fill(same, -math.inf), dim=1)
    true_pair = torch.logaddexp(with_true, anchor) - scores.diagonal()
    none = torch.logaddexp(without, anchor) - anchor
    return 0.5 * (true_pair + none).mean()


def hellinger_loss(scores: Tensor, memory: RunningMean | None) -> Tensor:
    """⟨exp(−s_ii / 2)⟩ + ⟨exp(s_ij / 2)⟩: least where exp s is the density ratio.

    Source: Letizia, Novello and Tonello 2024 (HD-DIME, with D = exp(−s / 2)).
    """
    return torch.exp(log_mean_exp(-0.5 * scores.diagonal())) + torch.exp(log_mean_exp(0.5 * others(scores)))


def _jensen_shannon_loss(scores: Tensor, memory: RunningMean | None) -> Tensor:
    """Cross-entropy of telling true pairs from others; its best critic is the log density ratio."""
    return softplus(-scores.diagonal()).mean() + softplus(others(scores)).mean()


def _mine_loss(scores: Tensor, memory: RunningMean | None) -> Tensor:
    """Donsker–Varadhan with the gradient of the log corrected by a running mean."""
    if memory is None:
        return -donsker_varadhan_terms(scores).mean()
    log_mean = log_mean_exp(others(scores))
    return -scores.diagonal().mean() + torch.exp(log_mean - memory.update(log_mean))


def _negated(terms: Callable[[Tensor], Tensor]) -> Callable[[Tensor, RunningMean | None], Tensor]:
    return lambda scores, memory: -terms(scores).mean()


#: Name → objective; `smile` here has τ = 5.
OBJECTIVES: dict[str, Objective] = {
    "dv": Objective(_negated(donsker_varadhan_terms), donsker_varadhan_terms),
    "mine": Objective(_mine_loss, donsker_varadhan_terms),
    "nwj": Objective(_negated(nwj_terms), nwj_terms),
    "infonce": Objective(_negated(infonce_terms), infonce_terms, bounded=True),
    "smile": Objective(_jensen_shannon_loss, lambda scores: smile_terms(scores, 5.0)),
    "infonce-anchor": Objective(anchor_loss, density_ratio_terms),
    "gan-dime": Objective(
        _jensen_shannon_loss, density_ratio_terms
    ),  # D = 1 / (1 + exp s); Letizia et al. 2024
    "hd-dime": Objective(hellinger_loss, density_ratio_terms),
    "js": Objective(_jensen_shannon_loss, nwj_terms),  # the plug-in of Poole et al. 2019
}
