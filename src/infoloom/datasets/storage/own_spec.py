"""The spec in a dataset's folder, and the story that it compiles to."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from infoloom.datasets.storage.attachments import check_attached
from infoloom.datasets.storage.files import read_text, sha256
from infoloom.datasets.storage.layout import SPEC, inside
from infoloom.datasets.storage.manifest import Manifest
from infoloom.errors import DatasetError
from infoloom.plugins import missing

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["open_story", "story_of"]


def open_story(root: Path, manifest: Manifest) -> Story:
    """Compile the spec of a dataset, once it is known to be the one of the manifest.

    Raises:
        DatasetError: The spec was changed, names files outside the folder, or needs plug-ins that are not installed.
    """
    path = inside(root, SPEC)
    if not path.is_file() or sha256(path) != manifest.spec_sha256:
        raise DatasetError(
            f"file `{path}`: expected the spec whose checksum is in the manifest; it is missing or was "
            "changed. "
            "Restore it; the truth of the manifest belongs to the spec that the rows were drawn from."
        )
    absent = missing(manifest.plugins)
    if absent:
        wanted = ", ".join(f"`{one.name}` of {one.package} {one.version} ({one.kind})" for one in absent)
        raise DatasetError(
            f"dataset `{root}`: expected the plug-ins that it was made with; not installed: {wanted}. Rows and "
            "the truth in the manifest can be read without them; install them to compile the story."
        )
    text = read_text(path)
    check_attached(text, root)
    return story_of(text, str(root.resolve()))


@lru_cache(maxsize=4)
def story_of(spec: str, root: str) -> Story:
    """The compiled story of a spec's text, file names relative to `root`; once per process."""
    from infoloom.spec.load import parse_spec
    from infoloom.story import compile_story

    return compile_story(parse_spec(spec, Path(root)))
