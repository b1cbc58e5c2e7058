"""A picture of a dataset: pairs of modalities sorted by a target, so that one sees the cause move both."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import aside
from infoloom.errors import DatasetError
from infoloom.extras import extras_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from infoloom.datasets.reading.read import Dataset

__all__ = [
    "default_order",
    "draw_panel",
    "draw_preview",
    "limits_of",
    "picked_rows",
    "picture_kind",
    "preview_figure",
]

_SUFFIXES: Final = (".png", ".svg", ".pdf")
_ROWS: Final = 12
_LINES: Final = 8  # leads of a signal that is drawn as curves; more are a spectrogram
_CANDIDATES: Final = 2000
_MAX_MODALITIES: Final = 10
_NEAR: Final = 40
_WIDTH: Final = 16  # characters under a panel


@extras_named()
def draw_preview(data: Dataset, path: str | Path, *, sort_by: str | None = None) -> Path:
    """Draw pairs of observations, sorted by a target; below them, means over rows of about the same target.

    Args:
        data: An open dataset.
        path: The picture's file, ending in .png, .svg or .pdf.
        sort_by: The target or cause to sort by; the first target when left out.

    Returns:
        The picture's path.

    Raises:
        DatasetError: Another ending, nothing to sort by, or an unknown name.
    """
    target = Path(path)
    kind = picture_kind(target)
    by = sort_by or default_order(data)
    figure = preview_figure(data, by)
    figure.suptitle(_title(data, by, [column.name for column in _shown(data)]), fontsize=9)
    target.parent.mkdir(parents=True, exist_ok=True)
    with aside(target) as part:
        figure.savefig(part, format=kind)
    return target


def picture_kind(path: Path) -> str:
    """What a picture's file is to be, `png`, `svg` or `pdf`, by its ending.

    Raises:
        DatasetError: Another ending.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise DatasetError(f"picture `{path}`: expected a name ending in {', '.join(_SUFFIXES)}. Rename it.")
    return path.suffix.lower().removeprefix(".")


@extras_named()
def preview_figure(data: Dataset, by: str, panel: float = 1.0) -> Figure:
    """The figure of `draw_preview`, without its title.

    Args:
        data: An open dataset.
        by: The target or cause to sort by.
        panel: Width of one observation, inches.

    Raises:
        DatasetError: An unknown name, or a vector.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if data.select(by).columns[0].shape:
        raise DatasetError(f"sort by `{by}`: expected a scalar.")
    if not _shown(data):
        raise DatasetError(
            "preview: expected an observation to draw; this dataset has captions only. Read its rows."
        )
    values = data.select(by)[: min(len(data), _CANDIDATES)][by]
    picked = picked_rows(values)
    lines = _lines(data, _shown(data), values, picked)
    size = (0.8 + panel * len(picked), 0.6 + 1.02 * panel * len(lines))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(lines), len(picked), squeeze=False)
    for row, (label, column, observed) in zip(axes, lines, strict=True):
        limits = limits_of(observed)
        for ax, one in zip(row, observed, strict=True):
            draw_panel(ax, one, column, limits)
        row[0].set_ylabel(label, fontsize=8)
    for ax, value in zip(axes[0], values[picked], strict=True):
        ax.set_title(f"{value:+.2f}", fontsize=8)
    for ax, text in zip(axes[len(_shown(data)) - 1], _sentences(data, picked), strict=True):
        ax.set_xlabel(text, fontsize=4.5)
    return figure


def default_order(data: Dataset) -> str:
    """What rows are sorted by if nothing is said: the first scalar target, else the first scalar cause.

    Raises:
        DatasetError: The dataset keeps none.
    """
    names = [column.name for kind in ("target", "cause") for column in data.columns if column.kind == kind]
    scalars = [name for name in names if data.select(name).columns[0].shape == ()]
    if not scalars:
        raise DatasetError("preview: expected a target or a cause to sort by; this dataset keeps none.")
    return scalars[0]


def _shown(data: Dataset) -> tuple[Column, ...]:
    return tuple(column for column in data.columns if column.kind == "modality")[:_MAX_MODALITIES]


def _sentences(data: Dataset, picked: np.ndarray[Any, Any]) -> list[str]:
    """What captions say of every picked row, in narrow lines; empty without captions."""
    names = [column.name for column in data.columns if column.kind == "text"]
    if not names:
        return [""] * len(picked)
    said = data.select(*names).take(picked)
    return [
        "\n".join(textwrap.fill(str(said[name][i]), _WIDTH, break_on_hyphens=False) for name in names)
        for i in range(len(picked))
    ]


Line = tuple[str, Column, np.ndarray[Any, Any]]


def _lines(
    data: Dataset, shown: tuple[Column, ...], values: np.ndarray[Any, Any], picked: np.ndarray[Any, Any]
) -> list[Line]:
    """Single observations of every modality, then, with enough rows, means of the rows nearest in the target."""
    view = data.select(*(column.name for column in shown))
    single = view.take(picked)
    lines = [(column.name, column, single[column.name]) for column in shown]
    if len(values) < _ROWS * _NEAR:
        return lines
    nearest = np.stack(
        [np.argsort(np.abs(values - value), kind="stable")[:_NEAR] for value in values[picked]]
    )
    near = view.take(nearest.reshape(-1))
    for column in shown:
        means = near[column.name].reshape(*nearest.shape, *column.shape).mean(axis=1)
        lines.append((f"{column.name},\nmean of {_NEAR}", column, means))
    return lines


def picked_rows(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Positions whose values are spread evenly between the extremes, in rising order.

    Args:
        values: (n,).
    """
    order = np.argsort(values, kind="stable")
    rising = values[order]
    wanted = np.linspace(np.quantile(values, 0.005), np.quantile(values, 0.995), min(_ROWS, len(values)))
    nearest = np.searchsorted(rising, wanted).clip(0, len(values) - 1)
    picked: np.ndarray[Any, Any] = order[np.unique(nearest)]
    return picked


