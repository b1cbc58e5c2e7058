"""One shard: a pure function of its job, so any machine may make it, twice if need be."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.making.captions import caption_of, caption_rows
from infoloom.datasets.making.code_path import FIXED, code_path, is_fixed
from infoloom.datasets.making.computing import one_thread, usable_device
from infoloom.datasets.making.observe import flow_input, map_rows, refuse_saturated
from infoloom.datasets.making.plain import has_torch, numpy_path, plain_map, plain_only
from infoloom.datasets.making.pmi import parse_pmi
from infoloom.datasets.making.predictions import parse_prediction
from infoloom.datasets.storage.channel_columns import channel_of, channel_source
from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import aside, read_json, sha256, write_json
from infoloom.datasets.storage.layout import Shard, inside
from infoloom.datasets.storage.manifest import ShardRecord
from infoloom.datasets.storage.own_spec import story_of
from infoloom.datasets.storage.parquet import footer_sha256, write_parquet
from infoloom.datasets.storage.trees import DoneTree
from infoloom.errors import DatasetError
from infoloom.foreign.trees import checked

if TYPE_CHECKING:
    from infoloom.observations.injection import Injection
    from infoloom.story import Story

__all__ = [
    "Made",
    "ShardJob",
    "bijection_of",
    "make_shard",
    "make_with",
    "read_done",
    "require_torch",
]

_MAX_DONE: Final = 2**20
_PACKAGES: Final = ("infoloom", "numpy", "torch", "pyarrow")


@dataclass(frozen=True)
class ShardJob:
    """All that one shard depends on; small, and free of arrays.

    Attributes:
        root: The dataset's folder, which file names in the spec are relative to.
        spec: The story's spec as YAML.
        device: Device of the bijections: `cpu`, `cuda:1`, or `cuda` for any GPU of the machine, a shard each.
        reproducible: Whether only a process on the fixed code path may make it.
    """

    root: str
    spec: str
    digest: str
    seed: int
    columns: tuple[Column, ...]
    shard: Shard
    device: str = "cpu"
    allow_uncertified: bool = False
    reproducible: bool = False


@dataclass(frozen=True)
class Made:
    """What a worker reports: the record of the shard, what made it, and whether it was there already."""

    shard: Shard
    bytes: int
    sha256: str
    footer: str
    made_with: dict[str, Any]
    kept: bool = False

    def record(self, made_with: int) -> ShardRecord:
        """The shard's line in the manifest."""
        return ShardRecord(self.shard, self.bytes, self.sha256, made_with, self.footer)


def make_shard(job: ShardJob) -> Made:
    """Make one shard of a dataset, unless a valid one is there.

    Raises:
        DatasetError: The shard cannot be written.
    """
    made = read_done(Path(job.root), job.digest, job.seed, job.shard)
    if made is not None:
        return made
    root = Path(job.root)
    path = root / job.shard.file
    if job.reproducible:
        _require_fixed(job)
    with one_thread():
        try:
            (root / job.shard.done).unlink(missing_ok=True)
            with aside(path) as part:
                write_parquet(part, job.columns, shard_rows(job))
                made = Made(
                    job.shard, part.stat().st_size, sha256(part), footer_sha256(part), make_with(job.device)
                )
            write_json(root / job.shard.done, _done(made, job))
        except OSError as error:
            raise DatasetError(_unwritable(path, error)) from error
    return made


def shard_rows(job: ShardJob) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    """The rows of a shard, a block at a time; blocks begin at the same rows whatever the shard."""
    story = story_of(job.spec, job.root)
    block = story.plan.block
    place, stop = job.shard.first, job.shard.first + job.shard.rows
    while place < stop:
        first = place - place % block
        yield _rows(story, job, first, slice(place - first, min(block, stop - first)))
        place = first + block


def _rows(story: Story, job: ShardJob, first: int, wanted: slice) -> dict[str, np.ndarray[Any, Any]]:
    """Some rows of the block that begins at row `first`.

    Pointwise information is computed for the whole block, since the last bit of a matrix product depends on
    the number of rows; bijections promise that a row does not depend on the rows beside it.
    """
    drawn = story.sample(story.plan.block, seed=job.seed, start=first)
    pointwise = story.pointwise(drawn)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    said: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    part = {name: values[wanted] for name, values in drawn.items()}
    for column in job.columns:
        match column.kind:
            case "id":
                arrays[column.name] = np.arange(first + wanted.start, first + wanted.stop, dtype=np.int64)
            case "modality":
                arrays[column.name] = _observe(job, column.name, flow_input(story, column.name, part))
            case "text" | "words" | "tokens":
                name = caption_of(column)
                if name not in said:
                    said[name] = caption_rows(story, name, part)
                arrays[column.name] = said[name][column.kind]
            case "channel":
                arrays[column.name] = channel_of(column).apply(arrays[channel_source(column.name)])
            case "latent":
                arrays[column.name] = drawn[column.name.removeprefix("z_")][wanted]
            case "prediction":
                arrays[column.name] = story.predict(drawn, *parse_prediction(column.name))[wanted]
            case "pmi":
                arrays[column.name] = pointwise.information(*parse_pmi(column.name))[wanted]
            case _:
                arrays[column.name] = drawn[column.name][wanted]
    numbers = {name: array for name, array in arrays.items() if array.dtype.kind != "U"}
    bad = next((name for name, array in numbers.items() if not np.isfinite(array).all()), None)
    if bad is not None:
        raise DatasetError(
            f"column `{bad}`: expected finite numbers in rows {first + wanted.start} to "
            f"{first + wanted.stop - 1}. "
            "A bijection left the range of its numbers; check its certificate with `infoloom flow check`."
        )
    return arrays


