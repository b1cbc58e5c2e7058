"""How far observations move when the processor's instructions are others, and what the fixed path costs.

Claim: observations of two code paths agree within 1e-5 of their range; drawn latents do not move at all.

    python benchmarks/datasets/code_paths.py [--flow digits[3]] [--rows 64]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from infoloom.datasets.making.code_path import FIXED

CODE = """
import sys, time
import numpy as np, torch
from infoloom.observations import build
from infoloom.story import compile_story

torch.set_num_threads(1)
flow, rows, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
story = compile_story({"name": "a", "causes": {"u": "normal"}, "targets": {"t": "0.8*u + 0.3*noise"},
                       "modalities": {"a": {"flow": flow, "latent": "0.5*u@random(1) + noise"}}})
latents = np.ascontiguousarray(story.sample(rows, seed=1, start=0)["a"])
bijection = build(flow, whitener=story.whitener("a"))
with torch.no_grad():
    bijection.forward(torch.from_numpy(latents[:1]))
    began = time.process_time()
    seen = bijection.forward(torch.from_numpy(latents)).numpy()
np.savez(out, latents=latents, seen=seen, seconds=time.process_time() - began)
"""
PATHS = {
    "as the processor offers": {},
    "ATEN_CPU_CAPABILITY=avx2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "ATEN_CPU_CAPABILITY=default": {"ATEN_CPU_CAPABILITY": "default"},
    "ONEDNN_MAX_CPU_ISA=AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "ONEDNN_MAX_CPU_ISA=SSE41": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "MKL_CBWR=AVX2": {"MKL_CBWR": "AVX2"},
    "MKL_CBWR=COMPATIBLE": {"MKL_CBWR": "COMPATIBLE"},
    "--reproducible": dict(FIXED),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flow", default="digits[3]")
    parser.add_argument("--rows", type=int, default=64)
    options = parser.parse_args()
    clean = {name: value for name, value in os.environ.items() if name not in FIXED}
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for path, variables in PATHS.items():
            out = Path(name) / "rows.npz"
            words = [sys.executable, "-c", CODE, options.flow, str(options.rows), str(out)]
            subprocess.run(words, env={**clean, "OMP_NUM_THREADS": "1", **variables}, check=True)
            with np.load(out) as kept:
                found[path] = {key: kept[key] for key in kept.files}
    first = next(iter(found.values()))
    span = float(np.ptp(first["seen"]))
    print("| code path | numbers that differ | furthest, of the range | latents that differ | time, ratio |")
    print("|---|---|---|---|---|")
    worst = 0.0
    for path, one in found.items():
        away = np.abs(one["seen"] - first["seen"])
        worst = max(worst, float(away.max()) / span)
        latents = float((one["latents"] != first["latents"]).mean())
        ratio = float(one["seconds"] / first["seconds"])
        share, furthest = 100 * float((away > 0).mean()), away.max() / span
        print(f"| `{path}` | {share:.0f} % | {furthest:.1e} | {100 * latents:.0f} % | {ratio:.2f} |")
    raise SystemExit(worst > 1e-5)


if __name__ == "__main__":
    main()
