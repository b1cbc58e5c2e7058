"""How fast datasets are written and read, as ratios measured side by side in one run.

Claims: writing at least 80 % of pyarrow alone; sequential reading into torch at least 80 % of pyarrow alone; the
memory-mapped copy at least 10 times as fast as Parquet; random access through it at least that of Hugging Face
`datasets`; generation bound by random numbers and codec; peak memory flat in the number of rows.

    OMP_NUM_THREADS=1 python benchmarks/datasets/store.py [--rows 4000] [--repeats 5] [--skip-memory] [--skip-workers]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from infoloom.datasets import Dataset, begin, generate, make_plan, make_shards
from infoloom.datasets.engines import LocalEngine
from infoloom.datasets.generate import shard_jobs
from infoloom.datasets.making.shard import bijection_of, shard_rows, story_of
from infoloom.datasets.storage.columns import arrow_schema, leaf, to_table
from infoloom.datasets.storage.files import aside, sha256
from infoloom.datasets.storage.parquet import write_parquet
from infoloom.story import compile_story, load

SMALL = {
    "name": "narrow",
    "causes": {"u": "normal"},
    "targets": {"theta": "u"},
    "modalities": {name: {"flow": "vector(8)", "latent": "0.5*u + noise"} for name in ("a", "b")},
}


def best(repeats: int, *works: Callable[[], object]) -> list[float]:
    """Least processor time of each piece of work, taken in turns: what else runs on the machine does not count."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=True):
            start = time.process_time()
            work()
            taken.append(time.process_time() - start)
    return [min(taken) for taken in times]


def line(claim: str, ratio: float, wanted: float, detail: str) -> None:
    print(f"{'ok  ' if ratio >= wanted else 'MISS'} {claim}: {ratio:.2f} (wanted {wanted:g}); {detail}")


def writing(data: Dataset, folder: Path, repeats: int) -> None:
    columns = data.columns
    rows = min(len(data), 1024)
    chunks = [data[start : start + 256] for start in range(0, rows, 256)]
    table = to_table(data[:rows], columns)
    options = {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": False,
        "use_byte_stream_split": [leaf(c) for c in columns if c.dtype != "int64"],
        "row_group_size": 128,
        "write_page_index": True,
    }

    def ours() -> None:
        with aside(folder / "ours.parquet") as part:
            write_parquet(part, columns, chunks)
            sha256(part)

    def theirs() -> None:
        pq.write_table(table, folder / "theirs.parquet", **options)

    mine, raw = best(repeats, ours, theirs)
    size = (folder / "ours.parquet").stat().st_size / 2**20
    line(
        "writing / pyarrow",
        raw / mine,
        0.8,
        f"{size / mine:.0f} MiB/s with checksum, {rows / mine:.0f} rows/s",
    )


def reading(data: Dataset, repeats: int) -> None:
    names = [column.name for column in data.columns]
    files = [data.root / record.shard.file for record in data.manifest.shards]

    def theirs() -> None:
        for file in files:
            parquet = pq.ParquetFile(file)
            for group in range(parquet.num_row_groups):
                parquet.read_row_group(group, columns=names)

    def through_torch(view: Dataset) -> Callable[[], None]:
        def work() -> None:
            for batch in view.torch(batch_size=256):
                _ = batch["theta"]

        return work

    mine, raw = best(repeats, through_torch(data), theirs)
    line("sequential reading into torch / pyarrow", raw / mine, 0.8, f"{len(data) / mine:.0f} rows/s")
    data.memmap()
    (mapped,) = best(repeats, through_torch(data))
    line(
        "memory-mapped copy / Parquet",
        mine / mapped,
        10.0,
        f"{len(data) / mapped:.0f} rows/s, every byte copied",
    )


def random_access(data: Dataset, folder: Path, repeats: int) -> None:
    try:
        import datasets
    except ImportError:
        print("     random access: the package `datasets` is not installed")
        return
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(data.root), split="train", cache_dir=str(folder / "hf")).with_format(
        "torch"
    )
    rows = data.torch()
    order = np.random.default_rng(0).permutation(len(data))

    def one(source: object) -> Callable[[], None]:
        return lambda: [source[int(i)] for i in order[:200]] and None  # type: ignore[index, func-returns-value]

    def batch(source: Callable[[list[int]], object]) -> Callable[[], None]:
        return lambda: [source([int(i) for i in order[k : k + 256]]) for k in range(0, 1024, 256)] and None  # type: ignore[func-returns-value]

    mine, theirs = best(repeats, one(rows), one(loaded))
    line(
        "random rows / Hugging Face datasets",
        theirs / mine,
        1.0,
        f"{200 / mine:.0f} and {200 / theirs:.0f} rows/s",
    )
    mine, theirs = best(repeats, batch(rows.__getitems__), batch(loaded.__getitem__))
    line(
        "random batches / Hugging Face datasets",
        theirs / mine,
        1.0,
        f"{1024 / mine:.0f} and {1024 / theirs:.0f} rows/s",
    )


