"""A coloured shape on a coloured ground, with edges smooth over a pixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

import torch
from torch import Tensor

from infoloom.observations.renderers.base import Renderer, across, pixel_grid
from infoloom.spec.flows.renderers import FORMS, RendererForm

__all__ = ["SHAPES", "Sprites"]

_EDGE: Final = 0.6  # pixels
_GROUND: Final = 0.35
Shape = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _lines(
    count: int, start: float, depth: float, x: Tensor, y: Tensor, wide: Tensor, high: Tensor
) -> list[Tensor]:
    """Distances beyond `count` lines around the origin, the first in direction `start`, of a stretched shape."""
    found = []
    for k in range(count):
        turn = 2.0 * math.pi * k / count + start
        across_x, across_y = math.cos(turn) / wide, math.sin(turn) / high
        length = torch.sqrt(across_x**2 + across_y**2)
        found.append(x * (across_x / length) + y * (across_y / length) - depth / length)
    return found


def _square(x: Tensor, y: Tensor, wide: Tensor, high: Tensor) -> Tensor:
    return torch.maximum(x.abs() - 0.88 * wide, y.abs() - 0.88 * high)


def _triangle(x: Tensor, y: Tensor, wide: Tensor, high: Tensor) -> Tensor:
    one, two, three = _lines(3, -0.5 * math.pi, 0.64, x, y, wide, high)
    return torch.maximum(torch.maximum(one, two), three)


def _star(x: Tensor, y: Tensor, wide: Tensor, high: Tensor) -> Tensor:
    """Inside of a star of five points all lines but one leave the point on their inner side."""
    first, *others = _lines(5, 0.5 * math.pi, 0.42, x, y, wide, high)
    largest, second = first, torch.full_like(first, -math.inf)
    for other in others:
        second = torch.maximum(second, torch.minimum(largest, other))
        largest = torch.maximum(largest, other)
    return second


def _radii(x: Tensor, y: Tensor, wide: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Distance from the origin in units of the shape, and how fast it grows."""
    unit_x, unit_y = x / wide, y / high
    radius = torch.sqrt(unit_x**2 + unit_y**2 + 1e-12)
    return radius, torch.sqrt((unit_x / wide) ** 2 + (unit_y / high) ** 2 + 1e-12) / radius


def _ellipse(x: Tensor, y: Tensor, wide: Tensor, high: Tensor) -> Tensor:
    radius, slope = _radii(x, y, wide, high)
    return (radius - 1.0) / slope


def _annulus(x: Tensor, y: Tensor, wide: Tensor, high: Tensor) -> Tensor:
    radius, slope = _radii(x, y, wide, high)
    return ((radius - 0.85).abs() - 0.25) / slope


def _heart(x: Tensor, y: Tensor, wide: Tensor, high: Tensor) -> Tensor:
    """x² + (5 y / 4 − √|x|)² = 1, with the notch a little rounded, over the length of its gradient."""
    unit_x, unit_y = x / wide, y / high + 0.2
    lift = (unit_x**2 + 0.003) ** 0.25
    bent = 1.25 * unit_y - lift
    radius = torch.sqrt(unit_x**2 + bent**2 + 1e-9)
    slope_x = (unit_x - 0.5 * bent * unit_x / lift**3) / wide
    slope_y = 1.25 * bent / high
    return (radius - 1.0) * radius / torch.sqrt(slope_x**2 + slope_y**2 + 1e-3)


SHAPES: Final[dict[str, Shape]] = {
    "square": _square,
    "ellipse": _ellipse,
    "triangle": _triangle,
    "heart": _heart,
    "star": _star,
    "ring": _annulus,
}
"""Signed distances from the edge by shape, of places (x, y) for half axes (wide, high); negative inside."""


class Sprites(Renderer):
    """colour = α shape + (1 − α) ground, α = 1 / (1 + exp(d / 0.6 pixels)) for the signed distance d from the edge.

    Of hue h and brightness b a colour is b (0.55 + 0.45 cos 2π (h − k / 3)) for red, green and blue, k = 0, 1, 2; the
    ground has brightness 0.35. A shape of size s and elongation e has half axes s √e and s / √e.
    """

    form: ClassVar[RendererForm] = FORMS["sprites"]

    def render(self, values: Mapping[str, Tensor]) -> Tensor:
        x, y = pixel_grid(self.setup.size, values["x"])
        half = 0.5 * self.setup.size
        right, up = x / half - across(values["x"]), y / half - across(values["y"])
        cosine, sine = torch.cos(across(values["angle"])), torch.sin(across(values["angle"]))
        along, beside = right * cosine + up * sine, up * cosine - right * sine
        size, root = across(values["size"]), torch.sqrt(across(values["elongation"]))
        distance = SHAPES[self.setup.selector or "ellipse"](along, beside, size * root, size / root)
        share = torch.sigmoid(distance * (-half / _EDGE))[:, None]
        shape = _colour(values["hue"], values["brightness"])
        ground = _colour(values["ground"], torch.full_like(values["ground"], _GROUND))
        return ground + share * (shape - ground)


def _colour(hue: Tensor, brightness: Tensor) -> Tensor:
    """Red, green and blue, (n, 3, 1, 1)."""
    channels = [0.55 + 0.45 * torch.cos(2.0 * math.pi * (hue - k / 3.0)) for k in range(3)]
    return (brightness[:, None] * torch.stack(channels, dim=1))[:, :, None, None]