def _observe(job: ShardJob, modality: str, latent: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if not has_torch():
        return plain_map(story_of(job.spec, job.root), modality).forward(latent)
    import torch

    device = job.device
    if device == "cuda":
        device = f"cuda:{job.shard.index % max(1, torch.cuda.device_count())}"
    bijection = bijection_of(
        job.spec, job.root, modality, str(usable_device(device)), allow_uncertified=job.allow_uncertified
    )
    with torch.no_grad():
        rows = torch.from_numpy(np.ascontiguousarray(latent)).to(device)
        observed, saturated = map_rows(bijection, rows), bijection.saturated(rows)
    refuse_saturated(modality, observed, saturated, rows.numel())
    array: np.ndarray[Any, Any] = observed.to("cpu").numpy()
    return array


@lru_cache(maxsize=256)
def bijection_of(
    spec: str,
    root: str,
    modality: str,
    device: str = "cpu",
    double: bool = False,
    allow_uncertified: bool = False,
) -> Injection:
    """The bijection of one modality, whitening and flow; once per process.

    Raises:
        FlowError: Its certificate fails, and that is not allowed.
    """
    import torch

    from infoloom.observations import build

    story = story_of(spec, root)
    dtype = torch.float64 if double else torch.float32
    flow, whitener = story.flow(modality), story.whitener(modality)
    return build(
        flow,
        whitener=whitener,
        dtype=dtype,
        device=device,
        directory=Path(root),
        allow_uncertified=allow_uncertified,
        whitened=story.usual_norm(modality),
    )


def make_with(device: str) -> dict[str, Any]:
    """What the bytes of a shard may depend on besides its job: versions, the kind of device and the code path."""
    packages = [name for name in _PACKAGES if name != "torch" or has_torch()]
    versions = {name: version(name) for name in packages}
    kind = device.partition(":")[0]
    path = code_path() if has_torch() else numpy_path()
    return {"device": kind, "machine": platform.machine(), "versions": versions, "path": path}


def read_done(root: Path, digest: str, seed: int, shard: Shard) -> Made | None:
    """What a shard's done-file says, if shard and done-file are of this story and the checksum holds."""
    try:
        tree = read_json(root / shard.done, _MAX_DONE)
        said = checked(DoneTree, tree)
        made = Made(shard, said.bytes, said.sha256, said.footer, tree["made_with"], kept=True)
        same = (said.digest, said.seed, said.first, said.rows) == (digest, seed, shard.first, shard.rows)
        path = inside(root, shard.file)
        intact = same and path.stat().st_size == made.bytes and sha256(path) == made.sha256
    except (DatasetError, OSError, ValueError):
        return None  # anything wrong with a done-file means that the shard is to be made
    return made if intact else None


def _require_fixed(job: ShardJob) -> None:
    import torch

    if job.device != "cpu" or not is_fixed():
        wanted = " ".join(f"{name}={value}" for name, value in FIXED.items())
        raise DatasetError(
            f"shard `{job.shard.file}`: expected a process on the fixed code path, because the dataset is to have the "
            f"same bytes everywhere. Start it on the CPU with {wanted}, as local workers are."
        )
    if hasattr(torch.backends, "nnpack"):
        torch.backends.nnpack.set_flags(False)  # type: ignore[no-untyped-call]


def _done(made: Made, job: ShardJob) -> dict[str, Any]:
    shard = made.shard
    return {
        "file": shard.file,
        "first": shard.first,
        "rows": shard.rows,
        "digest": job.digest,
        "seed": job.seed,
        "bytes": made.bytes,
        "sha256": made.sha256,
        "footer": made.footer,
        "made_with": made.made_with,
    }


def require_torch(story: Story, *, numpy_does: bool = True) -> None:
    """Say how to get torch if it is missing and a story needs it.

    Args:
        story: Its flows say whether they need it: `identity` and `vector` do not.
        numpy_does: Whether nothing is asked for that torch alone does.

    Raises:
        DatasetError: It is not installed.
    """
    if has_torch() or (numpy_does and plain_only(story)):
        return
    raise DatasetError(
        "package `torch`: expected it, because observations are made by bijections that compute with it; without it "
        "there are stories of `identity` and `vector` alone. Install it: pip install 'infoloom[torch]'."
    )


def _unwritable(path: Path, error: OSError) -> str:
    return (
        f"shard `{path}`: cannot be written ({error.strerror or error}). Nothing half-written was kept; make "
        "room or "
        "grant access and run the same command again: it goes on where it stopped."
    )
