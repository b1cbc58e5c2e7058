"""Where the parts of a spec stand in its YAML text: the line of a problem, and the text with other numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import yaml

from infoloom.errors import SpecError
from infoloom.spec.equations.expression import format_value
from infoloom.spec.equations.parser import parse_expression
from infoloom.spec.load import parse_spec
from infoloom.spec.model import Spec
from infoloom.spec.weights import equations, with_weights
from infoloom.spec.yaml12 import Loader

__all__ = ["Place", "place_of", "rewritten"]

_MARK: Final = re.compile(r"spec: line (\d+), column (\d+): ")
_CHARACTER: Final = re.compile(r"\^ character (\d+)\s*$")
_NUMBER: Final = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_TERM: Final = re.compile(r"([^\[]+)\[(\d+)\]")


@dataclass(frozen=True)
class Place:
    """A place in a text, both numbers counted from 1."""

    line: int
    column: int


def place_of(text: str, problem: str) -> Place:
    """Where a problem of a spec stands in the text of the spec.

    Args:
        text: YAML.
        problem: One of `SpecError.problems`.

    Returns:
        The character that an equation's problem points at; else the key at the end of its path, or of as much of the
        path as there is; the start of the text if there is nothing.

    Example:
        >>> place_of("name: a\\nmodalities:\\n  x: {flow: vector(4), latent: c}", "modalities.x.flow: wrong.")
        Place(line=3, column=7)
    """
    marked = _MARK.match(problem)
    if marked:
        return Place(int(marked[1]), int(marked[2]))
    found = _walk(text, problem.partition("\n")[0])
    if found is None:
        return Place(1, 1)
    key, value = found
    character = _CHARACTER.search(problem)
    if character and isinstance(value, yaml.ScalarNode):
        offsets = _offsets(text, value)
        if offsets:
            return _at(text, offsets[min(int(character[1]) - 1, len(offsets) - 1)])
    return Place(key.start_mark.line + 1, key.start_mark.column + 1)


def rewritten(text: str, values: Mapping[str, float], directory: Path | None = None) -> str:
    """The text of a spec with other numbers at some paths; comments and layout stay.

    Args:
        text: YAML of a spec.
        values: Numbers by the paths of `weights`.
        directory: Folder that relative file names in the spec are relative to.

    Returns:
        Text of the spec `with_weights(spec, values)`; canonical, without comments, if the numbers cannot be exchanged
        where they stand.

    Raises:
        SpecError: The text is no spec, or a path is none of its paths.

    Example:
        >>> text = "name: a\\ncauses: {c: normal}\\nmodalities:\\n  x: {flow: vector(4), latent: c + noise} # look\\n"
        >>> print(rewritten(text, {"modalities.x.latent[0]": -0.5}).splitlines()[-1])
          x: {flow: vector(4), latent: -0.5*c + noise} # look
    """
    wanted = with_weights(parse_spec(text, directory), values)
    edited = text
    for path, value in values.items():
        edited = _exchanged(edited, path, value) or edited
    return edited if _means(edited, wanted) else wanted.to_yaml()


def _means(text: str, wanted: Spec) -> bool:
    """Whether a text is a spec, up to how its equations are written."""
    try:
        return _canonical(parse_spec(text, wanted.directory)) == _canonical(wanted)
    except SpecError:
        return False


def _canonical(spec: Spec) -> tuple[dict[str, str], dict[str, Any]]:
    """Equations as they are printed, and all the rest."""
    tree = spec.to_dict()
    modalities = tree["modalities"].items()
    rest = {name: {k: v for k, v in modality.items() if k != "latent"} for name, modality in modalities}
    texts = {path: str(parse_expression(text)) for path, (_, text) in equations(spec).items()}
    return texts, {**tree, "targets": list(spec.targets), "modalities": rest}


def _exchanged(text: str, path: str, value: float) -> str | None:
    """The text with one number exchanged, if it is found."""
    term = _TERM.fullmatch(path)
    found = _walk(text, term[1] if term else path)
    if found is None:
        return None
    node = found[1]
    if isinstance(node, yaml.MappingNode):
        node = next((value for key, value in node.value if key.value == "value"), node)
    offsets = _offsets(text, node) if isinstance(node, yaml.ScalarNode) else None
    if offsets is None:
        return None
    if term is None:
        return text[: offsets[0]] + format_value(value) + text[offsets[-1] :]
    start, end, new = _term_edit(node.value, int(term[2]), value)
    solid = end > start and not node.value[end - 1].isspace()
    after = offsets[end - 1] + 1 if solid else offsets[end]
    return text[: offsets[start]] + new + text[after:]


def _term_edit(equation: str, number: int, value: float) -> tuple[int, int, str]:
    """What of an equation is replaced by what, so that a term has another number: the term's sign and first number."""
    terms = parse_expression(equation).terms
    position = terms[number].position
    written = _NUMBER.match(equation, position)
    end = written.end() if written else position
    product = "" if written else "*"
    before = equation[:position].rstrip()
    size = format_value(abs(value)) + product
    if before.endswith(("+", "-")):
        start = len(before) - 1
        gap = equation[start + 1 : position]
        sign = "-" if value < 0 else "+" if number else ""
        return start, end, sign + (gap if sign else "") + size
    return position, end, ("-" if value < 0 else "") + size


def _walk(text: str, path: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the value that a dotted path leads to, or as far as it leads."""
    try:
        node = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError:
        return None
    found = None
    while isinstance(node, yaml.MappingNode):
        keys = {str(key.value): (key, value) for key, value in node.value}
        fitting = [name for name in keys if path == name or path.startswith((f"{name}.", f"{name}:"))]
        if not fitting:
            return found
        name = max(fitting, key=len)
        found, path = keys[name], path[len(name) + 1 :]
        node = found[1]
    return found


def _offsets(text: str, node: yaml.ScalarNode) -> list[int] | None:
    """For each character of a scalar's value, and its end, where it stands in the text; None if it is not plain there.

    Blanks may be folded, so the other characters are counted.
    """
    start, end = node.start_mark.index, node.end_mark.index
    if node.style in ("'", '"'):
        start, end = start + 1, end - 1
    elif node.style in ("|", ">"):
        start = text.index("\n", start) + 1
    raw = [start + i for i, character in enumerate(text[start:end]) if not character.isspace()]
    if "".join(text[i] for i in raw) != "".join(node.value.split()) or not raw:
        return None
    counts = accumulate((not character.isspace() for character in node.value), initial=0)
    places = [*raw, raw[-1] + 1]
    return [places[count] for count in counts]


def _at(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)
