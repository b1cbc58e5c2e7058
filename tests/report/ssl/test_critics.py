"""A learner's line that lacks one of its critic's scores is left out of their table."""

from __future__ import annotations

from infoloom.report.ssl.report import _critics


def line(*measures: str) -> dict[str, object]:
    values = {"truth_nats": 1.0, "ceiling_bound": 0.9, "bound": 0.8, "pmi_correlation": 0.7, "pmi_slope": 0.6}
    scores = [{"probe": "critic", "inputs": "x1", "of": "x2", "measure": one, **values} for one in measures]
    return {"experiment": "information", "params": {"nats": 1.0}, "objective": "clip", "scores": scores}


def test_whole_scores_are_shown_and_others_left_out() -> None:
    whole = line("bound", "pmi_correlation", "pmi_slope")
    (section,) = _critics([whole, line("bound", "pmi_slope")])
    (row,) = section.tables[0].rows
    assert row[3] == 1  # one seed
    assert _critics([line("bound")]) == []
    assert _critics([line()]) == []
