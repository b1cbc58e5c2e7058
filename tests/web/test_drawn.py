"""Pictures come in pieces: the first soon, the rest later, none twice, and none that nobody wants any more."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from infoloom.datasets.making.observe import observe
from infoloom.datasets.showing.gallery import sorted_rows
from infoloom.datasets.showing.influence import influence
from infoloom.story import compile_story
from infoloom.web import drawn as drawing
from infoloom.web.app import _answer
from infoloom.web.drawn import KEPT, PIECE, Drawn
from infoloom.web.turns import Turns, UnwantedError
from infoloom.web.workbench import open_workbench

ROWS = np.arange(7.0)[:, None]


def test_pieces_are_made_once_and_in_order():
    drawn, asked = Drawn(), []

    def double(rows):
        asked.append(len(rows))
        return 2 * rows

    made = drawn.rows("k", lambda: ROWS, double, lambda: None)
    assert made.whole
    assert np.array_equal(np.concatenate(made.made), 2 * ROWS)
    assert asked == [PIECE, PIECE, PIECE, 1]
    assert drawn.rows("k", lambda: ROWS, double, lambda: None) is made
    assert len(asked) == 4


def test_a_part_is_answered_after_a_while_and_the_rest_is_asked_for(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(drawing.time, "monotonic", lambda: next(clock))
    drawn, counts = Drawn(), []
    while not counts or counts[-1] < len(ROWS):
        counts.append(drawn.rows("k", lambda: ROWS, np.abs, lambda: None, part=True).count)
    assert counts == [2, 4, 6, 7]


def test_what_is_not_wanted_any_more_ends_before_the_next_piece():
    drawn, made = Drawn(), []

    def wanted():
        if made:
            raise UnwantedError("newer")

    with pytest.raises(UnwantedError):
        drawn.rows("k", lambda: ROWS, lambda rows: made.append(1) or rows, wanted)
    assert len(made) == 1
    assert drawn.rows("k", lambda: ROWS, np.abs, lambda: None).whole  # and the piece that was made is kept


def test_who_waits_for_another_hears_that_it_is_not_wanted():
    drawn, inside, leave = Drawn(), threading.Event(), threading.Event()

    def slow(rows):
        inside.set()
        assert leave.wait(20)
        return rows

    thread = threading.Thread(target=drawn.rows, args=("a", lambda: ROWS[:1], slow, lambda: None))
    thread.start()
    assert inside.wait(20)
    turns = Turns()
    turns.begin("p", 2)
    with pytest.raises(UnwantedError):
        drawn.rows("b", lambda: ROWS, slow, lambda: turns.require("p", 1))
    leave.set()
    thread.join(20)


def test_no_more_than_some_are_kept():
    drawn = Drawn()
    for key in range(KEPT + 5):
        drawn.kept(key, lambda: object())
    first = drawn.kept(KEPT + 4, lambda: None)
    assert first is not None
    assert drawn.kept(0, lambda: "anew") == "anew"


def test_the_page_gets_the_rows_of_the_library_piece_by_piece(monkeypatch):
    monkeypatch.setattr(drawing, "PATIENCE", -1.0)
    bench, story = open_workbench("digits-pair"), compile_story("digits-pair")
    found = sorted_rows(story, "three", "style")
    body = json.dumps({"modality": "three", "cause": "style", "part": True}).encode()
    counts = []
    while True:
        tree = json.loads(_answer(bench, "samples", body).body)
        counts.append(len(tree["pictures"]["images"]))
        assert tree["values"] == list(found.values)
        if tree["whole"]:
            break
    assert counts == [2, 4, 6, 8, 10, 12]
    few = observe(story, "three", story.sample(3, 0), batch=2)
    np.testing.assert_allclose(few, observe(story, "three", story.sample(3, 0)), rtol=0, atol=2e-4)


def test_a_map_is_the_mean_of_its_pieces():
    bench, story = open_workbench("stress-normal"), compile_story("stress-normal")
    tree = json.loads(_answer(bench, "influence", b'{"modality": "x1", "cause": "mass"}').body)
    assert tree["whole"]
    np.testing.assert_allclose(tree["map"]["values"], influence(story, "mass", "x1"), rtol=1e-4)


def test_part_is_true_or_false():
    answer = _answer(open_workbench("synergy"), "samples", b'{"part": 1}')
    assert answer.status_code == 400
    assert b"`part`: expected true or false" in answer.body


def test_a_picture_that_is_not_wanted_is_a_conflict():
    bench, turns = open_workbench("stress-normal"), Turns()
    turns.begin("p", 5)
    answer = _answer(bench, "samples", json.dumps({"page": "p", "turn": 4}).encode(), turns)
    assert answer.status_code == 409
