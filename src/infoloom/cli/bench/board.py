"""`infoloom bench leaderboard` and `infoloom bench draw`: scores against a problem set, and sets of one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoloom.errors import BenchmarkError

if TYPE_CHECKING:
    from infoloom.benchmark.estimators.first_version.leaderboard import Standing
    from infoloom.benchmark.estimators.problem_sets import ProblemSet

__all__ = ["Columns", "Seeds", "draw", "leaderboard", "show"]

Seeds = Annotated[
    int | None,
    typer.Option(help="Only the first seeds of every setting, this many.", show_default="all"),
]
Columns = Annotated[
    int | None,
    typer.Option(help="Only problems of at most so many columns, x and y together.", show_default="any"),
]


def leaderboard(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Results files.")],
    board: Annotated[
        list[Path] | None,
        typer.Option(
            "--set", metavar="FILE", help="The file of a set that is not published; may be repeated."
        ),
    ] = None,
    seeds: Seeds = None,
    columns: Columns = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="Compare every two estimators instead.")] = False,
    blocks: Annotated[bool, typer.Option("--blocks", help="Show every block instead.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print tables for a Markdown page.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Rank estimators from results files, each against the problem set that it names."""
    from infoloom.benchmark.running.results import read_results

    rows = read_results(results)
    show(
        rows,
        board or [],
        "pairs" if pairs else "blocks" if blocks else "board",
        markdown=markdown,
        as_json=as_json,
        part={"seeds": seeds, "columns": columns},
    )


def draw(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="File for the set (.json).")],
    seed: Annotated[int, typer.Option(help="Seed of exact values and rows; keep it secret.")],
    name: Annotated[str, typer.Option(help="Name of the set; results name it.")],
    like: Annotated[str, typer.Option(help="The published set whose blocks it has.")] = "v2/quick",
) -> None:
    """Draw your own problem set. The same commands run and score it."""
    from infoloom.benchmark.estimators.drawing.plans import draw as make
    from infoloom.benchmark.estimators.problem_sets import PUBLISHED, write_set

    if like not in PUBLISHED:
        raise BenchmarkError(f"set `{like}`: expected one of {', '.join(PUBLISHED)}. Choose one of them.")
    if name in PUBLISHED:
        raise BenchmarkError(f"set `{name}`: expected a name that is not published. Choose another one.")
    if output.is_dir() or not output.absolute().parent.is_dir():  # before the minute that it takes
        raise BenchmarkError(
            f"file `{output}`: expected a file in a folder that is there. Choose another place."
        )
    found = make(like, seed, name)
    print(f"{write_set(found, output, new=True)}: {len(found.truths)} problems in {len(found.blocks)} blocks")


def show(
    rows: Sequence[dict[str, Any]],
    boards: Sequence[Path],
    what: str = "board",
    *,
    markdown: bool,
    as_json: bool,
    summary: Mapping[str, float] | None = None,
    part: Mapping[str, int | None] | None = None,
) -> None:
    """Print the scores of every set that rows name, then the standings of rows of the first version's suites."""
    from infoloom.benchmark.estimators.first_version import leaderboard as first
    from infoloom.benchmark.estimators.problem_sets import part_of

    own = [row for row in rows if row["bench"] == "estimators"]
    whole = _sets(own, boards)
    sizes = {board.name: len(board.truths) for board in whole}
    found = {board.name: part_of(board, **(part or {})) for board in whole}
    rest = [row for row in own if row.get("suite") not in found]
    standings = first.standings(rest) if rest or not found else []
    if as_json:
        told = {} if summary is None else {"summary": dict(summary)}
        print(json.dumps({**told, **_json(own, list(found.values()), standings)}, indent=2))
        return
    for board in found.values():
        _print_set(board, own, what, markdown, sizes[board.name])
    if standings and markdown:
        print(first.markdown(standings), end="")
    elif standings:
        print_standings(standings)


def print_standings(found: Sequence[Standing]) -> None:
    """The standings of the first version as a table for a terminal or a pipe."""
    from infoloom.benchmark.estimators.scoring.tables import text

    head = (
        "estimator", "right %", "ok", "failed", "time-out", "missing", "median error", "null worst", "covered", "s",
    )  # fmt: skip
    if found:
        print(f"{found[0].problems} problems; right: within 0.1 nats or a tenth of the truth")
    print(text([head, *map(_cells, found)]))


def _sets(rows: Sequence[dict[str, Any]], boards: Sequence[Path]) -> list[ProblemSet]:
    """The sets that rows name: published ones, and those whose files are given."""
    from infoloom.benchmark.estimators.problem_sets import PUBLISHED, problem_set
    from infoloom.benchmark.estimators.suites import SUITES

    given = {board.name: board for board in map(problem_set, boards)}
    names = list(dict.fromkeys(row.get("suite", "") for row in rows))
    unknown = [name for name in names if name and name not in (*given, *PUBLISHED, *SUITES)]
    if unknown:
        raise BenchmarkError(
            f"results of `{unknown[0]}`: expected the problem set, because its truths score them. Give its file by "
            "`--set`."
        )
    return [given.get(name) or problem_set(name) for name in names if name in given or name in PUBLISHED]


def _print_set(
    board: ProblemSet, rows: Sequence[dict[str, Any]], what: str, markdown: bool, problems: int
) -> None:
    from infoloom.benchmark.estimators.scoring import tables
    from infoloom.benchmark.estimators.scoring.comparisons import compare
    from infoloom.benchmark.estimators.scoring.scores import scores

    if what == "pairs":
        made = [tables.pair_table(compare(board, rows))]
    else:
        found = scores(board, rows)
        boards = [tables.board_table(found), tables.quality_table(found)]
        made = boards if what == "board" else [tables.block_table(board, found)]
    if not markdown:
        print(tables.explanation(board, problems))
    print("\n\n".join(tables.markdown(table).rstrip() if markdown else tables.text(table) for table in made))


def _json(
    rows: Sequence[dict[str, Any]], boards: Sequence[ProblemSet], standings: Sequence[Standing]
) -> dict[str, Any]:
    from infoloom.benchmark.estimators.scoring.comparisons import compare
    from infoloom.benchmark.estimators.scoring.scores import scores

    made = {
        board.name: {
            "scores": [one.to_json() for one in scores(board, rows)],
            "pairs": [one.to_json() for one in compare(board, rows)],
        }
        for board in boards
    }
    return {"sets": made, "standings": [one.to_json() for one in standings]}


def _cells(one: Standing) -> tuple[str, ...]:
    counts = (one.ok, one.failed, one.timeout, one.missing)
    return (
        one.estimator if one.ranked else f"({one.estimator})",
        f"{100 * one.right:.0f}" + (f" ± {100 * one.right_error:.0f}" if one.right_error is not None else ""),
        *map(str, counts),
        *("-" if value is None else f"{value:.3f}" for value in (one.median_error, one.null_worst)),
        f"{one.covered}/{one.intervals}" if one.intervals else "-",
        "-" if one.seconds is None else f"{one.seconds:.1f}",
    )
