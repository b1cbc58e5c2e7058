"""Run jobs side by side, each in a process of its own, one line of results a job; a stopped run goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final, TypeAlias

from infoloom.benchmark.running import child
from infoloom.benchmark.running.results import FORMAT, append, line, open_results, read_results
from infoloom.datasets.engines.processes import one_thread_each
from infoloom.errors import BenchmarkError
from infoloom.estimators.third_party.programs import LAST_LINES, LINE
from infoloom.foreign.trees import parse_json

__all__ = ["Job", "Progress", "Summary", "execute", "is_repeated"]

#: Called at the start and after every run: runs that have a row, runs in all, and the new row, None at the start.
Progress: TypeAlias = Callable[[int, int, Mapping[str, Any] | None], object]

#: Imported once by the process that others are forked from; those that are not installed are passed over.
_PRELOAD: Final = (
    "numpy", "scipy.stats", "torch", "infoloom.benchmark.running.child", "infoloom.benchmark.tasks",
    "infoloom.datasets.making.observe", "infoloom.estimators.classical.gaussianised",
)  # fmt: skip
_TICK: Final = 0.5  # seconds between looks at the memory of what runs
_LAST_WORDS: Final = 300  # characters
_LOG: Final = 2**20  # bytes at the end of a log that are looked at
_MESSAGE: Final = 10_000  # characters of a message; what is longer loses its middle
_NAME: Final = 4096  # characters of a run's name
_AGAIN: Final = ("failed", "timeout")


@dataclass(frozen=True)
class Job:
    """One run.

    Args:
        run: Its unique name in the results.
        function: `package.module:name` of a function that returns the fields of the row.
        arguments: Keyword arguments of the function, JSON-able.
        limit: Seconds after which it is ended, or None.
        known: Fields of the row that are known beforehand; a run that fails has these only.
        prepares: Whether the limit counts only from where the function calls `child.begin`.
    """

    run: str
    function: str
    arguments: Mapping[str, Any]
    limit: float | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    prepares: bool = False


@dataclass(frozen=True)
class Summary:
    """How an execution ended: runs that had a row before, and new ones by status."""

    skipped: int
    ok: int
    failed: int
    timeout: int
    not_taken: int
    seconds: float

    def to_json(self) -> dict[str, float]:
        """The counts as JSON-able values."""
        return asdict(self)


@dataclass
class _Running:
    job: Job
    process: ForkServerProcess
    pid: int
    answer: Connection
    log: Path
    started: datetime
    began: float
    limited_from: float | None
    peak: float | None = None

    @property
    def left(self) -> float:
        """Seconds until its limit."""
        if self.job.limit is None or self.limited_from is None:
            return float("inf")
        return self.limited_from + self.job.limit - time.monotonic()


def execute(
    jobs: Sequence[Job],
    out: str | Path,
    *,
    bench: str,
    suite: str,
    workers: int = 1,
    retry: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Run the jobs that the results lack and append one row each, in the order in which they end.

    Every job has a forked process with one thread. A job that raises, dies or is killed gives a row with status
    `failed` and the reason; one that outlives its limit is ended, with all it started, and gives one with status
    `timeout`; one whose estimator does not take that kind of variables gives `not-taken`. When the caller ends, by
    Ctrl-C or a signal, so do the jobs, and the same call goes on.

    Args:
        jobs: Runs with unique names.
        out: The results file.
        bench: `estimators` or `ssl`.
        suite: Name of the suite, for the rows.
        workers: Processes at the same time.
        retry: Whether jobs that failed or were not done in time run again; their rows are replaced.
        progress: Is told of every new row.

    Returns:
        Counts by status.

    Raises:
        BenchmarkError: Names that are not unique or that no file holds, a limit that is none, no workers, or a results
            file that cannot be used.
    """
    _check(jobs, workers)
    names = {job.run for job in jobs}
    began = time.monotonic()
    common = {"format": FORMAT, "bench": bench, "suite": suite}
    surroundings = {"versions": _versions(), "machine": _machine()}

    def again(row: Mapping[str, Any]) -> bool:
        return retry and is_repeated(row, bench, suite, names)

    with open_results(out, forget=again) as path:
        present = {row["run"] for row in read_results(path) if _of(row, bench, suite)}
        waiting = [job for job in jobs if job.run not in present]
        skipped, counts = len(jobs) - len(waiting), Counter[str]()
        if progress is not None:
            progress(skipped, len(jobs), None)
        for outcome in _outcomes(waiting, workers):
            row = {**common, **outcome, **surroundings}
            append(path, row)
            counts[row["status"]] += 1
            if progress is not None:
                progress(skipped + counts.total(), len(jobs), row)
    ended = {"ok": counts["ok"], "failed": counts["failed"], "timeout": counts["timeout"]}
    return Summary(skipped, **ended, not_taken=counts["not-taken"], seconds=time.monotonic() - began)


def is_repeated(row: Mapping[str, Any], bench: str, suite: str, runs: Collection[str]) -> bool:
    """Whether `retry` would run a row of results again: one of these runs that failed or was not done in time."""
    return _of(row, bench, suite) and row["run"] in runs and row["status"] in _AGAIN


def _of(row: Mapping[str, Any], bench: str, suite: str) -> bool:
    return bool(row["bench"] == bench and row.get("suite", "") == suite)


