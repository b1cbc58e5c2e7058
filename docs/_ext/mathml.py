"""Formulas of the pages as MathML: made when the site is built, shown by the browser, nothing fetched and no script."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

__all__ = ["setup", "typeset"]


def typeset(latex: str, display: str = "inline") -> str:
    """A formula as MathML; `aligned`, which the converter does not know, is `align*`.

    Raises:
        ValueError: Something of the formula's markup would be shown as a letter.

    Example:
        >>> typeset(r"\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}").count("<mtr>")
        2
    """
    shown = convert(re.sub(r"\\(begin|end)\{aligned\}", r"\\\1{align*}", latex), display=display)
    if left := re.search(r"<m[ion]>(?:&(?!#?\w+;)|\\\w)[^<]*</m[ion]>", shown):
        raise ValueError(f"formula `{latex}`: expected markup that can be converted, got `{left[0]}`.")
    return shown


def inline(self: Any, node: nodes.math) -> None:
    self.body.append(typeset(node.astext()))
    raise nodes.SkipNode


def block(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(typeset(node.astext(), "block"))
    self.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
