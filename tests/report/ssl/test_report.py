"""The report of self-supervised learners: means over seeds under ceilings; lost and missing runs are said."""

from __future__ import annotations

import pytest

from infoloom.benchmark.learners.suites import jobs
from infoloom.report.page import page_html
from infoloom.report.ssl.figures import Mean, ceiling_figure, order, points
from infoloom.report.ssl.report import sections, told_apart

SURROUNDINGS = {"versions": {"infoloom": "0.1.0"}, "machine": {"cores": 2}}


def score(value, *, inputs="x1", of="theta", probe="ridge", truth=0.7, reachable=0.5):
    return {
        "probe": probe, "inputs": inputs, "of": of, "measure": "r_squared", "r_squared": value,
        "standard_error": 0.01, "ceiling_r_squared": 0.75, "nats": 0.3, "truth_nats": truth, "reachable": reachable,
    }  # fmt: skip


def row(objective="clip", seed=0, *scores, experiment="information", status="ok", suite="quick", **params):
    params = {**params, "side": 16}
    given = "".join(f" {name}={value}" for name, value in params.items())
    return {
        "bench": "ssl", "suite": suite, "run": f"{experiment}{given} {objective} seed={seed}", "status": status,
        "message": None if status == "ok" else "ran out of luck", "experiment": experiment, "params": params,
        "objective": objective, "seed": seed, **({"scores": list(scores)} if status == "ok" else {}), **SURROUNDINGS,
    }  # fmt: skip


def nats(one, found):
    return one["params"]["nats"] if found["of"] == "theta" else None


def along(rows):
    return points(rows, nats, lambda _: "")


def cells(section):
    return [[getattr(cell, "text", cell) for cell in line] for table in section.tables for line in table.rows]


def test_order_is_ours_then_the_alphabet():
    assert order(["zeta", "random", "alpha", "clip"]) == ["clip", "random", "alpha", "zeta"]


def test_means_over_seeds():
    (point,) = along([row("clip", seed, score(value), nats=0.3) for seed, value in enumerate((0.2, 0.4))])
    assert (point.seeds, point.ceiling) == (2, 0.75)
    assert (point.r_squared.value, point.r_squared.error) == pytest.approx((0.3, 0.1))
    assert Mean.of([0.2]).error is None


def test_other_probes_targets_and_lost_runs_are_left_out():
    others = score(0.9, probe="mlp"), score(0.9, of="z_x1")
    (point,) = along(
        [row("clip", 0, score(0.2), *others, nats=0.3), row("clip", 1, status="failed", nats=0.3)]
    )
    assert (point.seeds, point.r_squared.value) == (1, 0.2)


def test_no_fraction_of_information_that_is_rounding():
    (point,) = along([row("clip", 0, score(0.0, truth=0.0, reachable=-1e13), nats=0.3)])
    assert point.reachable is None


def test_the_figure_holds_values_errors_and_ceilings():
    rows = [
        row("clip", seed, score(level + 0.1 * seed), nats=level) for level in (0.3, 0.5) for seed in (0, 1)
    ]
    figure = ceiling_figure(along(rows), "nats", ("x1", "fused"))
    (axes,) = figure.axes
    ceiling, line = axes.lines[:2]
    assert list(ceiling.get_ydata()) == [0.75, 0.75]
    assert list(line.get_ydata()) == pytest.approx([0.35, 0.55])
    ((low, high),) = [bar.get_segments()[0][:, 1] for bar in axes.collections]
    assert (low, high) == pytest.approx((0.3, 0.4))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.3", "0.5"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ceiling", "clip"]


def test_objectives_stand_side_by_side_along_names():
    rows = [row(name, 0, score(0.4), kind=kind) for name in ("clip", "mvae") for kind in ("a", "b")]
    found = points(rows, lambda one, _: one["params"]["kind"], lambda _: "")
    _, first, second = ceiling_figure(found, "kind", ("x1",)).axes[0].lines
    assert all(a < b for a, b in zip(first.get_xdata(), second.get_xdata(), strict=True))
    assert first.get_linestyle() == "None"


def test_a_section_for_each_experiment_with_its_numbers():
    rows = [
        row("clip", 0, score(0.2), score(0.4, inputs="fused"), nats=0.3),
        row("clip", 0, score(0.3), experiment="parts", kind="unique"),
        row("clip", 0, score(0.1, of="hidden"), experiment="parts", kind="mixed"),
        row("clip", 0, score(0.6, of="theta25"), experiment="black-hole"),
        row("clip", 0, score(0.5), experiment="modalities", count=2, decay=0.7),
        row("clip", 0, score(0.5), experiment="unheard", depth=3),
    ]
    shown = {section.title: section for section in sections(rows)}
    assert cells(shown["Information"]) == [
        ["0.3", "x1", "`clip`", 1, "0.200", "0.750", "0.500"],
        ["0.3", "fused", "`clip`", 1, "0.400", "0.750", "0.500"],
    ]
    assert cells(shown["Redundant, unique, synergistic"])[0][0] == "unique"
    assert cells(shown["Causes of every kind at once"])[0][0] == "hidden"
    assert cells(shown["From mass to spin"])[0][0] == "0.25"
    assert cells(shown["Modalities"])[0][2] == "`clip`, decay 0.7"
    assert cells(shown["unheard"])[0][0] == "depth 3, side 16"
    assert (
        shown["Information"].command
        == "infoloom bench ssl --suite quick --only 'information *' --out RESULTS"
    )
    assert "From mass to spin" in page_html("t", list(shown.values()))


