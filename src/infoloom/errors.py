"""Named errors: each says what was given, what was expected, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "BenchmarkError",
    "DatasetError",
    "DegenerateError",
    "DesignError",
    "EstimatorError",
    "FlowError",
    "InfiniteInformationError",
    "InfoloomError",
    "KindError",
    "LearnerError",
    "PluginError",
    "ProbeError",
    "QueryError",
    "SpecError",
    "TaskError",
    "TemplateError",
]


class InfoloomError(Exception):
    """Base of every error that infoloom raises on purpose."""


class SpecError(InfoloomError):
    """A spec that cannot be used; `problems` lists everything that is wrong.

    Args:
        problems: One line each, `path: what is wrong`.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class DesignError(SpecError):
    """Requirements that no weights meet; each problem names one, the closest value and, where known, the reason."""


class QueryError(InfoloomError):
    """An information query such as `I(a; b | c)` that cannot be read or answered."""


class DegenerateError(InfoloomError):
    """A set of variables whose joint covariance is singular."""


class InfiniteInformationError(DegenerateError):
    """A deterministic relation between variables makes the asked information infinite."""


class TemplateError(InfoloomError):
    """A template that cannot be drawn on the wanted shape."""


class FlowError(InfoloomError):
    """A bijection that cannot be built, read or certified."""


class DatasetError(InfoloomError):
    """A dataset that cannot be written, read or trusted."""


class EstimatorError(InfoloomError):
    """Data or settings that an estimator cannot use, or an estimator that did not answer."""


class KindError(EstimatorError):
    """A pair of a kind of variables, continuous, mixed or discrete, that an estimator does not take."""


class BenchmarkError(InfoloomError):
    """A benchmark run that cannot start, or results that cannot be read."""


class LearnerError(InfoloomError):
    """Data or settings that a self-supervised learner cannot use, or a training that diverged."""


class PluginError(InfoloomError):
    """Something of another installed package that is missing, cannot be imported or does not do what it should."""


class TaskError(InfoloomError):
    """A benchmark task that cannot be built, drawn or written."""


class ProbeError(InfoloomError):
    """An encoder, features or arrays that a probe cannot use."""
