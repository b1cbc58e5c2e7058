"""Rows: a pure function of (story, seed, number), with the moments of the law."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import Dense
from strategies import stories

from infoloom.errors import SpecError
from infoloom.law.sampling import BLOCK
from infoloom.story import compile_story

PLAIN = {
    "name": "plain",
    "causes": {"m": "normal", "style": {"size": 3}},
    "targets": {"t": "0.5*m + 0.2*style[1] + 0.1*noise"},
    "modalities": {
        "x": {"flow": "identity(1, 4, 4)", "latent": "0.3*m@disk + 0.2*style@random(1) + noise"},
        "y": {"flow": "vector(7)", "latent": "0.3*m - 0.5*noise"},
    },
}
CROSSED = {
    "name": "crossed",
    "causes": {"m": "normal"},
    "fields": {"f": "normal"},
    "targets": {"t": "0.5*x@random(3) + 0.2*f@disk + noise", "s": "t - 0.1*m"},
    "modalities": {
        "x": {"flow": "identity(1, 12, 12)", "latent": "0.3*m@ring(0.3) + 0.5*f + noise"},
        "y": {"flow": "identity(1, 12, 12)", "latent": "0.3*t@disk + 0.5*f + noise"},
        "w": {"flow": "vector(5)", "latent": "0.3*s@random(2) + 0.7*noise"},
    },
}
CHAIN = {
    "name": "chain",
    "causes": {"m": "normal"},
    "fields": {"f": "normal", "g": "normal"},
    "modalities": {
        "x": {"flow": "vector(9)", "latent": "0.4*m + f - 0.2*g + 0.5*noise"},
        "y": {"flow": "vector(9)", "latent": "-0.6*x + 0.3*g + 0.5*noise"},
    },
}
FULL = {  # no complement: as many template directions as components, and no noise
    "name": "full",
    "causes": {"m": "normal", "style": {"size": 4}},
    "modalities": {
        "x": {"flow": "vector(1)", "latent": "0.7*m"},
        "y": {"flow": "vector(4)", "latent": "style@random(1)"},
    },
}
BLOCKS = {
    "name": "blocks",
    "targets": {"t": None},
    "modalities": {"a": {"flow": "vector(6)"}, "b": {"flow": "vector(6)"}, "c": {"flow": "vector(2)"}},
    "covariance": {
        "a": "1.5 + 0.2@ones",
        "a, b": "0.4 - 0.1@random(1)",
        "a, t": "0.1@ones",
        "c": "1 + 0.1@patch(0, 1) + 0.1@patch(1, 1)",
        "b, c": "0.2@ones",
    },
}
TREES = {tree["name"]: tree for tree in (PLAIN, CROSSED, CHAIN, FULL, BLOCKS)}
each = pytest.mark.parametrize("name", TREES)


def fingerprint(rows):
    return {name: hashlib.sha256(values.tobytes()).hexdigest() for name, values in rows.items()}


@each
@given(st.integers(0, 3 * BLOCK), st.integers(0, 2 * BLOCK + 5), st.integers(0, 3))
@settings(max_examples=12)
def test_slices_have_the_bytes_of_the_whole(name, start, rows, seed):
    story = compile_story(TREES[name])
    whole = story.sample(5 * BLOCK + 5, seed)
    part = story.sample(rows, seed, start)
    for variable, values in part.items():
        assert values.dtype == np.float32
        assert values.tobytes() == whole[variable][start : start + rows].tobytes(), variable


@each
def test_single_rows_around_a_boundary(name):
    story = compile_story(TREES[name])
    whole = story.sample(BLOCK + 2)
    for at in (BLOCK + 1, 0, BLOCK - 1, BLOCK):  # in no order
        for variable, values in story.sample(1, 0, at).items():
            assert values.tobytes() == whole[variable][at : at + 1].tobytes()


WIDE = {
    "name": "wide",
    "causes": {f"c{i}": "normal" for i in range(40)},
    "fields": {"f": "normal"},
    "targets": {"t": "x@random(77) + 0.5*f@random(78) + noise"},
    "modalities": {
        "x": {
            "flow": "identity(3, 32, 32)",
            "latent": " + ".join(f"0.05*c{i}@random({i})" for i in range(40)) + " + 0.4*f + noise",
        },
        "y": {"flow": "identity(3, 32, 32)", "latent": "0.1*t@random(99) + 0.3*f + 0.5*noise"},
    },
}
SCRIPT = """
import hashlib, json, sys
from infoloom.story import compile_story
for tree in json.load(sys.stdin):
    rows = compile_story(tree).sample(300, 5, 100)
    print(json.dumps({name: hashlib.sha256(values.tobytes()).hexdigest() for name, values in rows.items()}))
