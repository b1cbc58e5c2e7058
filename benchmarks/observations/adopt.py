"""Adopted models: is what is stored the model, what does it cost, and do CIFAR-10 U-Nets of 36 M parameters go through?

    OMP_NUM_THREADS=2 python benchmarks/observations/adopt.py  # the exact parts, and diffusers' U-Net
    OMP_NUM_THREADS=2 .venv-adopt/bin/python benchmarks/observations/adopt.py --models torchcfm  # `make test-adopt`
    OMP_NUM_THREADS=2 python benchmarks/observations/adopt.py --small  # small networks, for a first look

Claims: noise predictions become velocities within 1e-12 of the exact score of a Gaussian; DDIM steps are those of
diffusers' scheduler within 1e-12 in float64; both U-Nets are adopted, saved, loaded and certified on 4 rows on 2
cores; the loaded graph costs at most 10 % more than the module itself. Weights are random: the claims are about the
machinery.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infoloom.observations import Effort, from_diffusers, from_torchcfm
from infoloom.observations.adopted.adopt import Adopted
from infoloom.observations.adopted.files import read_model
from infoloom.observations.adopted.schedules import NoiseSchedule
from infoloom.observations.adopted.velocities import DiffusionVelocity, StoredVelocity

FOUR_ROWS = Effort(eigen_rows=4, trip_rows=4, wide_rows=4, rounds=4, singular_rows=0)
BATCH = 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=("diffusers", "torchcfm"), default=["diffusers"])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--steps", type=int, default=10)
    asked = parser.parse_args()
    torch.manual_seed(0)
    print(f"noise prediction against the exact score of a Gaussian: {gaussian_error():.1e} (claim 1e-12)")
    if "diffusers" in asked.models:
        from diffusers import DDIMScheduler

        scheduler = DDIMScheduler(beta_schedule="linear")
        unet = diffusers_unet(asked.small)
        look("diffusers UNet2DModel", unet, lambda: from_diffusers(
            unet, scheduler, grid=asked.steps, effort=None, batch=BATCH), lambda x, t: unet(x, 999.0 * t).sample,
        )  # fmt: skip
    if "torchcfm" in asked.models:
        other = torchcfm_unet(asked.small)
        shape = (3, 8, 8) if asked.small else (3, 32, 32)
        look("torchcfm UNetModelWrapper", other, lambda: from_torchcfm(
            other, shape, grid=asked.steps, effort=None, batch=BATCH), lambda x, t: other(t, x),
        )  # fmt: skip


def gaussian_error(dim: int = 6) -> float:
    """Largest relative error of the converted velocity over times from noise to data."""
    alphas = torch.cumprod(1.0 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), dim=0)
    schedule = NoiseSchedule.from_alphas(alphas)
    root = torch.randn(dim, dim, dtype=torch.float64)
    cov, mean, eye = root @ root.T / dim, torch.randn(dim, dtype=torch.float64), torch.eye(dim).double()

    class Score(nn.Module):
        dtype = torch.float64

        def forward(self, x: Tensor, step: Tensor) -> tuple[Tensor]:
            low = step.floor().long().clamp(max=998)
            table = schedule.log_ratio
            ratio = (table[low] + (step - low) * (table[low + 1] - table[low])).exp()[:1]
            a = 1.0 / (1.0 + ratio**2).sqrt()
            b = ratio * a
            return (b * torch.linalg.solve(a**2 * cov + b**2 * eye, (x - a * mean).T).T,)

    velocity = DiffusionVelocity(Score(), "", schedule, "epsilon", schedule.time_of(999.0))
    worst = 0.0
    for at in torch.linspace(0.0065, 0.99, 40, dtype=torch.float64):
        y = torch.randn(4, dim, dtype=torch.float64)
        s = 1.0 - (1.0 - schedule.sigma) * at
        solved = torch.linalg.solve(at**2 * cov + s**2 * eye, (y - at * mean).T)
        wanted = (mean[:, None] + (at * cov - (1.0 - schedule.sigma) * s * eye) @ solved).T
        worst = max(worst, float((velocity(y, at[None], None) - wanted).norm() / wanted.norm()))
    return worst


def look(
    name: str, model: nn.Module, make: Callable[[], Adopted], call: Callable[[Tensor, Tensor], Tensor]
) -> None:
    """Adopt, save, load, compare, time and certify one model."""
    size = sum(value.numel() for value in model.parameters())
    print(f"\n{name}, {size / 1e6:.1f} M parameters")
    made, seconds = timed(make)
    print(f"  adopted in {seconds:.1f} s, {len(made.model.trees['velocity']['nodes'])} nodes")
    with tempfile.TemporaryDirectory() as folder:
        path = made.save(Path(folder) / "model.safetensors")
        loaded, seconds = timed(lambda: read_model(path))
        print(f"  {path.stat().st_size / 2**20:.0f} MiB, loaded in {seconds:.2f} s")
    x, t = torch.randn(BATCH, *loaded.description.shape), torch.full((BATCH,), 0.5)
    velocity: StoredVelocity = loaded.parts(torch.float32, "cpu")
    inner = (
        (lambda: velocity.called(x, 999.0 * t, None))
        if loaded.kind != "velocity"
        else (lambda: velocity(x, t, None))
    )
    with torch.no_grad():
        difference = float((inner() - call(x, t)).abs().max() / call(x, t).abs().max())
        ratio = overhead(inner, lambda: call(x, t))
    print(f"  graph against module: {difference:.1e}; time {ratio:.3f} of the module's (claim at most 1.10)")
    if loaded.kind == "epsilon":
        print(f"  DDIM steps against diffusers' scheduler in float64: {ddim_error(made):.1e} (claim 1e-12)")
    certified, seconds = timed(lambda: made.certify(effort=FOUR_ROWS).certificate)
    trips = {kind: f"{trip['worst']:.1e}" for kind, trip in certified["round_trip"].items()}
    print(
        f"  certificate on 4 rows in {seconds / 60:.1f} minutes of 2 cores: passes {certified['passes']}, margin "
        f"{certified['margin']:.3f}, round trips {trips}, {certified['steps']} steps"
    )


def ddim_error(made: Adopted) -> float:
    """Largest relative difference of nine steps of diffusers' own scheduler with the same network in float64."""
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(
        beta_schedule="linear", clip_sample=False, set_alpha_to_one=False, timestep_spacing="trailing"
    )
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    scheduler.final_alpha_cumprod = scheduler.alphas_cumprod[0]
    scheduler.set_timesteps(10)
    velocity = made.model.parts(torch.float64, "cpu")
    schedule: NoiseSchedule = velocity.schedule
    grid = schedule.grid(schedule.trailing(10))
    velocity.start = grid[1]
    x = y = torch.randn(2, *made.description.shape, dtype=torch.float64)
    with torch.no_grad():
        for step in scheduler.timesteps[:9]:
            noise = velocity.called(x, step.double()[None], None)
            x = scheduler.step(noise, step, x).prev_sample
        for start, stop in list(pairwise(grid))[:10]:  # the first only scales the noise
            y = y + (stop - start) * velocity(y, torch.tensor([start], dtype=torch.float64), None)
    at, width = grid[10], 1.0 - (1.0 - schedule.sigma) * grid[10]
    y = y / (at**2 + width**2) ** 0.5
    return float((x - y).norm() / x.norm())


