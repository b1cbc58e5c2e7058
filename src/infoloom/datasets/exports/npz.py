"""NPZ files as the paper's own code writes and loads them: one a shard, all modalities stacked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.exports.base import modalities
from infoloom.datasets.storage.files import aside
from infoloom.errors import DatasetError
from infoloom.spec.flows.flow import parse_flow

if TYPE_CHECKING:
    from infoloom.datasets.storage.reading.view import View

__all__ = ["write_npz"]

_MAX_SIGMA: Final = 8192


def write_npz(data: View, path: Path) -> None:
    """Write `<name>_<shard>.npz` in a new folder.

    Keys: `X` (n, modalities, *shape), `Noise` (the latents, of the same shape), `Y` (n,), `labels` (n, modalities; the
    class of each flow, −1 without one), `Mu`, `Sigma` (joint covariance of target and latents, float32; left empty
    above 8192 variables), `N_mod`, `mod_dim`, `generation_paradigm`, `MI_results` (nats) and `MI_labels`. Observations
    are not scaled or rounded, which would change their information.

    Raises:
        DatasetError: Modalities of several shapes, not exactly one target, or no latents.
    """
    columns = modalities(data)
    target = _target(data)
    names = [column.name for column in columns]
    sizes = {column.name: column.size for column in data.columns}
    if len({column.shape for column in columns}) > 1 or any(
        sizes.get(f"z_{one.name}") != one.size for one in columns
    ):
        raise DatasetError(
            "export `npz`: expected modalities of one shape, with their latents, because the layout stacks them. "
            "Select modalities of one shape from a dataset that keeps its latents; those of a renderer have none of "
            "their observation's shape."
        )
    fixed = _fixed(data, target, names, columns[0].size)
    path.mkdir()
    view = data.select(target, *names, *(f"z_{name}" for name in names))
    for index, record in enumerate(data.manifest.shards):
        start, stop = (
            max(record.shard.first, data.start),
            min(record.shard.first + record.shard.rows, data.stop),
        )
        if start >= stop:
            continue
        rows = view[start - data.start : stop - data.start]
        observed = np.stack([rows[name] for name in names], axis=1)
        latent = np.stack([rows[f"z_{name}"] for name in names], axis=1).reshape(observed.shape)
        labels = np.tile(fixed["label_row"], (stop - start, 1))
        content = {"X": observed, "Noise": latent, "Y": rows[target], "labels": labels, **fixed["content"]}
        with aside(path / f"{data.manifest.name}_{index}.npz") as part, part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **content)


def _target(data: View) -> str:
    found = [column.name for column in data.columns if column.kind == "target"]
    if len(found) != 1:
        raise DatasetError(
            f"export `npz`: expected exactly one target, got {len(found)}, because the layout has one `Y`. Select one."
        )
    return found[0]


def _fixed(data: View, target: str, names: list[str], dim: int) -> dict[str, Any]:
    variables = 1 + dim * len(names)
    sigma: np.ndarray[Any, Any] = np.zeros((0, 0), np.float32)
    if variables <= _MAX_SIGMA:
        sigma = data.story.covariance.dense([target, *names]).astype(np.float32)
    content = {
        "Mu": np.zeros(variables, np.float32),
        "Sigma": sigma,
        "N_mod": len(names),
        "mod_dim": dim,
        "generation_paradigm": "constructive",
        "MI_results": np.array(list(data.truth.values())),
        "MI_labels": np.array(list(data.truth)),
    }
    return {"content": content, "label_row": np.array([_label(data, name) for name in names], np.int32)}


def _label(data: View, name: str) -> int:
    selector = parse_flow(data.manifest.bijections[name]["flow"])[0].selector
    return int(selector) if selector is not None and selector.isdecimal() else -1
