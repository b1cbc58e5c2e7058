"""Engines by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from infoloom.datasets.engines.base import Engine
from infoloom.datasets.engines.dask import DaskEngine
from infoloom.datasets.engines.local import LocalEngine
from infoloom.errors import DatasetError

__all__ = ["engine_named"]

_ENGINES: Final[Mapping[str, Callable[..., Engine]]] = {"local": LocalEngine, "dask": DaskEngine}


def engine_named(name: str, **options: Any) -> Engine:
    """An engine by name: `local` (option `workers`) or `dask` (options of `DaskEngine`).

    Raises:
        DatasetError: Unknown name, or an engine whose packages are not installed.
    """
    if name not in _ENGINES:
        raise DatasetError(f"engine `{name}`: expected `local` or `dask`.")
    return _ENGINES[name](**options)
