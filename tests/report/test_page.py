"""Pages: what they show, that hostile text stays text, that they stand alone and are the same bytes every time."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from html_checks import self_contained
from PIL import Image

from infoloom.errors import InfoloomError
from infoloom.report.files import write_figures
from infoloom.report.page import Number, Section, Table, page_html, write_page
from infoloom.report.style import house_style, new_figure

HOSTILE = """<script>alert(1)</script> " onload="x' & --> </style> <img src=//evil> 100%"""


@house_style()
def curve(label="curve", width=3.0):
    figure = new_figure(width, 2.0)
    axes = figure.subplots()
    axes.plot([0.0, 1.0], [0.0, 1.0], label=label, marker="o")
    axes.legend(frameon=True)
    return figure


@house_style()
def picture():
    figure = new_figure(2.0, 2.0)
    figure.subplots().imshow(np.eye(3), cmap="gray", interpolation="none")
    return figure


def sections():
    table = Table(
        ["quantity", "nats", "rows"],
        [["`I(a; b | c)`", 0.748644195232, 1000], ["b", Number(-0.25, "-0.250 ± 0.001"), None]],
        "values",
    )
    first = Section(
        "First", "One.\n\nTwo with `code`.", {"a curve": curve(), "again": curve()}, [table], "make it"
    )
    return [first, Section("Second & last", figures={"a curve": picture()})]


def test_a_page_stands_alone_and_shows_everything(tmp_path):
    path = write_page("Title", sections(), tmp_path / "new" / "page.html", lead="A lead.")
    page = self_contained(path.read_text(encoding="utf-8"))
    for shown in (
        "Title",
        "A lead.",
        "One.",
        "Two with code .",
        "I(a; b | c)",
        "0.748644",
        "1,000",
        "make it",
    ):
        assert shown in page.text
    assert page.values == [0.748644195232, 1000.0, -0.25]
    assert page.tags.count("svg") == page.tags.count("figcaption") == 3
    assert page.tags.count("p") == 3
    assert [i for i in page.ids if re.match(r"s\d", i)] == ["s1-first", "s2-second-last"]
    assert "−0.250 ± 0.001" in page.text


def test_the_same_page_is_the_same_bytes(tmp_path):
    first, second = (write_page("T", sections(), tmp_path / name) for name in ("a.html", "b.html"))
    assert first.read_bytes() == second.read_bytes()


def test_hostile_text_stays_text():
    table = Table([HOSTILE], [[HOSTILE], [f"`{HOSTILE}`"], [Number(1.0, HOSTILE)]], HOSTILE)
    section = Section(HOSTILE, HOSTILE, {HOSTILE: curve(HOSTILE, 12.0)}, [table], HOSTILE)
    page = self_contained(page_html(HOSTILE, [section], lead=HOSTILE).replace("//evil", "evil"))
    assert page.text.count("<script>alert(1)</script>") == 13


def test_long_tables_are_folded_and_long_cells_wrap():
    rows = [["x"], *([i] for i in range(40))]
    text = page_html(
        "T", [Section("S", tables=[Table(["n"], rows), Table(["n"], [["`" + "a + " * 20 + "`"]])])]
    )
    page = self_contained(text)
    assert "All 41 rows" in page.text
    assert page.tags.count("details") == 1
    assert text.count('<td class="long">') == 1


def test_black_and_white_follow_the_theme_and_colours_do_not():
    text = page_html("T", [Section("S", figures={"c": curve()})])
    drawing = text[text.index("<svg") : text.index("</svg>")]
    assert "#000000" not in drawing
    assert "#ffffff" not in drawing
    assert "stroke: currentColor" in drawing
    assert "fill: var(--paper)" in drawing  # the frame of the legend
    assert "#3b82d6" in drawing


def test_nothing_of_the_drawing_program_is_left():
    text = page_html("T", [Section("S", figures={"c": curve()})])
    assert not re.search(r"<metadata|<!--|<\?xml|DOCTYPE svg|xmlns|xlink", text)
    assert text.count("<style") == 1


def test_figures_are_written_for_papers(tmp_path):
    paths = write_figures(sections(), tmp_path / "figures", "pdf")
    assert [path.name for path in paths] == [
        "01-a-curve.pdf",
        "02-again.pdf",
        "03-a-curve.pdf",
    ]
    assert all(path.read_bytes().startswith(b"%PDF") for path in paths)
    again = write_figures(sections(), tmp_path / "again", "pdf")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    picture = write_figures(sections(), tmp_path / "figures", "png")[0]
    with Image.open(picture) as drawn:
        assert drawn.size == (600, 400)


def test_wrong_calls(tmp_path):
    refused(
        "page: expected at least one section. Give it something to show.", write_page, "T", [], tmp_path / "p"
    )
    refused("figures of kind `gif`: expected pdf or png.", write_figures, sections(), tmp_path, "gif")
    text = "figures: expected at least one to write; these results have none."
    refused(text, write_figures, [Section("S", "text")], tmp_path)


def test_what_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    page, folder = tmp_path / "file" / "new" / "page.html", tmp_path / "file"
    text = f"page `{page}`: cannot be written (Not a directory). Choose another name."
    refused(text, write_page, "T", sections(), page)
    text = f"figures `{folder}`: cannot be written (File exists). Choose another folder."
    refused(text, write_figures, sections(), folder)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = (
        'matplotlib: expected to be installed, because figures need it. Run `pip install "infoloom[plot]"`.'
    )
    refused(text, new_figure, 1.0, 1.0)
    refused(text, house_style().__enter__)


def test_the_style_ends_with_its_context():
    import matplotlib

    before = dict(matplotlib.rcParams)
    curve()
    assert dict(matplotlib.rcParams) == before


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("paper", ["#ffffff", "#12161c"])
def test_colours_are_read_on_light_and_dark_paper(paper):
    from infoloom.report.style import MUTED, PALETTE

    def contrast(a, b):
        low, high = sorted((luminance(a), luminance(b)))
        return (high + 0.05) / (low + 0.05)

    # What WCAG 2.2 (1.4.11) asks of lines and marks.
    assert {colour for colour in (*PALETTE, MUTED) if contrast(colour, paper) < 3.0} == set()


def refused(message, function, *arguments):
    with pytest.raises(InfoloomError, match=f"^{re.escape(message)}$"):
        function(*arguments)
