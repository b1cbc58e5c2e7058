"""A server with the page, a browser, and the page in it: nothing is fetched from elsewhere, nothing complains."""

from __future__ import annotations

import json
import threading

import pytest
import uvicorn
from browsing import CHROMIUM, DRIVER, WAIT, Page

from infoloom.web.app import make_app
from infoloom.web.server import bind
from infoloom.web.workbench import open_workbench


@pytest.fixture(scope="module")
def address():
    server = uvicorn.Server(
        uvicorn.Config(make_app(open_workbench("black-hole")), log_level="warning", lifespan="off", ws="none")
    )
    bound = bind()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    server.should_exit = True
    thread.join(WAIT)
    bound.close()


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
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
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.downloads = downloads
    yield driver
    driver.quit()


@pytest.fixture
def page(driver, address):
    driver.get_log("browser"), driver.get_log("performance")
    made = Page(driver, address)
    made.open()
    yield made
    assert driver.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert asked
    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()
