"""The joint covariance of all variables, kept in the coordinates where it is small (theory, section 2).

The joint law of any set of variables is a product of independent blocks: one block in the span, shared by all
of them, and for each coupling group d − r identical copies of one block in the complement. A block is a
matrix of loadings `rows` with covariance rows · rowsᵀ; log-determinants come from a QR decomposition of the
loadings, which never squares their condition number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property, partial
from typing import Final, Literal

import numpy as np

from infoloom.errors import DegenerateError, QueryError
from infoloom.law.equations import Array, System
from infoloom.law.exact import Arithmetic, half_log_det, leading, moved
from infoloom.law.triangle import Numbers, Triangle, independent, triangle, unit_rows

__all__ = [
    "Block",
    "StructuredCovariance",
    "Whitener",
]

DOUBT: Final = 5e-10  # nats; what float64 may lose before exact arithmetic is asked
UNSTABLE: Final = 0.1  # nats; a value that moves more by a rounding error of a template is none
_CAUTION: Final = 20.0
_ROUNDING: Final = 1e-15  # worst of 400 random matrices: 4.6 units of 2.2e-16


@dataclass(frozen=True)
class Block:
    """Loadings of some variables on independent sources, in `copies` identical copies.

    Attributes:
        rows: Loadings, shape (n, sources); the block's covariance is rows · rowsᵀ.
        owners: Name of the variable that each row belongs to.
        copies: How many independent copies of the block there are.
        group: Number of the coupling group whose complement it is, or None for the block in the span.
    """

    rows: Array
    owners: tuple[str, ...]
    copies: int = 1
    group: int | None = None


@dataclass(frozen=True)
class Whitener:
    """The map from a modality's latent z to the flow's input, `W z` (theory, section 4).

    W z = complement · (z − Vᵀ V z) + Vᵀ · in_span · V z, symmetric and invertible.

    Attributes:
        basis: Orthonormal rows V of the span, shape (r, d).
        in_span: Symmetric matrix on the span, shape (r, r).
        complement: Scalar on the complement.
        centre: Mean of z in the coordinates of the span, shape (r,), which is taken off first; none is zero.
        kind: `whiten` gives W z exactly N(0, I), or where the components are named factors every one of them variance
            1 on its own; `scale` gives it unit mean variance; `none` leaves z alone.
    """

    basis: Array
    in_span: Array
    complement: float
    kind: Literal["whiten", "scale", "none"] = "whiten"
    centre: Array | None = None

    @property
    def log_det(self) -> float:
        """log |det W|."""
        copies = self.basis.shape[1] - self.basis.shape[0]
        return float(np.linalg.slogdet(self.in_span)[1]) + copies * math.log(self.complement)

    def matrix(self) -> Array:
        """W as a dense (d, d) matrix, for small tests."""
        span = self.basis.T @ self.in_span @ self.basis
        return span + self.complement * (np.eye(self.basis.shape[1]) - self.basis.T @ self.basis)


def _volume_moved(rows: Array) -> float:
    """½ log det of the covariance of some rows, every entry moved by a rounding error.

    Raises:
        DegenerateError: It is no longer positive definite.
    """
    try:
        factor = np.linalg.cholesky(moved(rows @ rows.T))
    except np.linalg.LinAlgError as error:
        raise DegenerateError from error
    return float(np.log(np.diagonal(factor)).sum())


@dataclass(frozen=True)
class StructuredCovariance:
    """The joint Gaussian law of all variables of a story.

    Attributes:
        wiggle: Whether templates are moved by a rounding error wherever digits are lost; see `moved`.
    """

    system: System
    wiggle: bool = False
    _volumes: dict[tuple[str, ...], Mapping[int | None, float]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _doubts: set[tuple[str, ...]] = field(default_factory=set, repr=False, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable that can be asked for, components of causes included."""
        return tuple(self.system.in_span)

    def dim(self, name: str) -> int:
        """Number of components of a variable.

        Raises:
            QueryError: An unknown name.
        """
        self._check([name])
        if name in self.system.complement:
            return self.system.group(name).dim
        return int(self.system.in_span[name].shape[0])

    def blocks(self, names: Iterable[str]) -> list[Block]:
        """The independent blocks of the joint law of some variables, in the order of the names.

        Raises:
            QueryError: An unknown name.
        """
        names = list(names)
        self._check(names)
        blocks = []
        parts = [self.system.in_span[name] for name in names]
        if any(len(part) for part in parts):  # modalities without a template have none in the span
            rows = np.concatenate(parts)
            owners = tuple(n for n, part in zip(names, parts, strict=True) for _ in range(len(part)))
            blocks.append(Block(rows[:, np.any(rows != 0, axis=0)], owners))
        for g, group in enumerate(self.system.groups):
            members = [n for n in names if n in self.system.complement and self.system.complement[n][0] == g]
            if members and group.copies:
                rows = np.stack([self.system.complement[n][1] for n in members])
                blocks.append(Block(rows, tuple(members), group.copies, g))
        return blocks

    def volumes(self, names: Iterable[str]) -> Mapping[int | None, float]:
        """½ log det of one copy of every block of some variables, by the block's group (None: the span).

        Raises:
            DegenerateError: A block is singular; the message names the relation.
        """
        key = tuple(sorted(set(names)))
        if key not in self._volumes:
            self._volumes[key] = {block.group: self._block_volume(block) for block in self.blocks(key)}
        return self._volumes[key]

    @property
    def doubtful(self) -> bool:
        """Whether a value that was asked for so far had lost digits in float64."""
        return bool(self._doubts)

    @cached_property
    def moved(self) -> StructuredCovariance:
        """The same law with its templates moved by a rounding error: how far a value moves is its tolerance."""
        return StructuredCovariance(self.system, True)

    def volume(self, block: Block, numbers: Numbers | None = None) -> float:
        """½ log det of some rows of a block, all of them when left out.

        Where float64 loses digits, the block is composed and evaluated again in exact arithmetic.

        Raises:
            DegenerateError: The rows depend linearly on each other, exactly or as far as can be told.
        """
        numbers = np.arange(len(block.rows)) if numbers is None else numbers
        rows = block.rows[numbers]
        found = triangle(rows)
        if self._loss(found, block, numbers) <= DOUBT:
            return found.log_volume
        self._doubts.add(block.owners)
        if self.system.recompose is None:  # given as numbers: float64 is all there is
            if found.singular:
                raise DegenerateError
            return _volume_moved(rows) if self.wiggle else found.log_volume
        value, other = (
            half_log_det(self._exactly(block, numbers, wiggle)) for wiggle in (self.wiggle, not self.wiggle)
        )
        if value is None or (found.singular and (other is None or abs(value - other) > UNSTABLE)):
            raise DegenerateError
        return value

    def independent(self, block: Block, numbers: Numbers, base: Numbers) -> Numbers:
        """Those of some rows of a block that neither `base` nor rows before them determine."""
        found = numbers[independent(block.rows[numbers], block.rows[base])]
        joint = np.concatenate([base, numbers])
        every = len(found) == len(numbers)
        if self.system.recompose is None or (every and not triangle(block.rows[joint]).singular):
            return found
        exact = joint[[i for i in leading(self._exactly(block, joint, self.wiggle)) if i >= len(base)]]
        if every:  # what `base` leaves of a row may be smaller than what rounding leaves
            return exact
        if len(exact) <= len(found):
            return found
        try:
            self.volume(block, np.concatenate([base, exact]))
        except DegenerateError:
            return found
        return exact

    def _loss(self, found: Triangle, block: Block, numbers: Numbers) -> float:
        """What float64 may have lost of `copies` times the log-volume of some rows, in nats."""
        if found.singular:
            return math.inf
        diagonal = np.abs(np.diagonal(found.r)) / found.lengths
        lengths = np.linalg.norm(block.rows[numbers], axis=1)
        gross = np.array([self.system.gross.get(block.owners[i], 0.0) for i in numbers])
        cancelled = np.maximum(1.0, gross / np.where(lengths > 0.0, lengths, 1.0))
        # Numbers that were given are covariances: what rounding takes from them weighs as the square.
        weighed = diagonal if self.system.recompose else diagonal**2
        bound = _ROUNDING * block.copies * float(cancelled.max(initial=1.0) * np.sum(1.0 / weighed))
        if not DOUBT < bound < _CAUTION * DOUBT:
            return bound
        # The bound is pessimistic for many copies: another order of the rows shows what rounding really does.
        other = triangle(block.rows[numbers[::-1]]).log_volume
        return max(bound / _CAUTION, 4.0 * block.copies * abs(other - found.log_volume))

    def _exactly(self, block: Block, numbers: Numbers, wiggle: bool) -> list[list[Fraction]]:
        system = self._rational[wiggle]()
        names = list(dict.fromkeys(block.owners))
        if block.group is None:
            rows = np.concatenate([system.in_span[name] for name in names])
        else:
            rows = np.stack([system.complement[name][1] for name in names])
        return [list(rows[i]) for i in numbers]

    @cached_property
    def _rational(self) -> Mapping[bool, Callable[[], System]]:
        """The system in exact arithmetic, with templates as they are and moved, each composed when first asked for."""
        recompose = self.system.recompose
        if recompose is None:
            raise ValueError("exact arithmetic: expected a system composed from equations.")
        return {one: cache(partial(recompose, Arithmetic(True, one))) for one in (False, True)}

    def copies(self, group: int | None) -> int:
        """How many independent copies of a block there are."""
        return 1 if group is None else self.system.groups[group].copies

    def log_volume(self, names: Iterable[str]) -> float:
        """½ log det Σ of the joint covariance of some variables.

        Raises:
            DegenerateError: The covariance is singular.
        """
        return sum((self.copies(group) * volume for group, volume in self.volumes(names).items()), 0.0)

    def whitener(self, name: str, kind: Literal["whiten", "scale", "none"] = "whiten") -> Whitener:
        """The blockwise symmetric inverse root of a modality's covariance.

        Raises:
            DegenerateError: The modality's covariance is singular.
        """
        self.log_volume([name])
        group = self.system.group(name)
        rows = self.system.in_span[name]
        spread = float(np.linalg.norm(self.system.complement[name][1])) if group.copies else 1.0
        centre = None if kind == "none" else self.system.law.mean.get(name)
        if kind == "whiten" and name in self.system.factors:
            return Whitener(group.basis, np.diag(1.0 / np.linalg.norm(rows, axis=1)), 1.0, kind, centre)
        if kind == "whiten":
            u, s, _ = np.linalg.svd(rows, full_matrices=False)
            return Whitener(group.basis, (u / s) @ u.T, 1.0 / spread, kind, centre)
        scale = 1.0
        if kind == "scale":
            scale = math.sqrt(group.dim / (float(np.sum(rows**2)) + group.copies * spread**2))
        return Whitener(group.basis, scale * np.eye(group.rank), scale, kind, centre)

    def dense(self, names: Iterable[str]) -> Array:
        """The full joint covariance matrix of some variables, for small tests."""
        names = list(names)
        ends = np.cumsum([0, *(self.dim(n) for n in names)])
        joint = np.zeros((ends[-1], ends[-1]))
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                joint[ends[i] : ends[i + 1], ends[j] : ends[j + 1]] = self._dense_block(a, b)
        return joint

    def _dense_block(self, a: str, b: str) -> Array:
        span = self.system.in_span[a] @ self.system.in_span[b].T
        left, right = (
            self.system.group(n).basis if n in self.system.complement else np.eye(self.dim(n)) for n in (a, b)
        )
        block: Array = left.T @ span @ right
        if a in self.system.complement and b in self.system.complement:
            (g, one), (h, other) = self.system.complement[a], self.system.complement[b]
            if g == h:
                block = block + float(one @ other) * (np.eye(left.shape[1]) - left.T @ left)
        return block

    def explain(self, block: Block) -> str:
        """Say which variables of a singular block are tied by which deterministic relation."""
        owners = self._labels(block)
        parts = [
            name for name in block.owners if (whole := self.system.whole(name)) and whole[0] in block.owners
        ]
        if parts:
            return f"`{parts[0]}` is a part of `{parts[0].partition('.')[0]}`. Name one of the two."
        found = triangle(block.rows)
        rank = min(found.rank, len(found.order) - 1)
        at = int(found.order[rank])
        name = owners[at]
        if (rank == 0 or not np.any(block.rows[at])) and block.group is None:
            return f"`{name}` does not vary: nothing random enters it. " + _advice(name)
        free = found.order[:rank]
        weights = np.linalg.lstsq(
            unit_rows(block.rows[free]).T, unit_rows(block.rows[at : at + 1])[0], rcond=None
        )[0]
        heavy = free[np.abs(weights) > 1e-11 * np.abs(weights).max(initial=0.0)]
        tied = {name, *(owners[i] for i in heavy)}
        if len(tied) == 1:
            return (
                f"`{name}` has fewer sources of variation than components, so its components determine each "
                "other. " + _advice(name)
            )
        # Variables follow their causes, so the last one of a relation is the one that lacks a noise.
        *others, last = (known for known in self.names if known in tied)
        listed = ", ".join(f"`{other}`" for other in others)
        if last in self.system.scalars or f"{last}[0]" in self.system.scalars:
            return f"{listed} is a part of `{last}`. Name one of the two."
        return (
            f"`{last}` is determined by {listed}: without noise of its own their joint law is degenerate. "
            + _advice(last)
        )

    def _labels(self, block: Block) -> tuple[str, ...]:
        """The owner of every row, or where all factors of a modality are there, the factor."""
        labels = list(block.owners)
        for modality, factors in self.system.factors.items():
            at = [i for i, owner in enumerate(block.owners) if owner == modality]
            for i, factor in zip(at, factors, strict=False) if len(at) == len(factors) else ():
                labels[i] = factor
        return tuple(labels)

    def _check(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.system.in_span:
                raise QueryError(f"unknown variable `{name}`: expected one of {', '.join(self.names)}.")

    def _block_volume(self, block: Block) -> float:
        try:
            return self.volume(block)
        except DegenerateError:
            raise DegenerateError(self.explain(block)) from None


def _advice(name: str) -> str:
    return f"Add noise to `{name}`, such as `+ 0.1*noise`."