def _check(jobs: Sequence[Job], workers: int) -> None:
    if workers < 1:
        raise BenchmarkError(f"workers `{workers}`: expected at least 1.")
    name, times = next(iter(Counter(job.run for job in jobs).most_common(1)), ("", 0))
    if times > 1:
        raise BenchmarkError(f"run `{name}`: expected once, got {times} jobs of this name. Name them apart.")
    for job in jobs:
        if job.limit is not None and not job.limit > 0.0:
            raise BenchmarkError(f"limit `{job.limit:g}`: expected seconds above 0. Use 600.")
        if len(job.run) > _NAME:
            raise BenchmarkError(
                f"run `{job.run[:80]}…`: expected a name of at most {_NAME} signs, got {len(job.run)}. Shorten it."
            )


def _outcomes(jobs: Sequence[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Rows without what all have in common, as the jobs end; nothing of them lives on after this generator."""
    waiting, running = list(reversed(jobs)), list[_Running]()
    with tempfile.TemporaryDirectory(prefix="infoloom-bench-") as scratch, one_thread_each():
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    running.append(_start(waiting.pop(), Path(scratch) / f"{len(waiting)}.log"))
                _await(running)
                for run in list(running):
                    outcome = _outcome(run)
                    if outcome is not None:
                        _end(run)
                        running.remove(run)
                        yield outcome
        finally:
            for run in running:
                _end(run)


def _start(job: Job, log: Path) -> _Running:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOAD))
    answer, send = context.Pipe(duplex=False)
    arguments = (job.function, dict(job.arguments), send, str(log))
    process = context.Process(target=child.main, args=arguments, name=job.run)
    process.start()
    send.close()  # so that the end of the process is the end of the answer
    if process.pid is None:
        raise BenchmarkError(f"run `{job.run}`: its process did not start. Run the same command again.")
    began = time.monotonic()
    return _Running(
        job, process, process.pid, answer, log, datetime.now(UTC), began, None if job.prepares else began
    )


def _await(running: Sequence[_Running]) -> None:
    """Return when a job has answered, has died or is at its limit, or it is time to look at the memory."""
    # A program that a dead job left behind may hold its answer open: watch the process too.
    ends = [end for run in running for end in (run.answer, run.process.sentinel)]
    wait(ends, timeout=max(0.0, min(_TICK, *(run.left for run in running))))
    for run in running:
        run.peak = child.resident_peak(run.pid) or run.peak


def _outcome(run: _Running) -> dict[str, Any] | None:
    """The row of a job that has ended, None while it runs."""
    dead = run.process.exitcode is not None  # asked before the answer, which may come with the end
    while run.answer.poll():
        outcome = _answered(run)
        if outcome is not None:
            return outcome
    if dead:
        return _row(run, "failed", _death(run))
    if run.left <= 0.0:
        return _row(run, "timeout", _too_long(run))
    return None


def _answered(run: _Running) -> dict[str, Any] | None:
    """The row of a job that has said something, None where it said that its time begins."""
    try:
        said = run.answer.recv_bytes()
    except (EOFError, OSError):
        run.process.join()
        return _row(run, "failed", _death(run))
    if said == child.BEGUN:
        run.limited_from = time.monotonic()
        return None
    outcome = json.loads(said)
    row = _row(run, outcome["status"], outcome["message"], outcome["fields"], outcome["cost"])
    try:
        parse_json(line(row))
    except ValueError as error:  # one such row would make the file useless for all
        return _row(run, "failed", f"a result that no file can hold ({error})", cost=outcome["cost"])
    return row


def _death(run: _Running) -> str:
    """What is known of a process that ended without an answer."""
    code = run.process.exitcode or 0
    reason = f"its process ended with status {code} and no result"
    if code < 0:
        reason = f"its process was ended by signal {-code} ({signal.strsignal(-code)})"
    if code == -signal.SIGKILL:
        reason += ", most likely for want of memory"
    said = _last_words(run.log)
    return f"{reason}: {said}" if said else reason


def _too_long(run: _Running) -> str:
    """That a job met its limit, and the last lines that it wrote."""
    message = f"not done within its limit of {run.job.limit:g} s"
    said = [line[:LINE] for line in _text(run.log).strip().splitlines()[-LAST_LINES:]]
    return "\n".join([f"{message}; the last that it said:", *said]) if said else message


def _last_words(log: Path) -> str:
    """The end of what a process wrote; of a crash, where it was."""
    said, crashed, trace = _text(log).partition("(most recent call first):")
    return " ".join(trace[:_LAST_WORDS].split() if crashed else said[-_LAST_WORDS:].split())


def _text(log: Path) -> str:
    """The end of a log, however long it is."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG))
        return file.read(_LOG).decode("utf-8", errors="replace")


def _short(message: str | None) -> str | None:
    """A message without its middle where it is long."""
    if message is None or len(message) <= _MESSAGE:
        return message
    return f"{message[: _MESSAGE // 2]} … {message[-_MESSAGE // 2 :]}"


def _row(
    run: _Running,
    status: str,
    message: str | None,
    fields: Mapping[str, Any] | None = None,
    cost: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    unknown = {
        "seconds": time.monotonic() - run.began,
        "processor_seconds": None,
        "peak_memory_mib": run.peak,
    }
    return {
        "run": run.job.run,
        "status": status,
        "message": _short(message),
        **run.job.known,
        **(fields or {}),
        **(cost or unknown),
        "started": run.started.isoformat(timespec="seconds"),
    }


def _end(run: _Running) -> None:
    """End a process and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.process.kill()  # where it had no time to lead a group
    run.process.join()
    run.process.close()
    run.answer.close()


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"infoloom": None, "python": platform.python_version()}
    for package in ("infoloom", "numpy", "scipy", "torch"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def _machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    with suppress(OSError):
        for written in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if written.startswith("model name"):
                return written.partition(":")[2].strip()
    return platform.processor()
