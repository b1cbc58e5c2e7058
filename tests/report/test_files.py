"""Figures as files: a column wide if asked for, fonts that journals accept, short names, words in place of sight."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from infoloom.errors import InfoloomError
from infoloom.report.alt_text import alt_text
from infoloom.report.files import LETTERS, narrowed, write_figures
from infoloom.report.page import Section, page_html
from infoloom.report.style import house_style, new_figure


@house_style()
def curve():
    figure = new_figure(6.0, 3.0)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 2], label="clip")
    left.set(title="first", xlabel="truth (nats)", ylabel="estimate (nats)", xlim=(0, 1), ylim=(0, 2))
    left.legend()
    right.barh([0, 1], [1, 2])
    right.set_yticks([0, 1], ["radio", "xray"])
    right.set(xlabel="nats", xlim=(0, 2))
    return figure


def only(caption, figure=None):
    return [Section("A long title of a section", figures={caption: figure or curve()})]


def test_fonts_are_truetype(tmp_path):
    (path,) = write_figures(only("A curve"), tmp_path)
    data = path.read_bytes()
    assert b"/FontFile2" in data or b"/CIDFontType2" in data
    assert b"/Type3" not in data


@pytest.mark.parametrize("width", [3.3, 7.0])
def test_a_figure_has_the_width_that_is_asked_for_and_is_left_as_it_was(tmp_path, width):
    figure = curve()
    sizes = [text.get_fontsize() for text in figure.axes[0].get_xticklabels()]
    (path,) = write_figures(only("A curve", figure), tmp_path, "png", width)
    with Image.open(path) as picture:
        assert picture.size[0] == pytest.approx(200 * width, abs=1)
    assert tuple(figure.get_size_inches()) == (6.0, 3.0)
    assert [text.get_fontsize() for text in figure.axes[0].get_xticklabels()] == sizes


@pytest.mark.parametrize(("width", "columns"), [(3.3, 2), (1.5, 1), (12.0, 4)])
def test_panels_stand_in_as_many_columns_as_are_readable(width, columns):
    with house_style():
        figure = new_figure(11.2, 3.0)
        panels = figure.subplots(1, 4, sharey=True)
    before = [axes.get_subplotspec() for axes in panels]
    with narrowed(figure, width):
        places = [axes.get_subplotspec() for axes in panels]
        assert max(place.colspan.stop for place in places) == columns
        assert {(place.rowspan.start, place.colspan.start) for place in places} == {
            (n // columns, n % columns) for n in range(4)
        }
        figure.canvas.draw()
        boxes = [axes.get_window_extent() for axes in panels]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert [axes.get_subplotspec() for axes in panels] == before
    assert figure.get_size_inches().tolist() == [11.2, 3.0]


@pytest.mark.parametrize("width", [0.5, 31.0, float("nan")])
def test_a_width_that_is_none_is_refused(tmp_path, width):
    with pytest.raises(
        InfoloomError, match=rf"^width `{width:g}`: expected 1 to 30 inches\. 3\.3 is a column\.$"
    ):
        write_figures(only("A curve"), tmp_path, "pdf", width)


@pytest.mark.parametrize(
    ("caption", "name"),
    [
        ("Mean estimates ± standard deviation over runs (nats)", "01-mean-estimates-standard"),
        ("Σ", "01-figure"),
        ("x" * 60, "01-" + "x" * LETTERS),
    ],
)
def test_names_are_short(tmp_path, caption, name):
    (path,) = write_figures(only(caption), tmp_path, "png")
    assert path.stem == name


def test_words_say_what_a_figure_shows():
    assert alt_text(curve(), "Estimates of `clip`.") == (
        "Estimates of clip. first: estimate (nats) (0 to 2) against truth (nats) (0 to 1); clip. "
        "radio, xray against nats (0 to 2)."
    )


def test_words_end_after_some_panels_and_leave_colour_bars_out():
    figure = new_figure(4.0, 4.0)
    for axes in figure.subplots(3, 4).flat:
        axes.set(xlabel="x", title="t")
    figure.colorbar(figure.axes[0].imshow([[0, 1]]), ax=figure.axes[0])
    said = alt_text(figure, "Many")
    assert said.endswith("and 4 more panels.")
    assert said.count("t: x (") == 8


def test_the_words_are_in_the_page_and_in_the_files(tmp_path):
    page = page_html("T", only("A curve"))
    label = re.search(r'<svg role="img" aria-label="([^"]*)"', page)[1]
    assert label == alt_text(curve(), "A curve")
    (path,) = write_figures(only("A curve"), tmp_path, "png")
    with Image.open(path) as picture:
        assert picture.info["Description"] == label
