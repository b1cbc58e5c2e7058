"""A matplotlib figure as a drawing inside a page: same bytes every time, in the reader's theme, nothing fetched."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

from infoloom.report.style import INK, PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["inline_svg"]

SALT: Final = "infoloom"
PIXELS: Final = 96 / 72  # CSS pixels a point
SMALLEST: Final = 0.55  # of its size is how far a drawing shrinks on a narrow screen before it scrolls


def inline_svg(figure: Figure, prefix: str, label: str) -> str:
    """The figure as an `<svg>` element.

    Black and white are replaced by the colours of text and paper of the page, so that one drawing serves a light and a
    dark page; other colours stay.

    Args:
        figure: What to draw.
        prefix: Put before every id, so that several drawings can stand in one page; letters, digits and hyphens.
        label: What a screen reader says, already escaped.
    """
    width, height = (72 * inches for inches in figure.get_size_inches())
    body = _themed(_prefixed(_body(_svg(figure)), prefix))
    style = f"width:{width * PIXELS:.0f}px;min-width:{width * PIXELS * SMALLEST:.0f}px"
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {width:.6g} {height:.6g}" style="{style}">'
        f"{body}</svg>"
    )


def _svg(figure: Figure) -> str:
    import matplotlib

    file = io.StringIO()
    # Glyphs as paths: the drawing looks the same wherever it is opened. The salt makes the ids of clips repeatable.
    with matplotlib.rc_context({"svg.hashsalt": SALT, "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()


def _body(text: str) -> str:
    """What is inside the root element, without metadata and comments."""
    inside = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    inside = re.sub(r"<!--.*?-->", "", inside, flags=re.DOTALL)
    inside = re.sub(r"<metadata>.*?</metadata>", "", inside, flags=re.DOTALL)
    # Matplotlib's own style sheet would leak into the page; it holds line joins only, which the page's sheet sets.
    inside = re.sub(r"<style\b.*?</style>", "", inside, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", inside).strip()


def _prefixed(body: str, prefix: str) -> str:
    body = re.sub(r'\bid="([^"]*)"', rf'id="{prefix}-\1"', body)
    body = re.sub(r'\b(?:xlink:)?href="#([^"]*)"', rf'href="#{prefix}-\1"', body)
    body = re.sub(r'\bxlink:href="data:', 'href="data:', body)
    return re.sub(r"url\(#([^)]*)\)", rf"url(#{prefix}-\1)", body)


def _themed(body: str) -> str:
    colours = {INK: "currentColor", PAPER: "var(--paper)"}

    def swap(found: re.Match[str]) -> str:
        return re.sub(rf"{INK}|{PAPER}", lambda colour: colours[colour[0]], found[0])

    return re.sub(r'\b(?:style|fill|stroke)="[^"]*"', swap, body)
