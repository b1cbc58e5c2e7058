"""Figures of what a story's variables know about each other; every number in them is given, none is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from infoloom.errors import InfoloomError
from infoloom.report.style import INK, MUTED, PALETTE, PAPER, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from infoloom.information.ceilings.table import TargetCeiling
    from infoloom.information.decomposition import Decomposition
    from infoloom.information.quantity import Quantity

__all__ = ["draw_bars", "draw_ceilings", "draw_decomposition", "draw_map"]

_MUCH: Final = 20.0
BAR: Final = 0.27  # inches of height a bar
WIDTH: Final = 6.8  # inches
SHARED, BETWEEN, UNIQUE, SYNERGY = PALETTE[0], MUTED, PALETTE[1], PALETTE[2]
ABOUT: Final = PALETTE[2]
STRONGEST: Final = 0.7  # opacity of the largest value of a map: ink is still read on it


@house_style()
def draw_map(
    targets: Sequence[str], modalities: Sequence[str], pairs: Mapping[tuple[str, str], float]
) -> Figure:
    """A map of information between pairs of variables: the stronger the colour the more they share.

    Pairs with a target have a colour and a scale of their own, since modalities often share a thousand times more.

    Args:
        targets: Names of targets, first along both sides.
        modalities: Names of modalities.
        pairs: Information by pair, nats, in either order; pairs that are not given stay empty.

    Returns:
        The figure.

    Raises:
        InfoloomError: No pair, or matplotlib is missing.
    """
    if not pairs:
        raise InfoloomError("map: expected at least one pair of variables to draw.")
    names = [*targets, *modalities]
    side = max(2.4, 0.52 * len(names) + 1.2)
    figure = new_figure(min(side + 0.6, 7.4), min(side, 6.6))
    axes = figure.subplots()
    for about in (True, False):
        some = {pair: v for pair, v in pairs.items() if bool(set(pair) & set(targets)) is about}
        largest = max(map(abs, some.values()), default=0.0) or 1.0
        for (a, b), value in some.items():
            x, y = names.index(a), names.index(b)
            for cell in ((x, y), (y, x)):
                _map_cell(axes, cell, value, STRONGEST * abs(value) / largest, ABOUT if about else SHARED)
    size = 8.5 if len(names) <= 6 else 7.0
    for text in axes.texts:
        text.set_fontsize(size)
    ticks, turn = range(len(names)), 0 if max(map(len, names)) < 7 else 35
    axes.set_xticks(ticks, names, rotation=turn, ha="right" if turn else "center", parse_math=False)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), aspect="equal")
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return figure


def _map_cell(axes: Axes, cell: tuple[int, int], value: float, opacity: float, colour: str) -> None:
    from matplotlib.patches import Rectangle

    x, y = cell
    place = ((x - 0.47, y - 0.47), 0.94, 0.94)
    axes.add_patch(Rectangle(*place, facecolor=colour, alpha=opacity, edgecolor="none"))
    axes.add_patch(Rectangle(*place, facecolor="none", edgecolor=MUTED, alpha=0.4, linewidth=0.5))
    axes.text(x, y, _short(value), ha="center", va="center", color=INK)


@house_style()
def draw_bars(groups: Mapping[str, Mapping[str, Quantity]]) -> Figure:
    """Information values as bars, one panel a group; error bars where a value has them.

    All panels have one scale. A group whose values are more than twenty times as large has its own, and says so.

    Args:
        groups: By title, the values by query.

    Returns:
        The figure.

    Raises:
        InfoloomError: No value, or matplotlib is missing.
    """
    shown = {title: values for title, values in groups.items() if values}
    if not shown:
        raise InfoloomError("bars: expected at least one value to draw.")
    counts = [len(values) for values in shown.values()]
    figure = new_figure(WIDTH, BAR * sum(counts) + 0.62 * len(counts))
    panels = figure.subplots(len(shown), 1, squeeze=False, height_ratios=[n + 0.6 for n in counts])[:, 0]
    common = _common([[one.value for one in values.values()] for values in shown.values()])
    for axes, (title, values) in zip(panels, shown.items(), strict=True):
        sizes = [one.value for one in values.values()]
        errors = [one.error for one in values.values()]
        colours = [PALETTE[0] if size >= 0 else PALETTE[5] for size in sizes]
        own = max(map(abs, sizes)) > max(map(abs, common))
        _bars(axes, list(values), sizes, [_short(size) for size in sizes], colours, sizes if own else common)
        if any(errors):
            axes.errorbar(sizes, range(len(sizes)), xerr=errors, fmt="none", ecolor=INK, elinewidth=1.0)
        axes.set_title(f"{title} (scale of its own)" if own else title)
    panels[-1].set_xlabel("nats")
    return figure


@house_style()
def draw_decomposition(parts: Sequence[Decomposition]) -> Figure:
    """Where the information about each target is: shared by all modalities, in one alone, only in them together.

    Args:
        parts: The decomposition of every target.

    Returns:
        The figure.

    Raises:
        InfoloomError: No target, or matplotlib is missing.
    """
    if not parts:
        raise InfoloomError("decomposition: expected at least one target to draw.")
    figure = new_figure(WIDTH, 0.5 * len(parts) + 1.1)
    axes = figure.subplots()
    for row, one in enumerate(parts):
        start = 0.0
        for _, colour, size in _atoms(one):
            axes.barh(row, size, left=start, height=0.62, color=colour, edgecolor=PAPER, linewidth=1.0)
            start += size
        axes.annotate(
            f"{_short(one.total)} nats",
            (start, row),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_yticks(range(len(parts)), [one.target for one in parts], parse_math=False)
    axes.set(
        ylim=(len(parts) - 0.5, -0.5), xlim=(0, 1.16 * max(one.total for one in parts) or 1.0), xlabel="nats"
    )
    axes.grid(False, axis="y")
    seen = {name: colour for one in parts for name, colour, size in _atoms(one) if size > 0}
    _legend(axes, seen)
    return figure


def _atoms(one: Decomposition) -> list[tuple[str, str, float]]:
    """Name, colour and length of the parts of a bar, which has the length of the whole."""
    unique = max(one.unique.values())
    few = len(one.modalities) == 2
    return [
        ("shared" if few else "shared by all", SHARED, one.redundancy),
        ("shared by some", BETWEEN, one.between),
        ("unique" if few else "the lead of the best", UNIQUE, unique),
        ("synergy" if few else "beyond the best", SYNERGY, one.synergy),
    ]


@house_style()
def draw_ceilings(ceilings: Sequence[TargetCeiling]) -> Figure:
    """The largest R² that anything can reach, for every target from each modality and from all together.

    Args:
        ceilings: As `Story.ceilings` has them.

    Returns:
        The figure.

    Raises:
        InfoloomError: No ceiling, or matplotlib is missing.
    """
    if not ceilings:
        raise InfoloomError("ceilings: expected at least one target to draw.")
    figure = new_figure(WIDTH, BAR * len(ceilings) + 0.8)
    axes = figure.subplots()
    names = [f"{one.target} from {_given(one.given)}" for one in ceilings]
    sizes = [one.r_squared for one in ceilings]
    colours = [PALETTE[0] if len(one.given) == 1 else PALETTE[2] for one in ceilings]
    _bars(axes, names, sizes, [f"{size:.4f}" for size in sizes], colours)
    axes.set(xlim=(0, 1.16), xlabel="largest R²")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    return figure


def _given(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else "both" if len(names) == 2 else f"all {len(names)}"


def _common(groups: Sequence[Sequence[float]]) -> list[float]:
    """The values that the common scale holds: of all groups but those that are much larger than the smallest."""
    sizes = sorted(max(map(abs, group)) for group in groups)
    most = _MUCH * next((size for size in sizes if size > 0), 1.0)
    return [value for group in groups if max(map(abs, group)) <= most for value in group]


def _bars(
    axes: Axes,
    names: Sequence[str],
    sizes: Sequence[float],
    texts: Sequence[str],
    colours: Sequence[str],
    scale: Sequence[float] | None = None,
) -> None:
    """Bars with their names and texts, as long as the scale has it; the bars themselves if left out."""
    rows = range(len(names))
    axes.barh(rows, sizes, height=0.62, color=colours)
    for row, size, text in zip(rows, sizes, texts, strict=True):
        place: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8.0}
        axes.annotate(text, (max(size, 0.0), row), (5, 0), **place)
    axes.set_yticks(rows, names, parse_math=False)
    scale = sizes if scale is None else scale
    low, high = min(0.0, *scale), max(0.0, *scale)
    span = (high - low) or 1.0
    axes.set(ylim=(len(names) - 0.4, -0.6), xlim=(low - (0.03 * span if low else 0.0), high + 0.16 * span))
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _legend(axes: Axes, colours: Mapping[str, str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.3)


def _short(value: float) -> str:
    """A value in a figure, three digits; the tables have all of them."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".removesuffix(".")
    return (text if float(text.replace(",", "")) else "0").replace("-", "−")
