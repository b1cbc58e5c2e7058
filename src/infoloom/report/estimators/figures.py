"""Figures about estimators: estimates against truths, errors along one quantity, coverage, time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from infoloom.report.style import INK, MUTED, PALETTE, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "LOST",
    "bias_figure",
    "coverage_figure",
    "error_figure",
    "heat_figure",
    "order",
    "time_figure",
    "wilson",
]

Row: TypeAlias = Mapping[str, Any]

#: Estimators by kind, in the order in which they are shown; what is in none comes last.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "moments, neighbours, grids": ("gaussian", "gaussianised", "ksg", "ksg2", "histogram", "kernel"),
    "variational bounds": ("infonce", "smile", "mine", "dv", "nwj", "js"),
    "models": ("flow-based", "difference-of-entropies", "minde", "latent"),
    "protocol, references, entrants": ("held-out", "oracle", "pixel-floor"),
}
_COLUMNS: Final = 4
#: What a run without an estimate is called in a cell.
LOST: Final = {"failed": "failed", "timeout": "time", "not-taken": "not taken"}
_LOW: Final = -1.0  # nats; the lower edge of the panels of estimates
_FAR: Final = 1.0  # nats; the colour of a larger error is that of this one


def order(estimators: Iterable[str]) -> list[str]:
    """Names in the order in which they are shown."""
    known = [name for kind in KINDS.values() for name in kind]
    return sorted(
        set(estimators), key=lambda name: (known.index(name) if name in known else len(known), name)
    )


@house_style()
def bias_figure(rows: Sequence[Row]) -> Figure:
    """Estimates against truths, one panel an estimator, with the most that a contrastive bound can say.

    Args:
        rows: Runs of one family of tasks whose truth varies.
    """
    by_name = _ended(rows)
    names, lines = order(by_name), -(-len(by_name) // _COLUMNS)
    figure = new_figure(2.1 * _COLUMNS, 2.1 * lines + 0.3)
    panels = figure.subplots(lines, _COLUMNS, sharex=True, sharey=True, squeeze=False).flat
    most = max(row["truth"] for row in rows if row["status"] == "ok") * 1.08 + 0.1
    for place, (axes, name) in enumerate(zip(panels, [*names, *[""] * _COLUMNS], strict=False)):
        if not name:
            axes.set_axis_off()
            continue
        axes.plot([0, most], [0, most], color=MUTED, linewidth=0.9)
        _points(axes, by_name[name], most)
        ceilings = sorted({round(one, 6) for one in map(_ceiling, by_name[name]) if one is not None})
        for number, ceiling in enumerate(one for one in ceilings if one < most):
            axes.axhline(ceiling, color=INK, linewidth=0.9, linestyle=":")
            # Neighbours may be close: every other name stands at the right, under its line.
            at, side, end = (most, "right", "top") if number % 2 else (0.1, "left", "bottom")
            axes.text(at, ceiling, f"log {math.exp(ceiling):.0f}", fontsize=7.5, ha=side, va=end)
        axes.set(title=name, xlim=(-0.2, most), ylim=(_LOW, most))
        if place % _COLUMNS == 0:
            axes.set_ylabel("estimate (nats)")
        if place >= len(names) - _COLUMNS:
            axes.set_xlabel("truth (nats)")
            axes.tick_params(labelbottom=True)
    return figure


def _ceiling(row: Row) -> float | None:
    """The most that a contrastive bound can say of this run (nats), None for other estimators."""
    said = [row["details"], *row["details"].get("folds", [])]
    return next((details["ceiling"] for details in said if details.get("ceiling") is not None), None)


def _points(axes: Axes, rows: Sequence[Row], most: float) -> None:
    """Every run, with its interval; one outside of the panel is a triangle at its edge, with its value."""
    for row in rows:
        if row["interval"]:
            axes.plot([row["truth"]] * 2, row["interval"], color=PALETTE[0], linewidth=1.0, alpha=0.6)
    inside = [row for row in rows if _LOW <= row["estimate"] <= most]
    points = [row["truth"] for row in inside], [row["estimate"] for row in inside]
    axes.plot(*points, "o", color=PALETTE[0], markersize=3.5)
    lines = {most: 0, _LOW: 0}  # of numbers at each edge, one below or above the other
    for row in rows:
        if row not in inside:
            edge, marker = (most, "^") if row["estimate"] > most else (_LOW, "v")
            axes.plot(row["truth"], edge, marker, color=PALETTE[5], clip_on=False)
            digits = 1 if abs(row["estimate"]) < 100.0 else 0
            text = f"{row['estimate']:,.{digits}f} ".replace("-", "−")
            away = 9.0 * (1 + lines[edge]) * (-1.0 if edge == most else 1.0)
            axes.annotate(
                text, (row["truth"], edge), (0.0, away), textcoords="offset points", fontsize=7.0, ha="right",
                va="center",
            )  # fmt: skip
            lines[edge] += 1


@house_style()
def error_figure(rows: Sequence[Row], quantity: Callable[[Row], float], label: str) -> Figure:
    """Mean error along one quantity, estimators of a kind in one panel.

    Args:
        rows: Runs of tasks among which the quantity varies.
        quantity: Reads it from a row.
        label: Its name with its unit.
    """
    by_name = _ended(rows)
    kinds = _kinds(by_name)
    figure = new_figure(2.8 * len(kinds), 3.0)
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for axes, (kind, names) in zip(panels, kinds.items(), strict=True):
        axes.axhline(0.0, color=INK, linewidth=0.9)
        for name, colour in zip(names, PALETTE, strict=False):
            means = _means(by_name[name], quantity)
            axes.plot([x for x, _ in means], [error for _, error in means], "o-", color=colour, label=name)
        values = sorted({quantity(row) for row in rows})
        axes.set(title=kind, xlabel=label, xscale="log" if min(values) > 0 else "linear")
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
        axes.legend()
    panels[0].set_ylabel("estimate − truth (nats)")
    return figure


@house_style()
def heat_figure(rows: Sequence[Row], column: Callable[[Row], str]) -> Figure:
    """Estimates as numbers on the colour of their error: a line an estimator, a column a task or a kind of task.

    Below a mean stands the standard deviation over its runs. An error beyond the ends of the colours is marked by a
    triangle. What failed or was not done in time says so in its cell.

    Args:
        rows: Runs.
        column: Reads from a row what its column is called; columns keep the order of the rows.
    """
    titles = list(dict.fromkeys(column(row) for row in rows))
    names = order(row["estimator"] for row in rows)
    cells: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        cells[row["estimator"], column(row)].append(row)
    errors, texts = np.full((len(names), len(titles)), np.nan), {}
    for (name, title), runs in cells.items():
        place = names.index(name), titles.index(title)
        errors[place], texts[place] = _cell(runs)
    truths = {c: fmean(t) for c, t in ((c, _truths(rows, column, c)) for c in titles) if t}
    line = 0.36 if any("\n" in text for text in texts.values()) else 0.27
    figure = new_figure(2.0 + 0.85 * len(titles), 0.9 + line * len(names) + 0.011 * max(map(len, titles)) * 7)
    axes = figure.subplots()
    image = axes.imshow(errors, cmap="RdBu_r", vmin=-_FAR, vmax=_FAR, aspect="auto")
    for (y, x), text in texts.items():
        dark = abs(errors[y, x]) > 0.6 * _FAR
        size = 7.5 if "\n" not in text else 6.5
        colour = "#fdfdfd" if dark else "#0b0d10"
        axes.text(x, y, text, ha="center", va="center", fontsize=size, color=colour, linespacing=0.95)
    heads = [f"{title}\n{truths[title]:.2f}" if title in truths else title for title in titles]
    axes.set_xticks(range(len(titles)), heads, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label="estimate − truth (nats); ▲ ▼ beyond", shrink=0.8, extend="both")
    return figure


@house_style()
def coverage_figure(rows: Sequence[Row]) -> Figure:
    """Share of the 95 % intervals that hold the truth, each with its own 95 % interval."""
    by_name = {n: [row for row in runs if row["interval"]] for n, runs in _ended(rows).items()}
    names = [name for name in order(by_name) if by_name[name]]
    figure = new_figure(5.6, 0.9 + 0.28 * len(names))
    axes = figure.subplots()
    axes.axvline(95.0, color=INK, linewidth=0.9, linestyle=":")
    for place, name in enumerate(reversed(names)):
        held = [row["interval"][0] <= row["truth"] <= row["interval"][1] for row in by_name[name]]
        low, high = wilson(sum(held), len(held))
        axes.plot([100 * low, 100 * high], [place, place], color=PALETTE[0])
        axes.plot(100 * fmean(held), place, "o", color=PALETTE[0])
        axes.text(102.0, place, f"{sum(held)} of {len(held)}", va="center", fontsize=8)
    axes.set_yticks(range(len(names)), names[::-1])
    axes.set(xlim=(0, 100), xlabel="intervals that hold the truth (%)")
    return figure


@house_style()
def time_figure(rows: Sequence[Row]) -> Figure:
    """Processor time of an estimate by the columns of both sides, estimators of a kind in one panel."""
    by_name = _ended(rows)
    kinds = _kinds(by_name)
    figure = new_figure(2.8 * len(kinds), 3.0)
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for axes, (kind, names) in zip(panels, kinds.items(), strict=True):
        for name, colour in zip(names, PALETTE, strict=False):
            spent: dict[float, list[float]] = defaultdict(list)
            for row in by_name[name]:
                spent[row["dim_x"] + row["dim_y"]].append(max(row["estimator_processor_seconds"], 1e-3))
            means = sorted((columns, median(seconds)) for columns, seconds in spent.items())
            axes.plot([x for x, _ in means], [y for _, y in means], "o-", color=colour, label=name)
        axes.set(title=kind, xlabel="columns of x and y", xscale="log", yscale="log")
        axes.legend()
    panels[0].set_ylabel("processor seconds")
    return figure


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """95 % interval of a share.

    Source:
        Wilson 1927.

    Example:
        >>> [round(end, 3) for end in wilson(9, 10)]
        [0.596, 0.982]
    """
    z, share = 1.959964, hits / tries
    middle = (share + z * z / (2 * tries)) / (1 + z * z / tries)
    half = z / (1 + z * z / tries) * math.sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    return middle - half, middle + half


def _ended(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Runs that ended well, by estimator."""
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == "ok":
            by_name[row["estimator"]].append(row)
    return dict(by_name)


