"""Critics: networks that score how well rows of x go with rows of y."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from infoloom.estimators.inputs import expect
from infoloom.estimators.neural.layers import convolutional, linear, perceptron
from infoloom.estimators.protocol import Array

__all__ = ["JointCritic", "SeparableCritic", "build_critic", "check_critic", "encode"]

CRITICS = ("separable", "joint")
ENCODERS = ("auto", "mlp", "conv")


class SeparableCritic(nn.Module):
    """s(x, y) = Σ_k g_k(x) h_k(y) + a(x) + b(y), with few outputs k.

    g and h may start at linear directions with correlations ρ_k, where s starts as the exact log density ratio
    of that Gaussian: Σ_k (ρ u v − ½ ρ² (u² + v²)) / (1 − ρ²) − ½ log(1 − ρ²).
    """

    def __init__(
        self,
        encode_x: nn.Module,
        encode_y: nn.Module,
        start: tuple[Tensor, Tensor, Tensor] | None,
        outputs: int,
    ) -> None:
        super().__init__()
        self.encode_x, self.encode_y, self.outputs = encode_x, encode_y, outputs
        self.linear_x = None if start is None else nn.Parameter(start[0])
        self.linear_y = None if start is None else nn.Parameter(start[1])
        known = torch.zeros(outputs) if start is None else start[2]
        self.product = nn.Parameter(torch.ones(outputs) if start is None else known / (1.0 - known**2))
        self.square = nn.Parameter(0.5 * known**2 / (1.0 - known**2))
        self.constant = nn.Parameter(-0.5 * torch.log1p(-(known**2)).sum())

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (n, m) of rows x (n, ...) with rows y (m, ...)."""
        left, own_x = self._embed(self.encode_x, self.linear_x, x)
        right, own_y = self._embed(self.encode_y, self.linear_y, y)
        return (left * self.product) @ right.T + own_x[:, None] + own_y + self.constant

    def _embed(self, encode: nn.Module, directions: Tensor | None, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding (n, k) and the score of the rows by themselves (n,)."""
        coded = encode(rows)
        embedded, own = coded[:, : self.outputs], coded[:, self.outputs]
        if directions is not None:
            embedded = embedded + rows.flatten(1) @ directions
        return embedded, own - (embedded**2) @ self.square


class JointCritic(nn.Module):
    """s(x, y) of a network that sees both rows: first layers apart, their sum through the rest."""

    def __init__(self, encode_x: nn.Module, encode_y: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encode_x, self.encode_y, self.head = encode_x, encode_y, head

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (n, m) of rows x (n, ...) with rows y (m, ...)."""
        pairs = torch.nn.functional.silu(self.encode_x(x)[:, None] + self.encode_y(y)[None])
        scores: Tensor = self.head(pairs)[..., 0]
        return scores


def build_critic(
    kind: str,
    encoder: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    hidden: tuple[int, ...],
    outputs: int,
    generator: torch.Generator,
    start: tuple[Array, Array, Array] | None = None,
) -> nn.Module:
    """Build a critic for rows of two shapes.

    Args:
        kind: `separable` or `joint`.
        encoder: `mlp`, `conv`, or `auto`: convolutions for rows (channels, length) or (channels, height, width).
        shapes: Shape of a row of x and of y.
        hidden: Widths of the hidden layers.
        outputs: Embedding dimension of a separable critic.
        generator: Of the first weights.
        start: Directions of x (dx, k), of y (dy, k) and correlations (k,) at which a separable critic starts.
    """
    check_critic(kind, encoder)
    if kind == "joint":
        left, right = (encode(encoder, shape, (), hidden[0], generator) for shape in shapes)
        return JointCritic(left, right, perceptron((*hidden, 1), generator))
    padded = None if start is None else _padded(start, outputs, generator)
    zero = start is not None
    left, right = (encode(encoder, shape, hidden, outputs + 1, generator, zero) for shape in shapes)
    return SeparableCritic(left, right, padded, outputs)


def check_critic(kind: str, encoder: str) -> None:
    """Refuse a critic or an encoder that does not exist."""
    expect(kind in CRITICS, "critic", kind, f"one of {', '.join(CRITICS)}", "Choose one.")
    expect(encoder in ENCODERS, "encoder", encoder, f"one of {', '.join(ENCODERS)}", "Choose one.")


def encode(
    kind: str,
    shape: tuple[int, ...],
    hidden: tuple[int, ...],
    outputs: int,
    generator: torch.Generator,
    zero: bool = False,
) -> nn.Module:
    """A perceptron on flattened rows, or convolutions on signals and pictures."""
    picture = len(shape) in (2, 3) and min(shape[1:]) > 4
    expect(
        kind != "conv" or picture,
        "encoder",
        f"conv on rows {shape}",
        "rows (channels, length) or (channels, height, width) longer than 4",
        "Use mlp.",
    )
    if kind != "mlp" and picture:
        return convolutional(shape, hidden, outputs, generator)
    if not hidden:
        return nn.Sequential(nn.Flatten(), linear(math.prod(shape), outputs, generator))
    return nn.Sequential(nn.Flatten(), perceptron((math.prod(shape), *hidden, outputs), generator, zero))


def _padded(
    start: tuple[Array, Array, Array], outputs: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Directions and correlations filled up to `outputs` with small random directions of correlation 0.05."""
    found = []
    for directions in start[:2]:
        inputs, known = directions.shape
        extra = torch.empty(inputs, outputs - known).uniform_(-1.0, 1.0, generator=generator) / math.sqrt(
            inputs
        )
        found.append(torch.cat([torch.as_tensor(directions, dtype=torch.float32), 0.1 * extra], dim=1))
    correlations = torch.full((outputs,), 0.05)
    correlations[: len(start[2])] = torch.as_tensor(start[2], dtype=torch.float32)
    return found[0], found[1], correlations
