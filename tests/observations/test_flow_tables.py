"""The tables of the page on flows are what the cards of the shipped flows say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from infoloom.spec.flows.flow import zoo_names

ROOT = Path(__file__).resolve().parents[2]


def test_every_number_of_the_tables_is_that_of_the_cards() -> None:
    spec = importlib.util.spec_from_file_location("make_flow_tables", ROOT / "docs" / "make_flow_tables.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    page = maker.PAGE.read_text(encoding="utf-8")
    assert maker.written(page) == page
    assert sorted(re.findall("<!-- numbers: ([a-z-]+) -->", page)) == sorted(maker.BLOCKS)
    blocks = {match["name"]: match[0] for match in maker.BLOCK.finditer(page)}
    for name in zoo_names():
        assert all(f"| `{name}` |" in blocks[block] for block in ("flows", "certificates", "training"))
