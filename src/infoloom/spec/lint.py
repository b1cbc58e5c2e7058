"""Problems of equations and flows that can be told before a spec has its form, so that all are reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from infoloom.errors import FlowError
from infoloom.spec.equations.parser import ExpressionError, parse_expression
from infoloom.spec.flows.flow import flow_factors, flow_shape

__all__ = ["lint", "point_at", "suggest"]

MAX_SUGGESTIONS: Final = 20
_SECTIONS: Final = ("causes", "fields", "parameters", "targets", "modalities")


def lint(tree: dict[str, Any], directory: Path | None) -> list[str]:
    """Equations that cannot be read, unknown names in them, and unknown flows of a tree of plain values.

    Args:
        tree: What a spec file holds, its form still unchecked.
        directory: Folder that relative file names are relative to.
    """
    sections = {name: part for name in _SECTIONS if isinstance(part := tree.get(name), dict)}
    known = [str(name) for part in sections.values() for name in part] + ["noise"]
    known += [
        f"{name}.{factor}"
        for name, modality in sections.get("modalities", {}).items()
        for factor in _named(modality)
    ]
    problems: list[str] = []
    for name, text in sections.get("targets", {}).items():
        _equation(f"targets.{name}", text, known, problems)
    for name, modality in sections.get("modalities", {}).items():
        if not isinstance(modality, dict):
            continue
        latent = modality.get("latent")
        _equation(f"modalities.{name}.latent", latent, known, problems)
        for factor, text in latent.items() if isinstance(latent, dict) else ():
            _equation(f"modalities.{name}.latent.{factor}", text, known, problems)
        try:
            if isinstance(flow := modality.get("flow"), str):
                flow_shape(flow, directory)
        except FlowError as error:
            problems.append(f"modalities.{name}.flow: {error}")
    return problems


def point_at(path: str, text: str, position: int, message: str) -> str:
    """A problem of an equation, pointing at its character."""
    start = max(0, position - 30)
    excerpt = text[start : position + 30].replace("\n", " ")
    stop = "" if message.endswith((".", "?")) else "."
    return f"{path}: {message}{stop}\n    {excerpt}\n    {' ' * (position - start)}^ character {position + 1}"


def suggest(word: str, known: Collection[str], problems: int) -> str:
    """The end of a message about an unknown name; looks at all names, so only for the first few problems."""
    near = difflib.get_close_matches(word, known, n=1) if problems < MAX_SUGGESTIONS else []
    return f"; did you mean `{near[0]}`?" if near else ". Add it to `causes`, `fields` or `parameters`"


def _named(modality: object) -> list[str]:
    """The factors that a modality may have: those of its flow, and those that it names."""
    if not isinstance(modality, dict) or not isinstance(latent := modality.get("latent"), dict):
        return []
    known = [str(name) for name in latent]
    if isinstance(flow := modality.get("flow"), str):
        with suppress(FlowError):
            known += flow_factors(flow)
    return known


def _equation(path: str, text: object, known: Collection[str], problems: list[str]) -> None:
    if not isinstance(text, str):
        return
    try:
        terms = parse_expression(text).terms
    except ExpressionError as error:
        problems.append(point_at(path, text, error.position, str(error)))
        return
    for factor in (factor for term in terms for factor in term.factors):
        if factor.name not in known:
            message = f"unknown name `{factor.name}`{suggest(factor.name, known, len(problems))}"
            problems.append(point_at(path, text, factor.position, message))
