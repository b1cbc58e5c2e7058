"""Try an entrant on three small problems, and say what the benchmark will see of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from infoloom.benchmark.estimators.entering.entrants import Entrant as Entry
from infoloom.benchmark.estimators.entering.entrants import check_entrants, known_names
from infoloom.benchmark.estimators.estimation import method_of
from infoloom.benchmark.estimators.scoring.credit import is_near
from infoloom.benchmark.tasks import GaussianTask, PairTask, build
from infoloom.errors import BenchmarkError, EstimatorError, InfoloomError, KindError
from infoloom.estimators import Estimate, SubprocessEstimator

__all__ = ["PROBLEMS", "SECONDS", "Trial", "check"]

#: Seconds for all three.
SECONDS: Final = 10.0
_VERDICTS: Final = {True: "calls itself reliable", False: "calls itself unreliable", None: "no verdict"}
_SEED: Final = 3  # below the seeds of every set

#: What is tried, and why: task and rows.
PROBLEMS: Final = (
    ("two columns that depend on each other", GaussianTask("1v1", 1.0, 1).id, 500),
    ("pictures that share nothing", "grid:nats=0.0,dim=64", 300),
    ("numbers and words", "caption:x=rotation-curve,nats=1.0", 500),
)


@dataclass(frozen=True)
class Trial:
    """What became of one problem.

    Attributes:
        about: What the problem is.
        task: Its task.
        rows: Its rows.
        found: The estimate, None where there is none.
        message: Why not.
        taken: Whether it takes that kind of variables.
        seconds: How long it took.
    """

    about: str
    task: PairTask
    rows: int
    found: Estimate | None
    message: str | None
    taken: bool
    seconds: float

    def lines(self) -> Iterator[str]:
        """What the entrant was given and what the benchmark will see, line by line."""
        task = self.task
        x, y = _given("x", task.shape_x, task.discrete_x), _given("y", task.shape_y, task.discrete_y)
        yield f"{self.about}: {self.rows} rows, {x}, {y}"
        if not self.taken:
            yield f"  not taken: {self.message}"
            return
        if self.found is None:
            yield f"  refused after {self.seconds:.1f} s: {self.message}"
            return
        truth, found = self.task.mutual_information, self.found
        right = "right" if is_near(found.nats, truth) else "not right"
        interval = "no interval"
        if found.interval is not None:
            interval = f"interval {found.interval[0]:.4g} to {found.interval[1]:.4g}"
        yield f"  read as {found.nats:.4g} nats, {interval}, {_VERDICTS[found.reliable]}; {self.seconds:.1f} s"
        yield f"  the truth is {truth:g}: {right}"


def check(command: Sequence[str], seconds: float = SECONDS) -> list[Trial]:
    """Try a program, or an estimator by name.

    Args:
        command: The program and its arguments; or the name of an estimator or a variant, alone.
        seconds: That the entrant may take for all three problems; one that is reached too late is not tried.

    Returns:
        One trial a problem.

    Raises:
        BenchmarkError: No program and no estimator, or no time.
    """
    if not seconds > 0.0:
        raise BenchmarkError(f"limit `{seconds:g}`: expected seconds above 0. Use {SECONDS:g}.")
    one = command[0] if len(command) == 1 and command[0] in known_names() else None
    name, program = ("entrant", shlex.join(command)) if one is None else (one, None)
    check_entrants([Entry(name, program)])
    trials: list[Trial] = []
    for about, task, rows in PROBLEMS:
        left = seconds - sum(trial.seconds for trial in trials)
        trials.append(_trial(about, build(task), rows, command if program else None, name, left))
    return trials


def _trial(
    about: str, task: PairTask, rows: int, command: Sequence[str] | None, name: str, left: float
) -> Trial:
    x, y = task.sample(rows, _SEED)
    start = time.perf_counter()
    found, message, taken = None, None, True
    try:
        if left <= 0.0:
            raise EstimatorError("not tried, because those before it took all the time. Raise `--limit`.")
        method = method_of(name, task, _SEED) if command is None else _program(command, task, left)
        found = method.estimate_with_info(x, y)
    except KindError as error:
        message, taken = str(error), False
    except InfoloomError as error:
        message = str(error)
    return Trial(about, task, rows, found, message, taken, time.perf_counter() - start)


def _program(command: Sequence[str], task: PairTask, limit: float) -> SubprocessEstimator:
    return SubprocessEstimator(tuple(command), limit, task.discrete_x, task.discrete_y)


def _given(name: str, shape: tuple[int, ...], discrete: tuple[bool, ...]) -> str:
    kind = "whole numbers" if all(discrete) else "numbers"
    return f"{name} ({', '.join(map(str, shape))}) {kind}"
