"""What a line of results must be: the schema of results that strangers hand over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, model_validator

from infoloom.errors import BenchmarkError
from infoloom.estimators.third_party.answers import MOST, DetailsTree, Nats
from infoloom.foreign.trees import Finite, Line, Open, Text, Word, checked

__all__ = ["EstimatorTree", "FoundTree", "LearnerTree", "RunTree", "require_rows"]

_TRUEST: Final = 1e6

Truth = Annotated[float, Field(ge=0.0, le=_TRUEST)]
Error = Annotated[float, Field(ge=-MOST - _TRUEST, le=MOST)]
Seconds = Annotated[float, Field(ge=0.0, le=1e12)]
Count = Annotated[int, Field(ge=1, le=10**15)]
Plain = Annotated[str, Field(max_length=4096)] | int | float | bool | None


class RunTree(Open):
    """What every line says."""

    format: Literal[1]
    bench: Word
    suite: Word = ""
    run: Line
    status: Literal["ok", "failed", "timeout", "not-taken"]
    message: Text | None = None
    program: Annotated[dict[Line, Word], Field(max_length=100_000)] | None = None


class _ReportedTree(RunTree):
    """What a report says of every run."""

    suite: Word
    seed: int
    message: Text | None
    versions: dict[Word, Plain]
    machine: dict[Word, Plain]


class FoundTree(Open):
    """What a run of an estimator found."""

    dim_x: Count | None = None
    dim_y: Count | None = None
    truth: Truth | None = None
    estimate: Nats | None = None
    error: Error | None = None
    interval: Annotated[list[Nats], Field(min_length=2, max_length=2)] | None = None
    reliable: bool | None = None
    estimator_processor_seconds: Seconds | None = None
    details: DetailsTree = Field(default_factory=DetailsTree)


class EstimatorTree(_ReportedTree, FoundTree):
    """A run of an estimator; what it found is there if it ended well."""

    task: Line
    rows: Count
    estimator: Word
    block: Word = ""
    title: Line = ""
    vary: Word = ""
    label: Line | None = None

    @model_validator(mode="after")
    def _ended(self) -> EstimatorTree:
        wanted = ("dim_x", "dim_y", "truth", "estimate", "error", "estimator_processor_seconds")
        missing = [name for name in wanted if getattr(self, name) is None]
        missing += [name for name in ("interval", "reliable", "details") if name not in self.model_fields_set]
        if self.status == "ok" and missing:
            raise ValueError(f"`{missing[0]}` of a run that ended well")
        return self


class ScoreTree(Open):
    """What one probe found in some features."""

    probe: Word
    inputs: Word
    of: Line
    measure: Word
    r_squared: Nats | None = None
    ceiling_r_squared: Nats | None = None
    truth_nats: Nats | None = None
    reachable: Finite | None = None  # of a truth near 0 it may be any number
    ceiling_bound: Nats | None = None
    bound: Nats | None = None
    pmi_correlation: Nats | None = None
    pmi_slope: Nats | None = None

    @model_validator(mode="after")
    def _whole(self) -> ScoreTree:
        wanted = {
            "r_squared": ("r_squared",),  # what has no closed form has no ceiling
            "bound": ("truth_nats", "ceiling_bound", "bound"),
            "pmi_correlation": ("pmi_correlation",),
            "pmi_slope": ("pmi_slope",),
        }.get(self.measure, ())
        wanted += ("reachable", "truth_nats") if "reachable" in self.model_fields_set else ()
        missing = next((name for name in wanted if getattr(self, name) is None), None)
        if missing:
            raise ValueError(f"`{missing}` of a score of `{self.measure}`")
        return self


class LearnerTree(_ReportedTree):
    """A run of a self-supervised learner; its scores are there if it ended well."""

    experiment: Word
    params: dict[Word, Annotated[str, Field(max_length=4096)] | int | float]
    objective: Word
    scores: Annotated[list[ScoreTree], Field(max_length=100_000)] | None = None

    @model_validator(mode="after")
    def _ended(self) -> LearnerTree:
        if self.status == "ok" and self.scores is None:
            raise ValueError("scores of a run that ended well")
        return self


_TREES: Final[Mapping[str, type[BaseModel]]] = {"estimators": EstimatorTree, "ssl": LearnerTree}


def require_rows(rows: Sequence[Mapping[str, Any]], bench: str) -> None:
    """Refuse rows of a benchmark that lack what is shown of them.

    Args:
        rows: As `read_results` gives them.
        bench: `estimators` or `ssl`.

    Raises:
        BenchmarkError: The first row that does not fit, by its name, and what is wrong with it.
    """
    for row in rows:
        try:
            checked(_TREES[bench], row)
        except ValueError as error:
            raise BenchmarkError(
                f"run `{str(row['run'])[:200]}`: expected a whole result of `{bench}` ({error}). Remove its line, and "
                "run the same `infoloom bench` again."
            ) from error
