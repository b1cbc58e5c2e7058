"""Files beside a learner's file that it imports: found in its folder while it runs, and a part of its digest."""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from infoloom.errors import BenchmarkError

__all__ = ["check_found", "digest", "importable", "siblings"]

_kept: dict[str, dict[str, ModuleType]] = {}  # digest and place of a file → modules of its folder


def siblings(file: Path) -> dict[str, list[Path]]:
    """Modules of a file's own folder that it imports, and those that they import → their files.

    Imports are read from the text, those inside functions too. A folder counts with all of its files of Python.

    Args:
        file: A file of Python.
    """
    found: dict[str, list[Path]] = {}
    waiting = [file]
    while waiting:
        for name in sorted(_imported(waiting.pop()) - found.keys()):
            files = _files(file.parent, name)
            if files and file not in files:
                found[name] = files
                waiting += files
    return found


def digest(file: Path) -> str:
    """SHA-256 of a file, and of the files of its own folder that it imports."""
    content = hashlib.sha256(file.read_bytes())
    for _, files in sorted(siblings(file).items()):
        for one in files:
            beside = hashlib.sha256(one.read_bytes()).hexdigest()
            content.update(f"\n{one.relative_to(file.parent).as_posix()} {beside}".encode())
    return content.hexdigest()


@contextmanager
def importable(file: Path) -> Iterator[None]:
    """Let a file import what lies beside it; behind everything that is installed, and only for so long.

    Args:
        file: A file of Python.
    """
    folder = str(file.resolve().parent)
    if folder in sys.path:
        yield
        return
    key = f"{digest(file)} {file.resolve()}"
    before, written = set(sys.modules), sys.dont_write_bytecode
    kept = _kept.get(key, {})
    sys.modules.update(kept)
    sys.path.append(folder)
    sys.dont_write_bytecode = True  # a copy that is a second old would be taken for an edited file
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.dont_write_bytecode = written
        new = {name: module for name, module in sys.modules.items() if name not in before}
        names = [name for name, module in new.items() if name in kept or _lies_in(module, folder)]
        _kept[key] = {name: sys.modules.pop(name) for name in names}


def check_found(file: Path, where: str) -> None:
    """Refuse a file whose imports gave other modules of the same names, say of an installed package.

    Args:
        file: A file of Python that has run.
        where: What messages call it.

    Raises:
        BenchmarkError: The first such module.
    """
    for name, files in siblings(file).items():
        module = sys.modules.get(name)
        origin = getattr(module, "__file__", None)
        regular = {file.parent / f"{name}.py", file.parent / name / "__init__.py"} & set(files)
        if (
            module is not None
            and regular
            and not (origin and Path(origin).resolve() in map(Path.resolve, files))
        ):
            raise BenchmarkError(
                f"`{where}`: expected `import {name}` to find `{min(regular).name}` beside it, got `{origin}`. Give "
                "the file beside it another name."
            )


def _lies_in(module: ModuleType, folder: str) -> bool:
    """Whether a module was imported from a folder; those that `own` loads by itself keep their place."""
    said = getattr(module, "__dict__", {})  # some modules answer `getattr` with whatever is asked for
    places = [said.get("__file__"), *(said.get("__path__") or ())]
    return not str(said.get("__name__")).startswith("_own_") and any(
        isinstance(one, str) and Path(one).is_relative_to(folder) for one in places
    )


def _imported(file: Path) -> set[str]:
    """First names of the modules that a file imports; none of one that is no Python, which will say so itself."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _files(folder: Path, name: str) -> list[Path]:
    """The files of a module of a folder, none where it has no such module."""
    package, module = folder / name, folder / f"{name}.py"
    if package.is_dir() and ((package / "__init__.py").is_file() or not module.is_file()):
        return sorted(package.rglob("*.py"))
    return [module] if module.is_file() else []
