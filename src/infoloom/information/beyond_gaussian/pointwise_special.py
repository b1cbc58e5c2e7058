"""Pointwise information of stories with special causes: the inner average over the causes, by quadrature."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.channel import Channel, Component, direction
from infoloom.information.beyond_gaussian.cloud import feature_grid
from infoloom.information.beyond_gaussian.line import Mixture, blurred_density, feature_mixture, log_sum
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.pointwise import Pointwise, Rows
from infoloom.law.covariance import triangle
from infoloom.law.equations import Array

__all__ = ["SpecialPointwise"]

_CELLS: Final = 2_000_000
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
            QueryError: Values of a name are missing, the value is infinite, or the quadrature would be too large.
        """
        names = [*a, *b, *given]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated:
            raise QueryError(f"pointwise information: `{repeated}` stands twice. Name every variable once.")
        sets = (([*a, *b, *given], 1), (list(given), 1), ([*a, *given], -1), ([*b, *given], -1))
        known = Counter[str]()
        total = np.zeros(())
        for members, sign in sets:
            if members:
                known.update(dict.fromkeys(self.special.channel(frozenset(members)).known, sign))
                total = total + sign * self.log_density(members)
        for cause, count in known.items():
            distribution = self.law.features.distributions[cause]
            if count and not distribution.discrete:
                raise QueryError(
                    f"pointwise information: infinite, because both sides determine `{cause}`. Add noise."
                )
            total = total - count * math.log(len(distribution.atoms[0])) if count else total
        return total

    def log_density(self, names: Names) -> Array:
        """Log density of the variables, given the special causes among them that they show without noise."""
        names = sorted(set(names), key=self.special.covariance.names.index)
        channel = self.special.channel(frozenset(names))
        outside = [block for block in self.special.conditional.blocks(names) if block.group is not None]
        quadratic, volume, dim = self.plain.quadratic(outside)
        coordinates = np.concatenate([self._shifted(name) for name in names], axis=1)
        whitened = coordinates @ channel.whitening.T
        whitened = whitened - self._known(channel, coordinates) @ channel.weights.T
        quadratic = quadratic + np.einsum("ij,ij->i", whitened, whitened)
        dim += len(channel.whitening)
        result = -0.5 * quadratic - volume - 0.5 * dim * math.log(2.0 * math.pi) - self._span_volume(names)
        seen = whitened @ channel.weights
        for part in channel.components:
            if part.given:
                raise QueryError(
                    f"pointwise information: {', '.join(part.features.labels)} seen while {', '.join(part.given)} is "
                    "known without noise has no value here. Add noise to the target that shows it."
                )
            result = result + self._average(part, seen[:, list(part.columns)])
        return np.asarray(result)

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

    def _known(self, channel: Channel, coordinates: Array) -> Array:
        """Features of the causes that the variables show without noise, zero for all others, shape (n, F)."""
        features = self.law.features
        result = np.zeros((len(coordinates), len(features.features)))
        if not len(channel.shown):
            return result
        seen = [i for i in range(len(features.features)) if np.any(channel.shown[:, i])]
        if not all(features.features[i].linear for i in seen):
            raise QueryError(
                "pointwise information: a function of a cause is shown without noise. Add noise to it."
            )
        solved = np.linalg.lstsq(channel.shown[:, seen], (coordinates @ channel.exact.T).T, rcond=None)[0]
        causes = {features.features[i].causes[0]: values for i, values in zip(seen, solved, strict=True)}
        for i, feature in enumerate(features.features):
            if set(feature.causes) <= causes.keys():
                result[:, i] = feature.values(causes)
        return result

    def _average(self, part: Component, seen: Array) -> Array:
        """log E exp(b · f(s) − ½ f(s)ᵀ gram f(s)) of every row, b = seen of shape (n, F)."""
        weights = direction(part)
        if weights is None:
            return self._grid(part, seen)
        statistic = seen @ weights / float(weights @ weights)
        only = next(iter(part.features.distributions.values()))
        if part.features.features[0].linear and len(part.features.features) == 1 and not only.discrete:
            scale = float(weights[0])
            density = np.log(blurred_density(only, statistic / scale, abs(scale)) / abs(scale))
        else:
            mixture = self._mixture(part, weights)
            density = mixture.log_density(statistic)
        return np.asarray(density + 0.5 * statistic**2 + 0.5 * math.log(2.0 * math.pi))

    def _mixture(self, part: Component, weights: Array) -> Mixture:
        mixture = self.special.kept(("mixture", part.key), lambda: feature_mixture(part.features, weights))
        if mixture is None:
            raise _too_sharp(part)
        return mixture

    def _grid(self, part: Component, seen: Array) -> Array:
        found = self.special.kept(("grid", part.key), lambda: feature_grid(part))
        if found is None:
            raise _too_sharp(part)
        values, log_mass = found
        base = log_mass - 0.5 * np.einsum("ij,jk,ik->i", values, part.gram, values)
        result = np.empty(len(seen))
        step = max(1, _CELLS // len(values))
        for i in range(0, len(seen), step):
            result[i : i + step] = log_sum(base + seen[i : i + step] @ values.T)
        return result


def _too_sharp(part: Component) -> QueryError:
    return QueryError(
        f"pointwise information: {', '.join(part.features.labels)} are seen too sharply for a sum over all values of "
        "their causes. Use more noise, or leave these pairs out."
    )
