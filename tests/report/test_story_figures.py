"""Figures of stories: the numbers in them are those that were given."""

from __future__ import annotations

import re

import pytest

from infoloom.errors import InfoloomError
from infoloom.information.quantity import QUADRATURE, Quantity
from infoloom.report.story_figures import draw_bars, draw_ceilings, draw_decomposition, draw_map
from infoloom.story import load


def words(axes):
    return [text.get_text() for text in axes.texts]


def test_a_map_shows_every_pair_on_both_sides():
    pairs = {("theta", "a"): 0.5, ("b", "theta"): 0.25, ("a", "b"): 1234.5}
    axes = draw_map(["theta"], ["a", "b"], pairs).axes[0]
    assert sorted(words(axes)) == ["0.250", "0.250", "0.500", "0.500", "1,234", "1,234"]
    places = {text.get_position(): text.get_text() for text in axes.texts}
    assert places[0, 1] == places[1, 0] == "0.500"
    assert places[1, 2] == places[2, 1] == "1,234"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["theta", "a", "b"]
    shades = {patch.get_xy(): patch.get_alpha() for patch in axes.patches if patch.get_facecolor()[3]}
    # A target's row has a scale of its own, or beside 1234 nats it would be blank.
    assert shades[1 - 0.47, 0 - 0.47] == shades[2 - 0.47, 1 - 0.47] == 2 * shades[2 - 0.47, 0 - 0.47]


def test_bars_have_the_length_of_their_values():
    values = {"I(a; b)": Quantity(0.5), "I(a; b; c)": Quantity(-0.125)}
    other = {"I(a; c)": Quantity(0.75, None, QUADRATURE, 0.25)}
    figure = draw_bars({"One": values, "Empty": {}, "Two": other})
    first, second = figure.axes
    assert (first.get_title("left"), second.get_title("left")) == ("One", "Two")
    assert [bar.get_width() for bar in first.patches] == [0.5, -0.125]
    assert words(first) == ["0.500", "−0.125"]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["I(a; b)", "I(a; b; c)"]
    line = second.collections[0].get_segments()[0]
    assert line[:, 0].tolist() == [0.5, 1.0]
    assert not first.collections


def test_a_decomposition_fills_its_bar():
    for name in ("black-hole", "synergy", "multimodal-decay"):
        part = load(name).decompose("theta")
        axes = draw_decomposition([part]).axes[0]
        widths = [bar.get_width() for bar in axes.patches]
        assert sum(widths) == pytest.approx(part.total, rel=1e-12)
        assert widths[0] == part.redundancy
        assert widths[3] == part.synergy
        shown = [text.get_text() for text in axes.get_legend().get_texts()]
        assert len(shown) == sum(width > 0 for width in widths)


def test_ceilings():
    found = load("black-hole").ceilings(batch=None).targets
    axes = draw_ceilings(found).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [one.r_squared for one in found]
    assert words(axes) == [f"{one.r_squared:.4f}" for one in found]
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == ["theta from radio", "theta from xray", "theta from both"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: draw_map(["t"], ["a"], {}), "map: expected at least one pair of variables to draw."),
        (lambda: draw_bars({"One": {}}), "bars: expected at least one value to draw."),
        (lambda: draw_decomposition([]), "decomposition: expected at least one target to draw."),
        (lambda: draw_ceilings([]), "ceilings: expected at least one target to draw."),
    ],
)
def test_nothing_to_draw(draw, message):
    with pytest.raises(InfoloomError, match=f"^{re.escape(message)}$"):
        draw()
