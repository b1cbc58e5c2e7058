"""Diffusion models on straight paths: against the exact score of a Gaussian, and against diffusers' own sampler."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from infoloom.errors import FlowError
from infoloom.observations.adopted.schedules import NoiseSchedule
from infoloom.observations.adopted.velocities import DiffusionVelocity

BETAS = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
ALPHAS = torch.cumprod(1.0 - BETAS, dim=0)


class ExactGaussian(nn.Module):
    """What a perfect model of N(mean, cov) predicts, at any timestep between whole ones too."""

    dtype = torch.float64

    def __init__(self, mean, cov, table, predicts):
        super().__init__()
        self.mean, self.cov, self.table, self.predicts = mean, cov, table, predicts

    def forward(self, x, step):
        low = step.floor().long().clamp(max=len(self.table) - 2)
        level = self.table[low] + (step - low) * (self.table[low + 1] - self.table[low])
        found = []
        for row, ratio in zip(x, level.exp(), strict=True):
            a = 1.0 / (1.0 + ratio**2).sqrt()
            b = ratio * a
            eye = torch.eye(len(row), dtype=row.dtype)
            solved = torch.linalg.solve(a**2 * self.cov + b**2 * eye, row - a * self.mean)
            noise, data = b * solved, self.mean + a * self.cov @ solved
            found.append({"epsilon": noise, "x0": data, "v": a * noise - b * data}[self.predicts])
        return (torch.stack(found),)


@pytest.mark.parametrize("predicts", ["epsilon", "x0", "v"])
@pytest.mark.parametrize("sigma", [None, 0.0])
def test_conversion_is_exact_for_a_gaussian(predicts, sigma):
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    cov, mean = root @ root.T / 5, torch.randn(5, generator=generator, dtype=torch.float64)
    schedule = NoiseSchedule.from_alphas(ALPHAS, sigma)
    model = ExactGaussian(mean, cov, schedule.log_ratio, predicts)
    velocity = DiffusionVelocity(model, "", schedule, predicts, schedule.time_of(999))
    kept, eye = schedule.sigma, torch.eye(5, dtype=torch.float64)
    for time in (0.0065, 0.05, 0.3, 0.7, 0.95, 0.985):
        y = torch.randn(4, 5, generator=generator, dtype=torch.float64)
        width = 1.0 - (1.0 - kept) * time
        solved = torch.linalg.solve(time**2 * cov + width**2 * eye, (y - time * mean).T)
        wanted = (mean[:, None] + (time * cov - (1.0 - kept) * width * eye) @ solved).T
        found = velocity(y, torch.tensor([time], dtype=torch.float64), None)
        assert float((found - wanted).norm() / wanted.norm()) < 1e-12


def test_steps_are_those_of_the_ddim_scheduler():
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(
        beta_schedule="linear", clip_sample=False, set_alpha_to_one=False, timestep_spacing="trailing"
    )
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    scheduler.final_alpha_cumprod = scheduler.alphas_cumprod[0]
    scheduler.set_timesteps(
        10
    )  # a divisor of 1000: otherwise diffusers steps to other levels than it starts from
    schedule = NoiseSchedule.from_alphas(scheduler.alphas_cumprod)
    steps = schedule.trailing(10)
    assert [int(step) for step in steps] == scheduler.timesteps.tolist()
    weight = torch.randn(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64) / 3

    class Noise(nn.Module):
        dtype = torch.float64

        def forward(self, x, step):
            return (torch.tanh(x @ weight.T + step[:, None] / 500.0),)

    grid = schedule.grid(steps)
    velocity = DiffusionVelocity(Noise(), "", schedule, "epsilon", grid[1])
    x = y = torch.randn(3, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for step in scheduler.timesteps:
        x = scheduler.step(Noise()(x, step.double().expand(3))[0], step, x).prev_sample
    for start, stop in pairwise(grid):
        y = y + (stop - start) * velocity(y, torch.tensor([start], dtype=torch.float64), None)
    assert len(grid) == 12
    scaled = y / (1.0 + schedule.sigma**2) ** 0.5  # from x1 + σ ε to the sampler's own last level
    assert float((scaled - x).norm() / x.norm()) < 1e-12


@pytest.mark.parametrize("alphas", [[0.9, 0.9], [0.9, 0.95], [1.0, 0.5], [0.5, 0.0], [0.5], [[0.9, 0.8]]])
def test_refuses_schedules(alphas):
    with pytest.raises(
        FlowError, match=r"schedule: expected alphas_cumprod, at least 2 falling numbers above 0"
    ):
        NoiseSchedule.from_alphas(alphas)


def test_refuses_timesteps():
    schedule = NoiseSchedule.from_alphas(ALPHAS)
    with pytest.raises(FlowError, match=r"timesteps `\[1, 2\]`: expected falling numbers from at most 999"):
        schedule.grid([1, 2])
    with pytest.raises(FlowError, match=r"steps `0`: expected 1 to 1000"):
        schedule.trailing(0)