def overhead(one: Callable[[], Tensor], other: Callable[[], Tensor], rounds: int = 7) -> float:
    """Median of the ratio of times, in turn, so that whatever else runs slows both."""
    return sorted(processor(one) / processor(other) for _ in range(rounds))[rounds // 2]


def processor(call: Callable[[], Tensor]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return call(), time.perf_counter() - began


def diffusers_unet(small: bool) -> nn.Module:
    """The architecture of google/ddpm-cifar10-32."""
    from diffusers import UNet2DModel

    if small:
        return UNet2DModel(
            sample_size=8, in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(16, 16),
            norm_num_groups=8,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        ).eval()  # fmt: skip
    return UNet2DModel(
        sample_size=32, in_channels=3, out_channels=3, layers_per_block=2, block_out_channels=(128, 256, 256, 256),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, attention_head_dim=None, norm_eps=1e-6,
    ).eval()  # fmt: skip


def torchcfm_unet(small: bool) -> nn.Module:
    """The network of torchcfm's CIFAR-10 example, with random weights where it starts at zero."""
    from torchcfm.models.unet.unet import UNetModelWrapper

    settings = (
        {"dim": (3, 8, 8), "num_channels": 32, "num_res_blocks": 1, "channel_mult": (1, 2)}
        if small
        else {
            "dim": (3, 32, 32), "num_channels": 128, "num_res_blocks": 2, "channel_mult": [1, 2, 2, 2],
            "attention_resolutions": "16", "num_heads": 4, "num_head_channels": 64,
        }
    )  # fmt: skip
    model = UNetModelWrapper(**settings).eval()
    with torch.no_grad():
        for value in model.parameters():
            if not value.any():
                value.normal_(std=0.01)
    return model


if __name__ == "__main__":
    main()
