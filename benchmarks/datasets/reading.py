"""What checksums cost when rows are read, and what the memory-mapped copy gains for random rows.

Claim: reading with page checksums takes at most 1.3 times the time without; random rows through `memmap="auto"` take at
most 10 times the time of a plain npy file.

    python benchmarks/datasets/reading.py [--rows 1000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from infoloom.datasets import generate
from infoloom.story import compile_story

SPEC = {
    "name": "reading",
    "causes": {"u": "normal"},
    "targets": {"t": "0.9*u + 0.4*noise"},
    "modalities": {"a": {"flow": "identity(3, 32, 32)", "latent": "0.02*u + noise"}},
}


def ratio(one: Callable[[], object], other: Callable[[], object], repeats: int) -> float:
    """Median of the ratios of processor times, one after the other."""
    found = []
    for _ in range(repeats + 1):
        spent = []
        for job in (one, other):
            began = time.process_time()
            job()
            spent.append(time.process_time() - began)
        found.append(spent[0] / spent[1])
    return statistics.median(found[1:])  # the first one warms the caches


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the copy is announced once
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "rows"
        data = generate(compile_story(SPEC), root, options.rows).select("a")
        shards = sorted(root.glob("data/*.parquet"))

        def read(checked: bool) -> None:
            for shard in shards:
                file = pq.ParquetFile(shard, page_checksum_verification=checked)
                for group in range(file.num_row_groups):
                    file.read_row_group(group, columns=["a"])

        checksums = ratio(lambda: read(True), lambda: read(False), options.repeats)
        plain = Path(name) / "a.npy"
        np.save(plain, data["a"])
        mapped = np.load(plain, mmap_mode="r")
        rows = np.random.default_rng(0).integers(0, options.rows, 300).tolist()
        before = data.torch(memmap=False)
        parquet = (
            ratio(lambda: [before[row] for row in rows[:30]], lambda: [mapped[r].copy() for r in rows], 1)
            * 10
        )
        view = data.torch(memmap="auto")
        copy = ratio(
            lambda: [view[row] for row in rows], lambda: [mapped[r].copy() for r in rows], options.repeats
        )
    print(f"reading in order with page checksums, to without: {checksums:.2f}")
    print(f"random single rows through Parquet, to a plain npy file: {parquet:.0f}")
    print(f"random single rows through memmap='auto', to a plain npy file: {copy:.1f}")


if __name__ == "__main__":
    main()
