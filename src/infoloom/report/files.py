"""Figures of a report as files for papers and slides."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infoloom.errors import InfoloomError
from infoloom.report.alt_text import alt_text
from infoloom.report.page import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "check_figures", "write_figures"]

KINDS: Final = ("pdf", "png")
LETTERS: Final = 28  # of a file name, without its number and kind
LEAST_TYPE: Final = 0.7  # of its size is what letters shrink to in a narrow figure
LEAST_PANEL: Final = 1.0  # inches
LEAST_SHARE: Final = 0.45  # of its width is what a panel shrinks to before fewer stand side by side
WIDTHS: Final = (1.0, 30.0)
TRUETYPE: Final = 42  # fonts that journals accept, and that can be edited


def check_figures(kind: str, width: float | None) -> None:
    """Refuse a kind or a width that figures cannot have.

    Raises:
        InfoloomError: One of them.
    """
    if kind not in KINDS:
        raise InfoloomError(f"figures of kind `{kind}`: expected {' or '.join(KINDS)}.")
    if width is not None and not WIDTHS[0] <= width <= WIDTHS[1]:
        raise InfoloomError(
            f"width `{width:g}`: expected {WIDTHS[0]:g} to {WIDTHS[1]:g} inches. 3.3 is a column."
        )


def write_figures(
    sections: Sequence[Section], folder: str | Path, kind: str = "pdf", width: float | None = None
) -> list[Path]:
    """Write every figure of some sections to a file of its own.

    Args:
        sections: Where the figures are.
        folder: Where the files go; files of the same names are replaced.
        kind: `pdf`, with TrueType fonts, or `png`.
        width: Inches; 3.3 is a column of most journals. As drawn if left out.

    Returns:
        The paths written, named by number and caption; what each shows is in its metadata.

    Raises:
        InfoloomError: Another kind or width, no figure, or a folder that cannot be written.
    """
    check_figures(kind, width)
    named = [(caption, figure) for section in sections for caption, figure in section.figures.items()]
    if not named:
        raise InfoloomError("figures: expected at least one to write; these results have none.")
    root = Path(folder)
    paths = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        for number, (caption, figure) in enumerate(named, 1):
            paths.append(root / f"{number:02d}-{_short(caption)}.{kind}")
            with narrowed(figure, width):
                paths[-1].write_bytes(_drawn(figure, kind, caption))
    except OSError as error:
        raise InfoloomError(
            f"figures `{root}`: cannot be written ({error.strerror}). Choose another folder."
        ) from error
    return paths


def _drawn(figure: Figure, kind: str, caption: str) -> bytes:
    import matplotlib

    said = alt_text(figure, caption)
    # Neither the time nor the version, so that the same figure is the same file.
    metadata: dict[str, Any] = (
        {"CreationDate": None, "Title": caption, "Subject": said}
        if kind == "pdf"
        else {"Software": None, "Title": caption, "Description": said}
    )
    file = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": TRUETYPE}):
        figure.savefig(file, format=kind, dpi=200, metadata=metadata)
    return file.getvalue()


@contextmanager
def narrowed(figure: Figure, width: float | None) -> Iterator[None]:
    """A figure at another width while it is written: fewer panels side by side, letters shrink less than they."""
    from matplotlib.text import Text

    if width is None:
        yield
        return
    before = figure.get_size_inches().copy()
    scale = width / before[0]
    letters = min(1.0, max(scale, LEAST_TYPE))
    texts = [one for one in figure.findobj(Text) if isinstance(one, Text)]
    sizes = [one.get_fontsize() for one in texts]
    with _rearranged(figure, width) as taller:
        figure.set_size_inches(width, before[1] * letters * taller)
        for one, size in zip(texts, sizes, strict=True):
            one.set_fontsize(size * letters)
        try:
            yield
        finally:
            figure.set_size_inches(*before)
            for one, size in zip(texts, sizes, strict=True):
                one.set_fontsize(size)


@contextmanager
def _rearranged(figure: Figure, width: float) -> Iterator[float]:
    """Panels of a grid in as many columns as are readable; yields how much taller the grid is."""
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None and axes.axison]
    grids = {axes.get_subplotspec().get_gridspec() for axes in panels}  # type: ignore[union-attr]
    grid = grids.pop() if len(grids) == 1 else None
    if grid is None or grid.ncols == 1:
        yield 1.0
        return
    room = max(LEAST_PANEL, LEAST_SHARE * figure.get_size_inches()[0] / grid.ncols)
    columns = min(grid.ncols, max(1, int(width / room)))
    rows = -(-len(panels) // columns)
    fresh = figure.add_gridspec(rows, columns)
    kept = [(axes, axes.get_subplotspec(), axes.yaxis.get_tick_params()) for axes in panels]
    for place, axes in enumerate(panels):
        axes.set_subplotspec(fresh[place // columns, place % columns])
        if place % columns == 0:
            axes.tick_params(axis="y", labelleft=True)
    try:
        yield rows / grid.nrows
    finally:
        for axes, spec, ticks in kept:
            axes.set_subplotspec(spec)  # type: ignore[arg-type]
            axes.tick_params(axis="y", labelleft=ticks.get("labelleft", True))


def _short(caption: str) -> str:
    """The first words of a caption that fit."""
    plain = unicodedata.normalize("NFKD", caption).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    name = ""
    for word in words:
        longer = f"{name}-{word}" if name else word
        if len(longer) > LETTERS:
            break
        name = longer
    return name or (words[0][:LETTERS] if words else "figure")
