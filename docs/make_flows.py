"""Draw samples of a flow beside held-out real rows: `python docs/make_flows.py NAME --data FILE`.

The picture lies in `docs/images/flows-NAME.png`: on the left 32 samples, on the right 32 held-out rows with the noise
that the flow's path keeps, in the same classes. Curves have axes with units, as the flow's card says.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from infoloom.observations.realism.quality import drawn_beside_real
from infoloom.observations.workflow import data_of_flow
from infoloom.spec.flows.flow import flow_header, flow_path

IMAGES = Path(__file__).resolve().parent / "images"
COLUMNS, LINES = 8, 4
COLOURS = ("#1f4e79", "#c0504d", "#4f8f3a", "#7f6084")
TITLES = ("samples", "held-out real rows")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("flow", metavar="NAME")
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    header = flow_header(flow_path(given.flow))
    data = data_of_flow(given.flow, given.data)
    made, real, labels = drawn_beside_real(given.flow, data, COLUMNS * LINES)
    names = None if labels is None else [header["classes"][label] for label in labels]
    picture = len(header["shape"]) == 3
    figure = (pictures if picture else curves)(made, real, names, header["card"])
    figure.savefig(given.output or IMAGES / f"flows-{given.flow}.png", dpi=110)


def pictures(made: Any, real: Any, names: list[str] | None, card: dict[str, Any]) -> Any:
    """Pictures, brighter from −1 to 1 or between their extremes, every pixel twice as wide."""
    low, high = (
        (-1.0, 1.0) if card["unit"].startswith("brightness") else (float(real.min()), float(real.max()))
    )
    figure, halves = plt.subplots(1, 2, figsize=(11, 3.1), constrained_layout=True)
    for ax, rows, title in zip(halves, (made, real), TITLES, strict=True):
        shown = np.clip((rows - low) / (high - low), 0.0, 1.0)
        height, width = shown.shape[2:]
        tiles = np.ones((LINES * (height + 1), COLUMNS * (width + 1), 3))
        for i, row in enumerate(shown):
            up, across = divmod(i, COLUMNS)
            place = np.s_[
                up * (height + 1) : up * (height + 1) + height,
                across * (width + 1) : across * (width + 1) + width,
            ]
            tiles[place] = np.moveaxis(np.broadcast_to(row, (3, height, width)), 0, -1)
        ax.imshow(np.repeat(np.repeat(tiles, 2, axis=0), 2, axis=1), interpolation="nearest")
        ax.set_title(title if names is None else f"{title}: {summary(names)}", fontsize=9)
        ax.axis("off")
    return figure


def curves(made: Any, real: Any, names: list[str] | None, card: dict[str, Any]) -> Any:
    """Curves in small panels with one common scale."""
    axis = card.get("axis", {"label": "sample", "low": 0, "high": real.shape[-1] - 1, "series": []})
    space = np.geomspace if axis.get("log") else np.linspace
    across = space(axis["low"], axis["high"], real.shape[-1])
    figure = plt.figure(figsize=(13, 9.6), constrained_layout=True)
    both = np.concatenate([made, real])
    ends = both.reshape(len(both), -1)
    low, high = np.quantile(ends.min(axis=1), 0.05), np.quantile(ends.max(axis=1), 0.95)
    limits = low - 0.05 * (high - low), high + 0.05 * (high - low)
    for half, rows, title in zip(figure.subfigures(1, 2), (made, real), TITLES, strict=True):
        half.suptitle(title, fontsize=10)
        panels = half.subplots(-(-len(rows) // LINES), LINES, sharex=True, sharey=True)
        for i, (ax, row) in enumerate(zip(panels.flat, rows, strict=False)):
            for number, series in enumerate(row.reshape(-1, row.shape[-1])):
                label = axis["series"][number] if number < len(axis["series"]) > 1 else None
                ax.plot(across, series, color=COLOURS[number % 4], lw=0.8, label=label)
            ax.set_ylim(*limits)
            if names is not None:
                ax.set_title(names[i], fontsize=7, pad=2)
            ax.tick_params(labelsize=6, labelbottom=i + LINES >= len(rows))
        for ax in panels.flat[len(rows) :]:
            ax.set_axis_off()
        if len(axis["series"]) > 1:
            handles, labels = panels.flat[0].get_legend_handles_labels()
            half.legend(handles, labels, fontsize=7, ncols=len(labels), loc="upper right", frameon=False)
        half.supxlabel(axis["label"], fontsize=8)
        half.supylabel(card["unit"], fontsize=8)
    return figure


def summary(names: list[str]) -> str:
    """Classes of the lines of pictures, where each line has one."""
    lines = [set(names[start : start + COLUMNS]) for start in range(0, len(names), COLUMNS)]
    return ", ".join(line.pop() for line in lines) if all(len(line) == 1 for line in lines) else "all classes"


if __name__ == "__main__":
    main()
