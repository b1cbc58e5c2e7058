"""What chance allows: correct rows of any law pass, also where few rows carry the information; wrong ones do not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import infoloom as loom
from infoloom.datasets.checking.chance import Spread, gaussian_bound, unseen_information
from infoloom.datasets.checking.statistics import statistics

RARE = {
    "name": "rare",
    "causes": {"c": "mixture(0.01, 10, 0.1, 0.99, 0, 0.1)"},
    "targets": {"t": "0.9*c+0.4*noise"},
    "modalities": {"a": {"flow": "vector(4)", "latent": "0.5*c+noise"}},
}
WORDS = {
    "name": "words",
    "causes": {"c": "normal"},
    "targets": {"t": "c+0.05*noise"},
    "modalities": {
        "x": {"flow": "vector(2)", "latent": "3*c+noise"},
        "text": {
            "flow": 'caption("a {s} one")',
            "latent": {"s": "c+0.05*noise"},
            "words": {"s": {"common": 0.99, "rare": 0.01}},
        },
    },
}
CATEGORY = {
    "name": "category",
    "causes": {"c": "laplace", "k": "categorical(2)"},
    "targets": {"t": "0.9*c+0.4*noise"},
    "modalities": {"a": {"flow": "vector(2)", "latent": "0.5*c+0.3*k+noise"}},
}
HEAVY = {**RARE, "name": "heavy", "causes": {"c": "student_t(2.5)"}}
SCALED = {**RARE, "name": "scaled", "scale": "student_t(3)", "causes": {"c": "normal"}}


@pytest.mark.parametrize("text", [RARE, WORDS, CATEGORY, HEAVY, SCALED], ids=lambda text: text["name"])
@pytest.mark.parametrize("rows", [1, 3, 150, 2000])
def test_correct_rows_pass_whatever_their_law(text, rows, tmp_path: Path) -> None:
    for seed in range(2):
        loom.generate(loom.load(text), tmp_path / str(seed), rows=rows, seed=seed, workers=1, pmi="all")
        report = loom.verify(tmp_path / str(seed))
        assert report.passed, [check for check in report.checks if not check.passed]


@pytest.mark.parametrize(("text", "seen"), [(CATEGORY, {"mean", "covariances"}), (SCALED, {"mean"})])
def test_information_of_another_story_is_seen(
    text, seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More noise in the target than these rows have; with a common scale of three degrees no covariance converges."""
    loom.generate(loom.load(text), tmp_path / "out", rows=5000, seed=0, workers=1, pmi="all")
    data = loom.open(tmp_path / "out")
    other = loom.load({**text, "targets": {"t": "0.9*c+1.2*noise"}})
    monkeypatch.setattr(type(data), "story", property(lambda self: other))
    assert {check.name.split()[0] for check in statistics(data, 5000) if not check.passed} == seen


def test_the_bound_of_gaussian_variables_holds_and_is_near() -> None:
    """Means of pmi of pairs of correlation r, drawn directly."""
    generator = np.random.default_rng(0)
    r, rows, draws = 0.9, 8, 100_000
    information = -0.5 * math.log1p(-(r**2))
    x = generator.standard_normal((draws, rows))
    y = r * x + math.sqrt(1 - r**2) * generator.standard_normal((draws, rows))
    off = ((r * x * y - 0.5 * r**2 * (x**2 + y**2)) / (1 - r**2)).mean(axis=1)
    bound = gaussian_bound(information, rows, r**2)
    assert np.abs(off).max() <= bound
    assert np.quantile(np.abs(off), 0.9999) > 0.5 * bound


def test_the_bound_of_sampled_values_holds_for_rare_ones_and_is_near_for_many() -> None:
    generator = np.random.default_rng(0)
    values = np.where(generator.random((20_000, 150)) < 0.01, 4.6, 0.0)
    spread = Spread.of(values.reshape(-1), 0.046)
    assert np.abs(values.mean(axis=1) - 0.046).max() <= spread.bound(150)
    many = Spread.of(generator.standard_normal(100_000), 0.0)
    assert 4.5 / math.sqrt(100_000) < many.bound(100_000) < 4.7 / math.sqrt(100_000)
    assert many.bound(100_000, tests=100) > many.bound(100_000)
    joined = Spread(1.0, 2.0).joined(Spread(0.5, 3.0))
    assert (joined.deviation, joined.largest) == (1.0, 3.0)


@pytest.mark.parametrize("share", [1e-5, 1e-4, 1e-3])
def test_what_rare_rows_may_carry_unseen(share: float) -> None:
    """With n rows of which none is the rare one, with more than a chance of 6.3e-5, its entropy is below the bound."""
    rows = math.floor(math.log(6.3e-5) / math.log1p(-share))
    entropy = -share * math.log(share) - (1 - share) * math.log1p(-share)
    assert entropy <= unseen_information(rows) <= 2.0 * entropy
    assert unseen_information(1) == 1.0
