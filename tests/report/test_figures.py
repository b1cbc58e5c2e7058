"""Figures: what is drawn, and what is refused."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from PIL import Image

from infoloom.errors import InfoloomError
from infoloom.law.templates import make_template
from infoloom.report import draw_templates
from infoloom.spec.equations.expression import template

CALLS = [template("ones"), template("disk"), template("ring", 0.3), template("patch", 2, 3, 8, 10)]


def drawn(calls, shape):
    return {str(call): make_template(call, shape).reshape(shape) for call in calls}


def test_every_template_is_a_panel(tmp_path):
    image = drawn(CALLS, (3, 32, 32)) | drawn([template("random", 1)], (3, 16, 16))
    signal = {f"signal {k}": v for k, v in drawn([template("blob", 0.5, 0.1)], (2, 64)).items()}
    path = draw_templates(image | signal, tmp_path / "t.png")
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert pixels.shape[:2] == (900, 1440)  # 2 rows of 3.0 and 4 columns of 2.4 inches at 150 dots
    panels = [pixels[r : r + 450, c : c + 360] for r in (0, 450) for c in range(0, 1440, 360)]
    inked = [(panel.min(axis=2) < 250).sum() for panel in panels]
    assert all(count > 1500 for count in inked[:6])
    assert inked[6] < 1500  # a neighbour's axis labels reach into it
    assert inked[7] == 0


def test_red_is_positive_and_blue_negative(tmp_path):
    pattern = np.zeros((1, 2, 2))
    pattern[0, 0, 0], pattern[0, 1, 1] = 1.0, -1.0
    pixels = np.asarray(Image.open(draw_templates({"t": pattern}, tmp_path / "t.png")).convert("RGB")).astype(
        int
    )
    red = np.argwhere(pixels[..., 0] > pixels[..., 2] + 60)
    blue = np.argwhere((pixels[..., 2] > pixels[..., 0] + 15) & (pixels[..., 2] > 60))
    assert (red.mean(axis=0) < blue.mean(axis=0)).all()


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_vector_formats(tmp_path, suffix):
    path = draw_templates(drawn(CALLS[:1], (1, 8, 8)), tmp_path / f"t{suffix}")
    assert path.stat().st_size > 1000


def test_no_global_state_is_touched(tmp_path):
    draw_templates(drawn(CALLS[:1], (1, 8, 8)), tmp_path / "t.png")
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


REFUSED = [
    ({}, "t.png", "templates: expected at least one to draw. Name causes in a modality's latent."),
    (
        {"a": np.ones((2, 2, 2, 2))},
        "t.png",
        "template `a` of shape (2, 2, 2, 2): expected (channels, height, width), (leads, samples) or "
        "(size,). Reshape it.",
    ),
]


@pytest.mark.parametrize(("templates", "name", "message"), REFUSED)
def test_refused(tmp_path, templates, name, message):
    with pytest.raises(InfoloomError, match=f"^{re.escape(message)}$"):
        draw_templates(templates, tmp_path / name)


def test_unknown_suffix(tmp_path):
    message = f"picture `{tmp_path / 't.xls'}`: expected a name ending in .png, .svg, .pdf. Rename it."
    with pytest.raises(InfoloomError, match=f"^{re.escape(message)}$"):
        draw_templates({"a": np.ones(3)}, tmp_path / "t.xls")


def test_without_matplotlib(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = (
        'matplotlib: expected to be installed, because figures need it. Run `pip install "infoloom[plot]"`.'
    )
    with pytest.raises(InfoloomError, match=f"^{re.escape(message)}$"):
        draw_templates({"a": np.ones(3)}, tmp_path / "t.png")
