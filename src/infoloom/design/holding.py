"""Quantities held fixed while weights move: other weights give way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from infoloom.design.designs import Setting, design
from infoloom.design.quantities import Quantities
from infoloom.information.notation import Query, check_names, parse_query
from infoloom.spec.model import Spec
from infoloom.spec.weights import freed, weights, with_weights

__all__ = ["hold", "levers"]

_FELT: Final = 1e-9  # of the largest effect; what is below is rounding


def hold(spec: Spec, fixed: Mapping[str, float], by: Sequence[str]) -> Spec:
    """The spec with some weights solved so that quantities have given values; every other number stays.

    Args:
        spec: A spec without free parameters.
        fixed: Values by query, nats.
        by: Paths of the weights that give way; as many as quantities determine them. Each keeps its sign.

    Returns:
        The spec; its quantities have their values to 1e-9 nats.

    Raises:
        SpecError: An unknown path, or a spec whose weights cannot be solved for.
        DesignError: Values that these weights cannot keep, each with the closest one.

    Example:
        >>> from infoloom.spec.load import load_spec
        >>> from infoloom.story import compile_story
        >>> spec = with_weights(load_spec("figure-1"), {"modalities.x1.latent[0]": 0.2})
        >>> held = hold(spec, {"I(x1; x2)": 4.0}, ["modalities.x2.latent[0]"])
        >>> round(compile_story(held).information("I(x1; x2)"), 9), held.modalities["x1"].latent
        (4.0, '0.2*cause + 0.1*noise')
    """
    opened, names = freed(spec, by)
    now = {weight.path: weight.value for weight in weights(spec)}
    start = {names[path]: now[path] for path in by}
    solved = design(opened.model_copy(update={"require": dict(fixed)}), start=start)
    return with_weights(spec, {path: solved.values[name] for path, name in names.items()})


def levers(spec: Spec, query: str | Query) -> tuple[str, ...]:
    """The weights that a quantity depends on, by what a small relative change of each does to it, largest first.

    A weight w moves the quantity Q by |w ∂Q/∂w| for each unit of log w.

    Raises:
        SpecError: A spec whose weights cannot be solved for.
        QueryError: The query cannot be read, or names an unknown variable.

    Example:
        >>> from infoloom.spec.load import load_spec
        >>> levers(load_spec("figure-1"), "I(x1; theta)")[0]
        'modalities.x1.latent[0]'
    """
    asked = parse_query(query) if isinstance(query, str) else query
    known = {weight.path: weight.value for weight in weights(spec)}
    opened, names = freed(spec, list(known))
    linear = Setting.of(opened).linearised
    check_names(asked, linear.names)
    paths = {name: path for path, name in names.items()}
    at = np.array([known[paths[name]] for name in linear.free])
    effects = np.abs(Quantities(linear, [asked]).at(at)[1][0] * at)
    order = np.argsort(-effects, kind="stable")
    return tuple(paths[linear.free[i]] for i in order if effects[i] > _FELT * effects.max(initial=0.0))
