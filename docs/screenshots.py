"""Pictures of the explorer page for the documentation: `make screenshots`, with chromium and its driver on the path.

python docs/screenshots.py [hero] [held] [wrong] [narrow] [many]
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from pathlib import Path

import uvicorn
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from infoloom.spec.load import preset_text
from infoloom.web.app import make_app
from infoloom.web.server import bind
from infoloom.web.workbench import open_workbench

FOLDER = Path(__file__).resolve().parent / "images"
PATIENCE = 600.0


def open_browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


class Camera:
    """A browser on the page that waits until everything is drawn."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def open(self, story, width, *, dark=False):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.resize(width, 1400)
        self.driver.get(self.address)
        self.until("return document.body.dataset.ready > 0")
        drawn = self.driver.execute_script("return Number(document.body.dataset.ready)")
        self.driver.execute_script(
            "const s = document.getElementById('preset'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))",
            story,
        )
        self.until(f"return document.body.dataset.ready > {drawn}")

    def resize(self, width, height):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def until(self, script):
        end = time.monotonic() + PATIENCE
        while not self.driver.execute_script(script):
            if time.monotonic() > end:
                raise TimeoutError(script)
            time.sleep(0.1)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def slider(self, path):
        return self.find(f'input[type="range"][data-path="{path}"]')

    def shoot(self, name, height=None):
        """The whole page, or the upper part of it."""
        width = self.driver.execute_script("return innerWidth")
        self.resize(width, self.driver.execute_script("return document.documentElement.scrollHeight"))
        time.sleep(1.0)
        self.until("return !document.querySelector('.wait, .stale')")
        full = self.driver.execute_script(
            "return document.querySelector('main').getBoundingClientRect().bottom"
        )
        self.resize(width, height or int(full))
        time.sleep(0.5)
        self.driver.save_screenshot(str(FOLDER / f"{name}.png"))
        print(FOLDER / f"{name}.png", flush=True)  # noqa: T201


def hero(camera):
    camera.open("digits-pair", 1280)
    camera.shoot("explorer")


def held(camera):
    camera.open("black-hole", 1280, dark=True)
    camera.find('[data-lock="I(radio; theta)"]').click()
    camera.until("return document.querySelector('#held select') !== null")
    camera.slider("modalities.radio.latent.asymmetry[0]").send_keys(*[Keys.ARROW_RIGHT] * 40)
    camera.shoot("explorer-held")


def wrong(camera):
    camera.open("black-hole-templates", 1280)
    text = preset_text("black-hole-templates").replace("0.8*mass", "0.8*mas")
    text = text.replace("identity(3", "identiti(3", 1)
    camera.driver.execute_script(
        "const a = document.getElementById('yaml'); a.value = arguments[0]; a.dispatchEvent(new Event('input'))",
        text,
    )
    camera.until("return document.querySelector('#problems button') !== null")
    bottom = camera.driver.execute_script(
        "return document.getElementById('problems').getBoundingClientRect().bottom + scrollY"
    )
    camera.shoot("explorer-wrong", int(bottom) + 16)


def narrow(camera):
    camera.open("digits-pair", 400, dark=True)
    camera.shoot("explorer-narrow")


def many(camera):
    camera.open("multimodal-decay", 1280)
    camera.find('input[data-path="modalities.x4.latent[0]"]').send_keys(Keys.ARROW_RIGHT)
    camera.shoot("explorer-many", 1250)


def main():
    app = make_app(open_workbench("digits-pair"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
    bound = bind()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    driver = open_browser()
    try:
        camera = Camera(driver, f"http://127.0.0.1:{bound.getsockname()[1]}/")
        chosen = sys.argv[1:] or [one.__name__ for one in STATES]
        for state in STATES:
            if state.__name__ in chosen:
                state(camera)
    finally:
        driver.quit()
        server.should_exit = True
        thread.join()
        bound.close()


STATES = (hero, held, wrong, narrow, many)

if __name__ == "__main__":
    main()
