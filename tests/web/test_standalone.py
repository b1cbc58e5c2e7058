"""The page that needs no server: small, complete, and right when its sliders move."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from browsing import Page, needs_axe, needs_browser, serious
from typer.testing import CliRunner

from infoloom.cli.main import app
from infoloom.errors import InfoloomError
from infoloom.spec.load import load_spec
from infoloom.spec.weights import with_weights
from infoloom.story import compile_story
from infoloom.web import standalone as making
from infoloom.web.model import model_of
from infoloom.web.standalone import MOST_BYTES, bundle, data_of, page_of, standalone

PAGES = Path(__file__).parents[2] / "docs" / "pages"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    done = CliRunner().invoke(app, ["explore", "digits-pair", "--export", str(path)])
    assert done.exit_code == 0, done.output
    assert "needs no server" in done.output
    return path


def test_the_page_is_small_and_loads_nothing(exported):
    text = exported.read_text(encoding="utf-8")
    assert len(text.encode()) <= MOST_BYTES
    assert "{{" not in text.partition("<script")[0]
    assert re.findall(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=", text) == []
    assert "default-src 'none'" in text
    held = json.loads(
        re.search(r'<script type="application/json" id="story">(.*?)</script>', text, re.DOTALL)[1]
    )
    assert held["by"] == ["style", "theta"]
    assert {len(one["pictures"]["images"]) for one in held["pictures"]["style"]["sweep"]} == {9}


def test_a_file_that_is_there_is_not_overwritten(exported):
    done = CliRunner().invoke(app, ["explore", "digits-pair", "--export", str(exported)])
    assert "cannot be written" in str(done.exception)


def test_the_script_is_the_modules_of_the_page(tmp_path):
    script = bundle()
    assert "import {" not in script
    assert not re.search(r"^export ", script, re.MULTILINE)
    if node := shutil.which("node"):
        path = tmp_path / "page.mjs"
        path.write_text(script, encoding="utf-8")
        subprocess.run([node, "--check", str(path)], check=True)


def test_a_text_cannot_leave_its_element():
    text = "name: evil\ndescription: </script><b>\n"
    text += "causes: {c: normal}\nmodalities: {x: {flow: vector(2), latent: c + noise}}\n"
    data = {**data_of("synergy"), "spec": text}
    data["model"] = {**data["model"], "name": "<i>", "description": "</script><b>"}
    page = page_of(data)
    assert "</script><b>" not in page
    assert "<i>" not in page


def test_pictures_are_left_out_where_the_page_would_be_too_large(monkeypatch):
    whole = data_of("digits-pair")
    monkeypatch.setattr(making, "MOST_BYTES", len(page_of(whole).encode()) - 1000)
    less = data_of("digits-pair")
    assert less["by"] == whole["by"][:1]
    assert "Some pictures are left out" in page_of(less)
    monkeypatch.setattr(making, "MOST_BYTES", 10_000)
    with pytest.raises(InfoloomError, match=r"MB without pictures\. Use fewer templates or modalities"):
        data_of("digits-pair")


def test_a_story_without_closed_forms_is_refused():
    with pytest.raises(InfoloomError, match="expected closed forms of all values"):
        standalone("stress-student")


def _rounded(value):
    """Numbers to nine digits, and none below 1e-12: the last digits differ from one processor to another."""
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.9g}") if abs(value) > 1e-12 else 0.0
    return value


def test_the_pages_of_the_documentation_hold_the_stories_of_today():
    found = sorted(PAGES.glob("*.json"))
    assert len(found) == 3
    for path in found:
        held = json.loads(path.read_text(encoding="utf-8"))
        found_now = json.loads(json.dumps(model_of(compile_story(path.stem))))
        assert _rounded(held["model"]) == _rounded(found_now), "make them anew"
        assert len(page_of(held).encode()) <= MOST_BYTES
        front = (PAGES.parent / "index.md").read_text(encoding="utf-8")
        assert f'href="explore/{path.stem}.html"' in front


@needs_browser
def test_values_follow_the_sliders(driver, exported):
    from selenium.webdriver.common.keys import Keys

    page = Page(driver, exported.as_uri())
    page.open()
    for query, value in compile_story("digits-pair").truth_table().items():
        assert page.value(query)[1] == pytest.approx(value, abs=1e-9)
    path = "modalities.three.latent[0]"
    page.slider(path).send_keys(*[Keys.ARROW_RIGHT] * 5)
    moved = with_weights(load_spec("digits-pair"), {path: float(page.slider(path).get_attribute("value"))})
    expected = compile_story(moved).truth_table()
    page.until(
        lambda: page.value("I(three; theta)")[1] == pytest.approx(expected["I(three; theta)"], abs=1e-9)
    )
    for query, value in expected.items():
        assert page.value(query)[1] == pytest.approx(value, abs=1e-9)
    page.find("#reset").click()
    page.until(lambda: page.value("I(three; theta)")[0] == "0.88135")
    number = page.find('input[type="number"][data-path="modalities.three.latent[1]"]')
    number.send_keys(Keys.CONTROL, "a")
    number.send_keys("0", Keys.TAB)
    told = page.until(lambda: page.find("#trouble").text)
    assert "three" in told
    assert "degenerate" in told
    assert driver.get_log("browser") == []


@needs_browser
@needs_axe
def test_axe_finds_nothing_serious(driver, exported):
    Page(driver, exported.as_uri()).open()
    assert serious(driver) == {}
