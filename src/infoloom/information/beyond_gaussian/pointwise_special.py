"""Pointwise information of stories with special causes: the inner average over the causes, with its error."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.averages.inner import row_average
from infoloom.information.beyond_gaussian.averages.reduced import reduce
from infoloom.information.beyond_gaussian.channel import Channel, Component, direction
from infoloom.information.beyond_gaussian.line import blurred_density, feature_mixture
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.given import given_categories
from infoloom.information.pointwise import Pointwise, Rows
from infoloom.law.equations import Array
from infoloom.law.triangle import triangle

__all__ = ["SpecialPointwise"]

ROW_TOLERANCE: Final = 1e-6  # of densities on a line
Names = Sequence[str]


class SpecialPointwise:
    """Pointwise information of rows of a story with special causes.

    Args:
        special: The story's information, with its channels.
        rows: For each name its values, as `Pointwise` takes them.
    """

    def __init__(self, special: Special, rows: Rows) -> None:
        self.special = special
        self.plain = Pointwise(special.conditional, rows)
        self.law = special.covariance.system.law

    def information(self, a: Names, b: Names, given: Names = ()) -> Array:
        """Pointwise mutual information pmi(a; b | given) of every row, shape (n,), nats.

        Raises:
            QueryError: Values of a name are missing, the value is infinite, or the average is out of reach.
        """
        return self.with_error(a, b, given)[0]

    def with_error(self, a: Names, b: Names, given: Names = ()) -> tuple[Array, Array]:
        """`information` and how far every value may be off, both of shape (n,), nats.

        The error is the difference to a sum over fewer nodes, or, where many causes meet in one variable, the standard
        error of importance sampling.
        """
        names = [*a, *b, *given]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated:
            raise QueryError(f"pointwise information: `{repeated}` stands twice. Name every variable once.")
        return self.of_sets((([*a, *b, *given], 1), (list(given), 1), ([*a, *given], -1), ([*b, *given], -1)))

    def of_sets(self, sets: Sequence[tuple[Names, int]]) -> tuple[Array, Array]:
        """The log-densities of sets of variables with their signs, and how far their sum may be off, (n,) nats.

        Raises:
            QueryError: As `information`.
        """
        known = Counter[str]()
        total, error = np.zeros(()), np.zeros(())
        for members, sign in sets:
            if members:
                known.update(dict.fromkeys(self.special.channel(frozenset(members)).known, sign))
                density, off = self.density_with_error(members)
                total, error = total + sign * density, error + off
        for cause, count in known.items():
            distribution = self.law.features.distributions[cause]
            if count and not distribution.discrete:
                raise QueryError(
                    f"pointwise information: infinite, because both sides determine `{cause}`. Add noise."
                )
            total = total - count * math.log(len(distribution.atoms[0])) if count else total
        return total, error

    def log_density(self, names: Names) -> Array:
        """Log density of the variables, given the special causes among them that they show without noise."""
        return self.density_with_error(names)[0]

    def density_error(self, names: Names) -> Array:
        """How far `log_density` may be off, shape (n,), nats."""
        return self.density_with_error(names)[1]

    def density_with_error(self, names: Names) -> tuple[Array, Array]:
        """`log_density` and how far it may be off, both of shape (n,), nats."""
        names = sorted(set(names), key=self.special.covariance.names.index)
        channel = self.special.channel(frozenset(names))
        outside = [block for block in self.special.conditional.blocks(names) if block.group is not None]
        quadratic, volume, dim = self.plain.quadratic(outside)
        coordinates = np.concatenate([self._shifted(name) for name in names], axis=1)
        known = self._known(channel, coordinates)
        whitened = (
            coordinates @ channel.whitening.T - self._features(known, len(coordinates)) @ channel.weights.T
        )
        quadratic = quadratic + np.einsum("ij,ij->i", whitened, whitened)
        dim += len(channel.whitening)
        result = -0.5 * quadratic - volume - 0.5 * dim * math.log(2.0 * math.pi) - self._span_volume(names)
        seen, error = whitened @ channel.weights, np.zeros(len(coordinates))
        for part in channel.components:
            average, off = self._average(part, seen[:, list(part.columns)], known)
            result, error = result + average, error + off
        return np.asarray(result), error

    def whitened(self, names: Names) -> Array:
        """Whitened coordinates of the variables given the special causes, shape (n, k)."""
        ordered = sorted(set(names), key=self.special.covariance.names.index)
        channel = self.special.channel(frozenset(names))
        return np.concatenate([self._shifted(name) for name in ordered], axis=1) @ channel.whitening.T

    def _shifted(self, name: str) -> Array:
        """Coordinates less what does not come from special causes: a held value's share of the mean."""
        mean = self.law.mean.get(name)
        if mean is None:
            return self.plain.centred(name)
        at = list(self.law.columns)
        return self.plain.centred(name) - (mean - self.law.drawn[name][:, at] @ self.law.features.mean)

    def _span_volume(self, names: Names) -> float:
        blocks = [block for block in self.special.conditional.blocks(names) if block.group is None]
        found = [triangle(block.rows) for block in blocks]
        return float(sum(np.sum(np.log(np.abs(np.diagonal(f.r)[: f.rank]))) for f in found))

    def _known(self, channel: Channel, coordinates: Array) -> dict[str, Array]:
        """Values of the causes that the variables show without noise, each of shape (n,)."""
        features = self.law.features
        if not len(channel.shown):
            return {}
        seen = [i for i in range(len(features.features)) if np.any(channel.shown[:, i])]
        if not all(features.features[i].linear for i in seen):
            raise QueryError(
                "pointwise information: a function of a cause is shown without noise. Add noise to it."
            )
        solved = np.linalg.lstsq(channel.shown[:, seen], (coordinates @ channel.exact.T).T, rcond=None)[0]
        known = {features.features[i].causes[0]: values for i, values in zip(seen, solved, strict=True)}
        for cause, values in known.items():
            if features.distributions[cause].discrete:
                given_categories(cause, values, features.distributions[cause].atoms[0])
        return known

    def _features(self, known: Mapping[str, Array], rows: int) -> Array:
        """Features of known causes alone, zero for all others, shape (n, F)."""
        result = np.zeros((rows, len(self.law.features.features)))
        for i, feature in enumerate(self.law.features.features):
            if set(feature.causes) <= known.keys():
                result[:, i] = feature.values(known)
        return result

    def _average(self, part: Component, seen: Array, known: Mapping[str, Array]) -> tuple[Array, Array]:
        """log E exp(b · f(s) − ½ f(s)ᵀ gram f(s)) of every row, b = seen of shape (n, F), and its error."""
        weights = self.special.kept(("direction", part.key), lambda: direction(part))
        found = None if weights is None else self._on_a_line(part, weights, seen)
        if found is not None:
            return found, np.full(len(found), ROW_TOLERANCE)
        # Kept together: eigenvectors of an equal Gram matrix may have another sign, or be turned, by its rounding.
        reduced = self.special.kept(("reduced", part.key), lambda: reduce(part))
        inner = self.special.kept(("rows", part.key), lambda: row_average(part, reduced))
        value, _, error = inner.log_average(seen @ reduced.back, known)
        return value + reduced.constant(seen), error

    def _on_a_line(self, part: Component, weights: Array, seen: Array) -> Array | None:
        """The same where features enter in one direction, if it takes few enough points."""
        statistic = seen @ weights / float(weights @ weights)
        only = next(iter(part.features.distributions.values()))
        if part.features.features[0].linear and len(part.features.features) == 1 and not only.discrete:
            scale = float(weights[0])
            density = np.log(blurred_density(only, statistic / scale, abs(scale)) / abs(scale))
        else:
            mixture = self.special.kept(
                ("mixture", part.key), lambda: feature_mixture(part.features, weights)
            )
            if mixture is None:
                return None
            density = mixture.log_density(statistic)
        return np.asarray(density + 0.5 * statistic**2 + 0.5 * math.log(2.0 * math.pi))
