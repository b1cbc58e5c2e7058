"""Tables and paragraphs keep within the terminal and lose nothing."""

from __future__ import annotations

import re

import pytest

from infoloom.cli.terminal.tables import paragraph, screen, table

LONG = "TC(radio, xray, optical, infrared, neutrinos, gravitational_waves)"
ROWS = [("I(a; b) ", ["0.250000000000"]), (f"{LONG} ", ["1.500000000000"]), ("name ", ["value"])]


def words(lines):
    return re.findall(r"\S+", "\n".join(lines))


def test_whole_lines_where_nobody_says_how_wide():
    assert screen() is None  # under test, output is captured
    lines = table(ROWS, None)
    assert lines[0] == f"  {'I(a; b)':<{len(LONG) + 1}} 0.250000000000"
    assert len(lines) == len(ROWS)
    assert table(ROWS, 200) == lines


@pytest.mark.parametrize("width", [30, 40, 60, 79])
def test_a_table_keeps_within_the_width_and_every_word(width):
    lines = table(ROWS, width)
    assert max(map(len, lines)) <= width
    assert words(lines) == words(table(ROWS, None))


def test_only_names_that_are_too_long_stand_above_their_cells():
    assert table(ROWS, 60)[0] == "  I(a; b)  0.250000000000"
    assert table(ROWS, 60)[-2] == "           1.500000000000"


@pytest.mark.parametrize("width", [24, 50])
def test_cells_that_do_not_fit_beside_a_name_are_packed_below(width):
    rows = [("target", [f"{'information':>16}", f"{'R²':>10}", f"{'limit':>14}"])] * 2
    lines = table(rows, width, names=32)
    assert max(map(len, lines)) <= width
    assert words(lines) == ["target", "information", "R²", "limit"] * 2


def test_a_paragraph_is_filled_beside_what_stands_before_it():
    text = "Mass and spin of a black hole, seen in radio and X-rays; the target mixes the two."
    assert paragraph(text, None, first="black-hole  ") == f"black-hole  {text}"
    filled = paragraph(text, 50, first="black-hole  ").splitlines()
    assert max(map(len, filled)) <= 50
    assert filled[1].startswith(" " * 12)
    assert words(filled) == ["black-hole", *text.split()]
    below = paragraph(text, 20, first="black-hole  ").splitlines()
    assert below[0] == "black-hole"
    assert max(map(len, below)) <= 20
