"""What may be spent on words: seed, tolerance and budget, and an error that holds where words are nearly certain."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.integrate
import scipy.special

from infoloom.information.kinds import law
from infoloom.information.words import mixed
from infoloom.story import Story, compile_story


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes by a hundredth of a second whenever somebody looks at it, on any machine."""
    ticks = itertools.count()
    for module in (law, mixed):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 0.01 * next(ticks)))


def nearly_certain(noise: float) -> Story:
    return compile_story(
        {
            "name": "certain",
            "causes": {"c": "normal"},
            "targets": {"theta": "c + 0.1*noise"},
            "modalities": {
                "x": {"flow": "vector(1)", "latent": "10*c + noise"},
                "text": {
                    "flow": 'caption("a {s}")',
                    "latent": {"s": f"c + {noise}*noise"},
                    "words": {"s": ["a", "b", "d"]},
                },
            },
        }
    )


def doubt(noise: float) -> float:
    """H(text | c) by quadrature along the bounds: with u = (bound − c) / noise each word is in doubt about u = 0."""
    total = 0.0
    for bound in scipy.special.ndtri([1 / 3, 2 / 3]) * math.hypot(1.0, noise):

        def inside(u: float, bound: float = bound) -> float:
            p = scipy.special.ndtr([u, -u])
            c = bound + noise * u
            return float(scipy.special.entr(p).sum() * math.exp(-(c**2) / 2.0) / math.sqrt(2.0 * math.pi))

        total += noise * scipy.integrate.quad(inside, -12.0, 12.0, epsabs=1e-14)[0]
    return total


@pytest.mark.parametrize("noise", [1e-4, 2e-5, 1e-5, 5e-6])
def test_the_error_holds_where_words_are_nearly_certain(noise: float) -> None:
    """Few points or none fall where a word is in doubt, and they cannot say so themselves."""
    story, left = nearly_certain(noise), doubt(noise)
    for seed in range(3):
        found = story.quantity("H(text | c)", seed=seed)
        assert found.standard_error is not None
        assert abs(found.value - left) <= 4.0 * found.standard_error
        assert found.standard_error < 1e-3


@pytest.mark.usefixtures("clock")
def test_a_budget_buys_a_smaller_error_and_a_seed_other_points() -> None:
    """Seven words of five causes, against counts of rows."""
    rng = np.random.default_rng(4)
    weights = np.round(np.concatenate([np.eye(5), rng.standard_normal((2, 5))]), 3)
    equations = {
        f"w{i}": " + ".join(f"{w}*c{j}" for j, w in enumerate(row) if w).replace("+ -", "- ")
        + " + 0.01*noise"
        for i, row in enumerate(weights)
    }
    story = compile_story(
        {
            "name": "seven",
            "causes": {f"c{j}": "normal" for j in range(5)},
            "targets": {"theta": "c0 + 0.5*c1 - 0.3*c2 + 0.2*c3 + 0.8*c4 + 0.5*noise"},
            "modalities": {
                "text": {
                    "flow": f'caption("{" ".join(f"{{{name}}}" for name in equations)}")',
                    "latent": equations,
                    "words": {name: [f"{name}a", f"{name}b"] for name in equations},
                }
            },
            "labels": {"cls": {"target": "theta", "classes": 3}},
        }
    )
    first, other = (story.quantity("I(text; cls)", seed=seed) for seed in (0, 1))
    longer = story.quantity("I(text; cls)", budget=10.0)
    assert first.value != other.value
    assert longer.standard_error < 0.3 * first.standard_error
    assert story.quantity("I(text; cls)", tolerance=1.0, budget=10.0).standard_error > longer.standard_error

    rows = story.sample(400_000, seed=1)
    words = story.cells["text"].words(rows) @ 2 ** np.arange(7)
    counts = np.zeros((128, 3))
    np.add.at(counts, (words, rows["cls"]), 1.0)
    seen = counts / counts.sum()
    ratio = seen / (seen.sum(1, keepdims=True) * seen.sum(0, keepdims=True)).clip(1e-300)
    terms = np.log(ratio, where=seen > 0.0, out=np.zeros_like(seen))
    known = float((seen * terms).sum())
    error = math.sqrt(float((seen * terms**2).sum()) - known**2) / math.sqrt(counts.sum())
    bias = (int((seen > 0.0).sum()) - int((seen.sum(1) > 0.0).sum()) - 2) / (2.0 * counts.sum())
    for one in (first, other, longer):
        assert abs(one.value - (known - bias)) <= 4.0 * math.hypot(error, one.standard_error)


@pytest.mark.usefixtures("clock")
def test_a_budget_buys_a_smaller_error_where_categories_are_summed_out() -> None:
    story = compile_story(
        {
            "name": "kinds",
            "causes": {"c": "normal", "kind": "categorical(3)"},
            "modalities": {
                "x": {"flow": "vector(2)", "latent": "0.6*c + 1.5*kind@random(1) + noise"},
                "text": {
                    "flow": 'caption("a {s}")',
                    "latent": {"s": "0.8*c + 0.7*kind + 0.6*noise"},
                    "words": {"s": ["small", "middle", "large"]},
                },
            },
        }
    )
    first = story.quantity("I(x; text)", tolerance=1e-6)
    longer = story.quantity("I(x; text)", tolerance=1e-6, budget=4.0)  # 100 batches of 16
    assert longer.standard_error < 0.7 * first.standard_error
    assert abs(longer.value - first.value) <= 4.0 * first.standard_error
