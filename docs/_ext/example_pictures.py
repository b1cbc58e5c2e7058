"""The pictures that an example writes beside itself are moved onto its page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst

__all__ = ["pictures_left_behind"]


def pictures_left_behind(block: Any, variables: dict[str, Any], settings: dict[str, Any]) -> str:
    """Move PNG files out of the folder of the examples, where examples run, into the site."""
    moved = []
    for picture in sorted(Path.cwd().glob("*.png")):
        moved.append(next(variables["image_path_iterator"]))
        shutil.move(picture, moved[-1])
    return figure_rst(moved, settings["src_dir"])
