"""Information of stories that are not Gaussian (theory, section 8).

Given its special causes s a story is Gaussian, so for any sets of variables

    I(A; B | C) = I(A; B | C, s) + J(AC) + J(BC) − J(ABC) − J(C),    J(S) = I(s; S).

The first term is a closed form. J is one through linear normal causes, a quadrature to 2e-7 nats through one
direction of features, and a Monte Carlo estimate otherwise; the latter share their rows, so that errors cancel.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

import numpy as np

from infoloom.errors import DegenerateError, InfiniteInformationError, QueryError
from infoloom.information.beyond_gaussian.channel import Channel, Component, direction, make_channel
from infoloom.information.beyond_gaussian.cloud import Cloud
from infoloom.information.beyond_gaussian.line import (
    TOLERANCE,
    Resolution,
    feature_mixture,
    linear_information,
    mixture_information,
)
from infoloom.information.notation import Query, evaluate
from infoloom.information.pieces import pieces
from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE, Quantity
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Law
from infoloom.law.sources.features import Features

__all__ = ["Special", "given_special"]

T = TypeVar("T")


def given_special(covariance: StructuredCovariance) -> StructuredCovariance:
    """The law of all variables given the special causes: Gaussian, without the columns of their features."""
    law = covariance.system.law
    in_span = {}
    for name, rows in law.drawn.items():
        in_span[name] = rows.copy()
        in_span[name][:, list(law.columns)] = 0.0
    return StructuredCovariance(replace(covariance.system, in_span=in_span, law=Law(), recompose=None))


class Special:
    """Information of one story with special causes; everything found is kept.

    Args:
        covariance: Second moments of all variables, with the law of the special causes.
    """

    def __init__(self, covariance: StructuredCovariance) -> None:
        self.covariance = covariance
        self.conditional = given_special(covariance)
        self._channels: dict[frozenset[str], Channel] = {}
        self._cloud = Cloud(covariance.system.law.features)
        self._kept: dict[object, object] = {}

    def quantity(self, query: Query) -> Quantity:
        """The value of a query.

        Raises:
            InfiniteInformationError: The value is infinite.
            QueryError: The value is not reached.
        """
        sets = _sets(query)
        channels = {names: self.channel(names) for names in sets}
        try:
            plain = evaluate(self.conditional, query)
        except DegenerateError as error:
            self._refuse_entangled(query, channels, error)
            raise
        known = Counter[str]()
        for names, factor in sets.items():
            known.update(dict.fromkeys(channels[names].known, factor))
        total = Quantity(plain + self._of_known(query, known))
        rest: list[tuple[float, Component]] = []
        for part, factor in _counted(sets, channels):
            line = self.line(part)
            if line is None:
                rest.append((factor, part))
            else:
                total = _sum(
                    total, replace(line, value=factor * line.value, tolerance=abs(factor) * line.tolerance)
                )
        if not rest:
            return total
        found = self._cloud.estimate(rest)
        return Quantity(total.value + found.value, found.standard_error, MONTE_CARLO)

    def channel(self, names: frozenset[str]) -> Channel:
        """The channel from the special causes to some variables."""
        if names not in self._channels:
            self._channels[names] = make_channel(
                self.covariance, sorted(names, key=self.covariance.names.index)
            )
        return self._channels[names]

    def line(self, part: Component) -> Quantity | None:
        """J of one component if it has a closed form or one direction only, else nothing."""
        return self.kept(("line", part.key), lambda: _line(part))

    def kept(self, key: object, make: Callable[[], T]) -> T:
        """What was made before under a key, or is made now."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def _of_known(self, query: Query, known: Counter[str]) -> float:
        """What causes without noise contribute: their entropy, which is infinite unless it cancels."""
        total = 0.0
        for cause, factor in known.items():
            distribution = self.covariance.system.law.features.distributions[cause]
            if factor and not distribution.discrete:
                raise InfiniteInformationError(
                    f"`{query}`: the information is infinite, because both sides determine `{cause}` without noise. "
                    "Add noise to one of them, such as `+ 0.1*noise`."
                )
            total += factor * math.log(len(distribution.atoms[0])) if factor else 0.0
        return total

    def _refuse_entangled(
        self, query: Query, channels: dict[frozenset[str], Channel], error: DegenerateError
    ) -> None:
        """Infinite given the special causes need not be infinite without them."""
        if any(len(channel.shown) for channel in channels.values()):
            raise QueryError(
                f"`{query}`: variables without noise of their own share special causes, and this is not supported. "
                "Add noise to the targets among them, such as `+ 0.1*noise`."
            ) from error


def _line(part: Component) -> Quantity | None:
    features = part.features
    linear = all(feature.linear for feature in features.features)
    if linear and all(distribution.normal for distribution in features.distributions.values()):
        volume = float(np.linalg.slogdet(np.eye(len(part.gram)) + part.gram)[1])
        return Quantity(0.5 * volume, None, CLOSED_FORM)
    weights = direction(part)
    if weights is None:
        return None
    only = next(iter(features.distributions.values()))
    if linear and len(features.features) == 1 and not only.discrete:
        return Quantity(linear_information(only, abs(float(weights[0]))), None, QUADRATURE, TOLERANCE)
    fine, coarse = (
        _value(features, weights, resolution) for resolution in (Resolution(), Resolution().coarser)
    )
    if fine is None or coarse is None or abs(fine - coarse) > TOLERANCE:
        return None
    return Quantity(fine, None, QUADRATURE, TOLERANCE)


def _value(
    features: Features, weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]], resolution: Resolution
) -> float | None:
    mixture = feature_mixture(features, weights, resolution)
    return None if mixture is None else mixture_information(mixture)


def _sets(query: Query) -> dict[frozenset[str], float]:
    """A query as a sum of entropies of sets of variables."""
    sets: Counter[frozenset[str]] = Counter()
    for piece in pieces(query):
        a, b, given = frozenset(piece.a), frozenset(piece.b), frozenset(piece.given)
        sets.update({a | given: piece.factor})
        sets.update({given: -piece.factor})
        if b:
            sets.update({b | given: piece.factor})
            sets.update({a | b | given: -piece.factor})
    return {names: factor for names, factor in sets.items() if factor and names}


def _counted(
    sets: dict[frozenset[str], float], channels: dict[frozenset[str], Channel]
) -> Sequence[tuple[Component, float]]:
    """Every different component with its factor; equal ones cancel."""
    parts: dict[object, Component] = {}
    factors: Counter[object] = Counter()
    for names, factor in sets.items():
        for part in channels[names].components:
            parts[part.key] = part
            factors.update({part.key: factor})
    return [(parts[key], factor) for key, factor in factors.items() if factor]


def _sum(a: Quantity, b: Quantity) -> Quantity:
    method = QUADRATURE if QUADRATURE in (a.method, b.method) else CLOSED_FORM
    return Quantity(a.value + b.value, None, method, a.tolerance + b.tolerance)
