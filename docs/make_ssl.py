"""Write what docs/ssl.md says in numbers: `python docs/make_ssl.py`; a test holds the page against it.

Between `<!-- numbers: NAME -->` and `<!-- end -->` nothing is written by hand. Pictures go to images.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssl_real import REAL
from ssl_values import (
    RESULTS,
    Row,
    markdown,
    param,
    rows_of,
    scores_of,
    share_of_ceiling,
    some,
    table,
    values,
    variants,
    written_mean,
)

from infoloom.benchmark.learners.scene_suites import RATES, SCENE_SIZE, TUNED
from infoloom.benchmark.learners.scenes import LEFT
from infoloom.benchmark.learners.suites import jobs
from infoloom.benchmark.running.results import read_results
from infoloom.report.ssl.figures import ceiling_figure, order, points
from infoloom.report.ssl.views import VIEWS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ssl.md"
PICTURES = ROOT / "docs" / "images"
BLOCK = re.compile(r"(<!-- numbers: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _run(rows: Sequence[Row], suite: str = "scenes") -> str:
    trained = [row for row in rows if row["objective"] not in ("random", "pixels")]
    ended = sum(row["details"]["plateau"] is True for row in trained)
    minutes = sum(row["processor_seconds"] or 0.0 for row in rows) / 60.0
    epochs = sorted(row["details"]["best_epoch"] for row in trained)
    capped = defaultdict(int)
    for row in trained:
        capped[row["objective"]] += row["details"]["plateau"] is not True
    late = ", ".join(f"{count} of `{name}`" for name, count in capped.items() if count)
    plateau = f"Of {len(trained)} trainings {ended} ended at a plateau of their own held-out loss"
    if not late:
        plateau = f"All {len(trained)} trainings ended at a plateau of their own held-out loss"
    return (
        f"{len(rows):,} of the {len(jobs(suite)):,} runs of `{suite}`, {minutes:.0f} processor minutes of "
        f"{' and '.join(dict.fromkeys(row['machine']['processor'] for row in rows))}. {plateau}"
        f"{f'; the rest ({late}) ended at their cap' if late else ''}. "
        f"Best epochs go from {epochs[0]} to {epochs[-1]}, the median is {epochs[len(epochs) // 2]}.\n"
    )


def _tuning(rows: Sequence[Row]) -> str:
    found = values(rows, param("rate"), field="r_squared")
    lines = [
        [f"`{name}`", *(f"{found[name, rate][0]:.3f}" for rate in RATES), f"{TUNED[name]:g}"]
        for name in order(name for name, _ in found)
    ]
    return markdown([["objective", *(f"{rate:g}" for rate in RATES), "chosen"], *lines])


def _captions(rows: Sequence[Row]) -> str:
    own = some(rows, "captions")
    return table(
        values(own, param("nats")), "I(picture; text), nats", sorted({r["params"]["nats"] for r in own})
    )


def _causes(rows: Sequence[Row]) -> str:
    """Each cause of the picture from the picture's features, at 1 nat; CLIP with more pairs too."""
    causes = ("warmth", "height", "side", "bulk")
    found = values(some(rows, "captions", nats=1.0), scores_of(*causes), inputs="picture")
    more = values(some(rows, "plenty", rows=8192), scores_of(*causes), inputs="picture")
    found |= {(f"{name}, 8,192 pairs", at): nats for (name, at), nats in more.items()}
    return variants(table(found, "cause behind", causes)).replace(
        "| warmth | height | side | bulk |", "| the hue | the height | the side | the size |", 1
    )


def _pairs(rows: Sequence[Row]) -> str:
    """What more pairs teach, where picture and caption share 1 nat; a random encoder has no use for them."""
    own = [
        *({**row, "params": {"rows": SCENE_SIZE["rows"]}} for row in some(rows, "captions", nats=1.0)),
        *some(rows, "plenty"),
    ]
    known = {row["objective"] for row in some(rows, "plenty")}
    own = [row for row in own if row["objective"] in known]
    found = values(own, param("rows"))
    for cause, name in (("warmth", "the hue"), ("bulk", "the size")):
        seen = values(own, param("rows", of=cause), inputs="picture")
        found |= {(f"{objective}, {name}", at): nats for (objective, at), nats in seen.items()}
    counts = sorted({at for _, at in found})
    text = variants(table(found, "pairs", counts))
    for count in counts:
        text = text.replace(f"| {count} |", f"| {count:,} |", 1)
    return text


