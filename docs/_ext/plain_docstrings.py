"""Docstrings are plain text with code in backticks: stars, bars and underscores outside of code mean themselves."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["escaped", "setup"]


def escaped(lines: list[str]) -> list[str]:
    """The lines of a docstring as reStructuredText that shows them as they are; sessions stay untouched.

    Example:
        >>> escaped(["|x| of `a*b` and z_", ">>> 2*3"])
        ['\\\\|x\\\\| of ``a*b`` and z\\\\_', '>>> 2*3']
    """
    done, session = [], False
    for line in lines:
        session = line.lstrip().startswith(">>>") or (session and bool(line.strip()))
        done.append(line if session else _escaped(line))
    return done


def _escaped(line: str) -> str:
    parts = re.split(r"(`+[^`]+`+)", line)
    return "".join(
        f"``{part.strip('`')}``" if i % 2 else re.sub(r"(\*|\||_\b|\b_)", r"\\\1", part)
        for i, part in enumerate(parts)
    )


def _process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = escaped(lines)


def _name(app: Any, what: str, name: str, thing: Any, options: Any, signature: str, returned: str) -> Any:
    """Names of types that stand for others are shown as they are written."""
    shown = [
        text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text) for text in (signature, returned)
    ]
    return tuple(shown) if shown != [signature, returned] else None


def setup(app: Any) -> dict[str, bool]:
    """Work before napoleon does, whose markup is to stay markup."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-process-signature", _name)
    return {"parallel_read_safe": True}