def generation(data: Dataset, folder: Path, repeats: int) -> None:
    """What the parts cost that nobody can leave out: random numbers, whitening and flow, pmi, codec."""
    story, rows = data.story, 512
    job = replace(shard_jobs(data.root)[0], root=str(folder))
    shard = replace(job.shard, first=0, rows=rows)
    job = replace(job, shard=shard)
    arrays = data[:rows]
    drawn = story.sample(rows, data.manifest.seed, 0)

    def whole() -> None:
        write_parquet(folder / "whole.parquet", job.columns, shard_rows(job))

    def flows() -> None:
        for name in story.modalities:
            bijection_of(job.spec, job.root, name).forward(torch.from_numpy(drawn[name]))

    def pointwise() -> None:
        found = story.pointwise(drawn)
        for left, right in ((("radio",), ("xray",)), (("radio",), ("theta",)), (("xray",), ("theta",))):
            found.information(left, right)

    def codec() -> None:
        write_parquet(folder / "codec.parquet", job.columns, [arrays])

    story_of(job.spec, job.root)
    parts = best(repeats, whole, lambda: story.sample(rows, data.manifest.seed, 0), flows, pointwise, codec)
    total, needed = parts[0], parts[1] + parts[4]
    shares = ", ".join(
        f"{name} {part / total:.0%}"
        for name, part in zip(("random", "flow", "pmi", "codec"), parts[1:], strict=True)
    )
    line("random numbers and codec / generation", needed / total, 0.6, f"{rows / total:.0f} rows/s; {shares}")


def memory(folder: Path) -> None:
    """Peak memory of whole runs in processes of their own."""
    peaks = []
    for rows in (10_000, 1_000_000):
        out = subprocess.run(
            [sys.executable, __file__, "--only-generate", str(folder / str(rows)), "--rows", str(rows)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        peaks.append(int(out.stdout))
    ratio = peaks[0] / peaks[1]
    line("peak memory at 10,000 rows / 1,000,000 rows", ratio, 0.8, f"{peaks[0]} and {peaks[1]} MiB")


def peak_mebibytes() -> int:
    """Largest resident memory of this process; `ru_maxrss` would count its parent's at the start."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def shards_a_second(root: Path, rows: int, count: int) -> tuple[float, float]:
    """Shards a second between the first and the last report, and seconds until the first."""
    story = load("black-hole-templates")
    begin(root, story, make_plan(story, rows, rows_per_shard=256))
    reports: list[float] = []
    start = time.perf_counter()
    made = make_shards(root, LocalEngine(count), progress=lambda _: reports.append(time.perf_counter()))
    shutil.rmtree(root)
    return (len(made) - 1) / (reports[-1] - reports[0]), reports[0] - start


def workers(folder: Path, rows: int) -> None:
    """Two processes against one, once they have started."""
    (one, first), (two, second) = (shards_a_second(folder / f"workers{n}", rows, n) for n in (1, 2))
    detail = f"{two * 256:.0f} and {one * 256:.0f} rows/s; first shard after {second:.1f} and {first:.1f} s"
    line("2 workers / 1 worker", two / one, 1.7, f"{detail}; load {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--skip-workers", action="store_true")
    parser.add_argument("--only-generate", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only_generate:
        generate(compile_story(SMALL), options.only_generate, options.rows)
        print(peak_mebibytes())
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = generate(load("black-hole-templates"), folder / "data", options.rows)
        size = sum(record.bytes for record in data.manifest.shards) / 2**20
        schema = arrow_schema(data.columns)
        print(
            f"     {options.rows} rows, {len(schema.names)} columns, {size:.0f} MiB, load {os.getloadavg()[0]:.1f}"
        )
        writing(data, folder, options.repeats)
        generation(data, folder, options.repeats)
        reading(data, options.repeats)
        random_access(data, folder, options.repeats)
        if not options.skip_memory:
            memory(folder)
        if not options.skip_workers:
            workers(folder, 4 * options.rows)


if __name__ == "__main__":
    main()
