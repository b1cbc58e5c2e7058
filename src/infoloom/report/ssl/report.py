"""What is shown of results of the benchmark of self-supervised learners."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from infoloom.benchmark.learners.suites import SUITES, jobs
from infoloom.report.estimators.report import surroundings
from infoloom.report.page import Cell, Number, Section, Table
from infoloom.report.ssl.figures import Mean, Point, ceiling_figure, points
from infoloom.report.ssl.views import VIEWS, View

__all__ = ["sections", "told_apart"]

Row: TypeAlias = Mapping[str, Any]
_PROBE: Final = (
    "Ridge regression on frozen features; means and standard errors over seeds. The ceiling is the largest R² that "
    "anything can reach from the same observations; reached is −½ log(1 − R²) over the information that they hold. "
    "Fused features are side by side, except those of `masked`, whose transformer reads all modalities, and of the "
    "variational autoencoders, whose posteriors are multiplied or mixed; `x1,x2` are theirs side by side."
)


def sections(rows: Sequence[Row]) -> list[Section]:
    """A section for each experiment, then the scores of pairs, and what has no result.

    Args:
        rows: Rows of the benchmark of self-supervised learners, of one suite or of several.

    Returns:
        Sections for `write_page` and `write_figures`.
    """
    found = []
    rows = told_apart(rows)
    suites = list(dict.fromkeys(row["suite"] for row in rows))
    for suite in suites:
        own = [row for row in rows if row["suite"] == suite]
        ending = f" ({suite})" if len(suites) > 1 else ""
        for experiment in dict.fromkeys(row["experiment"] for row in own):
            some = [row for row in own if row["experiment"] == experiment]
            found += [_view(view, some, ending) for view in VIEWS.get(experiment, (_other(experiment),))]
    return [*found, *_critics(rows), *_plateaus(rows), _lost(rows), _missing(rows), surroundings(rows)]


def told_apart(rows: Sequence[Row]) -> list[Row]:
    """Runs of one learner on one story with different sizes, such as numbers of rows: never averaged.

    Args:
        rows: Rows of the benchmark of self-supervised learners.

    Returns:
        The same rows, in order; where sizes of one learner differ, its name says them.
    """
    sizes: dict[str, dict[str, set[str]]] = {}
    for row in rows:
        one = sizes.setdefault(_learner_on_story(row), {})
        for name, value in _sizes(row).items():
            one.setdefault(name, set()).add(value)
    named = []
    for row in rows:
        several = [name for name, values in sizes[_learner_on_story(row)].items() if len(values) > 1]
        known = _sizes(row)
        said = ", ".join(f"{name} {known[name]}" for name in several if name in known)
        named.append({**row, "objective": f"{row['objective']}, {said}"} if said else row)
    return named


def _learner_on_story(row: Row) -> str:
    return json.dumps([row["suite"], row["experiment"], row["params"], row["objective"]], sort_keys=True)


def _sizes(row: Row) -> dict[str, str]:
    """What was spent on a run; epochs are a bound only, and do not count where the training ended at its plateau."""
    settings = row.get("settings") or {}
    ended = bool((row.get("details") or {}).get("plateau"))
    kinds = ("rows", *(() if ended else ("epochs",)), "batch", "learning_rate", "held_out", "probe")
    return {name: str(settings[name]) for name in kinds if name in settings}


def _other(experiment: str) -> View:
    def read(row: Row, score: Row) -> str | None:
        return ", ".join(f"{n} {v}" for n, v in row["params"].items()) if score["of"] == "theta" else None

    return View(experiment, "An experiment that this version does not know.", "parameters", read)


def _view(view: View, rows: Sequence[Row], ending: str) -> Section:
    suite, experiment = rows[0]["suite"], rows[0]["experiment"]
    flow = rows[0]["params"].get("flow", "mnist")
    asked = f"--flow '{flow}'" if suite == "own" else f"--suite {suite} --only '{experiment} *'"
    command = f"infoloom bench ssl {asked} --out RESULTS"
    found = [point for point in points(rows, view.read, _variant, view.probe) if point.inputs in view.inputs]
    title = view.title + ending
    if not found:
        return Section(title, f"{view.text}\n\nNo run of it has a result.", command=command)
    caption = f"R² along {view.label}: {title}"
    figure = ceiling_figure(found, view.label, view.inputs)
    return Section(title, f"{view.text}\n\n{_PROBE}", {caption: figure}, [_table(view, found)], command)


def _variant(row: Row) -> str:
    return f"decay {row['params']['decay']:g}" if "decay" in row["params"] else ""


def _table(view: View, found: Sequence[Point]) -> Table:
    lines = [
        (
            point.at if isinstance(point.at, str) else Number(point.at, f"{point.at:g}"),
            point.inputs,
            f"`{point.objective}`" + (f", {point.variant}" if point.variant else ""),
            point.seeds,
            _number(point.r_squared),
            None if math.isnan(point.ceiling) else Number(point.ceiling, f"{point.ceiling:.3f}"),
            None if point.reachable is None else _number(point.reachable),
        )
        for name in view.inputs
        for point in found
        if point.inputs == name
    ]
    return Table((view.label, "features of", "objective", "seeds", "R²", "ceiling", "reached"), lines)


def _number(mean: Mean) -> Number:
    error = "" if mean.error is None else f" ± {mean.error:.3f}"
    return Number(mean.value, f"{mean.value:.3f}{error}".replace("-", "−"))


def _critics(rows: Sequence[Row]) -> list[Section]:
    """Scores that a learner was trained on, beside the pointwise information: none where no learner has such."""
    pairs: dict[tuple[str, str, str], list[dict[str, Row]]] = {}
    for row in rows:
        own = {s["measure"]: s for s in row.get("scores") or () if _first_critic(s)}
        if {"bound", "pmi_correlation", "pmi_slope"} <= own.keys():
            varied = ", ".join(f"{n} {v}" for n, v in row["params"].items() if n != "side")
            pairs.setdefault((row["experiment"], varied, row["objective"]), []).append(own)
    if not pairs:
        return []
    lines: list[tuple[Cell, ...]] = [
        (*key[:2], f"`{key[2]}`", len(runs), *(_number(_over(runs, read)) for read in _CRITIC.values()))
        for key, runs in pairs.items()
    ]
    text = (
        "Of the first two modalities, learners that score pairs: the information that the scores prove, InfoNCE on "
        "held-out batches, and the best critic's in the same batches; how the scores go with the pointwise information "
        "of all pairs."
    )
    head = ("experiment", "story", "objective", "seeds", *_CRITIC)
    return [Section("Scores of pairs", text, tables=[Table(head, lines)])]


_CRITIC: Final[Mapping[str, Callable[[dict[str, Row]], float]]] = {
    "information": lambda own: own["bound"]["truth_nats"],
    "best critic's bound": lambda own: own["bound"]["ceiling_bound"],
    "bound": lambda own: own["bound"]["bound"],
    "correlation with pmi": lambda own: own["pmi_correlation"]["pmi_correlation"],
    "slope on pmi": lambda own: own["pmi_slope"]["pmi_slope"],
}


def _plateaus(rows: Sequence[Row]) -> list[Section]:
    """How many trainings ended at a plateau of their held-out loss; none where none was watched for."""
    kinds: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        details = row.get("details") or {}
        if isinstance(details.get("plateau"), bool) and isinstance(details.get("best_epoch"), int):
            kinds.setdefault((row["experiment"], row["objective"]), []).append(details)
    if not kinds:
        return []
    lines: list[tuple[Cell, ...]] = [
        (
            experiment,
            f"`{objective}`",
            len(runs),
            sum(run["plateau"] for run in runs),
            _number(Mean.of([float(run["best_epoch"]) for run in runs])),
        )
        for (experiment, objective), runs in kinds.items()
    ]
    text = (
        "Trainings whose own loss on held-out rows stopped falling, after the learning rate had dropped; the others "
        "ended at the cap. The weights are those of the best epoch."
    )
    head = ("experiment", "objective", "runs", "at a plateau", "best epoch")
    return [Section("Plateaus", text, tables=[Table(head, lines)])]


_FIRST: Final = (("x1", "x2"), ("picture", "text"))


def _first_critic(score: Row) -> bool:
    return score["probe"] == "critic" and (score["inputs"], score["of"]) in _FIRST


def _over(runs: Sequence[dict[str, Row]], read: Callable[[dict[str, Row]], float]) -> Mean:
    return Mean.of([read(own) for own in runs])


def _lost(rows: Sequence[Row]) -> Section:
    """Every run without a result."""
    lost = [(f"`{row['run']}`", row["status"], row["message"]) for row in rows if row["status"] != "ok"]
    if not lost:
        return Section("Failures and time-outs", "None.")
    table = Table(("run", "status", "message"), lost)
    return Section("Failures and time-outs", f"{len(lost)} of {len(rows):,} runs.", tables=[table])


def _missing(rows: Sequence[Row]) -> Section:
    """What the suites hold and these results do not."""
    text, lines = [], []
    for suite in dict.fromkeys(row["suite"] for row in rows):
        if suite not in SUITES:
            text.append(f"Suite `{suite}` is not known to this version.")
            continue
        done = {row["run"] for row in rows if row["suite"] == suite}
        whole = jobs(suite)
        left = [job for job in whole if job.run not in done]
        text.append(f"Suite `{suite}`: {len(whole) - len(left)} of {len(whole)} runs are here.")
        kinds = Counter((suite, job.known["experiment"], job.known["objective"]) for job in left)
        lines += [(s, experiment, f"`{name}`", count) for (s, experiment, name), count in kinds.items()]
    table = Table(("suite", "experiment", "objective", "missing runs"), lines)
    return Section("Runs that are not here", " ".join(text), tables=[table] if lines else [])
