"""A slow, dense, float64 oracle: the whole story at full size, entropies from textbook formulas.

It shares with the package the parser of equations, the shapes of flows and the drawing of templates, and
nothing else: no groups, no spans, no structured covariance. `exact_log_volume` goes further and computes a
determinant in rational arithmetic, for stories whose conditioning is beyond any float64 oracle.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property
from itertools import combinations

import numpy as np

from infoloom.law.templates import make_template, make_templates
from infoloom.spec.equations.expression import TemplateCall
from infoloom.spec.equations.parser import parse_expression
from infoloom.spec.flows.flow import flow_shape

RANK = 1e-10


class Dense:
    """Every variable of a spec dict as a dense matrix of loadings on all of its independent sources."""

    def __init__(self, tree, directory=None):
        self.tree, self.directory = tree, directory
        self.shapes = {name: flow_shape(m["flow"], directory) for name, m in tree["modalities"].items()}
        self.sizes = {name: self._size(cause) for name, cause in tree.get("causes", {}).items()}
        self.equations = {name: parse_expression(text) for name, text in tree.get("targets", {}).items()}
        self.equations |= {name: parse_expression(m["latent"]) for name, m in tree["modalities"].items()}
        self.values = {name: float(value) for name, value in tree.get("parameters", {}).items()}
        self.columns, self.width = {}, 0
        for name, size in self.sizes.items():
            self._reserve(name, size)
        for name in tree.get("fields", {}):
            self._reserve(name, self.dim(name))
        for name in self.equations:
            self._reserve(("noise", name), self.dim(name))
        self.loadings = {}

    @staticmethod
    def _size(cause):
        return cause.get("size", 1) if isinstance(cause, dict) else 1

    def _reserve(self, key, size):
        self.columns[key] = slice(self.width, self.width + size)
        self.width += size

    @cached_property
    def names(self):
        """All variables, components of causes included."""
        parts = [f"{n}[{i}]" for n, size in self.sizes.items() if size > 1 for i in range(size)]
        return [*self.sizes, *parts, *self.tree.get("fields", {}), *self.equations]

    def dim(self, name):
        return 1 if "[" in name else self.sizes.get(name) or math.prod(self.shape(name))

    def shape(self, name):
        """Shape on which a template is drawn at a modality or field; () for a target."""
        if name in self.tree.get("fields", {}):
            return next(
                self.shapes[user]
                for user in self.shapes
                if name in {f.name for t in self.equations[user].terms for f in t.factors}
            )
        return self.shapes.get(name, ())

    def matrix(self, name):
        """Loadings of a variable, shape (dim, sources)."""
        if name not in self.loadings:
            self.loadings[name] = self._matrix(name)
        return self.loadings[name]

    def _matrix(self, name):
        if "[" in name:
            cause, index = name[:-1].split("[")
            return self.matrix(cause)[int(index) : int(index) + 1]
        if name in self.columns:
            return self._unit(name)
        total = np.zeros((self.dim(name), self.width))
        for term in self.equations[name].terms:
            total = total + self._term(name, term)
        return total

    def _unit(self, key):
        place = self.columns[key]
        rows = np.zeros((place.stop - place.start, self.width))
        rows[:, place] = np.eye(len(rows))
        return rows

    def _term(self, name, term):
        weight = term.coefficient * math.prod(
            self.values[f.name] for f in term.factors if f.name in self.values
        )
        (source,) = [f for f in term.factors if f.name not in self.values]
        if source.name == "noise":
            return weight * self._unit(("noise", name))
        rows = self.matrix(source.source)
        call = term.template or TemplateCall("ones")
        scalar = source.name in self.sizes or source.name in self.tree.get("targets", {})
        if name in self.shapes and scalar:
            if len(rows) == 1 and "[" not in source.source and self.sizes.get(source.name, 1) == 1:
                return weight * np.outer(make_template(call, self.shapes[name], self.directory), rows[0])
            if source.index is not None:
                return weight * np.outer(make_template(call, self.shapes[name], self.directory), rows[0])
            patterns = make_templates(call, self.shapes[name], len(rows), self.directory)
            return weight * patterns.T @ rows
        if name not in self.shapes and not scalar:
            return weight * make_template(call, self.shape(source.name), self.directory)[None] @ rows
        return weight * rows

    def covariance(self, names):
        """The joint covariance matrix of some variables."""
        rows = self.rows(names)
        return rows @ rows.T

    def rows(self, names):
        return np.concatenate([self.matrix(name) for name in names]) if names else np.zeros((0, self.width))

    def condition(self, names):
        """Condition number of the correlation matrix; infinite for a singular one."""
        return correlation_condition(self.covariance(names))

    def log_volume(self, names):
        """½ log det Σ."""
        return dense_log_volume(self.covariance(names))

    def information(self, a, b, given=()):
        h, a, b, c = self.log_volume, [*a], [*b], [*given]
        return h(a + c) + h(b + c) - h(a + b + c) - h(c)

    def entropy(self, a, given=()):
        dim = sum(self.dim(name) for name in a)
        return (
            self.log_volume([*a, *given])
            - self.log_volume([*given])
            + 0.5 * dim * math.log(2 * math.pi * math.e)
        )

    def co_information(self, parts, given=()):
        """Inclusion–exclusion over all subsets of the parts."""
        total = 0.0
        for size in range(1, len(parts) + 1):
            for chosen in combinations(parts, size):
                total -= (-1) ** size * self._given(chosen, given)
        return total

    def total_correlation(self, parts, given=()):
        return sum(self._given([part], given) for part in parts) - self._given(parts, given)

    def dual_total_correlation(self, parts, given=()):
        whole = self._given(parts, given)
        return whole - sum(
            whole - self._given([*parts[:i], *parts[i + 1 :]], given) for i in range(len(parts))
        )

    def _given(self, parts, given):
        names = [name for part in parts for name in part]
        return self.log_volume([*names, *given]) - self.log_volume([*given])

    def degenerate_information(self, a, b, given=()):
        """I(a; b | given) where variables may determine each other; infinity where it is infinite."""
        base = independent_rows(self.rows(given), np.zeros((0, self.width)))
        left, right = independent_rows(self.rows(a), base), independent_rows(self.rows(b), base)
        joint = np.concatenate([base, left, right])
        if len(independent_rows(joint, joint[:0])) < len(joint):
            return math.inf

        def h(*parts):
            rows = np.concatenate(parts)
            return dense_log_volume(rows @ rows.T)

        return h(base, left) + h(base, right) - h(joint) - h(base)

    def log_density(self, values, names):
        """Log joint density of rows of values, shape (n,)."""
        if not names:
            return 0.0
        z = np.concatenate(
            [np.asarray(values[n], dtype=np.float64).reshape(len(values[n]), -1) for n in names], axis=1
        )
        sigma = self.covariance(names)
        quadratic = np.einsum("ni,in->n", z, np.linalg.solve(sigma, z.T))
        return -0.5 * (quadratic + 2.0 * dense_log_volume(sigma) + z.shape[1] * math.log(2.0 * math.pi))

    def pmi(self, values, a, b, given=()):
        p = self.log_density
        return (
            p(values, [*a, *b, *given])
            + p(values, [*given])
            - p(values, [*a, *given])
            - p(values, [*b, *given])
        )


def dense_log_volume(sigma):
    """½ log det Σ by numpy's slogdet, of the correlations so that scales do not matter."""
    if not len(sigma):
        return 0.0
    scale = np.sqrt(np.diag(sigma))
    sign, value = np.linalg.slogdet(sigma / np.outer(scale, scale))
    assert sign > 0, "the oracle's covariance is singular"
    return 0.5 * float(value) + float(np.sum(np.log(scale)))


