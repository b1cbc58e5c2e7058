"""Write what docs/benchmark.md says in numbers: `python docs/make_benchmark.py`; a test holds the page against it.

Between `<!-- numbers: NAME -->` and `<!-- end -->` nothing is written by hand. Two pictures go to images/benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infoloom.benchmark.estimators.first_version.leaderboard import problems, standings
from infoloom.benchmark.estimators.problem_sets import ProblemSet, problem_set
from infoloom.benchmark.estimators.scoring import tables
from infoloom.benchmark.estimators.scoring.comparisons import Comparison, compare
from infoloom.benchmark.estimators.scoring.credit import is_near
from infoloom.benchmark.estimators.scoring.scores import Score, scores
from infoloom.benchmark.estimators.scoring.tuning import best
from infoloom.benchmark.estimators.variants import TUNED
from infoloom.benchmark.running.results import read_results

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmark.md"
RESULTS = ROOT / "benchmarks" / "results" / "estimators-v2-quick.jsonl"
FIRST = ROOT / "benchmarks" / "results" / "estimators-paper.jsonl"
_CONSTANT = 2.0
TUNING = ROOT / "benchmarks" / "results" / "estimators-tuning.jsonl"
PICTURES = ROOT / "docs" / "images" / "benchmark"
SET = "v2/quick"
BLOCK = re.compile(r"(<!-- numbers: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """The page with its numbers."""
    board, rows = problem_set(SET), read_results(RESULTS)
    found, pairs = scores(board, rows), compare(board, rows)
    parts: Mapping[str, Callable[[], str]] = {
        "board": lambda: tables.markdown(tables.board_table(found)),
        "quality": lambda: tables.markdown(tables.quality_table(found)),
        "blocks": lambda: tables.markdown(tables.block_table(board, _people(found))),
        "pairs": lambda: tables.markdown(tables.pair_table(_without_references(pairs, found))),
        "run": lambda: _run(board, rows),
        "facts": lambda: _facts(board, {one.estimator: one for one in found}),
        "settings": lambda: _settings(board),
        "tuning": _tuning,
        "first": _first,
    }
    return BLOCK.sub(lambda match: f"{match[1]}{parts[match['name']]()}{match[3]}", page)


def _people(found: Sequence[Score]) -> list[Score]:
    return [one for one in found if one.role != "baseline"]


def _without_references(pairs: Sequence[Comparison], found: Sequence[Score]) -> list[Comparison]:
    known = {one.estimator for one in found if one.role == "estimator"}
    return [pair for pair in pairs if {pair.one, pair.other} <= known]


def _run(board: ProblemSet, rows: Sequence[Mapping[str, Any]]) -> str:
    minutes = sum(row["processor_seconds"] or 0.0 for row in rows) / 60.0
    lost = [row for row in rows if row["status"] not in ("ok", "not-taken")]
    spared = sum(row["status"] == "not-taken" for row in rows)
    machine = rows[0]["machine"]
    return (
        f"{len(rows):,} runs on the {len(board.truths)} problems of `{board.name}`, {minutes:.1f} processor minutes in "
        f"all, drawing of rows included; {len(lost)} runs gave no estimate, and {spared} were on words, which their "
        f"estimator does not take. {machine['processor']}, one core.\n"
    )


def _facts(board: ProblemSet, found: Mapping[str, Score]) -> str:
    """What stands in the results, said in sentences."""
    ranked = [one for one in found.values() if one.role == "estimator"]
    best = ranked[0]
    lines = [
        f"- **Nobody wins everywhere.** `{best.estimator}` leads with {best.score.value:.2f} of 1; the oracle, who "
        f"knows the maps, has {found['oracle'].score.value:.2f}.",
    ]
    for number, block in enumerate(board.blocks):
        if block.kind == "null":
            continue
        top = max(ranked, key=lambda one: one.blocks[number].right)
        at = top.blocks[number]
        lines.append(
            f"- {block.question} (`{block.name}`): the most that anyone has right is {at.right} of {at.problems}, "
            f"`{top.estimator}`; the credit is {at.credit.value:.2f}."
        )
    for one in ranked:
        if one.intervals is not None:
            ends = one.intervals
            lines.append(
                f"- `{one.estimator}`: {100 * ends.coverage:.0f} of 100 intervals hold the truth, where 95 should; "
                f"their median width is {ends.width:.2f} nats."
            )
    blind = [f"`{one.estimator}`" for one in ranked if one.score.value == 0.0]
    if blind:
        lines.append(f"- No better than a constant in any group of alike problems: {', '.join(blind)}.")
    lost = [f"`{one.estimator}` {one.states['failed']}" for one in ranked if one.states.get("failed")]
    lines.append(f"- Runs that failed: {', '.join(lost) if lost else 'none'}.")
    worst = max((one for one in ranked if one.null_worst is not None), key=lambda one: abs(one.null_worst))
    lines.append(
        f"- Where there is nothing to find, the worst answer of all is {worst.null_worst:.2f} nats, of "
        f"`{worst.estimator}`."
    )
    return "\n".join(lines).replace(" -", " −").replace("\n−", "\n-") + "\n"


def _settings(board: ProblemSet) -> str:
    """What every block asks: its settings, seeds and truths."""
    head = ("block", "kind", "question", "settings", "seeds", "rows", "truths (nats)")
    lines = []
    for block in board.blocks:
        labels = dict.fromkeys(group.label for group in block.groups)
        values = [problem.truth for group in block.groups for problem in group.problems]
        rows = sorted({group.rows for group in block.groups})
        lines.append(
            (
                f"`{block.name}`", block.kind, block.question, "; ".join(labels),
                str(len({group.seed for group in block.groups})), ", ".join(f"{n:,}" for n in rows),
                f"{min(values):.2f} to {max(values):.2f}",
            )
        )  # fmt: skip
    return tables.markdown([head, *lines])


def _first() -> str:
    """What one constant would have got in the first version."""
    rows = [row for row in read_results(FIRST) if row["status"] == "ok"]
    asked = problems(rows)
    truths = {(row["task"], row["rows"], row["seed"]): row["truth"] for row in rows}
    counted = [truths[problem] for problem in asked]
    right = sum(is_near(_CONSTANT, truth) for truth in counted)
    at = sum(abs(truth - _CONSTANT) < 1e-6 for truth in counted)
    shares = sorted((one.right for one in standings(rows) if one.ranked), reverse=True)
    place = 1 + sum(share > right / len(counted) for share in shares)
    return (
        f'"Always {_CONSTANT:g}" would have been right on {right} of the {len(counted)} problems that counted, '
        f"{100 * right / len(counted):.0f} %, which is place {place} among {len(shares)} estimators: {at} of them hold "
        f"{_CONSTANT:g} nats.\n"
    )


def _tuning() -> str:
    """Mean error of every method under every preparation, and which one is used."""
    found = best(read_results(TUNING))
    kinds = ("published", "whiten", "gaussianise")
    lines = [
        (
            f"`{method}`", *(f"{values[kind]:.2f}" if kind in values else "–" for kind in kinds),
            TUNED.get(method, "published"),
        )
        for method, values in found.items()
    ]  # fmt: skip
    head = ("method", "as published", "whitened", "gaussianised", "tuned")
    rows = read_results(TUNING)
    count = len({(row["task"], row["seed"]) for row in rows})
    late = sum(row["status"] != "ok" for row in rows)
    explained = (
        "Mean of |estimate − truth| / max(truth, 0.25), at most 1 a problem, a run that was lost counting 1: "
        f"{count} problems of the six so far, {late} runs lost.\n"
    )
    return f"{tables.markdown([head, *lines])}\n{explained}"


def pictures() -> None:
    """Estimates against truths where relations are linear, and where they are not."""
    from infoloom.report.estimator_figures import bias_figure

    board, rows = problem_set(SET), read_results(RESULTS)
    kinds = {block.name: block.kind for block in board.blocks}
    for name, wanted in (("linear", ("linear",)), ("nonlinear", ("nonlinear", "real"))):
        chosen = [row for row in rows if kinds[row["block"]] in wanted]
        bias_figure(chosen).savefig(PICTURES / f"v2-{name}.png", dpi=110)


def main() -> None:
    """Write the page and the pictures."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    pictures()


if __name__ == "__main__":
    main()
