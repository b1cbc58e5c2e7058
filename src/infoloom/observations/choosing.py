"""A map for each category of a cause: which one makes a row's observation is part of what the row is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.injection import Injection
from infoloom.observations.renderers.base import Renderer
from infoloom.observations.renderers.collisions import first_misfit, search_collisions
from infoloom.observations.rendering import Rendering

__all__ = ["Choosing"]

_FOUND: Final = 1e-4  # of an observation's spread: its class is found


class Choosing(Injection):
    """x = f_k(z): a row of its input is the latent z with the number of the category k behind it.

    Of renderers it is injective where no two of them make the same observation, which a search looks for: (k, z) can be
    read from x. Trained flows all map onto the whole space: x does not tell k, and the information of x is at most that
    of (k, z).

    Args:
        maps: By class, in the order of the categories; of one shape each.

    Raises:
        FlowError: Maps that do not fit.
    """

    def __init__(self, maps: Mapping[str, Injection]) -> None:
        self.maps = dict(maps)
        self.parts = tuple(self.maps.values())
        shapes = {(part.dim, part.shape_out) for part in self.parts}
        if len(shapes) != 1:
            raise FlowError(
                f"classes {', '.join(self.maps)}: expected maps of one shape, got {sorted(shapes)}."
            )
        self.shape_in, self.shape_out = (self.parts[0].dim + 1,), self.parts[0].shape_out
        self.may_saturate = any(part.may_saturate for part in self.parts)

    @property
    def rendered(self) -> dict[str, Renderer]:
        """The renderers among which is chosen; empty for other maps."""
        found = {
            name: part.renderer if isinstance(part, Rendering) else part for name, part in self.maps.items()
        }
        inner = {name: one for name, one in found.items() if isinstance(one, Renderer)}
        return inner if len(inner) == len(found) else {}

    def forward(self, z: Tensor) -> Tensor:
        categories = self._categories(self.check_input(z))
        made = z.new_zeros((len(z), *self.shape_out))
        return self._each(categories, made, lambda part, rows: part.forward(_latents(part, z[rows])))

    def inverse(self, x: Tensor) -> Tensor:
        """Latents with the category behind them, (n, d + 1): those of the closest observation of all classes.

        Raises:
            FlowError: Trained flows, whose observations do not tell the class.
        """
        if not self.rendered:
            raise FlowError(
                f"classes {', '.join(self.maps)}: expected renderers, because a trained flow of each class can make "
                "every observation. Invert the flow of one class."
            )
        self.check_output(x)
        likely = torch.stack([_misfit(part, x) for part in self.parts], dim=1).argsort(dim=1)
        size = x.flatten(1).to(torch.float64).std(dim=1)
        best = torch.full_like(size, float("inf"))
        found = x.new_zeros((len(x), self.shape_in[0]))
        for rank in range(len(self.parts)):  # the class whose first fit is closest comes first
            for number, part in enumerate(self.parts):
                rows = torch.nonzero((best > _FOUND * size) & (likely[:, rank] == number))[:, 0]
                if len(rows):
                    z = part.inverse(x[rows])
                    off = (part.forward(z) - x[rows]).flatten(1).to(torch.float64).square().mean(dim=1).sqrt()
                    closer = off < best[rows]
                    best[rows[closer]] = off[closer]
                    told = torch.cat([z.flatten(1), z.new_full((len(z), 1), float(number))], dim=1)
                    found[rows[closer]] = told[closer]
        return found

    def pull_back(self, z: Tensor, change: Tensor) -> Tensor:
        return self._back(z, change, lambda part: part.pull_back)

    def move_back(self, z: Tensor, change: Tensor) -> Tensor:
        return self._back(z, change, lambda part: part.move_back)

    def _back(
        self, z: Tensor, change: Tensor, way: Callable[[Injection], Callable[[Tensor, Tensor], Tensor]]
    ) -> Tensor:
        """The moves that the chosen maps give; the category stays."""
        categories = self._categories(self.check_input(z))
        moved = z.new_zeros((len(z), self.shape_in[0] - 1))
        back = self._each(
            categories, moved, lambda part, rows: way(part)(_latents(part, z[rows]), change[rows]).flatten(1)
        )
        return torch.cat([back, torch.zeros_like(z[:, -1:])], dim=1)

    def saturated(self, z: Tensor) -> int:
        categories = self._categories(self.check_input(z))
        rows = [(part, categories == number) for number, part in enumerate(self.parts)]
        return sum(part.saturated(_latents(part, z[own])) for part, own in rows if bool(own.any()))

    def certificate(self) -> Mapping[str, Any]:
        """Certificates by class, and for renderers the search for observations that two of them make."""
        inner = {name: dict(part.certificate()) for name, part in self.maps.items()}
        renderers = self.rendered
        if not renderers:
            reason = (
                f"a cause chooses among trained flows of {', '.join(self.maps)}, and an observation does not tell "
                "which one made it"
            )
            return {"kind": "choice", "passes": False, "reason": reason, "classes": inner}
        failed = [
            f"`{name}`: {one.get('reason', 'it fails')}" for name, one in inner.items() if not one["passes"]
        ]
        across = search_collisions(renderers)
        reasons = failed + ([] if across["passes"] else [str(across["reason"])])
        return {
            "kind": "choice",
            "passes": not reasons,
            **({"reason": "; ".join(reasons)} if reasons else {}),
            "classes": inner,
            "collisions": dict(across),
        }

    def _categories(self, z: Tensor) -> Tensor:
        numbers = z[:, -1].round()
        if len(z) and not bool(((numbers >= 0) & (numbers < len(self.parts)) & (numbers == z[:, -1])).all()):
            raise FlowError(
                f"categories: expected whole numbers from 0 to {len(self.parts) - 1} behind the latents, one for each "
                f"of {', '.join(self.maps)}."
            )
        return numbers

    def _each(self, categories: Tensor, into: Tensor, make: Callable[[Injection, Tensor], Tensor]) -> Tensor:
        """What each class makes of its own rows."""
        for number, part in enumerate(self.parts):
            rows = torch.nonzero(categories == number)[:, 0]
            if len(rows):
                into = into.index_copy(0, rows, make(part, rows))
        return into


def _misfit(part: Injection, x: Tensor) -> Tensor:
    """How far a first fit of a renderer stays off what was observed, (n,)."""
    if isinstance(part, Rendering):
        x = x if part.after is None else part.after.inverse(x)
        part = part.renderer
    if not isinstance(part, Renderer):
        raise FlowError(
            "classes: expected renderers, because other maps do not tell which one made an observation."
        )
    return first_misfit(part, x)


def _latents(part: Injection, z: Tensor) -> Tensor:
    return z[:, :-1].reshape(len(z), *part.shape_in)