def limits_of(observed: np.ndarray[Any, Any]) -> tuple[float, float]:
    """What is drawn as black and as white, nearly the extremes; for curves all of them, so that no peak is cut off.

    Args:
        observed: Rows, (n, *shape).
    """
    curves = observed.ndim < 3 or (observed.ndim == 3 and observed.shape[1] <= _LINES)
    low, high = np.percentile(observed, [0.0, 100.0] if curves else [0.5, 99.5])
    room = 0.03 * (high - low) if curves else 0.0
    return float(low - room), float(max(high + room, low + 1e-12))


def draw_panel(ax: Axes, observed: np.ndarray[Any, Any], column: Column, limits: tuple[float, float]) -> None:
    """Draw one observation as a picture, a spectrogram or lines, as its shape suggests."""
    ax.set_xticks([])
    ax.set_yticks([])
    if len(column.shape) == 3 and column.shape[0] in (1, 3):
        scaled = (observed.transpose(1, 2, 0) - limits[0]) / (limits[1] - limits[0])
        image = np.clip(scaled, 0.0, 1.0)
        ax.imshow(
            image[..., 0] if column.shape[0] == 1 else image,
            cmap="gray",
            vmin=0.0,
            vmax=1.0,
            interpolation="none",
        )
        return
    if len(column.shape) == 2 and column.shape[0] > _LINES:
        ax.imshow(observed, cmap="magma", vmin=limits[0], vmax=limits[1], aspect="auto", origin="lower")
        return
    ax.plot(observed.reshape(-1, observed.shape[-1]).T, linewidth=0.7)
    ax.set_ylim(*limits)


def _title(data: Dataset, by: str, shown: list[str]) -> str:
    wanted = [f"I({a}; {b})" for i, a in enumerate(shown) for b in shown[i + 1 :]] + [
        f"I({a}; {by})" for a in shown
    ]
    truth = {key.replace(" ", ""): value for key, value in data.truth.items()}
    known = [f"{key} = {truth[key.replace(' ', '')]:.3g}" for key in wanted if key.replace(" ", "") in truth]
    return f"{data.manifest.name}, sorted by {by}" + (f": {', '.join(known[:4])} nats" if known else "")
