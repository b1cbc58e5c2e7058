"""The report of estimators: every run is in it, the lost ones too."""

from __future__ import annotations

import math

import pytest
from benchmark.estimators.estimator_rows import row

from infoloom.benchmark.estimators.problem_sets import problem_set
from infoloom.report.estimators.figures import (
    bias_figure,
    coverage_figure,
    error_figure,
    heat_figure,
    order,
    time_figure,
    wilson,
)
from infoloom.report.estimators.report import sections
from infoloom.report.page import page_html

TRUTHS = (0.0, 1.0, 4.0)


def grid(**fields):
    return [
        row(
            name,
            f"t{truth:g}",
            truth=truth,
            estimate=0.9 * truth,
            interval=[truth - 0.1, truth + 0.1],
            **fields,
        )
        for truth in TRUTHS
        for name in ("gaussian", "infonce", "stranger")
    ]


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_what_is_not_taken_is_named_apart():
    rows = [row("mine", "t", block="many", title="Many tasks"), row("mine", "u", status="not-taken")]
    (section,) = [one for one in sections(rows) if one.title == "Failures and time-outs"]
    assert section.text == "None. Not taken, because of the kind of variables: 1."


def test_rows_of_a_set_are_scored_against_it():
    (task, rows, seed), truth = next(iter(problem_set("v2/quick").truths.items()))
    one = {**row("stranger", task, truth=truth, estimate=truth, seed=seed, rows=rows), "suite": "v2/quick"}
    found = sections([{**one, "vary": "truth"}, row("gaussian")])
    assert [section.title for section in found[:2]] == ["Leaderboard of v2/quick", "Leaderboard"]
    (board, quality, blocks, pairs) = found[0].tables
    assert next(line for line in board.rows if line[1] == "stranger")[7] == "1 of 229"
    assert len(blocks.rows) == 12
    assert pairs.rows == []
    assert quality.rows[0][0] == "stranger"


def test_order_is_ours_then_the_alphabet():
    assert order(["zeta", "mine", "alpha", "gaussian"]) == ["gaussian", "mine", "alpha", "zeta"]


def test_bias_draws_truth_ceiling_and_every_run():
    """One line for every number of rows held out: log 4 and log 12."""
    held_out = iter([4, 12] * len(TRUTHS))
    rows = [
        {**one, "details": {"folds": [{"ceiling": math.log(next(held_out))}]}}
        if one["estimator"] == "infonce"
        else one
        for one in grid()
    ]
    figure = bias_figure(rows)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert titles == ["gaussian", "infonce", "stranger"]
    assert texts(figure) == ["log 4", "log 12"]
    points = figure.axes[0].lines[-1]
    assert list(points.get_xdata()) == list(TRUTHS)
    assert list(points.get_ydata()) == [0.9 * truth for truth in TRUTHS]


def test_estimates_outside_of_a_panel_are_drawn_at_its_edge():
    rows = [row("minde", "a", truth=2.0, estimate=2.0), row("minde", "b", truth=2.0, estimate=-7.25)]
    figure = bias_figure(rows)
    assert texts(figure) == ["−7.2 "]
    assert list(figure.axes[0].lines[-1].get_ydata()) == [-1.0]


def test_errors_along_a_quantity():
    rows = [row("ksg", rows=n, estimate=1.0 - 10.0 / n) for n in (100, 1000)]
    figure = error_figure(rows, lambda one: one["rows"], "rows")
    line = figure.axes[0].lines[1]
    assert list(line.get_xdata()) == [100, 1000]
    assert list(line.get_ydata()) == pytest.approx([-0.1, -0.01])


def test_the_heat_map_says_what_was_lost():
    rows = [
        row("ksg", "a", estimate=1.5),
        row("mine", "a", status="failed"),
        row("mine", "b", status="timeout"),
    ]
    assert sorted(texts(heat_figure(rows, lambda one: one["label"]))) == ["1.50", "failed", "time"]


def test_coverage_and_time():
    assert "3 of 3" in texts(coverage_figure(grid()))
    assert list(time_figure(grid()).axes[0].lines[0].get_ydata()) == [0.25]


def test_wilson_is_that_of_statistics():
    from scipy.stats import binomtest

    for hits, tries in ((0, 5), (9, 10), (40, 40)):
        interval = binomtest(hits, tries).proportion_ci(0.95, "wilson")
        assert wilson(hits, tries) == pytest.approx((interval.low, interval.high), abs=1e-6)


def test_sections_hold_every_block_and_every_lost_run():
    many = [row("ksg", f"task {number}", block="many", title="Many tasks") for number in range(20)]
    lost = row("mine", "t", status="timeout", block="many", title="Many tasks")
    rows = [*grid(block="information", title="All levels", vary="truth"), *many, lost]
    found = sections(rows)
    titles = [section.title for section in found]
    assert titles == [
        "Leaderboard", "All levels", "Many tasks", "Intervals", "Time", "Failures and time-outs", "Where it ran"
    ]  # fmt: skip
    by_title = {section.title: section for section in found}
    assert len(by_title["All levels"].figures) == 2
    assert len(by_title["Many tasks"].tables[0].rows) == 21
    assert by_title["Failures and time-outs"].tables[0].rows == [("mine", "timeout", 1, "no luck")]
    assert "Many tasks" in page_html("Estimators", found)


def test_results_that_all_failed_are_shown():
    found = sections([row("mine", status="failed")])
    assert "1 of 1 runs." in page_html("Estimators", found)


def test_no_failure_is_said():
    assert {s.title: s.text for s in sections(grid())}["Failures and time-outs"] == "None."