def correlation_condition(sigma):
    if not len(sigma):
        return 1.0
    scale = np.sqrt(np.diag(sigma))
    if not scale.all():
        return math.inf
    values = np.linalg.eigvalsh(sigma / np.outer(scale, scale))
    return math.inf if values[0] <= 0 else float(values[-1] / values[0])


def independent_rows(rows, base):
    """The rows that neither `base` nor earlier rows determine, by Gram–Schmidt."""
    basis, kept = [], []
    for place, row in [*((None, r) for r in base), *enumerate(rows)]:
        rest = row.copy()
        for _ in range(2):
            for b in basis:
                rest = rest - (rest @ b) * b
        length = np.linalg.norm(rest)
        if length > RANK * max(np.linalg.norm(row), 1e-300):
            basis.append(rest / length)
            if place is not None:
                kept.append(place)
    return rows[kept]


def exact_log_volume(rows):
    """½ log det(rows · rowsᵀ) in rational arithmetic, for a few short rows of any conditioning."""
    exact = [[Fraction(float(value)) for value in row] for row in rows]
    gram = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in exact] for a in exact]
    determinant = Fraction(1)
    for i in range(len(gram)):
        pivot = gram[i][i]
        assert pivot > 0, "the rows are dependent"
        determinant *= pivot
        for j in range(i + 1, len(gram)):
            ratio = gram[j][i] / pivot
            gram[j] = [x - ratio * y for x, y in zip(gram[j], gram[i], strict=True)]
    return 0.5 * (math.log(determinant.numerator) - math.log(determinant.denominator))
