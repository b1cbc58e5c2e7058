"""The numbers of a spec that a person may turn: weights of terms and parameters, each with a path."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from infoloom.errors import SpecError
from infoloom.spec.equations.expression import Expression, Factor, Term
from infoloom.spec.equations.parser import ExpressionError, parse_expression
from infoloom.spec.model import ModalitySpec, ParameterSpec, Spec

__all__ = ["Weight", "equations", "freed", "weights", "with_weights"]

_LISTED: Final = 8


@dataclass(frozen=True)
class Weight:
    """A number of a spec.

    Attributes:
        path: `parameters.a`, or the term by its equation and number from 0, `modalities.radio.latent[2]`.
        node: The target, modality or factor in whose equation it stands; empty for a parameter.
        label: What it multiplies, `mass@disk`; the name of a parameter.
        value: The number.
        minimum: Smallest value that the spec allows, if it says so.
        maximum: Largest value.
    """

    path: str
    node: str
    label: str
    value: float
    minimum: float | None = None
    maximum: float | None = None

    @property
    def range(self) -> tuple[float, float]:
        """Where to try it: within its bounds, elsewhere from −2|w| to 2|w|, for zero from −1 to 1."""
        reach = 2.0 * abs(self.value) or 1.0
        low = -reach if self.minimum is None else self.minimum
        high = reach if self.maximum is None else self.maximum
        return min(low, self.value), max(high, self.value)

    @property
    def step(self) -> float:
        """A step through the range: a power of ten, from a thousandth to a hundredth of it."""
        low, high = self.range
        return float(10.0 ** math.floor(math.log10((high - low) / 100.0))) if high > low else 1.0


def weights(spec: Spec) -> tuple[Weight, ...]:
    """Every weight of a spec: parameters with a number, then the terms of its equations in order.

    A term that has a parameter and no number of its own is turned by the parameter alone. A spec with `covariance` in
    place of equations has none.

    Raises:
        SpecError: An equation that cannot be read.

    Example:
        >>> from infoloom.spec.load import load_spec
        >>> [(w.path, w.label, w.value) for w in weights(load_spec("figure-1"))][:2]
        [('targets.theta[0]', 'cause', 1.0), ('modalities.x1.latent[0]', 'cause', 0.3)]
    """
    found = [
        Weight(f"parameters.{name}", "", name, parameter.value, parameter.min, parameter.max)
        for name, parameter in spec.parameters.items()
        if parameter.value is not None
    ]
    for path, (node, text) in equations(spec).items():
        try:
            terms = _terms(text)
        except ExpressionError as error:
            raise SpecError([f"{path}: {error}."]) from error
        for number, term in enumerate(terms):
            parametrised = any(factor.name in spec.parameters for factor in term.factors)
            if term.factors and not (parametrised and abs(term.coefficient) == 1.0):
                label = str(replace(term, coefficient=1.0))
                found.append(Weight(f"{path}[{number}]", node, label, term.coefficient))
    return tuple(found)


def with_weights(spec: Spec, values: Mapping[str, float]) -> Spec:
    """The spec with other numbers at some paths; a free parameter is no longer free.

    Raises:
        SpecError: With every path that is none of the spec's, and every number that is not finite.

    Example:
        >>> from infoloom.spec.load import load_spec
        >>> moved = with_weights(load_spec("figure-1"), {"targets.theta[0]": -0.5})
        >>> moved.targets["theta"]
        '-0.5*cause'
    """
    _check(spec, values)
    return _replaced(spec, values, lambda _, term, value: replace(term, coefficient=value))


def freed(spec: Spec, paths: Collection[str]) -> tuple[Spec, dict[str, str]]:
    """The spec with the weights at some paths left free, for the design solver.

    The number of a term becomes a parameter of its own.

    Returns:
        The spec, and the name of the free parameter at each path.

    Raises:
        SpecError: With every path that is none of the spec's.
    """
    _check(spec, dict.fromkeys(paths, 0.0))
    names = {path: _name(spec, path, number) for number, path in enumerate(paths)}
    opened = _replaced(
        spec,
        dict.fromkeys(paths, 0.0),
        lambda path, term, _: Term(1.0, (Factor(names[path]), *term.factors), term.template),
    )
    parameters = {
        **opened.parameters,
        **{
            name: ParameterSpec(free=True, min=_bounds(spec, path)[0], max=_bounds(spec, path)[1])
            for path, name in names.items()
        },
    }
    return opened.model_copy(update={"parameters": parameters}), names


def equations(spec: Spec) -> dict[str, tuple[str, str]]:
    """The name of the node and the text of every equation, by path."""
    written = {f"targets.{name}": (name, text) for name, text in spec.targets.items()}
    for name, modality in spec.modalities.items():
        path, latent = f"modalities.{name}.latent", modality.latent
        if isinstance(latent, dict):
            written |= {f"{path}.{factor}": (f"{name}.{factor}", text) for factor, text in latent.items()}
        else:
            written[path] = (name, latent)
    return {path: (name, text) for path, (name, text) in written.items() if text is not None}


@lru_cache(maxsize=256)
def _terms(text: str) -> tuple[Term, ...]:
    """The terms of an equation; a slider asks for the same ones again and again."""
    return parse_expression(text).terms


def _check(spec: Spec, values: Mapping[str, float]) -> None:
    known = [weight.path for weight in weights(spec)]
    known += [f"parameters.{name}" for name, parameter in spec.parameters.items() if parameter.free]
    problems = list(_unknown(values, known))
    problems += [
        f"{path}: `{value}`: expected a finite number."
        for path, value in values.items()
        if path in known and not math.isfinite(value)
    ]
    if problems:
        raise SpecError(problems)


def _unknown(paths: Collection[str], known: list[str]) -> Iterator[str]:
    for path in paths:
        if path not in known:
            near = difflib.get_close_matches(path, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(known[:_LISTED])}."
            yield f"weight `{path}`: the spec has none there; {hint}"


def _replaced(spec: Spec, values: Mapping[str, float], change: Any) -> Spec:
    """The spec with `change(path, term, value)` in place of the terms at some paths."""
    parameters = {
        name: parameter.model_copy(update={"value": values[f"parameters.{name}"], "free": False})
        if f"parameters.{name}" in values
        else parameter
        for name, parameter in spec.parameters.items()
    }
    texts = {path: text for path, (_, text) in equations(spec).items()}
    for path in dict.fromkeys(p.rpartition("[")[0] for p in values if p.endswith("]")):
        changed = [
            change(place, term, values[place]) if (place := f"{path}[{number}]") in values else term
            for number, term in enumerate(_terms(texts[path]))
        ]
        texts[path] = str(Expression(tuple(changed)))
    update = {
        "parameters": parameters,
        "targets": {name: texts.get(f"targets.{name}") for name in spec.targets},
        "modalities": {
            name: modality.model_copy(
                update={"latent": _latent(texts, f"modalities.{name}.latent", modality)}
            )
            for name, modality in spec.modalities.items()
        },
    }
    return spec.model_copy(update=update)


def _latent(texts: Mapping[str, str], path: str, modality: ModalitySpec) -> str | dict[str, str] | None:
    """The latent of a modality with its equations as they now are."""
    if isinstance(modality.latent, dict):
        return {factor: texts[f"{path}.{factor}"] for factor in modality.latent}
    return texts.get(path)


def _name(spec: Spec, path: str, number: int) -> str:
    """The parameter's own name, or one that the spec does not use."""
    if path.startswith("parameters."):
        return path.removeprefix("parameters.")
    taken = {*spec.causes, *spec.fields, *spec.parameters, *spec.targets, *spec.modalities}
    name = f"weight{number}"
    while name in taken:
        name += "_"
    return name


def _bounds(spec: Spec, path: str) -> tuple[float | None, float | None]:
    """The bounds that the spec gives, within the sign that the weight has."""
    (weight,) = (weight for weight in weights(spec) if weight.path == path)
    low, high = weight.minimum, weight.maximum
    if weight.value > 0:
        return max(0.0, low or 0.0), high
    if weight.value < 0:
        return low, min(0.0, high or 0.0)
    return low, high