"""


def test_the_number_of_blas_threads_does_not_matter():
    trees = [WIDE, *TREES.values()]
    answers = []
    for threads in "12":
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        answers.append(
            subprocess.run(
                [sys.executable, "-c", SCRIPT],
                input=json.dumps(trees),
                env={**os.environ, **dict.fromkeys(names, threads), "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    assert answers[0] == answers[1]
    here = [json.dumps(fingerprint(compile_story(tree).sample(300, 5, 100))) for tree in trees]
    assert answers[0].split("\n")[:-1] == here


def test_seeds_and_rows_differ():
    story = compile_story(PLAIN)
    one, other = story.sample(BLOCK, 0), story.sample(BLOCK, 1)
    for name in one:
        assert np.unique(one[name]).size == one[name].size, name
        assert not np.intersect1d(one[name], other[name]).size, name
    blocks = story.sample(2 * BLOCK, 0)
    assert not np.intersect1d(blocks["m"][:BLOCK], blocks["m"][BLOCK:]).size


def test_another_equation_keeps_the_other_draws():
    changed = {
        **PLAIN,
        "modalities": {**PLAIN["modalities"], "y": {"flow": "vector(7)", "latent": "m + noise"}},
    }
    one, other = compile_story(PLAIN).sample(10), compile_story(changed).sample(10)
    for name in ("m", "style", "t", "x"):
        assert one[name].tobytes() == other[name].tobytes()
    assert not np.array_equal(one["y"], other["y"])


def test_names_shapes_and_types():
    rows = compile_story(PLAIN).sample(3)
    shapes = {name: values.shape for name, values in rows.items()}
    assert shapes == {"m": (3,), "style": (3, 3), "t": (3,), "x": (3, 16), "y": (3, 7)}
    assert {values.dtype for values in rows.values()} == {np.dtype(np.float32)}
    assert all(len(values) == 0 for values in compile_story(PLAIN).sample(0, start=7).values())


@pytest.mark.parametrize("argument", ["rows", "seed", "start"])
@pytest.mark.parametrize("value", [-1, 1.5, "a", True, None])
def test_what_is_no_number_of_rows_is_refused(argument, value):
    arguments = {"rows": 2, "seed": 0, "start": 0, argument: value}
    message = rf"^{argument} `{value}`: expected a whole number that is not negative\.$"
    with pytest.raises(ValueError, match=message):
        compile_story(PLAIN).sample(**arguments)


def check_moments(sigma, rows, names):
    """Mean 0 and covariance Σ, every entry within 4.5 standard errors and their squares on average 1."""
    z = np.concatenate([rows[n].reshape(len(rows[n]), -1) for n in names], axis=1).astype(np.float64)
    n, scale = len(z), np.sqrt(np.diag(sigma))
    deviation = z.mean(axis=0) / (scale / np.sqrt(n))
    assert np.abs(deviation).max() < 4.5
    errors = np.sqrt((np.outer(scale**2, scale**2) + sigma**2) / n)
    pulls = ((z.T @ z / n - sigma) / errors)[np.triu_indices(len(sigma))]
    assert np.abs(pulls).max() < 4.5
    # The pulls are nearly independent; 4 standard errors of their mean square would be 4·√(2/count), doubled.
    assert abs(np.mean(pulls**2) - 1.0) < 8.0 * np.sqrt(2.0 / len(pulls)) + 0.1


@pytest.mark.parametrize("name", ["plain", "crossed", "chain", "full"])
def test_moments(name):
    tree = TREES[name]
    oracle = Dense(tree)
    rows = compile_story(tree).sample(20_000, seed=11)
    check_moments(oracle.covariance(list(rows)), rows, list(rows))


def test_moments_of_given_covariances():
    story = compile_story(BLOCKS)
    names = ["t", "a", "b", "c"]
    check_moments(story.covariance.dense(names), story.sample(20_000, seed=12), names)


@given(stories(most=3), st.integers(0, 100))
@settings(max_examples=25)
def test_moments_of_random_stories(tree, seed):
    """zᵀ Σ⁻¹ z of every row is χ² with as many degrees of freedom as there are components."""
    names = [*tree["targets"], *tree["modalities"]]
    sigma = Dense(tree).covariance(names)
    scale = np.sqrt(np.diag(sigma))
    assume(np.linalg.cond(sigma / np.outer(scale, scale)) < 1e6)
    rows = compile_story(tree).sample(2000, seed)
    z = np.concatenate([rows[n].reshape(2000, -1) for n in names], axis=1).astype(np.float64)
    quadratic = np.einsum("ni,in->n", z, np.linalg.solve(sigma, z.T))
    dim = len(sigma)
    assert abs(quadratic.mean() - dim) < 4.5 * np.sqrt(2 * dim / 2000)
    assert abs(quadratic.var() / (2 * dim) - 1.0) < 4.5 * np.sqrt((2 + 12 / dim) / 2000)


def test_noise_free_parts_are_their_equations():
    tree = {
        "name": "exact",
        "causes": {"m": "normal", "style": {"size": 4}},
        "targets": {"t": "0.8*m - 0.6*style[2]", "u": "2*t + m"},
        "modalities": {"x": {"flow": "vector(4)", "latent": "style@random(1)"}},
    }
    rows = compile_story(tree).sample(500, 2)
    oracle = Dense(tree)
    sources = np.concatenate([rows["m"][:, None], rows["style"]], axis=1).astype(np.float64)
    for name in ("t", "u", "x"):
        expected = sources @ oracle.matrix(name)[:, :5].T
        np.testing.assert_allclose(rows[name].reshape(500, -1), expected, rtol=0, atol=5e-6)


def test_a_target_reads_the_very_latent():
    tree = {**CROSSED, "targets": {"t": "0.5*x@random(3)", "s": "noise"}}
    tree["modalities"] = {**tree["modalities"], "y": {"flow": "vector(3)", "latent": "noise"}}
    tree["modalities"]["x"] = {**tree["modalities"]["x"], "latent": "0.3*m@ring(0.3) + 0.5*f + noise"}
    with pytest.raises(SpecError, match="`t` is determined by `x`"):
        compile_story(tree)
    noisy = {**tree, "targets": {"t": "0.5*x@random(3) + 1e-3*noise", "s": "noise"}}
    rows = compile_story(noisy).sample(400, 1)
    oracle = Dense(noisy)
    read = oracle._term("t", oracle.equations["t"].terms[0]) @ np.linalg.pinv(oracle.matrix("x"))
    left = rows["t"] - rows["x"].astype(np.float64) @ read[0]
    assert left.std() == pytest.approx(1e-3, abs=4 * 1e-3 / np.sqrt(2 * 400))


def test_large_latents_are_drawn_in_smaller_blocks():
    tree = {
        "name": "large",
        "causes": {"m": "normal"},
        "modalities": {"x": {"flow": "vector(600000)", "latent": "0.01*m + noise"}},
    }
    story = compile_story(tree)
    assert story.plan.block == 64
    two = story.sample(2, start=63)
    assert two["x"].shape == (2, 600_000)
    np.testing.assert_array_equal(two["x"][1], story.sample(1, start=64)["x"][0])
    assert two["x"].var() == pytest.approx(1.0, abs=0.01)
