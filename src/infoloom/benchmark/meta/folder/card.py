"""The card of a folder of tasks: for people on top, for `datasets.load_dataset` in its YAML header."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import yaml

from infoloom.benchmark.meta.folder.manifest import Manifest
from infoloom.benchmark.meta.folder.table import COLUMNS
from infoloom.benchmark.meta.request import Request
from infoloom.units import number_of

__all__ = ["card_text"]

_WORDS = {"double": "float64", "float": "float32"}


def card_text(manifest: Manifest) -> str:
    """The text of the card."""
    plan, asked = manifest.plan, manifest.plan.request
    header = yaml.safe_dump(_header(manifest), sort_keys=False, width=1000)
    size, tasks = sum(record.bytes for record in manifest.records), number_of(plan.tasks, "task")
    columns = "\n".join(
        f"| `{name}` | {_word(kind)} | {meaning} |" for name, (kind, meaning) in COLUMNS.items()
    )
    options = (
        f"--seed {asked.seed} --dims {asked.dims[0]} {asked.dims[1]} --rows {asked.rows[0]} {asked.rows[1]} "
        f"--nats {_digits(asked.nats[0])} {_digits(asked.nats[1])}"
    )
    named = "".join(f" --family {name}" for name in asked.families) + "".join(
        f" --map {name}" for name in asked.maps
    )
    return f"""---
{header}---

# Random tasks of known mutual information

{tasks} ({size / 2**20:,.1f} MiB), made by infoloom: paired rows of a random joint law of x and y behind
random injective maps, beside their mutual information, which is known in closed form or by quadrature and which the
maps leave as it was. For training and testing estimators that learn.

- Families of laws: {", ".join(asked.families)}
- Maps: {", ".join(asked.maps)}; columns of labels are renamed instead
- Columns of x and of y: {asked.dims[0]} to {asked.dims[1]}; rows: {asked.rows[0]} to {asked.rows[1]}
- Information: {_information(asked)}

| column | type | meaning |
|---|---|---|
{columns}

    from datasets import load_dataset
    task = load_dataset("FOLDER", split="train").with_format("numpy")[0]
    x = task["x"].reshape(task["rows"], task["dim_x"])

Made again to the byte, with the versions in `manifest.json` on a processor of the same kind, by

    infoloom bench meta --count {plan.tasks} --out FOLDER --tasks-per-shard {plan.tasks_per_shard} {options}{named}
"""


def _information(asked: Request) -> str:
    """From where to where it goes in these tasks, which may be less than was asked for."""
    low, high, most = asked.nats[0], asked.nats[1], asked.most
    reached = max(most.values())
    text = f"{_digits(low)} to {_digits(high) if reached == high else f'{reached:g}'} nats, evenly in each family"
    if reached < high:
        text += f" ({_digits(low)} to {_digits(high)} were asked for)"
    less = [f"{name} {nats:g}" for name, nats in most.items() if nats < high]
    return text + (f"; at most, because their columns carry no more: {', '.join(less)}" if less else "")


def _digits(value: float) -> str:
    """A number in as many digits as make it again."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _header(manifest: Manifest) -> dict[str, Any]:
    size = sum(record.bytes for record in manifest.records)
    return {
        "pretty_name": "Random tasks of known mutual information",
        "tags": ["mutual-information", "synthetic", "infoloom"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}
        ],
        "dataset_info": {
            "config_name": "default",
            "features": [_feature(name, kind) for name, (kind, _) in COLUMNS.items()],
            "splits": [{"name": "train", "num_bytes": size, "num_examples": manifest.plan.tasks}],
        },
    }


def _feature(name: str, kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"name": name, "list": _word(kind.value_type)}
    return {"name": name, "dtype": _word(kind)}


def _word(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_word(kind.value_type)}"
    return _WORDS.get(str(kind), str(kind))
