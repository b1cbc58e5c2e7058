"""One self-contained page: text, figures and tables that open anywhere, without a network and without scripts."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import infoloom
from infoloom.datasets.storage.files import write_text
from infoloom.errors import InfoloomError
from infoloom.report.alt_text import alt_text
from infoloom.report.drawing import inline_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Number", "Section", "Table", "page_html", "write_page"]

FOLDED: Final = 40  # longer tables wait behind a line that opens them
LONG: Final = 60  # characters of a cell that may wrap inside of code
LONG_CELL: Final = ' class="long"'
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Number:
    """A number in a table that is shown in words of its own, such as `0.394 ± 0.001`."""

    value: float
    text: str


Cell = str | int | float | Number | None


@dataclass(frozen=True)
class Table:
    """A table of a section.

    Attributes:
        head: Titles of the columns; empty ones only, and there is no head.
        rows: Cells: text, numbers (shown with six digits, all of them kept in the page), or nothing.
        caption: What it shows.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A section of a page.

    In texts, captions and cells `backticks` mark code; everything else is shown as it is written.

    Attributes:
        title: Heading, also in the table of contents.
        text: Paragraphs, divided by blank lines.
        figures: Figures by caption.
        tables: Tables, after the figures.
        command: The command that shows the same or made it.
    """

    title: str
    text: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    command: str = ""


def write_page(title: str, sections: Sequence[Section], path: str | Path, *, lead: str = "") -> Path:
    """Write sections as one HTML file that needs no other file, network or script.

    Args:
        title: Heading of the page.
        sections: What it shows, in order.
        path: The file; it is replaced if it exists.
        lead: A sentence or two under the heading.

    Returns:
        The path written.

    Raises:
        InfoloomError: No sections, or the file cannot be written.
    """
    target = Path(path)
    text = page_html(title, sections, lead=lead)
    try:
        write_text(target, text)
    except OSError as error:
        raise InfoloomError(
            f"page `{target}`: cannot be written ({error.strerror}). Choose another name."
        ) from error
    return target


def page_html(title: str, sections: Sequence[Section], *, lead: str = "") -> str:
    """The text of the page that `write_page` writes.

    Raises:
        InfoloomError: No sections.
    """
    if not sections:
        raise InfoloomError("page: expected at least one section. Give it something to show.")
    names = [f"s{number}-{_slug(section.title)}" for number, section in enumerate(sections, 1)]
    numbers = count(1)
    links = "\n".join(
        f'<li><a href="#{name}">{_inline(section.title)}</a></li>'
        for name, section in zip(names, sections, strict=True)
    )
    body = "\n".join(_section(name, section, numbers) for name, section in zip(names, sections, strict=True))
    style = resources.files("infoloom.report").joinpath("page.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{_escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{_inline(title)}</h1>
{_paragraphs(lead)}
</header>
<nav aria-label="Contents">
<h2>Contents</h2>
<ol>
{links}
</ol>
</nav>
<main>
{body}
</main>
<footer>Made by infoloom {infoloom.__version__}. Information is in nats where no unit is given.</footer>
</body>
</html>
"""


def _section(name: str, section: Section, numbers: count[int]) -> str:
    parts = [
        f"<h2>{_inline(section.title)}</h2>",
        _paragraphs(section.text),
        *(_figure(f"f{next(numbers)}", caption, figure) for caption, figure in section.figures.items()),
        *map(_table, section.tables),
        f'<pre class="command"><code>{_escape(section.command)}</code></pre>' if section.command else "",
    ]
    return "\n".join([f'<section id="{name}">', *filter(None, parts), "</section>"])


def _figure(prefix: str, caption: str, figure: Figure) -> str:
    drawing = inline_svg(figure, prefix, _escape(alt_text(figure, caption)))
    return f'<figure>\n<div class="scroll">{drawing}</div>\n<figcaption>{_inline(caption)}</figcaption>\n</figure>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_inline(title)}</th>' for title in table.head)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    parts = [
        f"<caption>{_inline(table.caption)}</caption>" if table.caption else "",
        f"<thead><tr>{head}</tr></thead>" if any(table.head) else "",
        f"<tbody>\n{rows}\n</tbody>",
    ]
    label = _escape((table.caption or "Table").replace("`", ""))
    inside = "\n".join(filter(None, parts))
    shown = f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>\n{inside}\n</table></div>'
    if len(table.rows) <= FOLDED:
        return shown
    return f"<details>\n<summary>All {len(table.rows):,} rows</summary>\n{shown}\n</details>"


def _cell(cell: Cell) -> str:
    if cell is None:
        return '<td class="none">–</td>'
    if isinstance(cell, str):
        return f"<td{LONG_CELL if len(cell) > LONG else ''}>{_inline(cell)}</td>"
    if isinstance(cell, bool):
        return f"<td>{'yes' if cell else 'no'}</td>"
    if isinstance(cell, int):
        return f'<td class="number"><data value="{cell}">{cell:,}</data></td>'
    value, text = (cell.value, _escape(cell.text)) if isinstance(cell, Number) else (cell, f"{cell:.6g}")
    return f'<td class="number"><data value="{value!r}">{text.replace("-", "−")}</data></td>'


def _paragraphs(text: str) -> str:
    return "\n".join(f"<p>{_inline(part.strip())}</p>" for part in re.split(r"\n\s*\n", text) if part.strip())


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _escape(text))


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:48].strip("-") or "untitled"
