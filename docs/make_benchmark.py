"""Write what docs/benchmark.md says in numbers: `python docs/make_benchmark.py`; a test holds the page against it.

Between `<!-- numbers: NAME -->` and `<!-- end -->` nothing is written by hand. Two pictures go to images/benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmark_wide import wide

from infoloom.benchmark.estimators.first_version.leaderboard import problems, standings
from infoloom.benchmark.estimators.problem_sets import ProblemSet, part_of, problem_set
from infoloom.benchmark.estimators.scoring import tables
from infoloom.benchmark.estimators.scoring.comparisons import Comparison, compare
from infoloom.benchmark.estimators.scoring.credit import is_near
from infoloom.benchmark.estimators.scoring.scores import Mean, Score, scores
from infoloom.benchmark.estimators.scoring.tuning import best
from infoloom.benchmark.estimators.variants import TUNED, names
from infoloom.benchmark.running.results import read_results

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmark.md"
RESULTS = ROOT / "benchmarks" / "results" / "estimators-v2-quick.jsonl"
CORE_RESULTS = ROOT / "benchmarks" / "results" / "estimators-v2-core.jsonl"
FIRST = ROOT / "benchmarks" / "results" / "estimators-paper.jsonl"
_CONSTANT = 2.0
TUNING = ROOT / "benchmarks" / "results" / "estimators-tuning.jsonl"
PICTURES = ROOT / "docs" / "images" / "benchmark"
SET = "v2/quick"
#: What of `v2/core` every estimator was asked: a rule, not a choice of problems.
CORE, CORE_PART = "v2/core", {"seeds": 1, "columns": 200}
_SEEDS = (1, 2, 5)
_FAR = 10.0  # nats; no truth of a set is larger
_LITTLE = 0.25
#: Presets of the paper's own examples.
_PAPER = ("figure-1", "galaxy-images", "multimodal-decay")
BLOCK = re.compile(r"(<!-- numbers: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """The page with its numbers."""
    core = part_of(problem_set(CORE), **CORE_PART)
    parts: dict[str, Callable[[], str]] = {
        **_parts("", problem_set(SET), read_results(RESULTS)),
        **_parts("core-", core, read_results(CORE_RESULTS)),
        "seeds": _seeds,
        "wide": lambda: wide(problem_set(CORE), read_results(CORE_RESULTS), CORE_PART["columns"]),
        "tuning": _tuning,
        "first": _first,
        "paper": _paper,
    }
    return BLOCK.sub(lambda match: f"{match[1]}{parts[match['name']]()}{match[3]}", page)


def _parts(prefix: str, board: ProblemSet, rows: Sequence[Mapping[str, Any]]) -> dict[str, Callable[[], str]]:
    """What can be said of one set, by name."""
    keys = board.truths
    rows = [row for row in rows if (row["task"], row["rows"], row["seed"]) in keys]
    found, pairs = scores(board, rows), compare(board, rows)
    parts: dict[str, Callable[[], str]] = {
        "board": lambda: tables.markdown(tables.board_table(found)),
        "quality": lambda: tables.markdown(tables.quality_table(found)),
        "blocks": lambda: tables.markdown(tables.block_table(board, _people(found))),
        "pairs": lambda: tables.markdown(tables.pair_table(_with_the_leader(pairs, found))),
        "run": lambda: _run(board, rows),
        "facts": lambda: _facts(board, {one.estimator: one for one in found}, pairs, rows),
        "settings": lambda: _settings(board),
    }
    return {f"{prefix}{name}": make for name, make in parts.items()}


def _seeds() -> str:
    """Scores on more and more seeds of every setting, of the estimators that have run on two and more."""
    rows, whole = read_results(CORE_RESULTS), problem_set(CORE)
    head, lines = ["estimator"], dict[str, list[str]]()
    for count in _SEEDS:
        board = part_of(whole, **{**CORE_PART, "seeds": count})
        asked = [row for row in rows if (row["task"], row["rows"], row["seed"]) in board.truths]
        found = [one for one in scores(board, asked) if one.role == "estimator"]
        size = len(board.truths)
        head += [f"{size} problems: score", "nonlinear"]
        for one in found:
            complete = one.answered == size
            cells = [_with_error(one.score), _with_error(one.kinds["nonlinear"])] if complete else ["–"] * 2
            lines.setdefault(one.estimator, []).extend(cells)
    several = {name: cells for name, cells in lines.items() if cells[2] != "–"}
    return tables.markdown([tuple(head), *((f"`{name}`", *cells) for name, cells in several.items())])


def _people(found: Sequence[Score]) -> list[Score]:
    return [one for one in found if one.role != "baseline"]


def _with_the_leader(pairs: Sequence[Comparison], found: Sequence[Score]) -> list[Comparison]:
    """The pairs of the first with every other estimator, the first named first."""
    ranked = [one.estimator for one in found if one.role == "estimator"]
    made = [_turned(pair, ranked[0]) for pair in pairs if ranked[0] in (pair.one, pair.other)]
    return sorted((pair for pair in made if pair.other in ranked), key=lambda pair: ranked.index(pair.other))


def _turned(pair: Comparison, first: str) -> Comparison:
    if pair.one == first:
        return pair
    return Comparison(pair.other, pair.one, 1.0 - pair.share, pair.error, pair.problems)


def _run(board: ProblemSet, rows: Sequence[Mapping[str, Any]]) -> str:
    minutes = sum(row["processor_seconds"] or 0.0 for row in rows) / 60.0
    lost = [row for row in rows if row["status"] not in ("ok", "not-taken")]
    spared = sum(row["status"] == "not-taken" for row in rows)
    processors = " and ".join(dict.fromkeys(row["machine"]["processor"] for row in rows))
    return (
        f"{len(rows):,} runs on the {len(board.truths)} problems of `{board.name}`, {minutes:.1f} processor minutes in "
        f"all, drawing of rows included; {len(lost)} runs gave no estimate, and {spared} were on words, which their "
        f"estimator does not take. {processors}, one core.\n"
    )


def _facts(
    board: ProblemSet,
    found: Mapping[str, Score],
    pairs: Sequence[Comparison],
    rows: Sequence[Mapping[str, Any]],
) -> str:
    """What stands in the results, said in sentences."""
    ranked = [one for one in found.values() if one.role == "estimator"]
    lines = [
        f"- **Nobody wins everywhere.** `{ranked[0].estimator}` leads with {_value(ranked[0])} of 1; the oracle, who "
        f"knows the maps, has {_value(found['oracle'])}.",
        *_equals(ranked, pairs),
        *_by_kind(ranked),
        *_by_block(board, ranked),
        *_tuned(found, pairs),
        *_intervals(board, ranked, rows),
        *_verdicts(ranked),
        *_far_off(ranked, rows),
    ]
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


def _far_off(ranked: Sequence[Score], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Answers that are no answers: further from the truth than any truth is large."""
    worst: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        off = abs(row["estimate"] - row["truth"]) if row["status"] == "ok" else 0.0
        if off > _FAR and off > abs(worst.get(row.get("label") or row["estimator"], {}).get("off", 0.0)):
            worst[row.get("label") or row["estimator"]] = {**row, "off": off}
    told = [
        f"`{one.estimator}` {worst[one.estimator]['estimate']:,.0f} where there are {worst[one.estimator]['truth']:.2f}"
        for one in ranked
        if one.estimator in worst
    ]
    return (
        [f"- Answers that miss by more than {_FAR:g} nats, the worst of each: {', '.join(told)}."]
        if told
        else []
    )


