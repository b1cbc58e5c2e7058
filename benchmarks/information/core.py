"""What the core promises about speed, as ratios measured side by side in one run.

Claims: the whole truth table of ten modalities of 3072 components in less than 100 ms, where one dense float32
log-determinant of two of them takes many times as long; latents drawn at 60 % or more of the speed at which NumPy
alone fills as many float32 normals; `import infoloom` in less than 0.3 s and `infoloom info` in less than 1 s;
a hundred modalities, and a modality of 1,000,000 components.

    OMP_NUM_THREADS=1 python benchmarks/information/core.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy as np

from infoloom import presets
from infoloom.story import compile_story

DIM = 3072


def least(work, repeats, clock=time.perf_counter):
    """Shortest time of some repetitions."""
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def say(claim, value, kept):
    print(f"{'ok  ' if kept else 'MISS'} {claim:<58} {value}", flush=True)


def truth_table():
    spec = presets.multimodal_decay().spec
    compiled = least(lambda: compile_story(spec), 5)
    stories = [compile_story(spec) for _ in range(5)]  # a story remembers its determinants
    table = min(least(story.truth_table, 1) for story in stories)
    size = len(stories[0].truth_table())
    say(f"{size} quantities of ten modalities of {DIM} components", f"{1e3 * table:.1f} ms", table < 0.1)
    say("  compiling their story", f"{1e3 * compiled:.1f} ms", compiled < 1.0)
    # The same law's covariance would do; only its size matters to the time.
    matrix = np.eye(2 * DIM + 1, dtype=np.float32) + np.float32(0.1)
    dense = least(lambda: np.linalg.slogdet(matrix), 1)
    text = f"{dense:.2f} s: {dense / table:,.0f} truth tables"
    say(f"  one dense float32 log-determinant of {2 * DIM + 1}²", text, dense > table)


def sampling(name, rows):
    """Processor time, because one thread does the work and the machine may be busy."""
    story = presets.preset(name)
    story.sample(1)
    drawn = rows * DIM * len(story.modalities)
    numbers = np.empty(drawn, dtype=np.float32)
    generator = np.random.default_rng(0)

    def fill():
        generator.standard_normal(out=numbers, dtype=np.float32)

    pairs = [
        (least(fill, 1, time.process_time), least(lambda: story.sample(rows), 1, time.process_time))
        for _ in range(9)
    ]
    ratio = float(np.median([alone / ours for alone, ours in pairs]))
    speed = drawn / min(ours for _, ours in pairs) / 1e6
    say(
        f"latents of {name}",
        f"{100 * ratio:.0f} % of NumPy alone, {speed:.0f} million a second",
        ratio >= 0.6,
    )


def starting():
    """Processor time of whole programs; on an idle machine the wall time is about the same."""

    def run(code):
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)

    def children():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    program = "import sys; sys.argv = ['infoloom', 'info', 'black-hole']; from infoloom.cli.main import main; main()"
    codes = ("pass", "import infoloom", program)
    nothing, imported, info = (least(lambda code=code: run(code), 5, children) for code in codes)
    say("`import infoloom`", f"{imported:.3f} s: {imported / nothing:.1f} empty interpreters", imported < 0.3)
    say(
        "`infoloom info black-hole-templates`",
        f"{info:.3f} s: {info / nothing:.0f} empty interpreters",
        info < 1.0,
    )


def sizes():
    hundred = presets.multimodal_decay(modalities=100)
    table = least(hundred.truth_table, 1)
    say(f"truth table of 100 modalities of {DIM} components", f"{table:.2f} s", table < 60)
    latents = {"x": "1e-3*m + 1e-3*m@random(1) + noise", "y": "1e-3*m@blob(0.3, 0.1) + noise"}
    spec = {
        "name": "large",
        "causes": {"m": "normal"},
        "targets": {"t": "m"},
        "modalities": {x: {"flow": "vector(1000000)", "latent": text} for x, text in latents.items()},
    }
    compiled = least(lambda: compile_story(spec), 1)
    story = compile_story(spec)
    say("two modalities of 1,000,000 components, compiled", f"{compiled:.2f} s", compiled < 60)
    table, row = least(story.truth_table, 1), least(lambda: story.sample(1), 1)
    say("  their truth table", f"{1e3 * table:.1f} ms", table < 1)
    say("  one row of them", f"{row:.2f} s", row < 60)


if __name__ == "__main__":
    truth_table()
    for preset, rows in (("figure-1", 1024), ("black-hole-templates", 1024), ("multimodal-decay", 256)):
        sampling(preset, rows)
    starting()
    sizes()
