"""Which instructions compute the rows: libraries choose by the processor, and another choice moves the last digits."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from infoloom.datasets.making.shard import Made

__all__ = ["FIXED", "code_path", "environment", "is_fixed", "path_notes", "path_text"]

FIXED: Final[Mapping[str, str]] = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Nehalem",
}
"""What keeps torch, oneDNN, MKL and OpenBLAS from choosing by the processor; read when a process starts."""

_ASKED: Final = (*FIXED, "MKL_ENABLE_INSTRUCTIONS", "DNNL_MAX_CPU_ISA", "NPY_DISABLE_CPU_FEATURES")
_SETS: Final = re.compile(r"(sse4|avx|fma|amx|neon|asimd|sve|bf16|vsx)\w*")
_VERSIONS: Final = {"mkl": r"Kernel Library Version ([\w.]+)", "onednn": r"MKL-DNN v([\w.]+)"}


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Processes that start within the block have these variables; the environment comes back after it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def is_fixed() -> bool:
    """Whether this process was started on the fixed path."""
    import torch

    chosen = all(os.environ.get(name) == value for name, value in FIXED.items())
    return chosen and torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "NO AVX")


@cache
def code_path() -> dict[str, Any]:
    """What the last digits of observations depend on: instruction sets, versions of libraries, what was asked of them.

    On the fixed path the processor is left out, since nothing depends on it.
    """
    import torch

    said = torch.__config__.show()
    versions = {name: found[1] for name, form in _VERSIONS.items() if (found := re.search(form, said))}
    asked = {name: os.environ[name] for name in _ASKED if name in os.environ}
    processor = {} if is_fixed() else {"processor": _processor()}
    return {"torch": torch.backends.cpu.get_cpu_capability(), **versions, **asked, **processor}


def path_text(made_with: Mapping[str, Any]) -> str:
    """A path in a few words.

    Example:
        >>> path_text({"device": "cpu", "path": {"torch": "AVX2", "mkl": "2024.2", "processor": "GenuineIntel avx2"}})
        'cpu, torch AVX2, mkl 2024.2, processor GenuineIntel avx2'
    """
    path = made_with.get("path") or {}
    return ", ".join([str(made_with.get("device")), *(f"{name} {value}" for name, value in path.items())])


def path_notes(made: Sequence[Made]) -> list[str]:
    """What to say when kept shards were made on another code path than the new ones, or than this process has."""
    kept = {path_text(one.made_with) for one in made if one.kept}
    fresh = {path_text(one.made_with) for one in made if not one.kept}
    if not kept or not fresh or kept == fresh:
        return []
    return [
        f"shards that were there are of another code path ({'; '.join(sorted(kept))}) than the new ones "
        f"({'; '.join(sorted(fresh))}): the same rows agree within 1e-5 of their range, not to the last digit. "
        "`--reproducible` in a new folder makes the same bytes everywhere."
    ]


def _processor() -> str:
    """Maker and instruction sets."""
    try:
        written = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    fields: dict[str, str] = dict(re.findall(r"^(vendor_id|flags|Features)\s*: (.*)$", written, re.MULTILINE))
    flags = fields.get("flags", fields.get("Features", "")).split()
    sets = sorted(flag for flag in flags if _SETS.fullmatch(flag))
    return " ".join([fields.get("vendor_id", platform.machine()), *sets])
