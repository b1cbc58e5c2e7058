"""What installed packages add to this one, by entry points; nothing is imported before it is used by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from infoloom.errors import PluginError

__all__ = ["KINDS", "Plugin", "forget", "load", "missing", "offered", "plugins"]

KINDS: Final = ("observations", "templates", "distributions", "exports", "learners", "estimators")
"""What a package can add; each is the entry point group `infoloom.KIND`."""


@dataclass(frozen=True)
class Plugin:
    """One thing that an installed package offers.

    Args:
        kind: One of `KINDS`.
        name: What specs and commands call it.
        package: The distribution that offers it.
        version: Of that distribution.
    """

    kind: str
    name: str
    package: str
    version: str

    def to_json(self) -> dict[str, str]:
        """Plain values, as a manifest keeps them."""
        return asdict(self)


def offered(kind: str) -> dict[str, Plugin]:
    """What installed packages offer of one kind, by name.

    Args:
        kind: One of `KINDS`.

    Raises:
        PluginError: Two packages offer the same name.
    """
    return {name: plugin for name, (plugin, _) in _found(kind).items()}


def plugins() -> tuple[Plugin, ...]:
    """Everything that installed packages offer, sorted by kind and name."""
    return tuple(plugin for kind in KINDS for _, plugin in sorted(offered(kind).items()))


def load(kind: str, name: str) -> Any:
    """Import what a package offers.

    Args:
        kind: One of `KINDS`.
        name: One of `offered(kind)`.

    Raises:
        PluginError: Nothing of that name, or a package that cannot be imported.
    """
    if name not in _found(kind):
        raise PluginError(
            f"plug-in `{name}`: expected one of "
            f"{', '.join(sorted(_found(kind))) or 'the installed ones; there are none'}. "
            f"Install the package that offers it in the group `infoloom.{kind}`."
        )
    plugin, point = _found(kind)[name]
    try:
        return point.load()
    except Exception as error:  # a stranger's module may raise anything
        raise PluginError(
            f"plug-in `{name}` of {plugin.package} {plugin.version}: cannot be imported "
            f"({type(error).__name__}: {error}). "
            "Repair or remove that package."
        ) from error


def forget() -> None:
    """Look again at what is installed; for packages that were installed while this process runs."""
    _found.cache_clear()


def missing(wanted: Iterable[Plugin]) -> tuple[Plugin, ...]:
    """Those plug-ins that are not installed here, whatever their version."""
    return tuple(one for one in wanted if one.kind in KINDS and one.name not in _found(one.kind))


@lru_cache(maxsize=len(KINDS))
def _found(kind: str) -> dict[str, tuple[Plugin, EntryPoint]]:
    if kind not in KINDS:
        raise PluginError(f"kind `{kind}`: expected one of {', '.join(KINDS)}.")
    found: dict[str, tuple[Plugin, EntryPoint]] = {}
    for point in entry_points(group=f"infoloom.{kind}"):
        package = point.dist.name if point.dist is not None else point.value
        version = point.dist.version if point.dist is not None else "unknown"
        plugin = Plugin(kind, point.name, package, version)
        before = found.get(point.name)
        if before is not None and before[0].package != package:
            raise PluginError(
                f"plug-in `{point.name}`: expected one package to offer it, got {before[0].package} and "
                f"{package}. Remove "
                "one of them."
            )
        found[point.name] = (plugin, point)
    return found
