"""Figures about self-supervised learners: what probes find along one quantity, under the ceiling."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from infoloom.report.style import INK, PALETTE, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Mean", "Point", "Reader", "ceiling_figure", "order", "points"]

Row: TypeAlias = Mapping[str, Any]
Value: TypeAlias = float | str
#: Where a score of a run belongs along the quantity; None where it belongs nowhere.
Reader: TypeAlias = Callable[[Row, Row], Value | None]

#: The order in which objectives are shown. In one figure the first ten have a colour of their own.
OBJECTIVES: Final = (
    *("clip", "masked", "mvae", "vicreg", "symile", "supervised", "random"),
    *("siglip", "barlow", "gram", "comm", "factorcl", "jepa", "mmvae", "mopoe", "pixels"),
)
_FAR_APART: Final = 20.0  # of the ends of a quantity, from which its axis is logarithmic
_LEAST: Final = 1e-3  # nats; a fraction of less is a fraction of rounding
_MARKERS: Final = ("o", "s", "^")
_DASHES: Final = ("-", "--", ":")


@dataclass(frozen=True)
class Mean:
    """A mean over seeds and its standard error, which one seed has not."""

    value: float
    error: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Mean of some values.

        Example:
            >>> Mean.of([1.0, 3.0])
            Mean(value=2.0, error=1.0)
        """
        spread = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        return cls(fmean(values), spread)


@dataclass(frozen=True)
class Point:
    """What one probe found in the features of one objective, over seeds.

    Attributes:
        at: Where along the varied quantity.
        inputs: Whose features: a modality or `fused`.
        objective: Name of the learner.
        variant: What else differs between stories, such as `decay 0.7`.
        seeds: How many runs.
        r_squared: On held-out rows.
        ceiling: The largest R² that anything can reach, nan where it is not known.
        reachable: Fraction of the reachable information; None where there is none to reach.
    """

    at: Value
    inputs: str
    objective: str
    variant: str
    seeds: int
    r_squared: Mean
    ceiling: float
    reachable: Mean | None


def order(objectives: Iterable[str]) -> list[str]:
    """Names in the order in which they are shown."""
    return sorted(set(objectives), key=lambda name: (_place(name), name))


def points(
    rows: Sequence[Row], read: Reader, variant: Callable[[Row], str], probe: str = "ridge"
) -> list[Point]:
    """Means over seeds of all scores that belong along a quantity.

    Args:
        rows: Runs of one experiment; those without a result are left out.
        read: Where a score belongs.
        variant: What else differs between stories.
        probe: Whose scores.

    Returns:
        By inputs, quantity, variant and objective; quantities in the order of their rows.
    """
    found: dict[tuple[str, Value, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] != "ok":
            continue
        for score in row["scores"]:
            at = read(row, score)
            if at is not None and score["probe"] == probe and score["measure"] == "r_squared":
                found[score["inputs"], at, variant(row), row["objective"]].append(score)
    places = list(dict.fromkeys(at for _, at, _, _ in found))
    keys = sorted(found, key=lambda key: (key[0], places.index(key[1]), key[2], _place(key[3]), key[3]))
    return [_point(key, found[key]) for key in keys]


def _point(key: tuple[str, Value, str, str], scores: Sequence[Row]) -> Point:
    inputs, at, variant, objective = key
    reached = [s["reachable"] for s in scores if "reachable" in s and s.get("truth_nats", 0.0) > _LEAST]
    return Point(
        at,
        inputs,
        objective,
        variant,
        len(scores),
        Mean.of([score["r_squared"] for score in scores]),
        fmean(score.get("ceiling_r_squared", math.nan) for score in scores),
        Mean.of(reached) if reached else None,
    )


@house_style()
def ceiling_figure(found: Sequence[Point], label: str, inputs: Sequence[str]) -> Figure:
    """R² of each objective along one quantity, one panel for each of the inputs, and the ceiling above.

    Bars are standard errors over seeds. Ceilings are black; a variant of the story has its own line style.

    Args:
        found: Of `points`.
        label: Name of the quantity with its unit.
        inputs: Whose features, in the order of the panels; those without a point get none.
    """
    shown = [name for name in inputs if any(point.inputs == name for point in found)]
    figure = new_figure(1.6 + 2.7 * len(shown), 3.0)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    looks = dict(zip(order(point.objective for point in found), product(_MARKERS, PALETTE), strict=False))
    for axes, name in zip(panels, shown, strict=True):
        some = [point for point in found if point.inputs == name]
        _panel(axes, some, list(dict.fromkeys(point.at for point in some)), looks)
        axes.set(title=f"features of {name}", xlabel=label, ylim=(-0.05, 1.0))
    panels[0].set_ylabel("R² on held-out rows")
    lines = {
        text: line for axes in panels for line, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(lines.values()), list(lines), loc="outside right center")
    return figure


def _panel(
    axes: Axes, found: Sequence[Point], places: Sequence[Value], looks: Mapping[str, tuple[str, str]]
) -> None:
    """All lines of one panel at the values of the quantity; along names, points side by side and no lines."""
    named = isinstance(places[0], str)
    objectives = order(point.objective for point in found)
    step = min(0.1, 0.8 / len(objectives)) if named else 0.0

    def where(point: Point) -> float:
        return places.index(point.at) if isinstance(point.at, str) else point.at

    for dash, variant in zip(_DASHES, dict.fromkeys(point.variant for point in found), strict=False):
        style, ending = "none" if named else dash, f", {variant}" if variant else ""
        some = [point for point in found if point.variant == variant]
        tops = dict(sorted((where(point), point.ceiling) for point in some))
        axes.plot(
            list(tops),
            list(tops.values()),
            color=INK,
            linestyle=style,
            marker="_" if named else "",
            markersize=26.0,
            linewidth=1.0,
            label=f"ceiling{ending}",
        )
        for index, name in enumerate(objectives):
            mine = sorted((point for point in some if point.objective == name), key=where)
            if mine:
                aside = step * (index - 0.5 * (len(objectives) - 1))
                at = [where(point) + aside for point in mine]
                _errorbars(axes, at, mine, (*looks[name], style), f"{name}{ending}")
    _along(axes, places)


def _along(axes: Axes, places: Sequence[Value]) -> None:
    """Ticks at the places: names one beside the other, numbers where they lie, on a logarithmic axis if far apart."""
    numbers = sorted(at for at in places if not isinstance(at, str))
    if len(numbers) < len(places):
        axes.set_xticks(range(len(places)), [str(at) for at in places])
        axes.set_xlim(-0.5, len(places) - 0.5)
        return
    if numbers[0] > 0 and numbers[-1] >= _FAR_APART * numbers[0]:
        axes.set_xscale("log")
    axes.set_xticks(numbers, [f"{at:g}" for at in numbers])
    axes.minorticks_off()
    axes.margins(x=0.08)


def _errorbars(
    axes: Axes, at: Sequence[float], mine: Sequence[Point], look: tuple[str, str, str], label: str
) -> None:
    marker, colour, style = look
    axes.errorbar(
        at,
        [point.r_squared.value for point in mine],
        yerr=[point.r_squared.error or 0.0 for point in mine],
        color=colour,
        marker=marker,
        linestyle=style,
        linewidth=1.2,
        elinewidth=1.2,
        label=label,
    )


def _place(objective: str) -> int:
    return OBJECTIVES.index(objective) if objective in OBJECTIVES else len(OBJECTIVES)
