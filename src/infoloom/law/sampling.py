"""Rows of a story: row i is a pure function of (story, seed, i).

Rows are drawn in fixed blocks; each source has its own stream keyed by (seed, block, its name). So any slice
of rows has the same bytes whatever process draws it, and a story that differs in one equation shares every
other draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from infoloom.foreign.plain import whole
from infoloom.law.equations import Array, Law, System

__all__ = ["BLOCK", "Plan", "draw_rows", "make_plan"]

BLOCK: Final = 256
_BLOCK_VALUES: Final = 2**26
_CHUNK_VALUES: Final = 2**18
_PIECE: Final = 2**17
_FEW: Final = 4

Float32 = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
_Real = TypeVar("_Real", Float32, Array)


@dataclass(frozen=True)
class _GroupPlan:
    """How one coupling group is drawn: z = mixing · F + (scalars · spread + VᵀF · crossed) V."""

    dim: int
    modalities: tuple[str, ...]
    vectors: tuple[str, ...]
    basis: Float32
    mixing: Float32
    direct: bool


@dataclass(frozen=True)
class Plan:
    """Everything about a system that sampling needs, in the precision in which it is drawn.

    Attributes:
        loadings: For each cause, target and modality its loadings on all sources, less what the vector
            sources already give a modality through the identity; shape (sources, k).
        means: For each of them its mean, shape (k,); zero if it is not there.
        law: What is not normal about the sources.
        crossed: Whether any of these loadings is on the in-span part of a vector source.
        block: Rows that are drawn together.
    """

    scalars: tuple[str, ...]
    columns: int
    visible: tuple[str, ...]
    groups: tuple[_GroupPlan, ...]
    loadings: dict[str, Array]
    means: Mapping[str, Array]
    law: Law
    crossed: bool
    block: int


def make_plan(system: System, causes: tuple[str, ...], targets: tuple[str, ...]) -> Plan:
    """Prepare a system for sampling.

    Args:
        system: The composed story.
        causes: Names of causes to return.
        targets: Names of targets to return.
    """
    width = sum(len(g.vectors) * g.rank for g in system.groups)
    columns = len(system.scalars) + width
    spans = system.law.drawn or system.in_span
    loadings = {name: _widened(spans[name], columns).T for name in (*causes, *targets)}
    groups = []
    for g, group in enumerate(system.groups):
        own_rows = [system.complement[name][1] for name in group.modalities]
        mixing = np.stack(own_rows) if own_rows else np.zeros((0, len(group.vectors)))
        for name, row in zip(group.modalities, mixing, strict=True):
            own = _widened(spans[name], columns).copy()
            for v in range(len(group.vectors)):
                own[:, system.columns(g, v)] -= row[v] * np.eye(group.rank)
            loadings[name] = own.T
        direct = bool(mixing.shape[0] == mixing.shape[1] and np.array_equal(mixing, np.diag(np.diag(mixing))))
        basis = group.basis.astype(np.float32)
        groups.append(
            _GroupPlan(
                group.dim,
                group.modalities,
                group.vectors,
                basis,
                mixing.astype(np.float32),
                direct,
            )
        )
    crossed = any(np.any(matrix[len(system.scalars) :]) for matrix in loadings.values())
    largest = sum(len(g.vectors) * g.dim for g in system.groups)
    block = BLOCK
    while block > 1 and block * largest > _BLOCK_VALUES:
        block //= 2
    visible, means = (*causes, *targets), system.law.mean
    return Plan(
        system.scalars,
        columns,
        visible,
        tuple(groups),
        loadings,
        means,
        system.law,
        crossed,
        block,
    )


def draw_rows(
    plan: Plan,
    rows: int,
    seed: int,
    start: int = 0,
    moved: Mapping[str, float] | None = None,
) -> dict[str, Float32]:
    """Causes, targets and latents of rows `start` to `start + rows`.

    Args:
        plan: The prepared story.
        rows: Number of rows, ≥ 0.
        seed: Seed, ≥ 0.
        start: Number of the first row, ≥ 0.
        moved: What is added to the draws of some scalar sources.

    Returns:
        For each cause and target shape (rows,) or (rows, size), for each modality shape (rows, d); float32.

    Raises:
        ValueError: A negative number.
    """
    for name, value in (("rows", rows), ("seed", seed), ("start", start)):
        if (number := whole(value)) is None or number < 0:
            raise ValueError(f"{name} `{value}`: expected a whole number that is not negative.")
    rows, seed, start = int(rows), int(seed), int(start)
    result: dict[str, Float32] = {}
    for name in plan.visible:
        width = plan.loadings[name].shape[1]
        result[name] = np.empty((rows,) if width == 1 else (rows, width), dtype=np.float32)
    for group in plan.groups:
        result |= {name: np.empty((rows, group.dim), dtype=np.float32) for name in group.modalities}
    for block in range(start // plan.block, -(-(start + rows) // plan.block)):
        first = block * plan.block
        wanted = slice(max(start, first) - first, min(start + rows, first + plan.block) - first)
        into = slice(first + wanted.start - start, first + wanted.stop - start)
        part = {name: values[into] for name, values in result.items()}
        _draw_block(plan, seed, block, wanted, part, moved or {})
    return result


def _stream(seed: int, block: int, name: str) -> np.random.Generator:
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, block, key))))


def _draw_block(
    plan: Plan,
    seed: int,
    block: int,
    wanted: slice,
    out: dict[str, Float32],
    moved: Mapping[str, float],
) -> None:
    """Draw one whole block and write the wanted rows of it."""
    scale = _draw_scale(plan, seed, block)
    sources = _draw_scalars(plan, seed, block, scale, moved)
    whole = wanted == slice(0, plan.block)
    latents: dict[str, Float32] = {}
    column = len(plan.scalars)
    for group in plan.groups:
        into = [
            out[n] if whole else np.empty((plan.block, group.dim), dtype=np.float32) for n in group.modalities
        ]
        latents |= dict(zip(group.modalities, into, strict=True))
        # Loadings on the in-span parts of vectors can be followed only when all vectors are drawn.
        added = (
            []
            if plan.crossed
            else [_span(plan, name, sources).astype(np.float32) for name in group.modalities]
        )
        width = len(group.vectors) * len(group.basis)
        inside = sources[:, column : column + width] if plan.crossed else None
        _draw_group(group, seed, block, added, into, inside, scale)
        column += width
    for group in plan.groups if plan.crossed else ():
        for name in group.modalities:
            _spread(
                _span(plan, name, sources).astype(np.float32),
                group.basis,
                latents[name],
            )
    for name in () if whole else latents:
        out[name][:] = latents[name][wanted]
    for name in plan.visible:
        out[name][:] = _span(plan, name, sources)[wanted].reshape(out[name].shape)


def _draw_scale(plan: Plan, seed: int, block: int) -> Array | None:
    """The Student scale of every row, √((ν − 2) / χ²_ν): sources times it have variance 1 (theory, section 8)."""
    df = plan.law.scale
    if df is None:
        return None
    chi_squared = 2.0 * _stream(seed, block, "(scale)").standard_gamma(df / 2.0, plan.block)
    return np.asarray(np.sqrt((df - 2.0) / chi_squared))


def _draw_scalars(
    plan: Plan, seed: int, block: int, scale: Array | None, moved: Mapping[str, float]
) -> Array:
    """Scalar sources of one block; columns of the in-span vector sources are still zero."""
    sources = np.zeros((plan.block, plan.columns))
    features = plan.law.features
    functions = set(features.labels) - features.distributions.keys()
    for i, name in enumerate(plan.scalars):
        if name in functions:
            continue
        values = _stream(seed, block, name).standard_normal(plan.block)
        if name in features.distributions:
            values = features.distributions[name].from_normal(values)
        sources[:, i] = values if scale is None else values * scale
        sources[:, i] += moved.get(name, 0.0)
    if functions:
        causes = {name: sources[:, plan.scalars.index(name)] for name in features.distributions}
        sources[:, list(plan.law.columns)] = features.values(causes) - features.mean
    return sources


def _span(plan: Plan, name: str, sources: Array) -> Array:
    """A variable's coordinates in the span, less what vector sources already give it, shape (block, k)."""
    values: Array = _product(sources, plan.loadings[name])
    return values + plan.means[name] if name in plan.means else values


