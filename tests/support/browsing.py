"""The explorer page in a real browser, driven by its user's hands."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no chromium and chromedriver on the path: `apt-get install chromium chromium-driver`",
)

WAIT = 60.0  # seconds until something that must happen counts as not happening; the machine may be busy
RADIO, SPIN = "modalities.radio.latent[0]", "modalities.radio.latent[1]"


class Page:
    """The page, driven by its user's hands."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def open(self):
        self.driver.get(self.address)
        self.until(lambda: self.js("return document.body.dataset.ready > 0"))

    def choose_at_once(self, preset):
        """Choose a story and do not wait for it."""
        self.js(
            "const select = document.getElementById('preset'); select.value = arguments[0];"
            "select.dispatchEvent(new Event('change'))",
            preset,
        )

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def until(self, condition):
        end = time.monotonic() + WAIT
        while not (found := condition()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)
        return found

    def slider(self, path):
        return self.find(f'input[type="range"][data-path="{path}"]')

    def value(self, query):
        """What the table shows, and the number behind it."""
        row = f'tr[data-query="{query}"] td.number'
        text, value = self.js(
            "const cell = document.querySelector(arguments[0]); return [cell.textContent, cell.dataset.value]",
            row,
        )
        return text.replace("−", "-"), float(value)

    def type(self, text):
        self.js(
            "const area = document.getElementById('yaml'); area.value = arguments[0];"
            "area.dispatchEvent(new Event('input'))",
            text,
        )

    def settled(self, text):
        """Until the editor holds a text; its value when it does."""
        return self.until(lambda: text in self.find("#yaml").get_attribute("value"))

    def choose(self, preset):
        drawn = int(self.js("return document.body.dataset.ready"))
        self.choose_at_once(preset)
        self.until(lambda: int(self.js("return document.body.dataset.ready")) > drawn)


AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: `npm ci --prefix tests/web`")


def serious(driver):
    """What axe-core finds wrong with the page as it stands, with the elements; minor advice is left out."""
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = driver.execute_async_script(
        "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations))"
    )
    return {
        one["id"]: [node["html"][:120] for node in one["nodes"]]
        for one in found
        if one["impact"] in ("serious", "critical")
    }


def make_driver(downloads=None):
    """A browser without a window; what it logs and asks for can be read."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--force-prefers-reduced-motion",
        "--window-size=1280,1000",
    ):
        options.add_argument(argument)
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(4 * WAIT)
    return driver
