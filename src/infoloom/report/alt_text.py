"""What a figure shows, in words, for those who do not see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["alt_text"]

PANELS: Final = 8
NAMES: Final = 12


def alt_text(figure: Figure, caption: str) -> str:
    """Caption, and for every panel its title, its axes with their ends, and what is drawn by name.

    Args:
        figure: A finished figure.
        caption: What it shows.
    """
    drawn = [axes for axes in figure.axes if axes.axison]
    panels = [axes for axes in drawn if axes.get_label() != "<colorbar>"]
    said = [text for axes in panels[:PANELS] if (text := _panel(axes))]
    if len(panels) > PANELS:
        said.append(f"and {len(panels) - PANELS} more panels")
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    if legends:
        said.append(f"Shown: {', '.join(legends[:NAMES])}")
    caption = caption.replace("`", "").rstrip(".")
    return ". ".join([caption, *said]) + "."


def _panel(axes: Axes) -> str:
    across, up = _axis(axes, "x"), _axis(axes, "y")
    names = [text for text in axes.get_legend_handles_labels()[1] if not text.startswith("_")]
    parts = [f"{up} against {across}" if up and across else up or across]
    if names:
        parts.append(", ".join(names[:NAMES]))
    said = "; ".join(filter(None, parts))
    title = axes.get_title("left") or axes.get_title()
    title = " ".join(title.split())
    return f"{title}: {said}" if title and said else title or said


def _axis(axes: Axes, name: str) -> str:
    """Label and ends of an axis; of one with names in place of numbers the names."""
    label = axes.get_xlabel() if name == "x" else axes.get_ylabel()
    axis = axes.xaxis if name == "x" else axes.yaxis
    ticks = [" ".join(text.get_text().split()) for text in axis.get_ticklabels()]
    words = [tick for tick in ticks if tick and not _number(tick)]
    if words:
        more = f" and {len(words) - NAMES} more" if len(words) > NAMES else ""
        return (f"{label}: " if label else "") + ", ".join(words[:NAMES]) + more
    low, high = axes.get_xlim() if name == "x" else axes.get_ylim()
    return f"{label} ({low:.3g} to {high:.3g})" if label else ""


def _number(text: str) -> bool:
    try:
        float(text.replace("−", "-").replace(",", "").strip("$"))
    except ValueError:
        return text.startswith("$")
    return True
