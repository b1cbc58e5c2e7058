"""A page that needs no server: one story with its sliders, its values by closed form, and pictures made beforehand."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import infoloom
from infoloom.errors import InfoloomError
from infoloom.story import Story
from infoloom.web import panels, pictures
from infoloom.web.asked import Asked
from infoloom.web.model import model_of
from infoloom.web.workbench import Workbench, open_workbench

__all__ = ["MOST_BYTES", "bundle", "data_of", "page_of", "standalone"]

MOST_BYTES: Final = 2_000_000
MOST_SCALARS: Final = 3
MOST_MODALITIES: Final = 3
_MODULES: Final = ("dom", "pace", "law", "graph", "sliders", "numbers", "parts", "cells", "alone")
_IMPORT: Final = re.compile(r'^import \{ ([^}]+) \} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|const) (\w+))", re.MULTILINE)


def standalone(source: str | Path) -> str:
    """The page of a spec file or a preset as one HTML text of at most 2 MB; it loads nothing.

    Raises:
        SpecError: The spec cannot be read, or is wrong.
        InfoloomError: Its values have no closed form, or the story alone is too large.
    """
    return page_of(data_of(source))


def data_of(source: str | Path) -> dict[str, Any]:
    """What the page of a spec file or a preset holds: its model, its sliders, its pictures, and its text.

    Raises:
        SpecError: The spec cannot be read, or is wrong.
        InfoloomError: Its values have no closed form, or the story alone is too large.
    """
    bench = open_workbench(source)
    story = bench.story(Asked())
    model = model_of(story)
    by = [name for name in (*story.causes, *story.targets) if story.dim(name) == 1 and name not in story.held]
    data: dict[str, Any] = {
        "model": model,
        "sliders": panels.sliders(bench, Asked())["weights"],
        "pictures": {},
        "by": [],
        "spec": bench.text,
        "left_out": len(by) > MOST_SCALARS or len(_shown(story)) > MOST_MODALITIES,
    }
    size = len(page_of(data).encode())
    if size > MOST_BYTES:
        raise InfoloomError(
            f"story `{story.name}`: expected a page of at most {MOST_BYTES / 1e6:g} MB, got {size / 1e6:.1f} MB "
            "without pictures. Use fewer templates or modalities."
        )
    room = MOST_BYTES - size - 200
    for name in by[:MOST_SCALARS]:
        drawn = _pictures(bench, story, name)
        room -= len(_json({name: drawn}).encode())
        if room < 0:
            data["left_out"] = True
            break
        data["pictures"][name] = drawn
        data["by"].append(name)
    return data


def _shown(story: Story) -> list[str]:
    return [name for name in story.mapped if name not in story.held]


def _pictures(bench: Workbench, story: Story, by: str) -> dict[str, Any]:
    """Samples and sweep of the first modalities, as the panels of the explorer have them."""
    asked = [Asked(cause=by, modality=name) for name in _shown(story)[:MOST_MODALITIES]]
    return {
        "samples": [pictures.samples(bench, one) for one in asked],
        "sweep": [pictures.sweep(bench, one) for one in asked],
    }


def page_of(data: Mapping[str, Any]) -> str:
    """The page that holds what `data_of` gave."""
    name = html.escape(data["model"]["name"])
    note = "Some pictures are left out, so that the page stays small. " if data["left_out"] else ""
    values = {
        "title": f"{name}: exact information",
        "name": name,
        "style": _file("explorer.css"),
        "spec": html.escape(data["spec"]),
        "version": infoloom.__version__,
        "note": note,
        "data": _json({key: data[key] for key in ("model", "sliders", "pictures", "by")}),
        "script": bundle(),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _file("alone.html"))


def bundle() -> str:
    """The page's modules as one script: each a function that returns what it exports."""
    return "\n".join(_module(name, _file(f"{name}.js")) for name in _MODULES)


def _module(name: str, text: str) -> str:
    names = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub(lambda match: f"const {{ {match[1]} }} = {match[2]}_;\n", text))
    return f"const {name}_ = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();"


def _file(name: str) -> str:
    return resources.files("infoloom.web").joinpath("page", name).read_text(encoding="utf-8")


def _json(tree: Any) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
