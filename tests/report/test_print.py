"""On paper every column is there, and axe-core finds nothing serious on the screen."""

from __future__ import annotations

import pytest
from browsing import make_driver, needs_axe, needs_browser, serious

import infoloom as loom
from infoloom.report.contents import read_contents
from infoloom.report.page import Section, Table, write_page

pytestmark = needs_browser
PAPER = {"A4": 210.0, "letter": 215.9}  # millimetres; the page's margins are 14 on each side
STORY = {
    "name": "pair",
    "causes": {"mass": "normal"},
    "targets": {"theta": "0.9*mass + 0.4*noise"},
    "modalities": {
        "left": {"flow": "identity(1, 8, 8)", "latent": "0.4*mass@disk + noise"},
        "right": {"flow": "vector(16)", "latent": "0.3*mass + noise"},
    },
}
WIDE = Table(
    [f"a heading of column {n}" for n in range(12)],
    [[n / 7 for n in range(11)] + [f"`{'long_name_of_something_' * 3}`"] for _ in range(60)],
    "A table of twelve columns and sixty rows.",
)


@pytest.fixture(scope="module")
def driver():
    driver = make_driver()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A dataset's report, and the same with a very wide table."""
    root = tmp_path_factory.mktemp("report")
    loom.generate(loom.load(STORY), root / "out", rows=64, seed=0)
    contents = read_contents([root / "out"], checks=False)
    return write_page(contents.title, contents.sections, root / "page.html"), write_page(
        "Wide", [*contents.sections, Section("Wide", "Text.", tables=[WIDE])], root / "wide.html"
    )


@pytest.mark.parametrize("paper", PAPER)
def test_every_column_is_on_the_paper(driver, page, paper):
    width = int((PAPER[paper] - 28.0) / 25.4 * 96)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        driver.get(page[1].as_uri())
        out = driver.execute_script(
            "return [...document.querySelectorAll('th, td, svg, pre, p')].filter((e) => e.getClientRects().length)"
            ".filter((e) => e.getBoundingClientRect().right > arguments[0] + 1).map((e) => e.outerHTML.slice(0, 80))",
            width,
        )
        assert out == []
        seen = driver.execute_script(
            "return [...document.querySelectorAll('details td')].filter((e) => e.getClientRects().length"
            " && e.checkVisibility({contentVisibilityAuto: true})).length"
        )
        assert seen == 60 * 12  # a folded table is unfolded on paper
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(driver, page, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get(page[0].as_uri())
    assert serious(driver) == {}
