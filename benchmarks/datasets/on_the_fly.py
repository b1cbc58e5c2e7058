"""What a stream of a story costs besides its flow.

Claim: batches drawn and mapped on the fly take at most 1.05 times the processor time of the flow alone on the same
latents. On a machine that others use too that ratio is as uncertain as its error says; so what is not flow (drawing
rows, handing them on) is also timed by itself, through an identity of the same shape.

    python benchmarks/datasets/on_the_fly.py [--flow "digits[3]"] [--batch 64] [--batches 4] [--repeats 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from infoloom.observations import build
from infoloom.story import Story, load


def make(flow: str) -> Story:
    """Two causes and a texture in one modality."""
    return load(
        {
            "name": "on-the-fly",
            "causes": {"mass": "normal", "spin": "normal"},
            "targets": {"theta": "0.9*mass + 0.4*noise"},
            "modalities": {"x": {"flow": flow, "latent": "0.2*mass@disk - 0.1*spin + noise"}},
        }
    )


def spent(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flow", default="digits[3]")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    story = make(options.flow)
    rows = options.batch * options.batches
    latents = torch.from_numpy(story.sample(rows, seed=0)["x"])
    bijection = build(story.flow("x"), whitener=story.whitener("x"))
    stream = story.stream(options.batch, rows=rows, shuffle=True)

    def alone() -> None:
        with torch.no_grad():
            for part in latents.split(options.batch):
                bijection.forward(part)

    plain = make(f"identity({', '.join(map(str, story.shape('x')))})")
    idle = plain.stream(options.batch, rows=rows, shuffle=True)

    def streamed() -> None:
        for _ in stream:
            pass

    def carried() -> None:
        for _ in idle:
            pass

    streamed()  # builds the flow
    carried()
    flows, found = [], []
    for _ in range(options.repeats):
        flows.append(spent(alone))
        found.append(spent(streamed) / flows[-1])
    error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 1 else float("nan")
    print(
        f"{options.flow}, batches of {options.batch}: a stream takes {statistics.median(found):.3f} times the flow "
        f"alone (mean {statistics.mean(found):.3f} ± {error:.3f})"
    )
    rest = statistics.median(spent(carried) for _ in range(20)) / statistics.median(flows)
    print(f"what is not flow takes {rest:.4f} times the flow alone")


if __name__ == "__main__":
    main()
