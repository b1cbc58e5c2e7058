"""Pointwise mutual information of rows, exact for latents and, through bijections, for observations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from infoloom.errors import DegenerateError, QueryError
from infoloom.information.given import given_values, same_rows
from infoloom.law.covariance import Block, StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.triangle import Numbers, Triangle, triangle

__all__ = ["Pointwise"]

Rows = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
Names = Sequence[str]


class Pointwise:
    """Log-densities and pointwise information of given rows under the joint law.

    The quadratic form of a row splits into the span and, per coupling group, a trace with the Gram matrix of
    the complement parts (theory, section 5), so a row costs O(N d r + N² d).

    Args:
        covariance: The joint law.
        rows: For each name its values, shape (n,) for scalars and (n, d) for modality latents (not whitened).
    """

    def __init__(self, covariance: StructuredCovariance, rows: Rows) -> None:
        self.covariance = covariance
        self.rows = rows
        self.values: dict[str, np.ndarray[Any, np.dtype[Any]]] = {}
        self.coordinates: dict[str, Array] = {}
        self.grams: dict[tuple[str, str], Array] = {}
        self.densities: dict[tuple[str, ...], Array] = {}

    def information(self, a: Names, b: Names, given: Names = ()) -> Array:
        """Pointwise mutual information, log p(a, b | given) − log p(a | given) − log p(b | given).

        Returns:
            Shape (n,), nats; its mean over rows of the story converges to I(a; b | given).

        Raises:
            QueryError: Values of a name are missing from the rows.
            DegenerateError: The variables have no joint density.
        """
        names = [*a, *b, *given]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated:
            raise QueryError(f"pointwise information: `{repeated}` stands twice. Name every variable once.")
        density = self.log_density
        return density([*a, *b, *given]) + density(given) - density([*a, *given]) - density([*b, *given])

    def with_error(
        self, a: Sequence[str], b: Sequence[str], given: Sequence[str] = ()
    ) -> tuple[Array, Array]:
        """`information` and how far it may be off: nothing, since it is in closed form."""
        values = self.information(a, b, given)
        return values, np.zeros_like(values)

    def log_density(self, names: Names) -> Array:
        """Log joint density of latents and scalars, shape (n,), nats."""
        key = tuple(sorted(set(names)))
        if key not in self.densities:
            self.densities[key] = self._density(*self.quadratic(self.covariance.blocks(key)))
        return self.densities[key]

    def quadratic(self, blocks: Sequence[Block]) -> tuple[Array, float, int]:
        """q = (z − mean)ᵀ Σ⁻¹ (z − mean) of every row in some blocks, ½ log det Σ, and their dimension.

        Raises:
            DegenerateError: The variables have no joint density.
        """
        total, volume, dim = np.zeros(()), 0.0, 0
        for block in blocks:
            varies = self._varying(block)
            found = triangle(block.rows[varies])
            if found.singular:
                raise DegenerateError(self.covariance.explain(block))
            volume += block.copies * float(np.sum(np.log(np.abs(np.diagonal(found.r)))))
            dim += block.copies * found.rank
            total = total + (
                self._in_span(block, found, varies)
                if block.group is None
                else self._in_complement(block, found)
            )
        return total, volume, dim

    def _density(self, quadratic: Array, volume: float, dim: int) -> Array:
        df = self.covariance.system.law.scale
        if df is None:
            return np.asarray(-0.5 * quadratic - volume - 0.5 * dim * math.log(2.0 * math.pi))
        constant = (
            math.lgamma((df + dim) / 2.0) - math.lgamma(df / 2.0) - 0.5 * dim * math.log((df - 2.0) * math.pi)
        )
        return np.asarray(constant - volume - 0.5 * (df + dim) * np.log1p(quadratic / (df - 2.0)))

    def _varying(self, block: Block) -> Numbers:
        """The rows of a block without factors that an intervention holds: a constant carries no information."""
        factors = self.covariance.system.factors
        held = [
            owner in factors and not np.any(row) for owner, row in zip(block.owners, block.rows, strict=True)
        ]
        return np.flatnonzero(~np.array(held, dtype=bool))

    def _in_span(self, block: Block, found: Triangle, varies: Numbers) -> Array:
        values = np.concatenate([self.centred(name) for name in dict.fromkeys(block.owners)], axis=1)[
            :, varies
        ]
        solved = scipy.linalg.solve_triangular(found.r, values[:, found.order].T, trans="T")
        total: Array = np.einsum("ij,ij->j", solved, solved)
        return total

    def _in_complement(self, block: Block, found: Triangle) -> Array:
        """tr(G⁻¹ · Gram⊥) of every row."""
        inverse = scipy.linalg.solve_triangular(found.r, np.eye(found.rank))
        precision = inverse @ inverse.T
        owners = [block.owners[i] for i in found.order]
        total = np.zeros(())
        for i, a in enumerate(owners):
            for j, b in enumerate(owners[: i + 1]):
                total = total + (1.0 if i == j else 2.0) * precision[i, j] * self._gram(a, b)
        return total

    def _values(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        if name not in self.values:
            self.values[name] = self._checked(name)
        return self.values[name]

    def _checked(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        whole = self.covariance.system.whole(name)
        if whole is not None and name not in self.rows:
            return self._values(whole[0])[:, whole[1], None]
        flat = given_values(self.rows, name, self.covariance.dim(name), "pointwise information")
        same_rows({**self.values, name: flat}, name, "pointwise information")
        return flat

    def centred(self, name: str) -> Array:
        """A variable's coordinates in the span less their mean, shape (n, k)."""
        mean = self.covariance.system.law.mean.get(name)
        return self._coordinates(name) if mean is None else self._coordinates(name) - mean

    def _coordinates(self, name: str) -> Array:
        """A variable's coordinates in the span, shape (n, k)."""
        if name not in self.coordinates:
            values = self._values(name)
            if name in self.covariance.system.complement:
                values = _project(values, self.covariance.system.group(name).basis)
            self.coordinates[name] = values.astype(np.float64)
        return self.coordinates[name]

    def _gram(self, a: str, b: str) -> Array:
        """Inner product of the complement parts of two modalities, shape (n,)."""
        key = (a, b) if a <= b else (b, a)
        if key not in self.grams:
            whole = _inner(self._values(a), self._values(b))
            inside = np.einsum("ij,ij->i", self._coordinates(a), self._coordinates(b))
            self.grams[key] = whole - inside
        return self.grams[key]


def _chunks(rows: int, width: int) -> range:
    return range(0, rows, max(1, 2**21 // max(width, 1)))


def _project(values: np.ndarray[Any, np.dtype[Any]], basis: Array) -> Array:
    """Vᵀ z of every row in float64, a few rows at a time."""
    result = np.empty((len(values), len(basis)))
    steps = _chunks(*values.shape)
    for i in steps:
        result[i : i + steps.step] = values[i : i + steps.step].astype(np.float64) @ basis.T
    return result


def _inner(a: np.ndarray[Any, np.dtype[Any]], b: np.ndarray[Any, np.dtype[Any]]) -> Array:
    """Inner products of rows in float64, a few rows at a time."""
    result = np.empty(len(a))
    steps = _chunks(*a.shape)
    for i in steps:
        part = slice(i, i + steps.step)
        result[part] = np.einsum("ij,ij->i", a[part].astype(np.float64), b[part].astype(np.float64))
    return result
