"""Stories given by block covariances instead of equations: the paper's sampling paradigm.

A block between two modalities is `c·I + Σ w·t tᵀ` (written `0.5 + 0.1@disk`) or a dense matrix
(`block("ab.npy")`); a block between a modality and a target is a sum of templates (`0.2@ones`); between
targets it is a number. The result is the same `System` that equations give, with the Cholesky factors of the
joint covariance as loadings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from infoloom.errors import SpecError, TemplateError
from infoloom.foreign.arrays import map_npy
from infoloom.law.equations import Array, Group, System, orthonormal_rows
from infoloom.law.graph import Graph
from infoloom.law.templates import make_template
from infoloom.spec.equations.parser import ExpressionError, parse_expression
from infoloom.spec.files import BLOCK
from infoloom.spec.model import Spec

__all__ = ["compose_covariance"]

MAX_DENSE: Final = 4096
# Below, rounding of the covariances themselves is more than a billionth of a nat.
SMALLEST: Final = 1e-9


@dataclass(frozen=True)
class _Block:
    """Covariance of an ordered pair of names: `identity · I + left @ rightᵀ`, or dense."""

    identity: float = 0.0
    left: Array | None = None
    right: Array | None = None
    dense: Array | None = None

    @property
    def transposed(self) -> _Block:
        return _Block(self.identity, self.right, self.left, None if self.dense is None else self.dense.T)


def compose_covariance(spec: Spec, graph: Graph) -> System:
    """Turn the block covariances of a spec into loadings.

    Raises:
        SpecError: Unknown names, blocks that do not fit, or a covariance that is not positive definite.
    """
    blocks, problems = _read_blocks(spec, graph)
    if problems:
        raise SpecError(problems)
    groups = tuple(_groups(graph, blocks))
    place = {name: g for g, group in enumerate(groups) for name in group.modalities}
    names = [*graph.names("target"), *graph.names("modality")]
    sizes = [groups[place[n]].rank if n in place else 1 for n in names]
    if sum(sizes) > 2 * MAX_DENSE:
        raise SpecError(
            [f"covariance: {sum(sizes):,} dense coordinates; expected at most {2 * MAX_DENSE:,}."]
        )
    edges = list(pairwise([0, *np.cumsum(sizes).tolist()]))
    joint = np.zeros((sum(sizes), sum(sizes)))
    for (a, b), block in blocks.items():
        rows, columns = (slice(*edges[names.index(n)]) for n in (a, b))
        projected = _project(block, *(groups[place[n]].basis if n in place else None for n in (a, b)))
        joint[rows, columns] = projected
        joint[columns, rows] = projected.T
    owners = [name for name, size in zip(names, sizes, strict=True) for _ in range(size)]
    loadings = _cholesky(joint, owners)
    in_span = {name: loadings[slice(*edge)] for name, edge in zip(names, edges, strict=True)}
    complement: dict[str, tuple[int, Array]] = {}
    for g, group in enumerate(groups):
        factor = _complement(group, blocks)
        complement |= {name: (g, row) for name, row in zip(group.modalities, factor, strict=True)}
    scalars = tuple(f"u[{i}]" for i in range(len(owners)))
    return System(groups, scalars, False, in_span, complement)


def _read_blocks(spec: Spec, graph: Graph) -> tuple[dict[tuple[str, str], _Block], list[str]]:
    blocks = {(name, name): _Block(1.0) for name in graph.names("target", "modality")}
    problems = []
    given: set[frozenset[str]] = set()
    for key, value in (spec.covariance or {}).items():
        names = [part.strip() for part in key.split(",")]
        pair = (names[0], names[-1])
        unknown = [n for n in names if n not in graph.nodes]
        if unknown or len(names) > 2:
            problems.append(
                f"covariance.{key}: expected a target or modality, or two joined by a comma"
                + (f"; `{unknown[0]}` is unknown." if unknown else ".")
            )
            continue
        if frozenset(pair) in given:
            problems.append(f"covariance.{key}: this block is given twice. Remove one of them.")
            continue
        given.add(frozenset(pair))
        try:
            blocks[pair] = _read_block(pair, value, graph, spec.directory)
        except ExpressionError as error:
            problems.append(f"covariance.{key}: {error} (character {error.position + 1}).")
        except (TemplateError, ValueError) as error:
            problems.append(f"covariance.{key}: {error}")
    return blocks, problems


def _read_block(pair: tuple[str, str], value: float | str, graph: Graph, directory: Path | None) -> _Block:
    nodes = [graph.nodes[name] for name in pair]
    match = BLOCK.fullmatch(str(value))
    if match:
        return _Block(dense=_dense(match["file"], nodes[0].dim, nodes[1].dim, directory, pair[0] == pair[1]))
    identity = 0.0
    left: list[Array] = []
    right: list[Array] = []
    for term in parse_expression(str(value)).terms:
        if term.factors:
            raise ExpressionError(
                f"expected a number or `weight@template`, got `{term.factors[0].source}`", term.position
            )
        if term.template is None:
            identity += term.coefficient
            continue
        drawn = [
            make_template(term.template.key, n.shape, directory) if n.shape else np.ones(1) for n in nodes
        ]
        left.append(term.coefficient * drawn[0])
        right.append(drawn[1])
    scalars = sum(not node.shape for node in nodes)
    if left and scalars == 2:
        raise ValueError("two targets have a number as covariance. Remove the template.")
    if identity and (scalars == 1 or nodes[0].dim != nodes[1].dim):
        raise ValueError(
            f"a number means that multiple of the identity, but the sizes are {nodes[0].dim} and "
            f"{nodes[1].dim}. "
            'Use a template, as in `0.2@ones`, or `block("file.npy")`.'
        )
    return _Block(identity, np.stack(left), np.stack(right)) if left else _Block(identity)


def _dense(file: str, rows: int, columns: int, directory: Path | None, symmetric: bool) -> Array:
    path = Path(file) if directory is None or Path(file).is_absolute() else directory / file
    if max(rows, columns) > MAX_DENSE:
        raise ValueError(f"a dense block has at most {MAX_DENSE} components a side, got {rows} × {columns}.")
    try:
        matrix = map_npy(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read `{file}` as an array ({error}).") from error
    if matrix.shape != (rows, columns) or matrix.dtype.kind not in "fiu":
        raise ValueError(f"`{file}`: expected numbers of shape ({rows}, {columns}).")
    if not np.isfinite(matrix).all():
        raise ValueError(f"`{file}`: expected finite numbers.")
    if symmetric and not np.allclose(matrix, matrix.T, rtol=1e-12, atol=1e-12 * float(np.abs(matrix).max())):
        raise ValueError(f"`{file}`: expected a symmetric matrix.")
    return np.array(matrix, dtype=np.float64)


def _groups(graph: Graph, blocks: Mapping[tuple[str, str], _Block]) -> list[Group]:
    """Modalities joined by multiples of the identity; a dense block makes a group's span the whole space."""
    label = {name: name for name in graph.names("modality")}
    for (a, b), block in blocks.items():
        if a in label and b in label and block.identity:
            old, new = label[b], label[a]
            label = {name: new if mark == old else mark for name, mark in label.items()}
    groups = []
    for mark in dict.fromkeys(label.values()):
        members = tuple(name for name in label if label[name] == mark)
        dim = graph.nodes[members[0]].dim
        rows = []
        full = False
        for (a, b), block in blocks.items():
            full |= block.dense is not None and (a in members or b in members)
            rows += [
                m for name, m in ((a, block.left), (b, block.right)) if m is not None and name in members
            ]
        if full and dim > MAX_DENSE:
            raise SpecError(
                [
                    f"covariance: `{members[0]}` is tied to a dense block; expected at most {MAX_DENSE} "
                    "components."
                ]
            )
        basis = np.eye(dim) if full else orthonormal_rows(rows, dim)
        # A span that is the whole space leaves nothing for sources of its own outside of it.
        vectors = tuple(f"u({name})" for name in members if len(basis) < dim)
        groups.append(Group(dim, basis, members, vectors))
    return groups


