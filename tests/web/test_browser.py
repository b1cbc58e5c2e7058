"""The page in a real browser: what a person does, and the values that the library gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from browsing import RADIO, SPIN, needs_browser

from infoloom.design.holding import hold
from infoloom.spec.load import load_spec, parse_spec, preset_text
from infoloom.spec.weights import weights, with_weights
from infoloom.story import compile_story

pytestmark = needs_browser


def test_a_slider_moves_and_the_table_follows(page):
    from selenium.webdriver.common.keys import Keys

    page.slider(RADIO).send_keys(*[Keys.ARROW_RIGHT] * 12)
    moved = float(page.slider(RADIO).get_attribute("value"))
    assert moved == pytest.approx(0.042)
    story = compile_story(with_weights(load_spec("black-hole-templates"), {RADIO: moved}))
    page.until(lambda: page.value("I(radio; theta)")[1] == story.information("I(radio; theta)"))
    for query, value in story.truth_table().items():
        assert page.value(query) == (f"{value:.5f}", value)
    page.settled("0.042*mass@disk")  # the number stands in the text once the slider rests
    assert page.find("#yaml").get_attribute("value").startswith("# A black hole")
    assert page.find(".edge.lit text").text == "0.042"


def test_a_number_can_be_typed_and_a_move_undone(page):
    from selenium.webdriver.common.keys import Keys

    page.find(f'input[type="number"][data-path="{SPIN}"]').send_keys(Keys.CONTROL, "a")
    page.find(f'input[type="number"][data-path="{SPIN}"]').send_keys("-0.01", Keys.TAB)
    expected = compile_story(with_weights(load_spec("black-hole-templates"), {SPIN: -0.01})).information(
        "I(radio; theta)"
    )
    page.until(lambda: page.value("I(radio; theta)")[1] == expected)
    page.settled("- 0.01*spin@ring(0.3)")
    page.find("#reset").click()
    still = compile_story("black-hole-templates").information("I(radio; theta)")
    page.until(lambda: page.value("I(radio; theta)")[1] == still)
    page.settled("+ 0.02*spin@ring(0.3)")


def test_wrong_text_is_told_at_its_place_and_mended(page):
    text = preset_text("black-hole-templates")
    page.type(text.replace("0.8*mass", "0.8*mas").replace("identity(3", "identiti(3"))
    buttons = page.until(lambda: page.all("#problems button.problem"))
    places = {button.get_attribute("data-line"): button.text for button in buttons}
    lines = text.splitlines()
    theta = 1 + next(i for i, line in enumerate(lines) if "theta:" in line)
    radio = 1 + next(i for i, line in enumerate(lines) if "radio:" in line)
    assert list(places) == [str(theta), str(radio), str(radio + 1)]  # from top to bottom
    assert "unknown name `mas`; did you mean `mass`?" in places[str(theta)]
    assert [mark.text for mark in page.all("#gutter .wrong")] == [str(n) for n in (theta, radio, radio + 1)]
    assert page.find("#yaml").get_attribute("aria-invalid") == "true"
    next(button for button in buttons if button.get_attribute("data-line") == str(theta)).click()
    picked = page.js(
        "const a = document.getElementById('yaml'); return a.value.slice(a.selectionStart, a.selectionEnd)"
    )
    assert picked == "mas + 0.6*spin"
    page.type(text.replace("0.8*mass", "0.7*mass"))
    expected = compile_story(parse_spec(text.replace("0.8*mass", "0.7*mass"))).information("I(xray; theta)")
    page.until(lambda: page.value("I(xray; theta)")[1] == expected)
    assert page.all("#problems button.problem") == []


def test_a_locked_value_stays_while_another_slider_moves(page):
    from selenium.webdriver.common.keys import Keys

    before = page.value("I(radio; theta)")[1]
    page.find('[data-lock="I(radio; theta)"]').click()
    page.until(lambda: page.all("#held select"))
    lever = page.find("#held select").get_attribute("value")
    assert lever == RADIO
    page.until(lambda: not page.slider(RADIO).is_enabled())
    page.slider(SPIN).send_keys(*[Keys.ARROW_RIGHT] * 5)
    moved = with_weights(
        load_spec("black-hole-templates"), {SPIN: float(page.slider(SPIN).get_attribute("value"))}
    )
    held = hold(moved, {"I(radio; theta)": before}, [RADIO])
    expected = compile_story(held).truth_table()
    page.until(lambda: page.value("I(radio; xray)")[1] == expected["I(radio; xray)"])
    assert page.value("I(radio; theta)")[1] == pytest.approx(before, abs=1e-9)
    gave = next(one.value for one in weights(held) if one.path == RADIO)
    page.settled(f"{gave!r}*mass@disk")
    assert page.find('[data-lock="I(radio; theta)"]').get_attribute("aria-pressed") == "true"
    number = page.find(f'input[type="number"][data-path="{SPIN}"]')
    number.send_keys(Keys.CONTROL, "a")
    number.send_keys("0", Keys.TAB)  # the mass alone cannot say so much about theta
    told = page.until(lambda: page.find("#trouble").text)
    assert told.startswith("require.I(radio; theta)")


def test_what_is_taken_along_is_the_story_as_it_stands(page, driver):
    from selenium.webdriver.common.keys import Keys

    driver.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    page.slider(RADIO).send_keys(*[Keys.ARROW_LEFT] * 3)
    page.settled("0.027*mass@disk")
    expected = with_weights(load_spec("black-hole-templates"), {RADIO: 0.027})
    page.find("#download").click()
    written = page.until(lambda: list(driver.downloads.glob("black-hole-templates*.yaml")))
    assert parse_spec(written[0].read_text(encoding="utf-8")).digest == expected.digest
    copied = "return navigator.clipboard.readText()"
    page.find("#copy-command").click()
    command = "infoloom generate black-hole-templates.yaml black-hole-templates --rows 10000 --seed 0"
    page.until(lambda: page.js(copied) == command)
    page.find("#copy-python").click()
    page.until(lambda: page.js(copied).startswith("import infoloom as loom"))
    names = {"print": lambda *_: None}
    exec(compile(page.js(copied), "copied", "exec"), names)  # noqa: S102 (our own code)
    assert names["story"].spec.digest == expected.digest
    page.find('[data-panel="information"]').click()
    saved = page.until(lambda: list(driver.downloads.glob("information*.json")))
    rows = json.loads(Path(saved[0]).read_text(encoding="utf-8"))["rows"]
    assert {row["query"]: row["value"] for row in rows} == compile_story(expected).truth_table()


def test_everything_is_reached_by_keyboard_and_has_a_name(page):
    from selenium.webdriver.common.keys import Keys

    page.js("document.activeElement.blur(); window.scrollTo(0, 0)")
    seen, visible = [], []
    for _ in range(120):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        here, name, outlined, clear = page.js(
            "const e = document.activeElement, s = getComputedStyle(e);"
            "const top = e.closest('header') ? 0 : document.querySelector('header').getBoundingClientRect().bottom;"
            "const near = e.closest('label, .editor, .segments') ?? e;"
            "const f = [e, near, e.nextElementSibling].filter(Boolean).map((x) => getComputedStyle(x));"
            "return [e.dataset.path ? e.dataset.path + e.type : e.id || e.className,"
            " e.ariaLabel || e.getAttribute('aria-labelledby') || e.labels?.length || e.textContent,"
            " f.some((x) => x.outlineStyle !== 'none' || x.boxShadow !== 'none'),"
            " near.getBoundingClientRect().top >= top - 1 || near.getBoundingClientRect().height > innerHeight]"
        )
        if page.js("return document.activeElement === document.body"):
            break
        assert name, here
        visible.append(outlined)
        assert clear, f"{here} lies under the header"
        seen.append(here)
    assert all(visible)
    for wanted in ("preset", "download", "copy-python", "copy-command", "theme", "yaml", "cause", "again"):
        assert wanted in seen
    for one in weights(load_spec("black-hole-templates")):
        assert f"{one.path}range" in seen
        assert f"{one.path}number" in seen
    assert sum(page.js("return [...document.querySelectorAll('[data-lock]')].map(() => 1)")) == 6


@pytest.mark.parametrize(
    ("width", "preset"), [(400, "black-hole-templates"), (400, "multimodal-decay"), (1280, "synergy")]
)
def test_nothing_sticks_out_on_a_narrow_screen(page, driver, width, preset):
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    page.choose(preset)
    try:
        assert page.js("return document.documentElement.scrollWidth") <= width
        out = page.js(
            "return [...document.querySelectorAll('header *, h2, button, select, input, .slider, td, figure > svg')]"
            ".filter((e) => !e.closest('.scroll, .editor') && e.getClientRects().length)"
            ".filter((e) => e.getBoundingClientRect().right > arguments[0] + 1).map((e) => e.outerHTML.slice(0, 90))",
            width,
        )
        assert out == []
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_themes_and_units(page):
    paper = "return getComputedStyle(document.body).backgroundColor"
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    assert page.js(paper) == "rgb(18, 22, 28)"
    page.find("#theme").click()
    assert page.js(paper) == "rgb(255, 255, 255)"
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.find("#theme").click()
    assert page.js(paper) == "rgb(18, 22, 28)"
    page.js("document.querySelector('input[value=bits]').click()")
    bits = compile_story("black-hole-templates").quantity("I(radio; xray)").to_json(bits=True)
    page.until(lambda: page.value("I(radio; xray)")[1] == bits)
    assert page.find("#table-unit").text == "bits, exact"


def test_pictures_appear_for_every_modality(page):
    page.choose("stress-normal")
    for panel, pictures in (("samples", ".cells img"), ("sweep", ".cells img"), ("influence", "canvas")):
        page.js("document.getElementById(arguments[0]).scrollIntoView()", panel)
        page.until(lambda panel=panel, pictures=pictures: len(page.all(f"#{panel} {pictures}")) >= 2)
    page.until(lambda: len(page.all('#sweep [data-modality="x2"] img')) == 9)
    assert page.js("return document.querySelector('#sweep img').naturalWidth") == 8
    page.until(lambda: len(page.all("#templates .map")) == len(compile_story("stress-normal").templates()))


def test_free_parameters_are_solved_by_a_click(page):
    text = (
        "name: pair\ncauses: {mass: normal}\nparameters: {a: free}\ntargets: {theta: mass}\n"
        "modalities: {x: {flow: vector(16), latent: a*mass + noise}}\nrequire: {I(x; theta): 0.5}\n"
    )
    page.type(text)
    page.until(lambda: page.all("#solve"))
    page.find("#solve").click()
    page.until(lambda: page.all('tr[data-query="I(x; theta)"]'))
    assert page.value("I(x; theta)")[1] == pytest.approx(0.5, abs=1e-9)
    assert "a: free" not in page.find("#yaml").get_attribute("value")