def _critic(rows: Sequence[Row]) -> str:
    """What CLIP's scores prove of the information between picture and text."""
    lines = [
        [
            "training pairs",
            "their information",
            "proved, held-out pairs",
            "best critic there",
            "correlation with pmi",
        ]
    ]
    kinds = [
        (f"{nats:g} nats".replace("1 nats", "1 nat"), some(rows, "captions", nats=nats))
        for nats in (0.2, 1.0, 4.0)
    ]
    kinds += [("1 nat, 8,192 pairs", some(rows, "plenty", rows=8192))]
    kinds += [
        (f"4 nats, {100 * share:.0f} % mismatched", some(rows, "mismatched", share=share))
        for share in (0.5, 0.8)
    ]
    for name, own in kinds:
        scores = [
            {s["measure"]: s for s in row["scores"] if s["probe"] == "critic"}
            | {"told": row["details"].get("mixture_nats")}
            for row in own
            if row["objective"] == "clip"
        ]
        if not scores:
            continue
        truth = scores[0]["told"] or scores[0]["bound"]["truth_nats"]
        lines.append(
            [
                name,
                f"{truth:.2f}",
                written_mean([one["bound"]["bound"] for one in scores]),
                written_mean([one["bound"]["ceiling_bound"] for one in scores]),
                written_mean([one["pmi_correlation"]["pmi_correlation"] for one in scores]),
            ]
        )
    return markdown(lines)


def _mismatched(rows: Sequence[Row]) -> str:
    own = [
        *({**row, "params": {"share": 0.0}} for row in some(rows, "captions", nats=4.0)),
        *some(rows, "mismatched"),
    ]
    known = {row["objective"] for row in some(rows, "mismatched")}
    own = [row for row in own if row["objective"] in known]
    return table(values(own, param("share"), inputs="picture"), "share of mismatched pairs", (0.0, 0.5, 0.8))


def _mixed(rows: Sequence[Row]) -> str:
    own = some(rows, "kinds", kind="mixed")
    causes = ("shared", "own1", "own2", "hidden")
    found = values(own, scores_of(*causes)) | _beside(values(own, scores_of(*causes), inputs="x1,x2"))
    text = table(found, "cause", causes)
    for name, head in (("own1", "x1's own"), ("own2", "x2's own"), ("hidden", "only both show it")):
        text = text.replace(f"| {name} |", f"| {head} |", 1)
    return variants(text)


def _parts(rows: Sequence[Row]) -> str:
    """Share of the reachable information about one target that both show, one shows, or only both together show."""
    kinds = ("redundant", "unique", "synergistic")
    own = [row for row in some(rows, "kinds") if row["params"]["kind"] in kinds]
    found = values(own, param("kind")) | _beside(values(own, param("kind"), inputs="x1,x2"))
    return variants(table(found, "the information is", kinds))


def _beside(found: Mapping[tuple[str, Any], Sequence[float]]) -> dict[tuple[str, Any], Sequence[float]]:
    """The same of the two sides' features side by side."""
    return {(f"{name}, side by side", at): nats for (name, at), nats in found.items()}


def _xor(rows: Sequence[Row]) -> str:
    own = some(rows, "kinds", kind="xor")
    found: dict[tuple[str, Any], list[float]] = {}
    for head, inputs, probe in (
        ("ridge", "fused", "ridge"),
        ("network", "fused", "mlp"),
    ):
        one = share_of_ceiling(own, lambda row, score: score["of"] == "theta" or None, inputs, probe)
        found |= {(name, head): nats for (name, _), nats in one.items()}
    return table(found, "read by", ("ridge", "network"))


def _spread(rows: Sequence[Row]) -> str:
    return table(values(some(rows, "spread"), param("how")), "factors", ("bright", "faint", "all"))


def _content(rows: Sequence[Row]) -> str:
    """R² of the factors of the first sprite from its own features, content and style apart."""
    own = some(rows, "content")
    content, style = ("hue", "y", "x", "size"), ("angle", "elongation", "brightness", "ground")
    names = [f"x1.{name}" for name in (*content, *style)]
    found = values(own, scores_of(*names), inputs="x1", field="r_squared")
    means: dict[tuple[str, Any], list[float]] = dict(found)
    for objective in {name for name, _ in found}:
        for head, some_names in (("content", content), ("style", style)):
            seeds = zip(*(found[objective, f"x1.{name}"] for name in some_names), strict=True)
            means[objective, head] = [sum(one) / len(one) for one in seeds]
    return table(means, "R² of", ("content", "style", *names)).replace("x1.", "")


def _turning(rows: Sequence[Row]) -> str:
    names = ("theta0", "theta25", "theta50", "theta75", "theta100")
    text = table(values(some(rows, "turning"), scores_of(*names)), "weight of the spin", names)
    for name in names:
        text = text.replace(f" {name} ", f" {int(name[5:]) / 100:g} ")
    return text


