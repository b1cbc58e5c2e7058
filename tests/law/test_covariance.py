"""The structured covariance against dense matrices: joint laws, volumes, whitening."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import Dense, dense_log_volume
from strategies import stories, whole_names

from infoloom.errors import DegenerateError, QueryError
from infoloom.law.triangle import independent, log_volume, triangle
from infoloom.story import compile_story


@given(stories())
@settings(max_examples=60)
def test_dense_is_the_joint_covariance(tree):
    oracle = Dense(tree)
    names = oracle.names
    expected = oracle.covariance(names)
    np.testing.assert_allclose(
        compile_story(tree).covariance.dense(names), expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max()
    )


@given(stories(), st.data())
@settings(max_examples=60)
def test_log_volume(tree, data):
    oracle = Dense(tree)
    names = data.draw(st.lists(st.sampled_from(whole_names(oracle)), unique=True, max_size=5))
    assume(oracle.condition(names) < 1e6)
    value = compile_story(tree).covariance.log_volume(names)
    assert value == pytest.approx(oracle.log_volume(names), abs=1e-9)


def test_trivial_volumes():
    assert log_volume(np.zeros((0, 3))) == 0.0
    assert log_volume(np.zeros((0, 0))) == 0.0
    assert log_volume(np.array([[-2.0]])) == math.log(2.0)
    assert log_volume(3.0 * np.eye(4)) == pytest.approx(4 * math.log(3.0), abs=1e-15)


@pytest.mark.parametrize(
    "rows",
    [[[0.0, 0.0]], [[1.0], [2.0]], [[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[], []]],
    ids=["zero", "more than sources", "parallel", "in a plane", "no sources"],
)
def test_dependent_rows(rows):
    rows = np.array(rows)
    found = triangle(rows)
    assert found.singular
    assert found.rank == np.linalg.matrix_rank(rows) if rows.size else found.rank == 0
    with pytest.raises(DegenerateError, match=rf"^{len(rows)} rows of loadings have rank {found.rank}\.$"):
        log_volume(rows)


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(0, 4), st.sampled_from([0.0, 1e-9, 1e-5, 1.0]))
@settings(max_examples=80)
def test_triangle(seed, count, more, spread):
    """RᵀR is the covariance in the order of R, however nearly the rows repeat each other."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(count + more)
    rows = (common + spread * rng.standard_normal((count, count + more))) * 10.0 ** rng.integers(
        -3, 3, (count, 1)
    )
    found = triangle(rows)
    expected = (rows @ rows.T)[np.ix_(found.order, found.order)]
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(found.r.T @ found.r / scale, expected / scale, atol=1e-14)
    assert found.singular == (spread == 0.0 and count > 1)


def test_independent_rows_keep_the_base():
    rows = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [1.0, 1.0, 0, 0], [0, 0, 2.0, 0], [0, 0, -1.0, 0]])
    base = rows[2:3]
    kept = independent(rows, base)
    assert len(kept) == 2
    assert np.linalg.matrix_rank(np.concatenate([base, rows[kept]])) == 3
    assert list(independent(rows[:0], base)) == []
    assert list(independent(np.zeros((2, 4)), base)) == []


@given(stories())
@settings(max_examples=60)
def test_whitening(tree):
    story, oracle = compile_story(tree), Dense(tree)
    for name in story.modalities:
        sigma = oracle.covariance([name])
        assume(np.linalg.cond(sigma) < 1e6)
        whitener = story.whitener(name)
        matrix = whitener.matrix()
        np.testing.assert_allclose(matrix @ sigma @ matrix.T, np.eye(len(sigma)), atol=1e-10)
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-12 * np.abs(matrix).max())
        assert np.linalg.eigvalsh(matrix).min() > 0
        assert whitener.log_det == pytest.approx(-dense_log_volume(sigma), abs=1e-9)
        np.testing.assert_allclose(whitener.basis @ whitener.basis.T, np.eye(len(whitener.basis)), atol=1e-13)


@pytest.mark.parametrize("kind", ["whiten", "scale", "none"])
@pytest.mark.parametrize(
    ("flow", "latent"),
    [("vector(6)", "0.5*m@random(1) + 2*noise"), ("vector(1)", "3*m"), ("vector(3)", "0.2*noise")],
)
def test_kinds_of_whitening(kind, flow, latent):
    tree = {
        "name": "kinds",
        "causes": {"m": "normal"},
        "modalities": {"x": {"flow": flow, "latent": latent, "whitening": kind}},
    }
    whitener, sigma = compile_story(tree).whitener("x"), Dense(tree).covariance(["x"])
    matrix = whitener.matrix()
    assert whitener.kind == kind
    assert whitener.log_det == pytest.approx(float(np.linalg.slogdet(matrix)[1]), abs=1e-10)
    if kind == "none":
        np.testing.assert_allclose(matrix, np.eye(len(sigma)), atol=1e-15)
    elif kind == "scale":
        np.testing.assert_allclose(matrix, matrix[0, 0] * np.eye(len(sigma)), atol=1e-15)
        assert np.trace(matrix @ sigma @ matrix) == pytest.approx(len(sigma), rel=1e-12)
    else:
        np.testing.assert_allclose(matrix @ sigma @ matrix, np.eye(len(sigma)), atol=1e-12)


def test_whitening_leaves_a_template_in_its_place():
    """A symmetric root: the whitened template is a multiple of the template."""
    tree = {
        "name": "place",
        "causes": {"m": "normal"},
        "modalities": {"x": {"flow": "identity(1, 5, 5)", "latent": "0.7*m@disk + 0.3*noise"}},
    }
    template = Dense(tree).matrix("x")[:, 0]
    moved = compile_story(tree).whitener("x").matrix() @ template
    assert abs(moved @ template) == pytest.approx(np.linalg.norm(moved) * np.linalg.norm(template), rel=1e-12)


def test_unknown_names():
    covariance = compile_story("figure-1").covariance
    message = r"^unknown variable `x3`: expected one of cause, theta, x1, x2\.$"
    for ask in (covariance.log_volume, covariance.blocks, covariance.volumes):
        with pytest.raises(QueryError, match=message):
            ask(["x3"])
    with pytest.raises(QueryError, match=message):
        covariance.dim("x3")
