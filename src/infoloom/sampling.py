"""Rows of a story: row i is a pure function of (story, seed, i).

Rows are drawn in fixed blocks; each source has its own stream keyed by (seed, block, its name). So any slice
of rows has the same bytes whatever process draws it, and a story that differs in one equation shares every
other draw.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from infoloom.equations import Array, System

__all__ = ["BLOCK", "Plan", "draw_rows", "make_plan"]

BLOCK: Final = 256
_BLOCK_VALUES: Final = 2**26
_CHUNK_VALUES: Final = 2**18
_PRODUCT: Final = 2**17

Float32 = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True)
class _GroupPlan:
    """How one coupling group is drawn: z = mixing · F + (scalars · spread + VᵀF · crossed) V."""

    dim: int
    modalities: tuple[str, ...]
    fields: tuple[tuple[str, int], ...]
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
        crossed: Whether any of these loadings is on the in-span part of a vector source.
        block: Rows that are drawn together.
    """

    scalars: tuple[str, ...]
    columns: int
    visible: tuple[str, ...]
    groups: tuple[_GroupPlan, ...]
    loadings: dict[str, Array]
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
    loadings = {name: _widened(system.in_span[name], columns).T for name in (*causes, *targets)}
    groups = []
    for g, group in enumerate(system.groups):
        mixing = np.stack([system.complement[name][1] for name in group.modalities])
        for name, row in zip(group.modalities, mixing, strict=True):
            own = _widened(system.in_span[name], columns).copy()
            for v in range(len(group.vectors)):
                own[:, system.columns(g, v)] -= row[v] * np.eye(group.rank)
            loadings[name] = own.T
        direct = bool(mixing.shape[0] == mixing.shape[1] and np.array_equal(mixing, np.diag(np.diag(mixing))))
        fields = tuple((n, group.vectors.index(n)) for n in group.vectors if n in system.complement)
        basis = group.basis.astype(np.float32)
        groups.append(
            _GroupPlan(
                group.dim, group.modalities, fields, group.vectors, basis, mixing.astype(np.float32), direct
            )
        )
    crossed = any(np.any(matrix[len(system.scalars) :]) for matrix in loadings.values())
    largest = sum(len(g.vectors) * g.dim for g in system.groups)
    block = BLOCK
    while block > 1 and block * largest > _BLOCK_VALUES:
        block //= 2
    return Plan(system.scalars, columns, (*causes, *targets), tuple(groups), loadings, crossed, block)


def draw_rows(plan: Plan, rows: int, seed: int, start: int = 0) -> dict[str, Float32]:
    """Causes, targets and latents of rows `start` to `start + rows`.

    Args:
        plan: The prepared story.
        rows: Number of rows, ≥ 0.
        seed: Seed, ≥ 0.
        start: Number of the first row, ≥ 0.

    Returns:
        For each cause and target shape (rows,) or (rows, size), for each modality shape (rows, d); float32.

    Raises:
        ValueError: A negative number.
    """
    for name, value in (("rows", rows), ("seed", seed), ("start", start)):
        if value < 0:
            raise ValueError(f"{name} `{value}`: expected a number that is not negative.")
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
        _draw_block(plan, seed, block, wanted, {name: values[into] for name, values in result.items()})
    return result


def _stream(seed: int, block: int, name: str) -> np.random.Generator:
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, block, key))))


def _draw_block(plan: Plan, seed: int, block: int, wanted: slice, out: dict[str, Float32]) -> None:
    """Draw one whole block and write the wanted rows of it."""
    sources = np.zeros((plan.block, plan.columns))
    for i, name in enumerate(plan.scalars):
        sources[:, i] = _stream(seed, block, name).standard_normal(plan.block)
    whole = wanted == slice(0, plan.block)
    column = len(plan.scalars)
    for group in plan.groups:
        added = (
            []
            if plan.crossed
            else [(sources @ plan.loadings[name]).astype(np.float32) for name in group.modalities]
        )
        into = [
            out[n] if whole else np.empty((plan.block, group.dim), dtype=np.float32) for n in group.modalities
        ]
        width = len(group.vectors) * len(group.basis)
        _draw_group(plan, group, seed, block, added, into, sources[:, column : column + width])
        column += width
        if not whole:
            for name, values in zip(group.modalities, into, strict=True):
                out[name][:] = values[wanted]
    for group in plan.groups if plan.crossed else ():
        for name in group.modalities:
            out[name] += (sources @ plan.loadings[name])[wanted].astype(np.float32) @ group.basis
    for name in plan.visible:
        out[name][:] = (sources @ plan.loadings[name])[wanted].reshape(out[name].shape)


def _draw_group(
    plan: Plan,
    group: _GroupPlan,
    seed: int,
    block: int,
    added: list[Float32],
    into: list[Float32],
    inside: Array,
) -> None:
    """Mix a group's vector sources into its latents, a few rows at a time so that they stay in the cache.

    Args:
        added: For each modality the coordinates in the span to add, shape (block, r); empty if they come
            later.
        into: For each modality where its latent goes, shape (block, d).
        inside: Where the in-span coordinates of the vector sources go if a loading is on them.
    """
    streams = [_stream(seed, block, name) for name in group.vectors]
    step = max(1, min(plan.block, _CHUNK_VALUES // max(1, len(streams) * group.dim)))
    buffer = np.empty((len(streams), step, group.dim), dtype=np.float32)
    mixed = np.empty((len(into), step, group.dim), dtype=np.float32)
    for i in range(0, plan.block, step):
        size = min(step, plan.block - i)
        part = buffer[:, :size]
        for v, stream in enumerate(streams):
            part[v] = stream.standard_normal(part.shape[1:], dtype=np.float32)
        if plan.crossed:
            coordinates = np.einsum("vnd,rd->nvr", part, group.basis, optimize=True)
            inside[i : i + size] = coordinates.reshape(size, -1)
        if not group.direct:
            _mix(group.mixing, buffer.reshape(len(streams), -1), mixed.reshape(len(into), -1))
        for m, values in enumerate(into):
            target = values[i : i + size]
            latent = np.multiply(part[m], group.mixing[m, m], out=target) if group.direct else mixed[m, :size]
            for k, row in enumerate(group.basis if added else ()):
                latent = np.add(latent, added[m][i : i + size, k, None] * row, out=target)
            if latent is not target:
                target[:] = latent


def _mix(mixing: Float32, sources: Float32, out: Float32) -> None:
    """out = mixing · sources, in products too small for BLAS to thread: same bytes on any number of cores."""
    step = max(64, _PRODUCT // mixing.size)
    for i in range(0, sources.shape[1], step):
        np.matmul(mixing, sources[:, i : i + step], out=out[:, i : i + step])


def _widened(rows: Array, columns: int) -> Array:
    return np.pad(rows, ((0, 0), (0, columns - rows.shape[1])))
