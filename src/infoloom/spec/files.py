"""The files that a spec names: templates, blocks of covariance, and flows of a user's own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from infoloom.errors import FlowError
from infoloom.foreign.files import open_regular
from infoloom.spec.equations.expression import Expression, TemplateCall
from infoloom.spec.equations.parser import ExpressionError, parse_expression
from infoloom.spec.flows.flow import parse_flow

__all__ = ["BLOCK", "content_hash", "file_names", "rename_files"]

BLOCK: Final = re.compile(r"""\s*block\(\s*["'](?P<file>[^"']+)["']\s*\)\s*""")
Rename = Callable[[str], str]


def rename_files(tree: dict[str, Any], rename: Rename) -> dict[str, Any]:
    """The tree of a spec with every file name replaced; equations that name a file are written canonically.

    Args:
        tree: A spec as plain values.
        rename: From a name as written to its replacement.
    """
    renamed = dict(tree)
    for section in ("targets", "covariance"):
        if section in tree:
            renamed[section] = {name: _in_equation(value, rename) for name, value in tree[section].items()}
    renamed["modalities"] = {
        name: {
            key: _in_flow(value, rename) if key == "flow" else _in_equation(value, rename)
            for key, value in modality.items()
        }
        for name, modality in tree["modalities"].items()
    }
    return renamed


def content_hash(name: str, directory: Path | None) -> str:
    """SHA-256 of a file's content, so that a name stands for what is in the file; `missing` without one."""
    try:
        path = (directory or Path()) / Path(name).expanduser()
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() + path.suffix
    except (OSError, ValueError, RuntimeError):
        return "missing"


def file_names(tree: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every file that a tree of plain values names, whatever its form, with the path of the text that names it.

    Whatever could be an equation or a flow is read as one, so nothing that compiling would open is missed.

    Example:
        >>> list(file_names({"modalities": {"x": {"flow": "a.safetensors", "latent": 'c@file("t.npy")'}}}))
        [('modalities.x.flow', 'a.safetensors'), ('modalities.x.latent', 't.npy')]
    """
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from file_names(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for value in tree:
            yield from file_names(value, path)
    elif isinstance(tree, str):
        yield from ((path, name) for name in dict.fromkeys(_names(tree)))


def _names(text: str) -> Iterator[str]:
    block = BLOCK.fullmatch(text)
    if block:
        yield block["file"]
    with suppress(ExpressionError):
        for call in (term.template for term in parse_expression(text).terms):
            values = (*call.args, *(value for _, value in call.kwargs)) if call else ()
            yield from (value for value in values if isinstance(value, str))
    with suppress(FlowError):
        yield from (step.name for step in parse_flow(text) if step.name.endswith(".safetensors"))


def _in_equation(value: object, rename: Rename) -> object:
    if isinstance(value, dict):
        return {name: _in_equation(text, rename) for name, text in value.items()}
    if not isinstance(value, str):
        return value
    block = BLOCK.fullmatch(value)
    if block:
        return f'block("{rename(block["file"])}")'
    if "file" not in value:
        return value
    try:
        terms = parse_expression(value).terms
    except ExpressionError:
        return value
    return str(Expression(tuple(replace(t, template=_in_template(t.template, rename)) for t in terms)))


def _in_template(call: TemplateCall | None, rename: Rename) -> TemplateCall | None:
    if call is None or call.name != "file":
        return call
    args = tuple(rename(a) if i == 0 and isinstance(a, str) else a for i, a in enumerate(call.args))
    kwargs = tuple((k, rename(v) if k == "path" and isinstance(v, str) else v) for k, v in call.kwargs)
    return replace(call, args=args, kwargs=kwargs)


def _in_flow(text: str, rename: Rename) -> str:
    try:
        names = [step.name for step in parse_flow(text) if step.name.endswith(".safetensors")]
    except FlowError:
        return text
    for name in dict.fromkeys(names):
        text = text.replace(name, rename(name))
    return text
