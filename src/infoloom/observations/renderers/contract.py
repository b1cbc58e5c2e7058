"""What every renderer must do, as a function that its own tests can call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch

from infoloom.errors import FlowError
from infoloom.observations.renderers.base import Renderer
from infoloom.observations.renderers.certificate import certify_renderer
from infoloom.observations.renderers.left_inverse import jacobians

__all__ = ["check_renderer"]

_STEP: Final = 1e-6
_SLOPE: Final = 1e-5  # of the largest derivative
_EDGE: Final = 8.0  # standard deviations: as far as anybody will hold a factor


def check_renderer(renderer: Renderer, rows: int = 200, *, seed: int = 0) -> None:
    """Check a renderer: shapes and types, each row on its own, derivatives, far latents, its certificate.

    For the tests of a renderer of one's own. It takes seconds; `rows` makes it faster.

    Args:
        renderer: Any renderer.
        rows: How many latents its certificate looks at.
        seed: Seed of the latents.

    Raises:
        FlowError: With everything that it does not do.

    Example:
        >>> from infoloom.observations import RENDERERS
        >>> kind = RENDERERS["rotation_curve"]
        >>> check_renderer(kind(kind.form.setup(args=(32,))), rows=40)
    """
    problems = [*_forward(renderer, seed), *_derivatives(renderer, seed)]
    if not problems:
        certificate = certify_renderer(renderer, rows, seed=seed)
        problems += [] if certificate["passes"] else [f"its certificate fails: {certificate['reason']}"]
    if problems:
        raise FlowError(f"renderer `{renderer.setup}`: " + "; ".join(problems) + ".")


def _forward(renderer: Renderer, seed: int) -> Iterator[str]:
    z = torch.randn((37, renderer.dim), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = renderer.forward(z)
    if tuple(x.shape) != (len(z), *renderer.setup.shape):
        yield f"expected observations of shape {(len(z), *renderer.setup.shape)}, got {tuple(x.shape)}"
        return
    if renderer.forward(z.float()).dtype != torch.float32 or x.dtype != torch.float64:
        yield "expected observations of the latents' type"
    alone = torch.cat([renderer.forward(one[None]) for one in z[:5]])
    if not torch.allclose(alone, x[:5], rtol=1e-12, atol=1e-12 * float(x.abs().max())):
        yield "expected every row to be rendered on its own, but a row changes with the rows beside it"
    ends = torch.stack([torch.full((renderer.dim,), end, dtype=torch.float64) for end in (-_EDGE, _EDGE)])
    if not bool(torch.isfinite(renderer.forward(ends)).all()):
        yield f"expected finite observations at the ends of the ranges, latents of ±{_EDGE:g}"


def _derivatives(renderer: Renderer, seed: int) -> Iterator[str]:
    generator = torch.Generator().manual_seed(seed + 1)
    shares = 0.1 + 0.8 * torch.rand((6, renderer.dim), generator=generator, dtype=torch.float64)
    found = jacobians(renderer.of_shares, shares)
    for at, name in enumerate(renderer.form.names):
        step = _STEP * torch.eye(renderer.dim, dtype=torch.float64)[at]
        above, below = renderer.of_shares(shares + step), renderer.of_shares(shares - step)
        slope = ((above - below) / (2.0 * _STEP)).flatten(1)
        if not torch.allclose(
            found[:, :, at], slope, rtol=0.0, atol=_SLOPE * float(slope.abs().max()) + 1e-9
        ):
            yield f"expected the derivative by `{name}` in forward mode to be that of differences"
