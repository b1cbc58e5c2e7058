"""Claim: 2,000 pictures of 64 × 64 a second on one core, and not more than tens of exponentials of their size.

`python benchmarks/observations/renderers.py`
"""

from __future__ import annotations

import time

import torch

from infoloom.observations import RENDERERS

ROWS = 512


def main() -> None:
    """Processor time, so that a busy machine counts little; the best of three."""
    torch.set_num_threads(1)
    for kind in RENDERERS.values():
        for shape in kind.form.kinds or (None,):
            renderer = kind(kind.form.setup(shape))
            z = torch.randn((ROWS, renderer.dim), generator=torch.Generator().manual_seed(0))
            x = renderer.forward(z)
            render, copy = (
                seconds(lambda one=renderer, z=z: one.forward(z)),
                seconds(lambda x=x: x.double().exp()),
            )
            print(
                f"{renderer.setup}: {ROWS / render:,.0f} rows/s, {render / copy:.1f} exponentials of the same size"
            )


def seconds(run: object) -> float:
    """The best of three."""
    found = []
    for _ in range(3):
        start = time.process_time()
        run()  # type: ignore[operator]
        found.append(time.process_time() - start)
    return min(found)


if __name__ == "__main__":
    main()
