"""The specification of a story, exactly as a person writes it: frozen, checked for form, without arrays."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
import reprlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from infoloom.errors import SpecError
from infoloom.spec.equations.distribution import parse_distribution, parse_scale
from infoloom.spec.equations.expression import Expression
from infoloom.spec.files import content_hash, rename_files
from infoloom.spec.flows.captions import Words, check_words
from infoloom.spec.lint import lint

__all__ = ["CauseSpec", "LabelSpec", "ModalitySpec", "ParameterSpec", "Spec", "build_spec"]

FORMAT: Final = 1
MAX_NAMES: Final = 10_000
MAX_SIZE: Final = 10_000
MAX_CLASSES: Final = 10_000
NAME = re.compile(r"[^\W\d]\w*")
RESERVED: Final = frozenset({"noise", "true", "false"})

BOUND = re.compile(
    r"\s*(?P<relation><=|>=|=)?\s*(?P<value>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*"
)

Finite = Annotated[float, Field(allow_inf_nan=False)]


def _text(value: object) -> object:
    return (
        str(value) if isinstance(value, Expression | float | int) and not isinstance(value, bool) else value
    )


Equation = Annotated[str, BeforeValidator(_text)]
_EQUATION: Final = "(equation)"
_FACTORS: Final = "(factors)"


def _required(value: object) -> float | str:
    """A required value in one form: a number for equality, else `<= number` or `>= number`."""
    match = BOUND.fullmatch(str(value)) if isinstance(value, str | float | int) else None
    if match is None or isinstance(value, bool) or not math.isfinite(number := float(match["value"])):
        raise ValueError(f"expected a number of nats, `<= number` or `>= number`, got {_kind(value)}")
    return f"{match['relation']} {number!r}" if match["relation"] in ("<=", ">=") else number


Required = Annotated[float | str, BeforeValidator(_required)]


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _distribution(text: str) -> str:
    parse_distribution(text)
    return text


def _scale(text: str) -> str:
    parse_scale(text)
    return text


class CauseSpec(_Node):
    """A scalar proto-latent, or `size` of them: independent, mean 0, variance 1."""

    distribution: Annotated[str, AfterValidator(_distribution)] = "normal"
    size: Annotated[int, Field(ge=1, le=MAX_SIZE)] = 1

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"distribution": value} if isinstance(value, str) else {} if value is None else value


class ParameterSpec(_Node):
    """A weight by name: a number, or `free` between bounds for the design solver to choose."""

    value: Finite | None = None
    free: bool = False
    min: Finite | None = None
    max: Finite | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if isinstance(value, dict | ParameterSpec):
            return value
        if isinstance(value, str) and value == "free":
            return {"free": True}
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(
                f"expected a number without quotes, such as 0.5, or `free`, or `{{free: true, min: 0, max: 1}}`; got "
                f"{_kind(value)}"
            )
        return {"value": value}

    @model_validator(mode="after")
    def _either(self) -> ParameterSpec:
        if self.free == (self.value is not None):
            raise ValueError("expected a number or `free`, one of the two")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"expected min ≤ max, got {self.min} and {self.max}")
        return self


Latent = Annotated[
    Annotated[Equation | None, Tag(_EQUATION)] | Annotated[dict[str, Equation], Tag(_FACTORS)],
    Discriminator(lambda value: _FACTORS if isinstance(value, dict) else _EQUATION),
]


class ModalitySpec(_Node):
    """What is observed: a flow expression, its latent, and how the latent meets the flow.

    Attributes:
        latent: One equation for the whole latent, or one for each of its factors by name.
        whitening: `whiten` makes the latent N(0, I) first; named factors are standardised each on its own.
        words: Of a caption, the words of every slot, from the factor's smallest values to its largest: a list of
            equally likely ones, or words with their probabilities.
    """

    flow: str
    latent: Latent = None
    words: dict[str, Annotated[Words, BeforeValidator(check_words)]] | None = None
    whitening: Literal["whiten", "scale", "none"] = "whiten"


class LabelSpec(_Node):
    """A column of classes: a target cut at its quantiles into equally likely classes."""

    target: str
    classes: Annotated[int, Field(ge=2, le=MAX_CLASSES)]


class Spec(_Node):
    """A whole story. The mapping keys are the names of its variables.

    Attributes:
        scale: Distribution of a scale that all sources of a row share.
        do: Interventions: nodes that are held at a value, whatever their equation says.
        directory: Folder that relative file names in the spec are relative to; not part of the spec's text.
    """

    infoloom: Literal[1] = FORMAT
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    causes: dict[str, CauseSpec] = {}
    fields: dict[str, Literal["normal"]] = {}
    parameters: dict[str, ParameterSpec] = {}
    targets: dict[str, Equation | None] = {}
    modalities: Annotated[dict[str, ModalitySpec], Field(min_length=1)]
    covariance: dict[str, Finite | Equation] | None = None
    require: dict[str, Required] = {}
    labels: dict[str, LabelSpec] = {}
    scale: Annotated[str, AfterValidator(_scale)] | None = None
    do: dict[str, Finite | list[Finite]] = {}
    directory: Annotated[Path | None, Field(exclude=True, repr=False)] = None

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain values, without what equals its default."""
        tree = self.model_dump(mode="json", exclude_defaults=True)
        short = {"infoloom": FORMAT, **tree}
        for name, cause in self.causes.items():
            short["causes"][name] = cause.distribution if cause.size == 1 else cause.model_dump(mode="json")
        for name, parameter in self.parameters.items():
            bounded = parameter.min is not None or parameter.max is not None
            if not bounded:
                short["parameters"][name] = "free" if parameter.free else parameter.value
        return short

    def to_yaml(self) -> str:
        """The spec as YAML that loads to an equal spec."""
        from infoloom.spec.yaml12 import dump

        return dump(self.to_dict())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the spec and the content of the files that it names, whatever comments and layout."""
        tree = {key: value for key, value in self.to_dict().items() if key != "description"}
        canonical = rename_files(tree, lambda name: content_hash(name, self.directory))
        return hashlib.sha256(
            json.dumps(canonical, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
        ).hexdigest()


def build_spec(tree: object, directory: Path | None = None) -> Spec:
    """Check the form of a tree of plain values and freeze it.

    Args:
        tree: What a YAML file holds; equations may be `Expression` objects.
        directory: Folder that relative file names are relative to.

    Raises:
        SpecError: With every problem of form, each with its path; where there is one, also with what is wrong with
            equations and flows, so that nothing is left for a second run that can be told in the first.
    """
    if not isinstance(tree, dict):
        raise SpecError(
            [f"spec: expected a mapping with `name`, `causes` and `modalities`, got {_kind(tree)}."]
        )
    problems = []
    if any(not isinstance(key, str) for key in tree):
        raise SpecError(
            [f"spec: expected names as keys, got {_kind(next(k for k in tree if not isinstance(k, str)))}."]
        )
    tree = {"infoloom": FORMAT, **tree}
    if isinstance(tree["infoloom"], bool):
        problems.append(
            f"infoloom: expected {FORMAT}, the number of the format, got {_kind(tree['infoloom'])}."
        )
    unknown = [_unknown((key,)) for key in tree if key not in _KEYS[""]]
    if "directory" in tree or any(problem.endswith("?") for problem in unknown):
        raise SpecError(unknown)  # a misspelt section: whatever else is wrong may follow from it
    spec = None
    try:
        spec = Spec.model_validate({**tree, "directory": directory})
    except ValidationError as error:
        problems += [_problem(item) for item in error.errors()]
    problems += _name_problems(tree)
    if spec is None or problems:
        problems += lint(tree, directory)
        raise SpecError(dict.fromkeys(problems))
    return spec


def _name_problems(tree: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    seen: dict[str, str] = {}
    for section in ("causes", "fields", "parameters", "targets", "modalities", "labels"):
        names = tree.get(section)
        for name in names if isinstance(names, dict) else ():
            path = f"{section}.{name}"
            problems += _factor_problems(path, tree[section][name]) if section == "modalities" else []
            if not _is_name(name):
                problems.append(f"{path}: {_NO_NAME}")
            elif name in RESERVED:
                problems.append(f"{path}: the name `{name}` is taken by the language. Choose another one.")
            elif name in seen:
                problems.append(
                    f"{path}: the name `{name}` is used twice, also in `{seen[name]}`. Rename one of them."
                )
            else:
                seen[name] = section
    if len(seen) > MAX_NAMES:
        problems.append(f"spec: expected at most {MAX_NAMES:,} names, got {len(seen):,}.")
    return problems


_NO_NAME = "expected a name of letters, digits and underscores, not starting with a digit."


def _is_name(name: object) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None and len(name) <= 100


def _factor_problems(path: str, modality: object) -> list[str]:
    """Names of factors follow the same rule; a factor is called `modality.factor`, so it collides with nothing."""
    latent = modality.get("latent") if isinstance(modality, dict) else None
    factors = latent if isinstance(latent, dict) else {}
    return [f"{path}.latent.{name}: {_NO_NAME}" for name in factors if not _is_name(name)]


_KEYS = {
    "": tuple(key for key in Spec.model_fields if key != "directory"),
    "causes": tuple(CauseSpec.model_fields),
    "parameters": tuple(ParameterSpec.model_fields),
    "modalities": tuple(ModalitySpec.model_fields),
    "labels": tuple(LabelSpec.model_fields),
}


def _problem(item: Any) -> str:
    parts = [str(part) for part in item["loc"] if part != "[key]"]
    path = ".".join(_trim(parts)) or "spec"
    got = item.get("input")
    match item["type"]:
        case "extra_forbidden":
            return _unknown(_trim(parts))
        case "missing":
            return f"{path}: this key is missing. Add it."
        case "value_error":
            said = str(item["msg"]).removeprefix("Value error, ")
            return f"{path}: {said}" if said.endswith("?") else f"{path}: {said}."
        case "literal_error" if path == "infoloom":
            expected = f"expected {FORMAT}, which this version reads. Update infoloom."
            return f"infoloom: this spec has format {_kind(got)}; {expected}"
    message = str(item["msg"]).replace("Input should", "expected it to").rstrip(".")
    return f"{path}: {message}, got {_kind(got)}."


def _unknown(parts: Sequence[str]) -> str:
    known = _KEYS.get(parts[0] if len(parts) > 1 else "", ())
    near = difflib.get_close_matches(parts[-1], known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(known)}."
    return f"{'.'.join(parts)}: unknown key `{parts[-1]}`; {hint}"


def _trim(parts: list[str]) -> list[str]:
    """Pydantic appends the branch of a union; a person's spec has no such level."""
    depth = {
        "causes": 3,
        "parameters": 3,
        "modalities": 3,
        "targets": 2,
        "covariance": 2,
        "require": 2,
        "labels": 3,
        "do": 2,
    }
    if len(parts) > 3 and parts[0] == "modalities" and parts[2] == "words":
        return parts[:4]
    if len(parts) > 4 and parts[3] == _FACTORS:
        return [*parts[:3], parts[4]]
    return parts[: depth.get(parts[0], len(parts))] if parts else parts


def _kind(value: object) -> str:
    try:
        text = reprlib.repr(value) if isinstance(value, dict | list | tuple | set) else repr(value)
    except ValueError:  # an integer of more digits than Python writes
        text = "more digits than can be read"
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:50]}…"
