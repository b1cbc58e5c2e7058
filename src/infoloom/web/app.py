"""The page's application: files of the page, and one `.json` for every panel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import resources
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from infoloom.errors import InfoloomError
from infoloom.web import panels, pictures, texts
from infoloom.web.asked import Asked, RequestError, read_request
from infoloom.web.guard import Guard
from infoloom.web.turns import Turns, UnwantedError
from infoloom.web.workbench import Workbench

__all__ = ["PANELS", "make_app"]

Panel = Callable[[Workbench, Asked], dict[str, Any]]

PANELS: Final[Mapping[str, Panel]] = {
    "weights": panels.sliders,
    "graph": panels.graph,
    "information": panels.information,
    "decomposition": panels.decomposition,
    "ceilings": panels.ceilings,
    "samples": pictures.samples,
    "sweep": pictures.sweep,
    "influence": pictures.influence,
    "templates": pictures.templates,
    "export": texts.export,
    "text": texts.moved_text,
    "solve": texts.solve,
    "levers": texts.yielding,
}
"""What each panel shows, by name; `NAME.json` answers it."""

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def make_app(bench: Workbench) -> ASGIApp:
    """The application for one workbench.

    `GET NAME.json` answers a panel for the spec that the page was started with, `POST NAME.json` for a request such as
    `{"spec": "…", "weights": {"parameters.a": 0.5}, "unit": "bits"}`; `panels.json` answers several at once.
    """

    turns = Turns()

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        body = await request.body()
        return await run_in_threadpool(_answer, bench, name, body, turns)

    routes = [
        Route("/", _page),
        Route("/page/{name}", _page),
        Route("/{name}.json", answer, methods=["GET", "POST"]),
    ]
    return Guard(Starlette(routes=routes))


def _answer(bench: Workbench, name: str, body: bytes, turns: Turns | None = None) -> Response:
    turns = turns or Turns()
    try:
        asked = read_request(body)
        turns.begin(asked.page, asked.turn)
        asked = replace(asked, wanted=partial(turns.require, asked.page, asked.turn))
        if name == "panels":
            return _json(_several(bench, asked, turns))
        if name == "start":
            return _json({"spec": bench.text, **texts.presets()})
        if name not in PANELS:
            raise RequestError(f"panel `{name[:50]}`: expected one of {', '.join(PANELS)}, panels, start.")
        return _json(_one(bench, asked, name))
    except RequestError as error:
        return _json({"problems": [{"message": str(error)}]}, 400)
    except UnwantedError as error:
        return _json({"problems": [{"message": str(error)}]}, 409)


def _several(bench: Workbench, asked: Asked, turns: Turns) -> dict[str, Any]:
    """Panels by name; if the story does not compile, what is wrong with it in place of all of them."""
    unknown = next((name for name in asked.panels if name not in PANELS), None)
    if unknown is not None:
        raise RequestError(f"request: `panels`: unknown `{unknown[:50]}`; expected {', '.join(PANELS)}.")
    try:
        bench.spec(asked)
        turns.require(asked.page, asked.turn)
        bench.story(asked)
    except UnwantedError:
        raise
    except InfoloomError as error:
        return texts.problems_of(bench, asked, error)
    shown = {}
    for name in asked.panels:
        turns.require(asked.page, asked.turn)
        shown[name] = _one(bench, asked, name)
    return {"panels": shown}


def _one(bench: Workbench, asked: Asked, name: str) -> dict[str, Any]:
    try:
        return PANELS[name](bench, asked)
    except (RequestError, UnwantedError):
        raise
    except InfoloomError as error:
        return texts.problems_of(bench, asked, error)


def _json(tree: dict[str, Any], status: int = 200) -> Response:
    return Response(
        json.dumps(tree, ensure_ascii=False, allow_nan=False), status, media_type="application/json"
    )


async def _page(request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    folder = resources.files("infoloom.web").joinpath("page")
    if name not in {file.name for file in folder.iterdir()}:
        return Response("not found\n", 404, media_type="text/plain")
    return Response(folder.joinpath(name).read_bytes(), media_type=_TYPES[name.rpartition(".")[2]])
