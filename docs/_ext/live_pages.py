"""Pages of stories that need no server, made into the site from `docs/pages/*.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infoloom.web.standalone import page_of


def write_pages(app: Any, error: Exception | None) -> None:
    """Write `explore/NAME.html` for every story beside the finished site."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "explore"
    folder.mkdir(exist_ok=True)
    for path in sorted((Path(app.srcdir) / "pages").glob("*.json")):
        page = page_of(json.loads(path.read_text(encoding="utf-8")))
        (folder / f"{path.stem}.html").write_text(page, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    app.connect("build-finished", write_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
