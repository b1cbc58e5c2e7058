"""Small models of the kinds that are adopted."""

from __future__ import annotations

import torch
from torch import nn


class SmallVelocity(nn.Module):
    """v(x, t[, y]) on vectors: batch normalisation by stored moments, dropout, an embedding, attention on request."""

    def __init__(self, dim: int = 4, classes: int = 0, seed: int = 0, strength: float = 0.3) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.enter, self.leave = nn.Linear(dim + 1, 16), nn.Linear(16, dim)
            self.norm, self.drop = nn.BatchNorm1d(16), nn.Dropout(0.5)
            self.embedding = nn.Embedding(classes, 16) if classes else None
            self.norm.running_mean.normal_()
            self.norm.running_var.uniform_(0.5, 2.0)
            nn.init.normal_(self.leave.weight, std=strength)

    def forward(self, x, t, y=None):
        hidden = self.enter(torch.cat([x, t[:, None]], dim=1))
        if self.embedding is not None:
            hidden = hidden + self.embedding(y)
        return self.leave(self.drop(torch.tanh(self.norm(hidden))))


class Affine(nn.Module):
    """A bijection with a log-determinant: x = (bias + L z) reshaped, L lower triangular."""

    def __init__(self, shape=(3,), wrong: float = 0.0) -> None:
        super().__init__()
        self.shape, self.wrong = shape, wrong
        d = int(torch.tensor(shape).prod())
        lower = torch.eye(d) + 0.3 * torch.tril(torch.ones(d, d), -1)
        self.register_buffer("lower", lower)
        self.register_buffer("bias", torch.arange(d).float())

    def forward_and_log_det(self, z):
        x = self.bias + z @ self.lower.T
        log_det = torch.log(torch.diagonal(self.lower)).sum().expand(z.shape[0]) + self.wrong
        return x.reshape(-1, *self.shape), log_det

    def inverse(self, x):
        return torch.linalg.solve_triangular(self.lower, (x.flatten(1) - self.bias).T, upper=False).T


class Called(nn.Module):
    """A module that calls a function, for what should be refused."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x, t):
        return self.function(x * self.weight, t)
