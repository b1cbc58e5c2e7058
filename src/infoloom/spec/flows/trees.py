"""What the description in a trained flow's file must be: the schema of strangers' flows and certificates."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from infoloom.foreign.trees import Finite, Line, Open, Word

__all__ = ["FORMAT", "CertificateTree", "HeaderTree"]

FORMAT: Final = 1
_MAX_SIZE: Final = 100_000_000

Measured = Finite | Literal["NaN", "Infinity", "-Infinity"]
"""A number that may have come out as none; then it is said in a word."""
Count = Annotated[int, Field(ge=0, le=10**12)]
Some = Annotated[list[Measured], Field(max_length=100_000)]
Setting = Annotated[int, Field(ge=0, le=2**16)]


class TripTree(Open):
    """Errors of a round trip."""

    worst: Measured
    sampled: dict[Word, Any] | None = None
    real: dict[Word, Any] | None = None

    @model_validator(mode="after")
    def _rows(self) -> TripTree:
        for one in (self.sampled, self.real):
            if one is not None and not isinstance(one.get("rows"), int):
                raise ValueError("`rows` to be a whole number")
        return self


class CertificateTree(Open):
    """A certificate, of one map or of several in a row."""

    kind: Word | None = None
    passes: bool = False
    reason: Line | None = None
    flow: Line | None = None
    digest: Word | None = None
    class_names: Annotated[list[Word], Field(max_length=100_000)] | None = None
    margin: Measured | None = None
    eigen_rows: Count | None = None
    eigenvalues: dict[Word, Some] | None = None
    round_trip: dict[Word, TripTree] | None = None
    singular_values: Annotated[list[Measured], Field(min_length=2, max_length=2)] | None = None
    log_determinants: Some | None = None
    log_det_error: Measured | None = None
    parts: Annotated[list[CertificateTree], Field(max_length=1000)] | None = None

    @model_validator(mode="after")
    def _counted(self) -> CertificateTree:
        if self.eigenvalues and self.eigen_rows is None:
            raise ValueError("`eigen_rows` with eigenvalues")
        return self


class CardTree(Open):
    """Where a flow comes from."""

    certificate: CertificateTree | None = None


class HeaderTree(Open):
    """Everything but the weights that fixes a trained flow."""

    format: Literal[1]
    shape: Annotated[list[Annotated[int, Field(ge=1, le=_MAX_SIZE)]], Field(min_length=1, max_length=8)]
    classes: Annotated[list[Word], Field(max_length=100_000)] | None
    solver: Literal["euler", "midpoint", "bijection"]
    grid: Annotated[list[Finite], Field(min_length=2, max_length=10_000)]
    network: dict[Word, Setting | Word | Annotated[list[Setting], Field(max_length=32)]]
    sigma: Annotated[float, Field(ge=0.0, le=1e6)]
    spread: Annotated[float, Field(gt=0.0, le=1e12)] | Annotated[list[Any], Field(max_length=_MAX_SIZE)]
    center: Finite | Annotated[list[Any], Field(max_length=_MAX_SIZE)]
    scale: (
        Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
        | Annotated[list[Any], Field(max_length=_MAX_SIZE)]
    )
    card: CardTree

    @model_validator(mode="after")
    def _whole(self) -> HeaderTree:
        if math.prod(self.shape) > _MAX_SIZE:
            raise ValueError(f"a shape of at most {_MAX_SIZE:,} components")
        if (
            self.grid[0] != 0.0
            or self.grid[-1] != 1.0
            or any(b <= a for a, b in zip(self.grid, self.grid[1:], strict=False))
        ):
            raise ValueError("a grid that rises from 0 to 1")
        return self
