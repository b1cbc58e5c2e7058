"""Pages of the reference, one a package or module below `infoloom`, written anew before every build."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import infoloom

__all__ = ["setup"]

# What most people look for; the others follow by name.
FIRST = ["story", "information", "design", "presets", "spec", "law", "observations", "datasets"]
FIRST += ["estimators", "ssl", "benchmark", "report", "errors", "units"]
LEFT_OUT = {"infoloom.cli", "infoloom.web"}  # the command line has a page of its own


def setup(app: Any) -> dict[str, bool]:
    """Write the pages when a build begins."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True}


def _write(app: Any) -> None:
    folder = Path(app.srcdir) / "api" / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    pages = {f"{name.removeprefix('infoloom.')}.rst": _page(name) for name in _packages()}
    pages |= {"names.rst": _names(), "overview.txt": _overview()}
    for old in folder.iterdir():
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _overview() -> str:
    """A table of the packages and their place in the navigation, for a page in Markdown."""
    names = [name.removeprefix("infoloom.") for name in _packages()]
    names.sort(key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    rows = ["| [the names of `infoloom`](packages/names.rst) | what `import infoloom as loom` gives |"]
    rows += [
        f"| [{name}](packages/{name}.rst) | {_told(import_module(f'infoloom.{name}'))} |" for name in names
    ]
    pages = "\n".join(f"packages/{name}" for name in ("names", *names))
    table = "\n".join(["| package or module | what it is |", "|---|---|", *rows])
    return f"{table}\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def _told(thing: Any) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def _packages() -> Iterator[str]:
    for module in pkgutil.iter_modules(infoloom.__path__, "infoloom."):
        if module.name not in LEFT_OUT:
            yield module.name


def _page(top: str) -> str:
    """A package: what it is, then each of its modules with the names it gives away."""
    package = import_module(top)
    inside = getattr(package, "__path__", None)
    names = [top] if inside is None else [m.name for m in pkgutil.walk_packages(inside, f"{top}.")]
    title = top.removeprefix("infoloom.")
    parts = [f"{title}\n{'=' * len(title)}"]
    public = {f"infoloom.{place}" for place in infoloom._PLACES.values()}
    if inside is not None:
        parts.append(f".. automodule:: {top}\n   :no-members:")
    for name in names:
        module = import_module(name)
        if hasattr(module, "__path__") and name in public:  # `loom.tasks` leads to it
            parts.append(f"{name}\n{'-' * len(name)}\n\n.. automodule:: {name}\n   :no-members:")
        if not getattr(module, "__all__", ()) or hasattr(module, "__path__"):
            continue
        if name != top:
            parts.append(f"{name}\n{'-' * len(name)}")
        own = [n for n in module.__all__ if getattr(getattr(module, n), "__module__", name) == name]
        parts.append(
            f".. automodule:: {name}\n   :members: {', '.join(own)}" if own else f".. automodule:: {name}"
        )
    return "\n\n".join(parts) + "\n"


def _names() -> str:
    """The names of the package itself, each with its first sentence and a link to the rest."""
    rows = []
    for name in infoloom.__all__:
        place = infoloom._PLACES.get(name, "")
        if not place:
            continue
        module, _, attribute = place.partition(":")
        thing = getattr(infoloom, name)
        role = (
            "mod"
            if not attribute
            else "class"
            if inspect.isclass(thing)
            else "func"
            if callable(thing)
            else "data"
        )
        full = f"infoloom.{module}"
        if attribute:  # where it is described, which is not always where it is taken from
            full = f"{getattr(thing, '__module__', full)}.{getattr(thing, '__qualname__', attribute)}"
        rows.append(f"   * - :py:{role}:`loom.{name} <{full}>`\n     - {_told(thing)}")
    head = "The names of ``infoloom``\n=========================\n\nAfter ``import infoloom as loom``:\n"
    table = ".. list-table::\n   :widths: 25 75\n\n" + "\n".join(rows)
    return f"{head}\n{table}\n"
