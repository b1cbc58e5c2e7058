"""Tables and paragraphs as wide as the terminal; a pipe or a file gets whole lines."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["paragraph", "screen", "table"]

Row = tuple[str, Sequence[str]]
_LEAST: Final = 12  # characters of a name beside its cells


def screen() -> int | None:
    """Columns of the terminal that output goes to; None where it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(
    rows: Sequence[Row], width: int | None, *, names: int = 0, indent: int = 2, between: str = " "
) -> list[str]:
    """Lines of a table: one a row where it fits; a name that is too long stands above its cells.

    Args:
        rows: Name and cells of each row; cells of one column are padded to one length.
        width: Columns to stay within; None for as long as they are.
        names: Least width of the names.
        indent: Spaces before each name.
        between: What separates the cells.

    Example:
        >>> table([("I(a; b)", ("0.25", "exact"))], 16)
        ['  I(a; b)', '    0.25  exact']
    """
    longest = max([names, *(len(name) for name, _ in rows)])
    before = " " * indent
    whole = [f"{before}{name:<{longest}} {between.join(cells)}".rstrip() for name, cells in rows]
    if width is None or max(map(len, whole), default=0) <= width:
        return whole
    joined = [between.join(cells) for _, cells in rows]
    room = width - indent - 1 - max(map(len, joined))
    if room < _LEAST:
        return [line for row in rows for line in _folded(row, width, before)]
    longest = max((len(name) for name, _ in rows if len(name) <= room), default=0)
    lines: list[str] = []
    for (name, _), cells in zip(rows, joined, strict=True):
        if len(name) > longest:
            lines += _wrapped(name, width, before)
            name = ""
        lines.append(f"{before}{name:<{longest}} {cells}".rstrip())
    return lines


def _folded(row: Row, width: int, before: str) -> list[str]:
    """A row whose cells do not fit beside any name."""
    name, cells = row
    return [
        *_wrapped(name, width, before),
        *_packed([" ".join(cell.split()) for cell in cells], width, before),
    ]


def _wrapped(name: str, width: int, before: str) -> list[str]:
    return textwrap.wrap(
        name, width, initial_indent=before, subsequent_indent=before + "  ", break_on_hyphens=False
    )


def _packed(cells: Iterable[str], width: int, before: str) -> list[str]:
    """Cells after one another, two spaces between them, as many on a line as fit."""
    lines: list[str] = []
    indent, between = before + "  ", "  "
    for cell in filter(None, cells):
        if lines and len(lines[-1]) + len(between) + len(cell) <= width:
            lines[-1] += between + cell
        else:
            lines += textwrap.wrap(cell, width, initial_indent=indent, subsequent_indent=indent) or [indent]
    return lines


def paragraph(text: str, width: int | None, *, first: str = "", rest: str | None = None) -> str:
    """A text within the width.

    Args:
        text: One paragraph.
        width: Columns to stay within; None leaves the text on one line.
        first: What stands before the first line.
        rest: What stands before the others; spaces as long as `first` if left out.
    """
    if width is None or len(first) + len(text) <= width:
        return first + text
    rest = " " * len(first) if rest is None else rest
    if len(first) > width // 2:
        return "\n".join(
            [first.rstrip(), *textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="    ")]
        )
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