def _kinds(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by kind, without kinds that nobody is of."""
    known = {name: kind for kind, members in KINDS.items() for name in members}
    last = list(KINDS)[-1]
    kinds: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for name in order(names):
        kinds[known.get(name, last)].append(name)
    return {kind: members for kind, members in kinds.items() if members}


def _means(rows: Sequence[Row], quantity: Callable[[Row], float]) -> list[tuple[float, float]]:
    errors: dict[float, list[float]] = defaultdict(list)
    for row in rows:
        errors[quantity(row)].append(row["error"])
    return sorted((value, fmean(found)) for value, found in errors.items())


def _cell(runs: Sequence[Row]) -> tuple[float, str]:
    """Mean error and text of a cell; one lost run is enough to say so."""
    lost = [row for row in runs if row["status"] != "ok"]
    if lost:
        return math.nan, LOST[lost[0]["status"]]
    error, estimates = fmean(row["error"] for row in runs), [row["estimate"] for row in runs]
    mark = "▲" if error > _FAR else "▼" if error < -_FAR else ""
    text = f"{fmean(estimates):.2f}{mark}"
    if len(estimates) > 1:
        text += f"\n±{stdev(estimates):.2f}"
    return error, text.replace("-", "−")


def _truths(rows: Sequence[Row], column: Callable[[Row], str], title: str) -> list[float]:
    return [row["truth"] for row in rows if row["status"] == "ok" and column(row) == title]
