"""Texts of the page: the YAML with moved numbers, Python, the command line; what is wrong and where."""

from __future__ import annotations

import re
import shlex
from typing import Any

from infoloom.design.designs import design
from infoloom.design.holding import levers
from infoloom.errors import InfoloomError, SpecError
from infoloom.spec.code import python_code
from infoloom.spec.load import load_spec, preset_names, preset_text
from infoloom.spec.places import place_of, rewritten
from infoloom.spec.weights import weights
from infoloom.web.asked import Asked
from infoloom.web.workbench import Workbench

__all__ = ["export", "moved_text", "presets", "problems_of", "solve", "yielding"]

ROWS = 10_000


def presets() -> dict[str, Any]:
    """The stories that come with the package, each with its description and its YAML."""
    return {
        "presets": [
            {"name": name, "description": load_spec(name).description, "spec": preset_text(name)}
            for name in preset_names()
        ]
    }


def moved_text(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """The YAML with the numbers that were moved or gave way, where they stand."""
    now = {one.path: one.value for one in weights(bench.spec(asked))}
    before = {one.path: one.value for one in weights(bench.written(asked))}
    changed = {path: value for path, value in now.items() if value != before[path]}
    return {"spec": rewritten(bench.text_of(asked), changed, bench.directory)}


def export(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """The story as a YAML file, as Python, and as the command that makes a dataset of it."""
    spec = bench.spec(asked)
    name = re.sub(r"[^\w.-]+", "-", spec.name).strip("-.") or "story"
    command = f"infoloom generate {shlex.quote(f'{name}.yaml')} {shlex.quote(name)} --rows {ROWS} --seed 0"
    return {
        "file": f"{name}.yaml",
        "spec": moved_text(bench, asked)["spec"],
        "python": python_code(spec),
        "command": command,
    }


def solve(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """The YAML with free parameters solved for what it requires, and what was reached."""
    solved = design(bench.written(asked))
    numbers = {f"parameters.{name}": value for name, value in solved.values.items()}
    return {
        "spec": rewritten(bench.text_of(asked), numbers, bench.directory),
        "values": dict(solved.values),
        "reached": dict(solved.reached),
        "note": solved.note,
    }


def yielding(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """The weights that can keep a quantity where it is, the most effective first."""
    return {"query": asked.query, "levers": list(levers(bench.spec(asked), asked.query))}


def problems_of(bench: Workbench, asked: Asked, error: InfoloomError) -> dict[str, Any]:
    """What is wrong, one entry a problem, with its place in the text."""
    text = bench.text_of(asked)
    listed = error.problems if isinstance(error, SpecError) else (str(error),)
    problems = [
        {"message": problem, "line": place.line, "column": place.column}
        for problem in listed
        for place in (place_of(text, problem),)
    ]
    return {"problems": problems, "solvable": _solvable(bench, asked)}


def _solvable(bench: Workbench, asked: Asked) -> bool:
    """Whether the text leaves parameters free and says what for."""
    try:
        spec = bench.written(asked)
    except SpecError:
        return False
    return bool(spec.require) and any(parameter.free for parameter in spec.parameters.values())
