"""The precision of a training is measured unless asked for: bfloat16 if it is clearly faster, else float32."""

from __future__ import annotations

import time

import pytest
import torch

from infoloom.observations.training.precision import autocast, choose_precision

CPU = torch.device("cpu")


def slow(seconds: dict[bool, float]) -> object:
    weight = torch.ones((), requires_grad=True)

    def loss() -> torch.Tensor:
        began = time.process_time()
        while time.process_time() - began < seconds[torch.is_autocast_enabled("cpu")]:
            pass
        return weight * 1.0

    return loss


@pytest.mark.parametrize(
    ("plain", "half", "chosen"),
    [
        (0.01, 0.1, "float32"),
        (0.1, 0.01, "bfloat16"),
        (0.05, 0.048, "float32"),
        (0.1, 0.085, "float32"),
    ],
)
def test_the_faster_one_is_taken_if_it_is_worth_it(plain: float, half: float, chosen: str) -> None:
    found, reason = choose_precision(slow({False: plain, True: half}), CPU)
    assert found == chosen
    assert reason.startswith(f"{chosen}, as a step takes ")
    assert reason.endswith(" s in bfloat16 here; bfloat16 is taken if it is more than 1.3 times as fast")


def test_an_accelerator_is_not_measured() -> None:
    found, reason = choose_precision(lambda: torch.zeros(()), torch.device("cuda"))
    assert (found, reason) == ("bfloat16", "bfloat16, as cuda computes it fast")


def test_the_context_is_what_it_says() -> None:
    a = torch.ones(2, 2)
    with autocast(CPU, "bfloat16"):
        assert (a @ a).dtype == torch.bfloat16
    with autocast(CPU, "float32"):
        assert (a @ a).dtype == torch.float32
