"""A server with the page, a browser, and the page in it: nothing is fetched from elsewhere, nothing complains."""

from __future__ import annotations

import json
import threading

import pytest
import uvicorn
from browsing import WAIT, Page, make_driver

from infoloom.web.app import make_app
from infoloom.web.server import bind
from infoloom.web.workbench import open_workbench


@pytest.fixture(scope="module")
def address():
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(open_workbench("black-hole-templates")), log_level="warning", lifespan="off", ws="none"
        )
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
    downloads = tmp_path_factory.mktemp("downloads")
    driver = make_driver(downloads)
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
