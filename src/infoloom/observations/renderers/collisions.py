"""Whether renderers among which a cause chooses can make the same observation: then it would not tell the choice.

For every ordered pair of them, observations of the first that come closest to the second one's are fitted by the second
one, from several starts. What is left is how far apart their images are, as far as the search sees.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from infoloom.observations.renderers.certificate import EQUAL, digest_of, kept_or_made
from infoloom.observations.renderers.left_inverse import LeftInverse, fit, residuals

if TYPE_CHECKING:
    from infoloom.observations.renderers.base import Renderer

__all__ = ["collisions_digest", "find_collisions", "first_misfit", "search_collisions"]

_VERSION: Final = 1  # of this file: one more whenever what it computes changes
_ROWS: Final = 512
_FITTED: Final = 24
_STARTS: Final = 2
_STEPS: Final = 25


def search_collisions(renderers: Mapping[str, Renderer]) -> Mapping[str, Any]:
    """`find_collisions`, made once: kept with the package or in the user's cache, else made now."""
    return kept_or_made(collisions_digest(renderers), lambda: find_collisions(renderers))


def collisions_digest(renderers: Mapping[str, Renderer]) -> str:
    """SHA-256 of what a search is about: the renderers with their code, and the search."""
    told = [
        "collisions",
        repr((_VERSION, _ROWS, _FITTED, _STARTS, _STEPS)),
        *renderers,
        *map(digest_of, renderers.values()),
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def find_collisions(renderers: Mapping[str, Renderer], *, rows: int = _ROWS, seed: int = 0) -> dict[str, Any]:
    """Look for observations that two renderers both make.

    Args:
        renderers: By the class that they stand for; all of one shape of observations.
        rows: Observations of each that are compared.
        seed: Seed of their latents.

    Returns:
        JSON-able: `passes`, the `reason` if not, the `closest` distance of an observation of one from the image of
        another one, relative to the size of an observation (root mean square distance from the mean), and its `pair`.
    """
    closest, pair = math.inf, ("", "")
    names = list(renderers)
    with torch.no_grad():
        made = {name: _made(one, rows, seed) for name, one in renderers.items()}
        size = max(_size(list(made.values())), 1e-300)
        for name in names:
            inverse = _inverse_of(renderers[name])
            for other in names:
                if other != name:
                    found = _distance(inverse, made[other]) / size
                    closest, pair = min((closest, pair), (found, (other, name)))
    passes = closest >= EQUAL
    reason = f"`{pair[0]}` and `{pair[1]}` can make the same observation, {closest:.1e} of its size apart"
    return {
        "kind": "collisions",
        "passes": passes,
        **({} if passes else {"reason": reason}),
        "rows": rows,
        "fitted": _FITTED * _STARTS * len(names) * (len(names) - 1),
        "closest": closest,
        "pair": list(pair),
    }


def first_misfit(renderer: Renderer, x: Tensor) -> Tensor:
    """How far a fit from the nearest start alone stays off observations, (n,), in units of their spread.

    Args:
        renderer: Whose observations they may be.
        x: (n, *shape).
    """
    inverse = _inverse_of(renderer)
    x = x.to(torch.float64)
    with torch.no_grad():
        bank, sketches, projection, spread = inverse.bank
        nearest = torch.cdist(x.flatten(1).to(projection) @ projection, sketches).argmin(dim=1)
        shares = fit(inverse.render, bank[nearest], x)
        return residuals(inverse.render, shares, x) / spread


@functools.lru_cache(maxsize=64)
def _inverse_of(renderer: Renderer) -> LeftInverse:
    """A left inverse of a renderer whose random observations are made once."""
    return LeftInverse(renderer.of_shares, renderer.dim)


def _made(renderer: Renderer, rows: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return renderer.forward(torch.randn((rows, renderer.dim), generator=generator, dtype=torch.float64))


def _size(observed: Sequence[Tensor]) -> float:
    flat = torch.cat([one.flatten(1) for one in observed])
    return float((flat - flat.mean(dim=0)).square().sum(dim=1).mean().sqrt())


def _distance(inverse: LeftInverse, x: Tensor) -> float:
    """How close a renderer comes to some observations of another one."""
    bank, sketches, projection, _ = inverse.bank
    near = torch.cdist(x.flatten(1).to(projection) @ projection, sketches)
    distance, nearest = near.topk(_STARTS, largest=False)
    rows = distance[:, 0].argsort()[:_FITTED]
    found = math.inf
    for start in range(_STARTS):
        shares = fit(inverse.render, bank[nearest[rows, start]], x[rows], _STEPS)
        off = residuals(inverse.render, shares, x[rows]) * math.sqrt(x[0].numel())
        found = min(found, float(off.nan_to_num(nan=math.inf, posinf=math.inf).min()))
    return found