def _draw_group(
    group: _GroupPlan,
    seed: int,
    block: int,
    added: list[Float32],
    into: list[Float32],
    inside: Array | None,
    scale: Array | None,
) -> None:
    """Mix a group's vector sources into its latents, a few rows at a time so that they stay in the cache.

    Args:
        added: For each modality the coordinates in the span to add, shape (block, r); empty if they come
            later.
        into: For each modality where its latent goes, shape (block, d).
        inside: Where the in-span coordinates of the vector sources go, if a loading is on them.
        scale: What every row's sources are multiplied by, if by anything.
    """
    streams = [_stream(seed, block, name) for name in group.vectors]
    if not into and inside is None:
        return  # a field that nothing is seen of
    rows = len(into[0]) if into else len(inside if inside is not None else ())
    step = max(1, min(rows, _CHUNK_VALUES // max(1, len(streams) * group.dim)))
    buffer = np.empty((len(streams), 0 if group.direct else step * group.dim), dtype=np.float32)
    for i in range(0, rows, step):
        targets = [values[i : i + step] for values in into]
        size = min(step, rows - i)
        parts = buffer[:, : size * group.dim]
        drawn = targets if group.direct else [part.reshape(size, -1) for part in parts]
        for stream, part in zip(streams, drawn, strict=True):
            stream.standard_normal(dtype=np.float32, out=part)
            if scale is not None:
                part *= scale[i : i + size, None].astype(np.float32)
        if inside is not None and drawn:
            inside[i : i + size] = np.concatenate([_product(part, group.basis.T) for part in drawn], axis=1)
        if group.direct:
            for m, target in enumerate(targets):
                np.multiply(target, group.mixing[m, m], out=target)
        else:
            for target, mixed in zip(targets, _product(group.mixing, parts), strict=True):
                target[:] = mixed.reshape(target.shape)
        for coordinates, target in zip(added, targets, strict=False):
            _spread(coordinates[i : i + size], group.basis, target)


def _spread(coordinates: Float32, basis: Float32, into: Float32) -> None:
    """Add vectors that are given by coordinates in the span."""
    if len(basis) > _FEW:
        into += _product(coordinates, basis)
        return
    for k, row in enumerate(basis):
        into += coordinates[:, k, None] * row


def _product(a: _Real, b: _Real) -> _Real:
    """a @ b, in pieces too small for BLAS to share among threads: the same bytes on any number of cores."""
    (rows, depth), columns = a.shape, b.shape[1]
    deep = max(1, min(depth, 512))
    wide = max(1, min(columns, max(64, _PIECE // (deep * max(rows, 1)))))
    high = max(4, _PIECE // (deep * wide))
    result = np.empty((rows, columns), dtype=a.dtype)
    for i in range(0, rows, high):
        for j in range(0, columns, wide):
            into = result[i : i + high, j : j + wide]
            np.matmul(a[i : i + high, :deep], b[:deep, j : j + wide], out=into)
            for k in range(deep, depth, deep):
                into += a[i : i + high, k : k + deep] @ b[k : k + deep, j : j + wide]
    return result


def _widened(rows: Array, columns: int) -> Array:
    return np.pad(rows, ((0, 0), (0, columns - rows.shape[1])))
