"""A map that saturates is no bijection: such rows are refused, and verify says what it sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from infoloom.datasets import generate, verify
from infoloom.datasets.making import observe
from infoloom.errors import DatasetError
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
