"""A map that saturates is no bijection: such rows are refused, and verify says what it sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infoloom.datasets import generate, verify
from infoloom.datasets.making import observe
from infoloom.errors import DatasetError, FlowError
from infoloom.observations.build import build
from infoloom.story import compile_story

SPEC = {
    "name": "saturated",
    "causes": {"mass": "normal"},
    "modalities": {
        "b": {"flow": "vector(30) | affine(scale=3) | cdf", "latent": "0.3*mass@random(1) + noise"},
        "a": {"flow": "vector(4)", "latent": "mass + noise"},
    },
}


def test_rows_that_saturate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"column `b`: [\d,]+ of [\d,]+ numbers saturate: .*Bring them closer"
    ):
        generate(compile_story(SPEC), tmp_path / "out", 100)


def test_verify_says_in_words_what_saturates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "_FEW", 10**9)
    generate(compile_story(SPEC), tmp_path / "out", 100)
    report = verify(tmp_path / "out")
    check = next(check for check in report.checks if check.name == "round trip of b")
    assert not check.passed
    assert "numbers saturate: their latents run together, and information is lost" in check.detail


SHIFTED = {
    "affine(shift=1e9)": True,
    "affine(shift=1e6)": True,
    "affine(scale=1e-8, shift=1)": True,
    "affine(scale=1e-8) | affine(shift=1)": True,
    "affine(scale=1e-44)": True,
    "power(1e-9)": True,
    "power(1e-6)": True,
    "cdf | affine(shift=1e8)": True,
    "asinh(1e300)": True,
    "affine(scale=10, shift=273.15)": False,
    "affine(shift=1e6) | affine(shift=-1e6)": True,
    "affine(scale=1e6, shift=1e8)": False,
    "cdf | affine(scale=255)": False,
    "power(5)": False,
    "asinh(100) | affine(scale=1e-6, shift=1e-6)": False,
}


@pytest.mark.parametrize("steps", SHIFTED)
def test_steps_that_let_latents_run_together_are_refused(steps: str, tmp_path: Path) -> None:
    story = compile_story(
        {
            "name": "far",
            "causes": {"m": "normal"},
            "modalities": {
                "a": {"flow": f"vector(50) | {steps}", "latent": "m + noise"},
                "b": {"flow": "vector(2)", "latent": "m + noise"},
            },
        }
    )
    if SHIFTED[steps]:
        with pytest.raises(DatasetError, match=r"latents run together|finite numbers"):
            generate(story, tmp_path / "far", 200, 0, workers=1)
        with pytest.raises(DatasetError, match=r"latents run together|finite numbers"):
            next(iter(story.stream(64, rows=64)))
    else:
        data = generate(story, tmp_path / "far", 2000, 0, workers=1)
        assert len(np.unique(data["a"])) > 0.8 * data["a"].size
        assert verify(tmp_path / "far", rows=2000).passed


@pytest.mark.parametrize("flow", ["digits[3]", "ring(16)"])
def test_shifts_behind_a_network_or_a_renderer_are_refused_when_it_is_built(flow: str) -> None:
    assert build(f"{flow} | affine(scale=2, shift=3)").lossless
    with pytest.raises(FlowError, match=r"expected steps behind .* that float32 resolves"):
        build(f"{flow} | affine(shift=1e8)")
    assert build(f"{flow} | affine(shift=1e8)", allow_uncertified=True).shape_out


def test_no_rows_do_not_saturate() -> None:
    flow = build("vector(3) | affine(shift=1e9)")
    assert flow.saturated(torch.zeros(0, 3)) == 0
    assert flow.saturated(torch.randn(8, 3)) > 0
