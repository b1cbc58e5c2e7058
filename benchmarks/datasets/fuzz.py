"""Files changed at random, kind by kind, read by the package.

Claim: whatever is in a file, reading it gives a value or one of our own errors; foreign exceptions 0.

    python benchmarks/datasets/fuzz.py [--count 1000] [--seed 0] [--only plan manifest]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from infoloom.datasets import generate
from infoloom.story import compile_story

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE.parent / "tests" / "support"))
from hostile import fuzz  # noqa: E402  (the tests' own mutations)
from hostile_kinds import kinds  # noqa: E402

SPEC = {
    "name": "small",
    "causes": {"u": "normal"},
    "targets": {"t": "0.5*u + noise"},
    "modalities": {"image": {"flow": "vector(3)", "latent": "0.5*u + noise"}},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000, help="Inputs a kind.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="Names of kinds; all when left out.")
    options = parser.parse_args()
    foreign = 0
    with tempfile.TemporaryDirectory() as name:
        small = Path(name) / "small"
        generate(compile_story(SPEC), small, 64, also="uint8")
        for kind, one in kinds(Path(name) / "scratch", small, HERE / "results").items():
            if options.only and kind not in options.only:
                continue
            began = time.perf_counter()
            try:
                outcomes = fuzz(one, options.count, options.seed)
            except AssertionError as error:
                foreign += 1
                print(f"{kind}: FOREIGN {error}", flush=True)
                continue
            shown = ", ".join(f"{outcome} {times:,}" for outcome, times in outcomes.most_common())
            print(
                f"{kind}: {options.count:,} inputs, {shown}; {time.perf_counter() - began:.0f} s", flush=True
            )
    print(f"kinds with a foreign exception: {foreign}")
    raise SystemExit(bool(foreign))


if __name__ == "__main__":
    main()
