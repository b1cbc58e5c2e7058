"""The story lives in the address, the menu tells which it is, and what was shown of another goes at once."""

from __future__ import annotations

import random

import pytest
from browsing import RADIO, SPIN, needs_axe, needs_browser, serious

from infoloom.spec.load import load_spec, preset_text
from infoloom.spec.weights import with_weights
from infoloom.story import compile_story

pytestmark = needs_browser
MENU = "const m = document.getElementById('preset'); return m.options[m.selectedIndex].textContent"
HASH = "return location.hash"


def retype(page, path, *keys):
    from selenium.webdriver.common.keys import Keys

    field = page.find(f'input[type="number"][data-path="{path}"]')
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(*keys)
    return field


def shows(page, query, value):
    return (
        page.js(
            "const cell = document.querySelector(arguments[0]); return cell && Number(cell.dataset.value)",
            f'tr[data-query="{query}"] td.number',
        )
        == value
    )


def reload(page):
    page.driver.refresh()
    page.until(lambda: page.js("return document.body.dataset.ready > 0"))


def test_moves_and_choices_survive_a_reload(page):
    from selenium.webdriver.common.keys import Keys

    assert page.js(HASH) == ""
    retype(page, RADIO, "0.05", Keys.TAB)
    page.settled("0.05*mass@disk")
    page.js("document.querySelector('input[value=bits]').click()")
    page.until(lambda: page.find("#table-unit").text == "bits, exact")
    before = page.js(HASH)
    assert 20 < len(before) < 300
    reload(page)
    bits = (
        compile_story(with_weights(load_spec("black-hole-templates"), {RADIO: 0.05}))
        .quantity("I(radio; theta)")
        .to_json(True)
    )
    page.until(lambda: shows(page, "I(radio; theta)", bits))
    page.settled("0.05*mass@disk")
    assert page.js(HASH) == before
    page.find("#reset").click()
    page.settled("0.03*mass@disk")


def test_back_leads_to_the_story_before_and_its_moves(page):
    from selenium.webdriver.common.keys import Keys

    retype(page, SPIN, "0.01", Keys.TAB)
    page.settled("0.01*spin@ring(0.3)")
    page.until(lambda: page.js(HASH) != "")
    page.choose("synergy")
    assert page.js(MENU) == "synergy"
    page.driver.back()
    moved = compile_story(with_weights(load_spec("black-hole-templates"), {SPIN: 0.01})).information(
        "I(radio; theta)"
    )
    page.until(
        lambda: page.all('tr[data-query="I(radio; theta)"]') and page.value("I(radio; theta)")[1] == moved
    )
    page.settled("0.01*spin@ring(0.3)")
    page.driver.forward()
    page.until(lambda: page.js(MENU) == "synergy")


def test_a_text_that_is_wrong_survives_a_reload_too(page):
    page.type(preset_text("synergy").replace("name: synergy", "name: synergy # ö\nwrong"))
    page.until(lambda: page.all("#problems button.problem"))
    page.until(lambda: page.js(HASH) != "")
    page.driver.refresh()
    page.settled("name: synergy # ö\nwrong")
    page.until(lambda: page.all("#problems button.problem"))


def test_an_address_without_a_story_is_told(page):
    page.driver.get(page.address + "#1.bm90aGluZw")
    page.driver.refresh()
    page.until(lambda: "no readable story" in page.find("#said").get_attribute("textContent"))
    page.until(
        lambda: shows(
            page, "I(radio; theta)", compile_story("black-hole-templates").information("I(radio; theta)")
        )
    )


def test_a_question_comes_before_a_story_is_lost(page):
    """Random letters cannot be compressed, so this text fits no address."""
    letters = random.Random(0)
    comment = "".join(letters.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(100_000))
    page.type(preset_text("synergy") + f"\n# {comment}\n")
    page.until(lambda: "too long for the address" in page.find("#said").get_attribute("textContent"))
    page.choose_at_once("unique")
    question = page.until(lambda: _alert(page))
    assert "will be lost" in question.text
    question.dismiss()
    assert page.js(MENU) == "synergy, edited"
    page.choose_at_once("unique")
    page.until(lambda: _alert(page)).accept()
    page.until(lambda: page.js(MENU) == "unique")
    page.until(lambda: page.js(HASH) != "")  # kept again, so that leaving asks nothing


def _alert(page):
    from selenium.common.exceptions import NoAlertPresentException

    try:
        return page.driver.switch_to.alert
    except NoAlertPresentException:
        return None


def test_the_menu_says_when_a_preset_is_not_what_is_shown(page):
    assert page.js(MENU) == "black-hole-templates"
    page.type(
        "name: mine\ncauses: {c: normal}\ntargets: {t: c}\nmodalities: {x: {flow: vector(4), latent: c + noise}}\n"
    )
    page.until(lambda: page.js(MENU) == "mine, edited")
    page.type(preset_text("synergy"))
    page.until(lambda: page.js(MENU) == "synergy")


