"""Probabilities of boxes against quadrature, and against the exact values of single variables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import infoloom as loom
from infoloom.information.words.boxes import log_boxes

RNG = np.random.default_rng(0)


def boxes(covariance: np.ndarray, rows: int, words: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """The cells in which drawn rows lie, of equally likely words."""
    m = len(covariance)
    x = RNG.multivariate_normal(np.zeros(m), covariance, rows)
    edges = norm.ppf(np.arange(words + 1) / words) * np.sqrt(np.diagonal(covariance))[:, None]
    at = np.stack([np.searchsorted(edges[j], x[:, j]) - 1 for j in range(m)], axis=1)
    return edges[np.arange(m), at], edges[np.arange(m), at + 1]


def test_one_variable_is_exact() -> None:
    low, high = np.array([[-np.inf], [1.0], [7.0], [-40.0]]), np.array([[0.3], [1.1], [8.0], [-39.0]])
    found, error = log_boxes(np.array([[4.0]]), low, high)
    expected = [np.log(norm.cdf(0.15)), np.log(norm.cdf(0.55) - norm.cdf(0.5))]
    assert np.allclose(found[:2], expected, rtol=0.0, atol=1e-12)
    assert found[3] == pytest.approx(
        norm.logcdf(-19.5) + np.log1p(-np.exp(norm.logcdf(-20.0) - norm.logcdf(-19.5))), abs=1e-9
    )
    assert not error.any()


@pytest.mark.parametrize("spread", [1.0, 0.3, 0.1])
@pytest.mark.parametrize("m", [2, 3, 5])
def test_boxes_agree_with_integrals(m: int, spread: float) -> None:
    loadings = RNG.standard_normal((m, min(m, 3)))
    covariance = loadings @ loadings.T + spread**2 * np.eye(m)
    low, high = boxes(covariance, 12)
    found, error = log_boxes(covariance, low, high)
    law = multivariate_normal(np.zeros(m), covariance, maxpts=10**6, abseps=1e-9, releps=1e-5)
    expected = np.log([law.cdf(b, lower_limit=a) for a, b in zip(low, high, strict=True)])
    assert (np.abs(found - expected) <= 5.0 * error + 1e-4).all()  # of 12 rows; t with 7 degrees of freedom
    assert error.max() < 0.05


def test_variables_that_determine_each_other_are_a_narrower_box() -> None:
    covariance = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-18]])
    low, high = np.array([[-1.0, 0.2], [-1.0, 2.0]]), np.array([[0.5, 3.0], [1.0, 3.0]])
    found, error = log_boxes(covariance, low, high)
    assert abs(found[0] - np.log(norm.cdf(0.5) - norm.cdf(0.2))) <= 5.0 * error[0] + 1e-4
    assert np.exp(found[1]) < 1e-12


def test_pointwise_information_of_many_words_is_right_within_its_error() -> None:
    """Five words of three shared causes against a sum over a fine grid of the causes."""
    spread, words = 0.3, 4
    loadings = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0.6, 0.6), (0.6, -0.6, 0.6)])
    equations = [
        " + ".join(f"{w}*c{i}" for i, w in enumerate(row) if w) + f" + {spread}*noise" for row in loadings
    ]
    slots = dict(zip("pqruv", (one.replace("+ -", "- ") for one in equations), strict=True))
    story = loom.load(
        {
            "name": "many",
            "causes": {f"c{i}": "normal" for i in range(3)},
            "targets": {"t": "c0 + 0.5*noise"},
            "modalities": {
                "text": {
                    "flow": 'caption("{p} {q} {r} {u} {v}")',
                    "latent": slots,
                    "words": {name: [f"{name}{i}" for i in range(words)] for name in slots},
                }
            },
        }
    )
    rows = story.sample(60, seed=0)
    values, errors = story.pmi(rows, "text", "t", with_error=True)
    cells = story.cells["text"]
    said = cells.of(rows)
    axis = np.arange(-5.4, 5.41, 0.15)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    weight = norm.logpdf(grid).sum(axis=1)
    middle = grid @ loadings.T
    inside = []
    for j, cut in enumerate(cells.cuts):
        ends = norm.cdf((cut.edges[:, None] - middle[:, j]) / spread)
        inside.append(np.log(np.maximum(np.diff(ends, axis=0), 1e-300)))
    expected = []
    for row, t in zip(said, rows["t"].ravel(), strict=True):
        log = weight + sum(inside[j][row[j]] for j in range(5))
        seen = logsumexp(log + norm.logpdf(t, grid[:, 0], 0.5)) - logsumexp(log)
        expected.append(seen - norm.logpdf(t, 0.0, np.sqrt(1.25)))
    off = np.abs(values - expected)
    assert errors.min() > 0.0
    assert (off <= 5.0 * errors + 1e-4).all()
    assert np.sqrt(np.mean(off**2)) < 0.02
