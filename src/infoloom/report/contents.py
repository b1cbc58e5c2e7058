"""What a report shows, from the files that it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from infoloom.errors import InfoloomError
from infoloom.report.page import Section
from infoloom.units import number_of

__all__ = ["Contents", "read_contents"]

# The module of each benchmark's report, imported when there are results of it.
REPORTS: Final = {
    "estimators": ("infoloom.report.estimators.report", "Estimators against the truth"),
    "ssl": ("infoloom.report.ssl.report", "Self-supervised learners against their ceilings"),
}


@dataclass(frozen=True)
class Contents:
    """A page before it is written."""

    title: str
    lead: str
    sections: Sequence[Section]


def read_contents(sources: Sequence[Path], *, sort_by: str | None = None, checks: bool = True) -> Contents:
    """The contents of a report: of one dataset, or of results of benchmarks.

    Args:
        sources: One dataset's folder, or one or more results files.
        sort_by: Of a dataset: the target or cause that rows are sorted by.
        checks: Of a dataset: whether to verify it.

    Raises:
        InfoloomError: Files and folders together, or what they hold cannot be reported.
    """
    folders = [source for source in sources if source.is_dir()]
    if not folders:
        return _results(sources)
    if len(sources) > 1:
        raise InfoloomError(
            f"report of `{', '.join(map(str, sources))}`: expected one dataset, or results files only. "
            "Write one report for each dataset."
        )
    from infoloom.datasets import open_dataset
    from infoloom.report.dataset_report import lead, sections

    data = open_dataset(folders[0])
    return Contents(data.manifest.name, lead(data), sections(data, sort_by=sort_by, checks=checks))


def _results(files: Sequence[Path]) -> Contents:
    from infoloom.benchmark.running.results import read_results
    from infoloom.benchmark.running.trees import require_rows

    rows = read_results(files)
    if not rows:
        raise InfoloomError(f"report of `{', '.join(map(str, files))}`: expected at least one result.")
    by_bench: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_bench.setdefault(row["bench"], []).append(row)
    unknown = [name for name in by_bench if name not in REPORTS]
    if unknown:
        raise InfoloomError(
            f"results of `{unknown[0]}`: expected {' or '.join(REPORTS)}. They were made by another version; update "
            "infoloom."
        )
    for bench, some in by_bench.items():
        require_rows(some, bench)
    shown = [(*REPORTS[name], by_bench[name]) for name in REPORTS if name in by_bench]
    sections = [section for module, _, some in shown for section in import_module(module).sections(some)]
    return Contents("; ".join(title for _, title, _ in shown), _results_lead(rows), sections)


def _results_lead(rows: Sequence[Mapping[str, Any]]) -> str:
    failed = sum(row["status"] not in ("ok", "not-taken") for row in rows)
    return number_of(len(rows), "run") + (f", {failed:,} of them without a result." if failed else ".")
