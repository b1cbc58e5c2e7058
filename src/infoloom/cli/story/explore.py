"""`infoloom explore`: parse, one call, print."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from infoloom.cli.terminal.output import write_new
from infoloom.errors import InfoloomError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command of this file to an application."""
    app.command()(explore)


def explore(
    spec: Annotated[
        str, typer.Argument(metavar="[SPEC]", help="A spec file, or the name of a preset.")
    ] = "digits-pair",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 is a free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the default browser.")
    ] = True,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FILE", help="Write a page that needs no server (HTML), and open nothing."
        ),
    ] = None,
) -> None:
    """Open a page on this machine to change a story by hand and see its information. Ctrl-C ends it."""
    if export is not None:
        _export(spec, export)
        return
    try:
        from infoloom.web.app import make_app
        from infoloom.web.server import bind, serve
        from infoloom.web.workbench import open_workbench
    except ImportError as error:
        raise InfoloomError(
            f"{error.name}: expected to be installed, because the page is served by it. "
            'Run `pip install "infoloom[web]"`.'
        ) from error

    def announce(address: str) -> None:
        print(f"{address}  (Ctrl-C ends it)", flush=True)
        if browser:
            webbrowser.open(address)

    serve(make_app(open_workbench(spec)), bind(port), announce)


def _export(spec: str, target: Path) -> None:
    try:
        from infoloom.web.standalone import standalone

        page = standalone(spec)
    except ImportError as error:
        raise InfoloomError(
            f"{error.name}: expected to be installed, because the pictures of the page are made with it. "
            'Run `pip install "infoloom[torch]"`.'
        ) from error
    write_new(target, page)
    print(f"{target}: {len(page.encode()) / 1e6:.1f} MB, needs no server")