def _value(one: Score) -> str:
    return f"{one.score.value:.2f}"


def _with_error(mean: Mean) -> str:
    return f"{mean.value:.2f}" if mean.error is None else f"{mean.value:.2f} ± {mean.error:.2f}"


def _equals(ranked: Sequence[Score], pairs: Sequence[Comparison]) -> list[str]:
    """Who cannot be told from the first: problem by problem it is nearer about as often."""
    first = ranked[0].estimator
    against = {pair.other: pair for pair in _with_the_leader(pairs, ranked)}
    near = [
        f"`{one.estimator}` ({against[one.estimator].share:.2f} ± {against[one.estimator].error:.2f})"
        for one in ranked[1:]
        if one.estimator in against
        and against[one.estimator].error is not None
        and against[one.estimator].share - 2.0 * against[one.estimator].error <= 0.5
    ]
    if not near:
        return []
    return [
        f"- **The rank is not the last word.** On the problems that both met, `{first}` is not nearer to the truth "
        f"than these on clearly more than half of them (its share of them is within two standard errors of 0.5): "
        f"{', '.join(near)}."
    ]


def _by_kind(ranked: Sequence[Score]) -> list[str]:
    """Who leads where relations are linear, and where they are not."""
    kinds = dict.fromkeys(kind for one in ranked for kind in one.kinds)
    best = {kind: max(ranked, key=lambda one, kind=kind: one.kinds[kind].value) for kind in kinds}
    told = [
        f"{kind} `{one.estimator}` {one.kinds[kind].value:.2f}" if one.kinds[kind].value else f"{kind} nobody"
        for kind, one in best.items()
    ]
    return [f"- The best by kind of block: {', '.join(told)}."]


def _by_block(board: ProblemSet, ranked: Sequence[Score]) -> list[str]:
    """The most that anyone has right, block by block; where that is little, it says so."""
    lines = []
    for number, block in enumerate(board.blocks):
        if block.kind in ("null", "order"):
            continue
        top = max(
            ranked, key=lambda one, number=number: (one.blocks[number].credit.value, one.blocks[number].right)
        )
        at = top.blocks[number]
        best = f"the most credit has `{top.estimator}`, {at.credit.value:.2f}, right on {at.right} of {at.problems}."
        if at.credit.value < _LITTLE:
            best = f"**nobody succeeds here**; the nearest is `{top.estimator}`, right on {at.right} of {at.problems}."
        lines.append(f"- {block.question} (`{block.name}`): {best}")
    return lines