def _project(block: _Block, left: Array | None, right: Array | None) -> Array:
    """A block in the coordinates of the bases of its two sides (a target has none)."""
    one = np.ones((1, 1))
    left, right = (one if left is None else left), (one if right is None else right)
    if block.dense is not None:
        return left @ block.dense @ right.T
    size = (left.shape[0], right.shape[0])
    result = block.identity * np.eye(*size) if block.identity else np.zeros(size)
    if block.left is not None and block.right is not None:
        result = result + (left @ block.left.T) @ (block.right @ right.T)
    return result


def _complement(group: Group, blocks: Mapping[tuple[str, str], _Block]) -> Array:
    names = group.modalities
    if group.copies == 0:
        return np.zeros((len(names), 0))
    joint = np.eye(len(names))
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            block = blocks.get((a, b)) or blocks.get((b, a))
            joint[i, j] = block.identity if block else 0.0
    return _cholesky(joint, list(names))


def _cholesky(joint: Array, owners: list[str]) -> Array:
    if not len(joint):
        return joint
    scale = np.sqrt(np.abs(np.diag(joint)))
    if (np.diag(joint) <= 0).any():
        raise SpecError(
            [f"covariance: `{owners[int(np.argmin(np.diag(joint)))]}` has no positive variance. Raise it."]
        )
    correlation = joint / np.outer(scale, scale)
    try:
        factor = np.linalg.cholesky(correlation)
        smallest = float(np.min(np.diag(factor))) ** 2
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(correlation)
        smallest = float(values[0])
        owners = [owners[int(i)] for i in np.argsort(-np.abs(vectors[:, 0]))]
    if not smallest > SMALLEST or math.isnan(smallest):
        tied = ", ".join(f"`{name}`" for name in list(dict.fromkeys(owners))[:4])
        raise SpecError(
            [
                f"covariance: not safely positive definite (smallest eigenvalue of the correlations {smallest:.3g}, "
                f"mostly in {tied}). Raise the variances or lower the covariances."
            ]
        )
    return scale[:, None] * factor
