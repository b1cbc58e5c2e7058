"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

from infoloom.errors import InfoloomError

__all__ = ["write_new"]


def write_new(path: Path, text: str) -> None:
    """Write a text file that must not exist yet.

    Raises:
        InfoloomError: It exists, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InfoloomError(
            f"file `{path}`: cannot be written ({error.strerror}). Choose another name."
        ) from error
