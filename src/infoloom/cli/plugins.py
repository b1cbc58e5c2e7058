"""`infoloom plugins`: what installed packages add."""

from __future__ import annotations

import json
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plugins")(list_plugins)


def list_plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List what installed packages add: steps of flows, templates, distributions, exports, learners, estimators."""
    from infoloom.plugins import KINDS, plugins

    found = plugins()
    if as_json:
        print(json.dumps([one.to_json() for one in found], indent=2))
        return
    if not found:
        print(
            f"none; a package adds some by entry points of {', '.join(f'infoloom.{kind}' for kind in KINDS)}"
        )
    for one in found:
        print(f"{one.kind:<14} {one.name:<20} {one.package} {one.version}")