def _tuned(found: Mapping[str, Score], pairs: Sequence[Comparison]) -> list[str]:
    """As published against tuned, problem by problem."""
    by_pair = {(pair.one, pair.other): pair for pair in pairs}
    told = []
    for method, how in TUNED.items():
        other = names(method, how)
        if how != "published" and (method, other) in by_pair:
            pair = by_pair[method, other]
            error = "" if pair.error is None else f" ± {pair.error:.2f}"
            told.append(
                f"`{other}` is nearer than `{method}` on {1.0 - pair.share:.2f}{error} of {pair.problems} problems and "
                f"right on {found[other].right} in all, where `{method}` is on {found[method].right}"
            )
    return [f"- **As published, and tuned**: {'; '.join(told)}."] if told else []


def _intervals(board: ProblemSet, ranked: Sequence[Score], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Coverage of intervals, on the linear blocks by themselves too."""
    linear = {
        key: problem.truth
        for block, group in board.groups()
        if block.kind == "linear"
        for key, problem in zip(group.keys, group.problems, strict=True)
    }
    told = []
    for one in ranked:
        if one.intervals is None:
            continue
        held = [
            row["interval"][0] <= linear[key] <= row["interval"][1]
            for row in rows
            if row["estimator"] == one.estimator and row["status"] == "ok" and row["interval"] is not None
            if (key := (row["task"], row["rows"], row["seed"])) in linear
        ]
        told.append(
            f"`{one.estimator}` {100 * one.intervals.coverage:.0f} (width {one.intervals.width:.2f}; {sum(held)} of "
            f"{len(held)} on linear blocks)"
        )
    return [f"- Intervals that hold the truth, of 100, where 95 should: {', '.join(told)}."] if told else []


def _verdicts(ranked: Sequence[Score]) -> list[str]:
    told = [
        f"`{one.estimator}` is right on {100 * one.precision:.0f} % of the {one.trusted} answers that it calls reliable"
        for one in ranked
        if one.precision is not None
    ]
    return [f"- Verdicts: {'; '.join(told)}."] if told else []


def _paper() -> str:
    """The paper's own pictures and its ten modalities, from the runs of the first version."""
    rows = [
        row for row in read_results(FIRST) if row["status"] == "ok" and row["task"].startswith("story:story=")
    ]
    kept = [row for row in rows if any(f"story={story}," in row["task"] for story in _PAPER)]
    known = dict.fromkeys(row["estimator"] for row in kept)
    people = [name for name in known if name not in ("oracle", "pixel-floor")] + ["oracle"]
    lines = []
    for task in dict.fromkeys(row["task"] for row in kept):
        of_task = [row for row in kept if row["task"] == task]
        told = dict(part.split("=") for part in task.removeprefix("story:").split(","))
        told_rows = ", ".join(f"{rows:,}" for rows in sorted({row["rows"] for row in of_task}))
        cells = [[row["estimate"] for row in of_task if row["estimator"] == name] for name in people]
        lines.append(
            (
                f"`{told['story']}`", f"{told['x']} and {told['y']}", told["view"], told_rows,
                f"{of_task[0]['truth']:.4g}",
                *(f"{fmean(values):.2f}".replace("-", "−") if values else "–" for values in cells),
            )
        )  # fmt: skip
    head = ("story", "pair", "seen as", "rows", "truth", *(f"`{name}`" for name in people))
    return tables.markdown([head, *lines])


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
    kinds = ("published", "whiten", "gaussianise", "canonical")
    lines = [
        (
            f"`{method}`", *(f"{values[kind]:.2f}" if kind in values else "–" for kind in kinds),
            TUNED.get(method, "published"),
        )
        for method, values in found.items()
    ]  # fmt: skip
    head = ("method", "as published", "whitened", "gaussianised", "along canonical directions", "tuned")
    rows = read_results(TUNING)
    count = len({(row["task"], row["seed"]) for row in rows})
    late = sum(row["status"] != "ok" for row in rows)
    explained = (
        "Mean of |estimate − truth| / max(truth, 0.25), at most 1 a problem, a run that was lost counting 1: "
        f"{count} problems, {late} runs lost.\n"
    )
    return f"{tables.markdown([head, *lines])}\n{explained}"


def pictures() -> None:
    """Estimates against truths where relations are linear, and where they are not."""
    from infoloom.report.estimators.figures import bias_figure

    sides = (("linear", ("linear",)), ("nonlinear", ("nonlinear", "real")))
    core = part_of(problem_set(CORE), **CORE_PART)
    for stem, board, path in (("v2", problem_set(SET), RESULTS), ("v2-core", core, CORE_RESULTS)):
        kinds = {key: block.kind for block, group in board.groups() for key in group.keys}
        rows = [row for row in read_results(path) if (row["task"], row["rows"], row["seed"]) in kinds]
        for name, wanted in sides:
            chosen = [row for row in rows if kinds[row["task"], row["rows"], row["seed"]] in wanted]
            bias_figure(chosen).savefig(PICTURES / f"{stem}-{name}.png", dpi=110)


def main() -> None:
    """Write the page and the pictures."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    pictures()


if __name__ == "__main__":
    main()
