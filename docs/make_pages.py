"""What the live pages of the front page hold: `python docs/make_pages.py [NAME ...]` writes `docs/pages/NAME.json`.

A page is put together from it when the site is built (`_ext/live_pages.py`), so that it has the scripts of the day.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from infoloom.web.standalone import data_of

FOLDER = Path(__file__).resolve().parent / "pages"
STORIES = ("digits-pair", "galaxies", "supernova")

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or STORIES:
        text = json.dumps(data_of(name), ensure_ascii=False, separators=(",", ":"))
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        sys.stdout.write(f"{name}: {len(text) / 1e3:.0f} kB\n")
