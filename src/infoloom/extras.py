"""Packages that come with an extra: what to say where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from infoloom.errors import InfoloomError

__all__ = ["extras_named", "missing_extra"]

_EXTRAS: Final = {
    "torch": "torch",
    "sklearn": "train",
    "matplotlib": "plot",
    "datasets": "hf",
    "h5py": "hdf5",
    "distributed": "dask",
    "starlette": "web",
    "uvicorn": "web",
}


def missing_extra(error: ModuleNotFoundError) -> InfoloomError | None:
    """What to say of an import that failed; None where the module belongs to no extra.

    Example:
        >>> print(missing_extra(ModuleNotFoundError(name="torch.nn")))
        package `torch`: expected it for this. Install it: pip install 'infoloom[torch]'.
    """
    package = (error.name or "").partition(".")[0]
    if package not in _EXTRAS:
        return None
    return InfoloomError(
        f"package `{package}`: expected it for this. Install it: pip install 'infoloom[{_EXTRAS[package]}]'."
    )


@contextmanager
def extras_named() -> Iterator[None]:
    """Name the extra where a package of it cannot be imported; also a decorator.

    Raises:
        InfoloomError: Such a package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        named = missing_extra(error)
        if named is None:
            raise
        raise named from error
