"""Figures, drawn without a display; matplotlib is only imported when one is asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infoloom.datasets.showing.preview import picture_kind
from infoloom.errors import InfoloomError
from infoloom.report.style import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_templates"]

COLUMNS = 4
PANEL = 2.4  # inches
CHANNELS = 4  # channels or leads shown of one template; more are counted in its caption


def draw_templates(templates: Mapping[str, NDArray[np.float64]], path: str | Path) -> Path:
    """Draw templates side by side, each on the shape of its modality.

    Colours run from blue over white (zero) to red, on an own symmetric scale for every panel; channels
    that differ stand next to each other.

    Args:
        templates: Title → template of shape (channels, height, width), (leads, samples) or (size,).
        path: A file ending in .png, .svg or .pdf; its folder must exist.

    Returns:
        The path written.

    Raises:
        InfoloomError: Nothing to draw, a shape that is none of these, another suffix, matplotlib missing.
    """
    path = Path(path)
    picture_kind(path)  # another ending is refused before anything is drawn
    if not templates:
        raise InfoloomError("templates: expected at least one to draw. Name causes in a modality's latent.")
    columns = min(COLUMNS, len(templates))
    rows = -(-len(templates) // columns)
    figure = new_figure(PANEL * columns, (PANEL + 0.6) * rows)
    for place, (title, template) in enumerate(templates.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        _panel(axes, title, np.asarray(template, dtype=np.float64))
    figure.savefig(path, dpi=150)
    return path


def _panel(axes: Axes, title: str, template: NDArray[np.float64]) -> None:
    shown = _distinct(template)
    if template.ndim == 3:
        _image(axes, shown)
    elif template.ndim in (1, 2):
        _lines(axes, np.atleast_2d(shown))
    else:
        raise InfoloomError(
            f"template `{title}` of shape {template.shape}: expected (channels, height, width), "
            "(leads, samples) or (size,). Reshape it."
        )
    axes.set_title("\n".join(textwrap.wrap(title, 34)), fontsize=8, family="monospace")
    axes.set_xlabel(_caption(template, shown), fontsize=7)


def _distinct(template: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first channels that are worth showing: one where all are the same."""
    if template.ndim == 1:
        return template
    same = np.array_equal(template, np.broadcast_to(template[:1], template.shape))
    return template[: 1 if same else CHANNELS]


def _image(axes: Axes, channels: NDArray[np.float64]) -> None:
    # A column of not-a-numbers (drawn as the background) keeps neighbouring channels apart.
    gap = np.full((*channels.shape[:2], max(1, channels.shape[2] // 16)), np.nan)
    strip = np.concatenate([part for pair in zip(channels, gap, strict=True) for part in pair][:-1], axis=1)
    extreme = np.abs(channels).max()
    axes.imshow(strip, cmap="RdBu_r", vmin=-extreme, vmax=extreme, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def _lines(axes: Axes, leads: NDArray[np.float64]) -> None:
    for lead in leads:
        axes.step(np.arange(lead.size), lead, where="mid", linewidth=1.0)
    axes.axhline(0.0, color="0.8", linewidth=0.6, zorder=0)
    axes.tick_params(labelsize=6)


def _caption(template: NDArray[np.float64], shown: NDArray[np.float64]) -> str:
    size = " x ".join(str(n) for n in template.shape)
    left_out = (
        "" if shown.shape in (template.shape, (1, *template.shape[1:])) else f", first {len(shown)} shown"
    )
    return f"{size}{left_out}; largest |t| {np.abs(template).max():.3g}"
