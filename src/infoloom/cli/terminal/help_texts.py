"""Help texts as a user reads them: what to write in place of a value, and no Python types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import typer
from typer.core import TyperCommand

__all__ = ["PlainCommand", "plain", "without_types"]

_WORDS: Final = (
    (re.compile(r"<?(list\[)?(int|integer)( range)?\]?>?", re.IGNORECASE), "N"),
    (re.compile(r"<?(list\[)?float( range)?\]?>?", re.IGNORECASE), "X"),
    (re.compile(r"<?(list\[)?(str|text)\]?>?", re.IGNORECASE), "TEXT"),
    (re.compile(r"<?(list\[)?(path|file|directory|filename)\]?>?", re.IGNORECASE), "FILE"),
)


def without_types(record: str) -> str:
    """The left column of a help text with a word for each type.

    Example:
        >>> without_types("--rows <int>"), without_types("-o, --output PATH"), without_types("SPEC <str>")
        ('--rows N', '-o, --output FILE', 'SPEC')
    """
    head, space, last = record.rpartition(" ")
    if last == "range>" or (last == "RANGE" and head.endswith("INTEGER")):
        head, space, last = head.rpartition(" ")[0], " ", "int"
    if not space:
        return record
    if not head.lstrip("[").startswith("-"):
        return head if last.startswith("<") else record
    word = next((word for form, word in _WORDS if form.fullmatch(last)), last)
    return f"{head} {word}"


class PlainCommand(TyperCommand):
    """A command whose help shows no types of Python."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, each with a word for what it takes."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                title = "Arguments" if param.param_type_name == "argument" else "Options"
                groups[title].append((without_types(record[0]), record[1]))
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def plain(apps: Iterable[typer.Typer]) -> None:
    """Give every command of some applications plain help texts."""
    for app in apps:
        for command in app.registered_commands:
            command.cls = PlainCommand
