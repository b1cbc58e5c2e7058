"""`infoloom report` as a user calls it."""

from __future__ import annotations

import pytest
import typer
from html_checks import self_contained
from typer.testing import CliRunner

from infoloom.cli.data import report
from infoloom.datasets import generate
from infoloom.errors import InfoloomError
from infoloom.story import load


@pytest.fixture
def app():
    app = typer.Typer()
    report.register(app)
    return app


def call(app, *arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.stdout.splitlines()


def test_page_and_figures(app, tmp_path):
    spec = {
        "name": "tiny",
        "causes": {"u": "normal"},
        "targets": {"theta": "u"},
        "modalities": {"left": {"flow": "vector(4)", "latent": "u + noise"}},
    }
    generate(load(spec), tmp_path / "tiny", 30, 0)
    page, folder = tmp_path / "page.html", tmp_path / "figures"
    lines = call(app, tmp_path / "tiny", "-o", page, "--figures", folder, "--kind", "png", "--no-checks")
    assert lines == [str(page), *(str(path) for path in sorted(folder.iterdir()))]
    assert len(list(folder.glob("*.png"))) == 4
    shown = self_contained(page.read_text(encoding="utf-8"))
    assert "Ground truth" in shown.text
    assert "Checks" not in shown.text
    lines = call(app, tmp_path / "tiny", "-o", page, "--sort-by", "u")
    assert lines == [str(page)]
    shown = self_contained(page.read_text(encoding="utf-8"))
    assert "Observations sorted by u" in shown.text
    assert "Checks" in shown.text


def test_wrong_calls(app, tmp_path):
    with pytest.raises(InfoloomError, match="expected a readable file"):
        call(app, tmp_path / "nothing")
    for options, message in (
        (("--kind", "foo"), "figures of kind `foo`"),
        (("--width", "nan"), "width `nan`"),
    ):
        with pytest.raises(InfoloomError, match=message):  # before anything is read or written
            call(app, tmp_path / "nothing", "--output", tmp_path / "page.html", *options)
    assert not (tmp_path / "page.html").exists()