def test_suites_are_kept_apart():
    rows = [row("clip", 0, score(0.2), nats=0.3), row("clip", 0, score(0.4), nats=0.3, suite="paper")]
    titles = [section.title for section in sections(rows)]
    assert titles[:2] == ["Information (quick)", "Information (paper)"]


def test_scores_of_pairs():
    own = [
        {"probe": "critic", "inputs": "x1", "of": "x2", "measure": "bound", "bound": -0.1,
         "truth_nats": 0.2, "ceiling_bound": 0.19},
        {"probe": "critic", "inputs": "x1", "of": "x2", "measure": "pmi_correlation", "pmi_correlation": 0.8},
        {"probe": "critic", "inputs": "x1", "of": "x2", "measure": "pmi_slope", "pmi_slope": 1.5},
    ]  # fmt: skip
    (found,) = [one for one in sections([row("clip", 0, *own, nats=0.3)]) if one.title == "Scores of pairs"]
    assert cells(found) == [
        ["information", "nats 0.3", "`clip`", 1, "0.200", "0.190", "−0.100", "0.800", "1.500"]
    ]


def test_failed_runs_are_shown():
    rows = [row("clip", 0, status="failed", nats=0.3)]
    shown = {section.title: section for section in sections(rows)}
    assert "No run of it has a result." in shown["Information"].text
    lost = shown["Failures and time-outs"]
    assert lost.text == "1 of 1 runs."
    assert cells(lost) == [[f"`{rows[0]['run']}`", "failed", "ran out of luck"]]


def test_missing_runs_are_said():
    whole = jobs("quick")
    rows = [
        {**row(status="failed", nats=0.3), "run": job.run, **job.known}
        for job in whole
        if not (job.known["experiment"] == "parts" and job.known["objective"] == "mvae")
    ]
    (found,) = [one for one in sections(rows) if one.title == "Runs that are not here"]
    assert found.text == f"Suite `quick`: {len(whole) - 2} of {len(whole)} runs are here."
    assert cells(found) == [["quick", "parts", "`mvae`", 2]]


def test_a_suite_of_another_version():
    (found,) = [
        one for one in sections([row(suite="old", nats=0.3)]) if one.title == "Runs that are not here"
    ]
    assert found.text == "Suite `old` is not known to this version."
    assert not found.tables


def test_plateaus_are_counted():
    def trained(seed, plateau, best):
        details = {"details": {"plateau": plateau, "best_epoch": best}}
        return (
            row("clip", seed, score(0.2), nats=0.3, suite="own", experiment="observed", flow="mnist")
            | details
        )

    runs = [trained(0, True, 20), trained(1, True, 30), trained(2, False, 100)]
    found = {section.title: section for section in sections(runs)}
    assert cells(found["Plateaus"]) == [["observed", "`clip`", 3, 2, "50.000 ± 25.166"]]
    assert found["Real observations"].command == "infoloom bench ssl --flow 'mnist' --out RESULTS"
    assert "Plateaus" not in {section.title for section in sections([row("clip", 0, score(0.2), nats=0.3)])}


def test_runs_of_different_sizes_are_not_averaged():
    small, large, other = (
        row("clip", seed, score(value), nats=0.7) for seed, value in ((0, 0.2), (0, 0.6), (1, 0.6))
    )
    for one, rows in ((small, 500), (large, 4000), (other, 4000)):
        one["settings"] = {"rows": rows, "epochs": 8}
    named = [one["objective"] for one in told_apart([small, large, other])]
    assert named == ["clip, rows 500", "clip, rows 4000", "clip, rows 4000"]
    lines = sections([small, large, other])[0].tables[0].rows
    assert sorted((line[2], line[3]) for line in lines) == [("`clip, rows 4000`", 2), ("`clip, rows 500`", 1)]
    assert [one["objective"] for one in told_apart([large, other])] == ["clip", "clip"]
    other["settings"]["epochs"] = 24  # a bound that was raised
    assert [one["objective"] for one in told_apart([large, other])] == ["clip, epochs 8", "clip, epochs 24"]
    large["details"] = other["details"] = {"plateau": True}
    assert [one["objective"] for one in told_apart([large, other])] == ["clip", "clip"]
