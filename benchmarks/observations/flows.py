"""Claim: a `cifar10` row costs at most a hundredth of what the paper's sampler needs; `mnist` gives 40 pairs a second.

The reference is a network of the shape that the official code is publicly described with (128 channels, four residual
blocks a level, multipliers 2, 2, 2, attention at 16×16, time and class embedding; sampled by nine Heun steps with
classifier-free guidance, so 36 calls a row) at random weights: it is as slow as the trained one. Both run in this
process, one after the other.

    python benchmarks/observations/flows.py [--threads 1] [--calls 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from infoloom.observations import load_flow
from infoloom.observations.flows.velocity import flop_count
from infoloom.spec.flows.flow import flow_header, flow_path, zoo_names

REFERENCE_CALLS = 36
WIDTH = 128


class Block(nn.Module):
    """Residual block with an embedding, as publicly described for this family of networks."""

    def __init__(self, inputs: int, outputs: int, attentive: bool) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.GroupNorm(32, inputs), nn.GroupNorm(32, outputs)
        self.first, self.second = (
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.condition = nn.Linear(4 * WIDTH, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.attention = Attention(outputs) if attentive else nn.Identity()

    def forward(self, values: Tensor, embedded: Tensor) -> Tensor:
        hidden = self.first(functional.silu(self.first_norm(values)))
        scale, shift = self.condition(functional.silu(embedded))[:, :, None, None].chunk(2, dim=1)
        hidden = self.second(functional.silu(self.second_norm(hidden) * (1 + scale) + shift))
        return self.attention(self.skip(values) + hidden)


class Attention(nn.Module):
    """Self-attention over positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // 64
        self.norm = nn.GroupNorm(32, channels)
        self.project, self.out = nn.Conv1d(channels, 3 * channels, 1), nn.Conv1d(channels, channels, 1)

    def forward(self, values: Tensor) -> Tensor:
        flat = values.flatten(2)
        packed = self.project(self.norm(flat)).unflatten(1, (3, self.heads, 64)).transpose(3, 4)
        mixed = functional.scaled_dot_product_attention(*packed.unbind(1)).transpose(2, 3).flatten(1, 2)
        return values + self.out(mixed).view_as(values)


class Reference(nn.Module):
    """U-Net on 32×32 with three levels of 256 channels."""

    def __init__(self) -> None:
        super().__init__()
        wide, levels, blocks = 2 * WIDTH, 3, 4
        self.time = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.SiLU(), nn.Linear(4 * WIDTH, 4 * WIDTH))
        self.label = nn.Embedding(10, 4 * WIDTH)
        self.enter = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        kept, current = [WIDTH], WIDTH
        for level in range(levels):
            for _ in range(blocks):
                self.down.append(Block(current, wide, attentive=level == 1))
                current = wide
                kept.append(current)
            if level < levels - 1:
                self.down.append(nn.Conv2d(current, current, 3, stride=2, padding=1))
                kept.append(current)
        self.middle = nn.ModuleList([Block(current, current, True), Block(current, current, False)])
        for level in reversed(range(levels)):
            for _ in range(blocks + 1):
                self.up.append(Block(current + kept.pop(), wide, attentive=level == 1))
                current = wide
            if level:
                self.up.append(nn.Conv2d(current, current, 3, padding=1))
        self.norm, self.leave = nn.GroupNorm(32, current), nn.Conv2d(current, 3, 3, padding=1)

    def forward(self, values: Tensor, time_of: Tensor, label: Tensor) -> Tensor:
        angle = time_of[:, None] * torch.logspace(0, -4, WIDTH // 2)
        embedded = self.time(torch.cat([angle.cos(), angle.sin()], dim=1)) + self.label(label)
        hidden = self.enter(values)
        kept = [hidden]
        for layer in self.down:
            hidden = layer(hidden, embedded) if isinstance(layer, Block) else layer(hidden)
            kept.append(hidden)
        for block in self.middle:
            hidden = block(hidden, embedded)
        for layer in self.up:
            if isinstance(layer, Block):
                hidden = layer(torch.cat([hidden, kept.pop()], dim=1), embedded)
            else:
                hidden = layer(functional.interpolate(hidden, scale_factor=2.0))
        return self.leave(functional.silu(self.norm(hidden)))


def seconds(function: Callable[[], object], repeats: int) -> float:
    """Best of some runs after one to warm up: what the machine can do when nobody disturbs."""
    function()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def peak(size: int = 1024) -> float:
    """float32 operations a second of a large matrix product: what this machine can give."""
    matrix = torch.randn(size, size)
    return 2.0 * size**3 / seconds(lambda: matrix @ matrix, 5)


def reference_row(calls: int) -> tuple[float, float]:
    """Seconds and operations that one row costs the reference; guidance is a batch of two."""
    network = Reference().eval().to(memory_format=torch.channels_last)
    values, label = torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            network(values[:1], torch.zeros(1), label[:1])
        call = seconds(lambda: network(values, torch.zeros(2), label), calls) / 2
    parameters = sum(parameter.numel() for parameter in network.parameters())
    operations = float(counter.get_total_flops())
    print(
        f"reference: {parameters / 1e6:.1f} M parameters, {operations / 1e9:.1f} GFLOP a call, {call:.3f} s a call"
    )
    return REFERENCE_CALLS * call, REFERENCE_CALLS * operations


def flow_row(name: str, repeats: int) -> tuple[float, float]:
    """Seconds and operations that one row costs a flow of the zoo."""
    classes = flow_header(flow_path(name))["classes"]
    flow = load_flow(name, classes[0] if classes else None)
    z = torch.randn(flow.batch, flow.dim)
    with torch.inference_mode():
        row = seconds(lambda: flow.forward(z), repeats) / flow.batch
    return row, float(flow.step_count * flop_count(flow.velocity, bool(classes)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--calls", type=int, default=3, help="calls of the reference to time; the best counts"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    top = peak()
    print(f"{arguments.threads} thread(s), matrix product {top / 1e9:.0f} GFLOP/s")
    slow, slow_operations = reference_row(arguments.calls)
    print(
        f"{'':<10} {'rows/s':>9} {'GFLOP/row':>10} {'of peak':>8} {'times reference':>16} {'fewer FLOP':>11}"
    )
    print(
        f"{'reference':<10} {1 / slow:>9.4f} {slow_operations / 1e9:>10.1f} {slow_operations / slow / top:>8.0%}"
    )
    for name in zoo_names():
        fast, operations = flow_row(name, arguments.calls)
        print(
            f"{name:<10} {1 / fast:>9.2f} {operations / 1e9:>10.2f} {operations / fast / top:>8.0%} "
            f"{slow / fast:>16.0f} {slow_operations / operations:>11.0f}"
        )


if __name__ == "__main__":
    main()
