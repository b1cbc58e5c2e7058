"""Tensors in safetensors files with a checksum of all that they hold: a flipped bit is refused, never computed with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from infoloom.foreign.files import require_regular

__all__ = ["intact", "read_tensors", "write_tensors"]

_SEAL: Final = "sha256"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file in one move, so that a half-written one never carries the name."""
    kept = {name: value for name, value in metadata.items() if name != _SEAL}
    sealed = {**kept, _SEAL: _digest(tensors, kept)}
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(save(dict(tensors), metadata=sealed))
    os.replace(partial, path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file and its metadata; files that others wrote have no checksum.

    Raises:
        OSError: It cannot be read, or is no regular file.
        SafetensorError: Another kind of file.
        ValueError: Its content is not what its checksum says.
    """
    require_regular(path)
    with safe_open(str(path), framework="pt") as file:
        metadata = dict(file.metadata() or {})
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    return tensors, intact(tensors, metadata)


def intact(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a file without its checksum.

    Raises:
        ValueError: The content is not what the checksum says.
    """
    kept = {name: value for name, value in metadata.items() if name != _SEAL}
    if metadata.get(_SEAL, seal := _digest(tensors, kept)) != seal:
        raise ValueError("its content differs from its checksum: the file is damaged")
    return kept


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(metadata.items())).encode())
    for name, value in sorted(tensors.items()):
        digest.update(repr((name, str(value.dtype), tuple(value.shape))).encode())
        digest.update(value.detach().to("cpu").contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