def test_undo_is_offered_after_a_first_move_that_fails_and_the_slider_goes_back(page):
    from selenium.webdriver.common.keys import Keys

    noise = "modalities.x.latent[1]"
    page.type(
        "name: mine\ncauses: {c: normal}\ntargets: {t: c}\n"
        "modalities: {x: {flow: vector(4), latent: c + noise}}\n"
    )
    page.until(lambda: page.all(f'input[type="number"][data-path="{noise}"]'))
    retype(page, noise, "0", Keys.TAB)
    page.until(lambda: page.find("#trouble").text)
    assert page.find("#reset").is_displayed()
    page.find("#reset").click()
    page.until(lambda: not page.find("#trouble").text)
    page.until(lambda: float(page.slider(noise).get_attribute("value")) == 1.0)
    field = page.find(f'input[type="number"][data-path="{noise}"]')
    assert field.get_attribute("value") == "1"
    assert not page.find("#reset").is_displayed()


def test_a_typed_number_beyond_the_slider_survives_an_arrow_key(page):
    from selenium.webdriver.common.keys import Keys

    retype(page, "targets.theta[0]", "100", Keys.TAB)
    page.settled("100*mass")
    page.slider("targets.theta[0]").send_keys(Keys.ARROW_RIGHT)
    page.settled("101*mass")


def test_what_was_shown_goes_at_once_when_another_story_is_chosen(page):
    before = page.find("#description").text
    seen = page.driver.execute_async_script(
        "const done = arguments[0], s = document.getElementById('preset'); s.value = 'synergy';"
        "new MutationObserver((_, watch) => { watch.disconnect(); done(["
        "  getComputedStyle(document.getElementById('table')).visibility,"
        "  document.getElementById('description').textContent,"
        "  document.querySelectorAll('.strip, .map').length]); })"
        ".observe(document.body, {attributeFilter: ['data-reading']});"
        "s.dispatchEvent(new Event('change'))"
    )
    assert seen == ["hidden", "Reading synergy …", 0]
    page.until(lambda: page.js("return !document.body.dataset.reading"))
    assert page.find("#description").text not in ("", before)


def test_negative_information_lies_left_of_zero(page):
    page.choose("synergy")
    story = compile_story("synergy")
    query = next(name for name, value in story.truth_table().items() if value < -0.01)
    x, width, zero = page.js(
        "const s = document.querySelector(arguments[0]); const r = s.querySelector('rect');"
        "return [r.x.baseVal.value, r.width.baseVal.value, s.querySelector('line.zero').x1.baseVal.value]",
        f'tr[data-query="{query}"] svg',
    )
    assert x + width == pytest.approx(zero, abs=1e-2)
    assert width > 0
    assert x < zero


def test_parts_of_the_information_are_drawn_to_one_scale(page):
    parts = compile_story("black-hole-templates").decompose("theta", ("radio", "xray"))
    drawn = page.js(
        "return [...document.querySelectorAll('#parts rect')].map((r) => [r.className.baseVal, Number(r.dataset.value),"
        " r.width.baseVal.value])"
    )
    values = {kind: value for kind, value, _ in drawn}
    assert values["shared"] == pytest.approx(parts.redundancy, abs=1e-12)
    assert values["whole"] == pytest.approx(parts.total, abs=1e-12)
    longest = max(width for _, _, width in drawn)
    for _, value, width in drawn:
        assert width == pytest.approx(longest * value / parts.total, abs=0.01)
    assert "smaller of I(radio; theta) and I(xray; theta)" in page.find("#parts").text


def test_maps_of_three_channels_say_which_is_which(page):
    page.type(
        "name: rgb\ncauses: {c: normal}\ntargets: {t: c}\n"
        "modalities: {x: {flow: 'identity(3, 8, 8)', latent: 'c@disk(channel=1) + noise'}}\n"
    )
    page.until(lambda: "rgb" in page.js(MENU))
    page.js("document.getElementById('templates').scrollIntoView()")
    page.until(lambda: len(page.all("#templates canvas")) == 3)
    assert [one.text for one in page.all("#templates figcaption")] == ["red", "green", "blue"]


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_page(page, scheme):
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        page.until(lambda: page.js("return !document.querySelector('.stale')"))
        assert serious(page.driver) == {}
        page.type(preset_text("black-hole-templates").replace("0.8*mass", "0.8*mas"))
        page.until(lambda: page.all("#problems button.problem"))
        page.until(
            lambda: page.js("return getComputedStyle(document.querySelector('.depends')).opacity < 0.5")
        )
        assert serious(page.driver) == {}
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
