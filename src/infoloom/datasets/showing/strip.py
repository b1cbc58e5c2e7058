"""A strip: what one cause does to each modality while everything else is held, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.showing.gallery import observed_or_said
from infoloom.datasets.showing.preview import draw_panel, limits_of, picture_kind
from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import aside
from infoloom.errors import DatasetError
from infoloom.extras import extras_named

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["draw_strip", "strip_latents", "strip_rows", "strip_values"]

VALUES: Final = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
_MAX_MODALITIES: Final = 10


def strip_values(story: Story, node: str) -> tuple[float, ...]:
    """From −2 to 2; of a category its own values, since it has none between."""
    from infoloom.law.sources.distributions import atoms_of  # with it comes scipy

    found = story.graph.nodes.get(node)
    return VALUES if found is None else atoms_of(found.distribution) or VALUES


def strip_rows(
    story: Story,
    node: str,
    values: Sequence[float] | None = None,
    *,
    row: int = 0,
    seed: int = 0,
    modalities: Sequence[str] | None = None,
) -> dict[str, np.ndarray[Any, Any]]:
    """Observations of one row's counterfactual twins, one for every value of a node.

    Args:
        story: A compiled story.
        node: The cause, target or modality that is set to each value in turn.
        values: What it is set to; `strip_values` when left out.
        row: Which row's proto-latents are held.
        seed: Seed of the rows.
        modalities: Which ones to observe; all but captions when left out.

    Returns:
        For each modality its observations, shape (len(values), *shape), or the sentences of a caption.

    Raises:
        SpecError: No such node.
        DatasetError: No values.
    """
    latents = strip_latents(story, node, values, row=row, seed=seed)
    names = story.mapped if modalities is None else modalities
    return {name: observed_or_said(story, name, latents) for name in names}


def strip_latents(
    story: Story, node: str, values: Sequence[float] | None = None, *, row: int = 0, seed: int = 0
) -> dict[str, np.ndarray[Any, Any]]:
    """The latents that a strip observes: for every modality (len(values), d).

    Raises:
        SpecError: No such node.
        DatasetError: No values.
    """
    values = strip_values(story, node) if values is None else values
    if not len(values):
        raise DatasetError("strip: expected at least one value.")
    twins = [story.twins(1, seed, row, node=node, value=float(value))[1] for value in values]
    return {name: np.concatenate([twin[name] for twin in twins]) for name in twins[0]}


@extras_named()
def draw_strip(
    story: Story,
    node: str,
    path: str | Path,
    values: Sequence[float] | None = None,
    *,
    row: int = 0,
    seed: int = 0,
) -> Path:
    """Draw a strip: one line a modality, one column a value of the node; see `strip_rows`.

    Returns:
        The picture's path.

    Raises:
        DatasetError: A name that ends in none of .png, .svg and .pdf.
    """
    values = strip_values(story, node) if values is None else values
    target = Path(path)
    kind = picture_kind(target)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = dict(list(strip_rows(story, node, values, row=row, seed=seed).items())[:_MAX_MODALITIES])
    size = (0.8 + len(values), 0.6 + 1.02 * len(shown))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    axes = figure.subplots(len(shown), len(values), squeeze=False)
    for line, (name, observed) in zip(axes, shown.items(), strict=True):
        column = Column(name, "modality", "float32", tuple(story.shape(name)))
        limits = limits_of(observed)
        for ax, one in zip(line, observed, strict=True):
            draw_panel(ax, one, column, limits)
        line[0].set_ylabel(name, fontsize=8)
    for ax, value in zip(axes[0], values, strict=True):
        ax.set_title(f"{value:+g}", fontsize=8)
    figure.suptitle(f"{story.name}: {node}, everything else held", fontsize=9)
    FigureCanvasAgg(figure)
    target.parent.mkdir(parents=True, exist_ok=True)
    with aside(target) as part:
        figure.savefig(part, format=kind)
    return target
