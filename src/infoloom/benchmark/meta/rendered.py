"""Curves, spectra and pictures as a map of vectors: columns set the factors of a renderer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.meta.steps import BENDS
from infoloom.spec.flows.renderers import FORMS

if TYPE_CHECKING:
    from infoloom.observations.renderers.base import Renderer

__all__ = ["RENDERED", "Rendered", "rendered"]

Rows = NDArray[Any]

#: Renderers, and the least and greatest size of an observation: columns of a curve, pixels along a picture.
RENDERED: Final = {"rotation_curve": (16, 64), "xray_spectrum": (64, 128), "ring": (16, 16)}
_WIDTH: Final = 2.0


@dataclass(frozen=True)
class Rendered:
    """Squashed columns set factors of a renderer; its other factors stay in their middle, other columns stay beside it.

    A value v becomes the latent 2 · squash(v) of its factor, between −2 and 2, so that no tail is lost in the rounding.

    Args:
        name: Of the renderer, a key of `RENDERED`.
        size: Columns of a curve, pixels along a picture.
        places: The factor that each of the first columns sets, its number in the renderer's form (k,).
    """

    name: str
    size: int
    places: tuple[int, ...]

    @cached_property
    def _renderer(self) -> Renderer:
        from infoloom.observations.renderers.registry import RENDERERS  # torch, only where a curve is drawn

        form = FORMS[self.name]
        return RENDERERS[self.name](form.setup(None, (self.size,), {}))

    def forward(self, rows: Rows) -> Rows:
        """(n, d) → (n, columns of an observation + d − k)."""
        import torch

        count, factors = len(self.places), len(FORMS[self.name].factors)
        latents = np.zeros((len(rows), factors), dtype=rows.dtype)
        latents[:, list(self.places)] = _WIDTH * BENDS["squash"][0](rows[:, :count])
        with torch.no_grad():
            seen = self._renderer.forward(torch.from_numpy(latents)).flatten(1).numpy()
        return np.concatenate([seen, rows[:, count:]], axis=1)

    def inverse(self, rows: Rows) -> Rows:
        """(n, columns of an observation + d − k) → (n, d)."""
        import torch

        renderer = self._renderer
        shape = renderer.shape_out
        end = math.prod(shape)
        seen = torch.from_numpy(np.ascontiguousarray(rows[:, :end])).reshape(-1, *shape)
        latents = renderer.inverse(seen).numpy()[:, list(self.places)]
        return np.concatenate([BENDS["squash"][1](latents / _WIDTH), rows[:, end:]], axis=1)


def rendered(rng: np.random.Generator, dim: int) -> Rendered:
    """A random renderer that as many of `dim` columns set as it has factors."""
    name = str(rng.choice(list(RENDERED)))
    factors, (fewest, most) = len(FORMS[name].factors), RENDERED[name]
    places = rng.permutation(factors)[:dim]
    return Rendered(name, int(rng.integers(fewest, most + 1)), tuple(map(int, places)))
