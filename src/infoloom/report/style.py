"""How figures look: one type size, few lines, colours that are told apart on white and on black paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from infoloom.errors import InfoloomError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ALWAYS_DARK", "ALWAYS_LIGHT", "INK", "MUTED", "PALETTE", "PAPER", "house_style", "new_figure"]

# On a page of `write_page` black and white follow the reader's theme; the other colours stay what they are.
INK: Final = "#000000"
PAPER: Final = "#ffffff"
ALWAYS_DARK: Final = "#0b0d10"
ALWAYS_LIGHT: Final = "#fdfdfd"
MUTED: Final = "#7d8590"
PALETTE: Final = (
    "#3b82d6", "#d9722e", "#2a9a72", "#b05cc9", "#a98a1b", "#d64f6b", "#5a86a0", "#8f6d5a", "#1a9bab", "#7b78d8"
)  # fmt: skip


@contextmanager
def house_style() -> Iterator[None]:
    """The style of the house, for everything that is drawn inside; a context and a decorator.

    Raises:
        InfoloomError: matplotlib is missing.

    Example:
        >>> with house_style():
        ...     axes = new_figure(4.0, 3.0).subplots()
        >>> axes.spines["top"].get_visible()
        False
    """
    _require_matplotlib()
    import matplotlib
    from cycler import cycler

    settings: Any = {  # the stubs list every key
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.labelsize": 9.0,
        "axes.linewidth": 0.8,
        "axes.prop_cycle": cycler(color=list(PALETTE)),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 9.5,
        "font.size": 9.0,
        "grid.alpha": 0.35,
        "grid.color": MUTED,
        "grid.linewidth": 0.5,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "lines.markersize": 4.5,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
    }
    with matplotlib.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that needs no display and leaves pyplot's global state alone.

    Args:
        width: Inches.
        height: Inches.

    Raises:
        InfoloomError: matplotlib is missing.
    """
    _require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InfoloomError(
            "matplotlib: expected to be installed, because figures need it. "
            'Run `pip install "infoloom[plot]"`.'
        ) from error