def _missing(rows: Sequence[Row]) -> str:
    """Mass and spin from both sides, with all training rows complete and with some that lack one."""
    heads = {"theta0": "mass", "theta100": "spin"}

    def place(row: Row, score: Row) -> str | None:
        return f"{heads[score['of']]}, {row['params']['absent']:.0%}" if score["of"] in heads else None

    columns = [f"{head}, {share:.0%}" for head in heads.values() for share in (0.0, 0.5, 0.9)]
    own = some(rows, "missing")
    left = [row for row in own if row["params"].get("incomplete") == LEFT]
    alone = [{**row, "objective": f"{row['objective']}, complete rows alone"} for row in left]
    found = values([row for row in own if row not in left] + alone, place)
    return variants(table(found, "share of incomplete rows", columns))


def _clutter(rows: Sequence[Row]) -> str:
    return table(values(some(rows, "clutter"), param("nats")), "shared clutter, nats", (0.0, 1.0, 3.0))


def _many(rows: Sequence[Row]) -> str:
    return table(values(some(rows, "many"), param("count")), "spectra", (2, 5, 10))


def _dropped(rows: Sequence[Row]) -> str:
    own = [
        *some(rows, "dropped"),
        *({**row, "params": {"words": 4}} for row in some(rows, "captions", nats=4.0)),
    ]
    known = {row["objective"] for row in some(rows, "dropped")}
    own = [row for row in own if row["objective"] in known]
    return table(values(own, param("words"), inputs="picture"), "words of the caption", (1, 2, 4))


def _tasks(name: str, *tasks: str) -> Callable[[Sequence[Row]], str]:
    def read(rows: Sequence[Row]) -> str:
        own = some(rows, "preset", name=name)
        found = share_of_ceiling(own, scores_of(*tasks), "fused", "mlp")
        return table(found, "task", tasks)

    return read


def _steps(rows: Sequence[Row]) -> str:
    """What benchmarks/learners/long_training.py printed of FactorCL."""
    del rows
    text = (RESULTS / "long-training-factorcl.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if re.match(r" *\d+ ", line)]
    return markdown(
        [["steps", "features", "outputs of the heads"], *([steps, *found[:2]] for steps, *found in lines)]
    )


def _first(rows: Sequence[Row]) -> str:
    """The first version's fractions at 0.4 nats, which are those of six epochs."""
    del rows
    first = [row for row in read_results(RESULTS / "ssl-paper.jsonl") if row["status"] == "ok"]
    found = values(some(first, "information", nats=0.4), param("nats"))
    return (
        ", ".join(f"`{name}` {written_mean(found[name, 0.4])}" for name in order(n for n, _ in found)) + ".\n"
    )


PARTS: Mapping[str, Callable[[Sequence[Row]], str]] = {
    "run": _run,
    "captions": _captions,
    "causes": _causes,
    "pairs": _pairs,
    "critic": _critic,
    "mismatched": _mismatched,
    "dropped": _dropped,
    "mixed": _mixed,
    "xor": _xor,
    "spread": _spread,
    "content": _content,
    "parts": _parts,
    "turning": _turning,
    "missing": _missing,
    "many": _many,
    "clutter": _clutter,
    "symile": _tasks("symile-xor", "theta", "bit"),
    "factorcl": _tasks("factorcl-synthetic", "theta", "unique1", "unique2", "synergy"),
    "trifeature": _tasks("trifeature", "theta", "unique1", "unique2", "synergy"),
    "steps": _steps,
    "first": _first,
}


def written(page: str) -> str:
    """The page with its numbers."""
    scenes, tuned, real = rows_of("scenes"), rows_of("tuning"), rows_of("real")

    def part(match: re.Match[str]) -> str:
        name = match["name"]
        if name == "tuning":
            text = _tuning(tuned)
        elif name == "run-real":
            text = _run(real, "real")
        else:
            text = REAL[name](real) if name in REAL else PARTS[name](scenes)
        return f"{match[1]}{text}{match[3]}"

    return BLOCK.sub(part, page)


def pictures() -> None:
    """R² under the ceiling, along the information of captions and for every kind of cause."""
    scenes = rows_of("scenes")
    for name, experiment, number in (("captions", "captions", 0), ("kinds", "kinds", -1)):
        view = VIEWS[experiment][number]
        found = points(some(scenes, experiment), view.read, lambda row: "", view.probe)
        inputs = view.inputs[-3:] if name == "captions" else ("x1", "x2", "fused")
        found = [one for one in found if one.inputs in inputs and not math.isnan(one.ceiling)]
        ceiling_figure(found, view.label, inputs).savefig(PICTURES / f"ssl-{name}.png", dpi=110)


def main() -> None:
    """Write the page and the pictures."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    pictures()


if __name__ == "__main__":
    main()
