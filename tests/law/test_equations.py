"""Loadings on independent sources against naive composition, coupling groups, bases of spans."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import Dense
from strategies import stories

from infoloom.errors import SpecError
from infoloom.law.equations import orthonormal_rows
from infoloom.story import compile_story


@given(stories())
@settings(max_examples=60)
def test_groups_hold_every_modality_once_and_their_spans_every_template(tree):
    story, oracle = compile_story(tree), Dense(tree)
    system = story.covariance.system
    assert sorted(m for g in system.groups for m in g.modalities) == sorted(story.modalities)
    for group in system.groups:
        assert {story.dim(m) for m in group.modalities} == {group.dim}
        np.testing.assert_allclose(group.basis @ group.basis.T, np.eye(group.rank), atol=1e-13)
        for name in group.modalities:
            scalars = oracle.matrix(name)[:, [i for s in _scalar_columns(oracle) for i in s]]
            outside = scalars - group.basis.T @ (group.basis @ scalars)
            np.testing.assert_allclose(outside, 0.0, atol=1e-12 * max(1.0, np.abs(scalars).max(initial=0.0)))


def _scalar_columns(oracle):
    scalar = [*oracle.sizes, *(("noise", t) for t in oracle.tree["targets"])]
    return [range(oracle.columns[key].start, oracle.columns[key].stop) for key in scalar]


@given(st.integers(0, 999), st.integers(0, 5), st.integers(1, 6))
def test_orthonormal_rows_span_what_they_are_given(seed, count, dim):
    rng = np.random.default_rng(seed)
    rows = (
        rng.standard_normal((count, 2))
        @ rng.standard_normal((2, dim))
        * 10.0 ** rng.integers(-5, 5, (count, 1))
    )
    if count > 1:
        rows[1] = rows[0]
    basis = orthonormal_rows([rows, np.zeros(dim), np.zeros((0, dim))], dim)
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-13)
    np.testing.assert_allclose(rows - rows @ basis.T @ basis, 0.0, atol=1e-13 * np.abs(rows).max(initial=1.0))
    assert len(basis) >= np.linalg.matrix_rank(rows) if count else len(basis) == 0


def test_nearly_equal_templates_both_count():
    """Their difference is 1e-13 of their size; behind a noise of 1e-9 it would still be seen."""
    one = np.ones(4)
    other = one + 1e-13 * np.array([1.0, -1.0, 0.0, 0.0])
    basis = orthonormal_rows([one, other], 4)
    assert np.abs(other - other @ basis.T @ basis).max() < 1e-15


def couplings(**latents):
    tree = {
        "name": "couplings",
        "causes": {"m": "normal"},
        "fields": {"f": "normal"} if any("f" in text for text in latents.values()) else {},
        "targets": {"t": "x@ones + noise"},
        "modalities": {name: {"flow": "vector(4)", "latent": text} for name, text in latents.items()},
    }
    return {frozenset(g.modalities) for g in compile_story(tree).covariance.system.groups}


def test_identities_couple_and_scalars_do_not():
    assert couplings(x="m + noise", y="m + noise") == {frozenset("x"), frozenset("y")}
    assert couplings(x="f + noise", y="f + noise") == {frozenset("xy")}
    assert couplings(x="noise", y="x + noise", z="y + noise") == {frozenset("xyz")}
    assert couplings(x="f + noise", y="noise", z="2*f + y + noise") == {frozenset("xyz")}
    assert couplings(x="noise", y="t@ones + noise") == {frozenset("x"), frozenset("y")}


def test_the_group_of_a_large_story_stays_small():
    story = compile_story("multimodal-decay")
    (group,) = story.covariance.system.groups
    assert (group.dim, group.rank, group.copies) == (3072, 1, 3071)
    assert len(group.vectors) == 10


def test_templates_are_drawn_by_term():
    tree = {
        "name": "templates",
        "causes": {"m": "normal", "style": {"size": 2}},
        "targets": {"t": "x@disk + noise", "u": "0.5*m"},
        "modalities": {
            "x": {
                "flow": "identity(1, 4, 4)",
                "latent": "m + m@disk + style[1]@ring(0.3) + style@random(2) + noise",
            }
        },
    }
    pictures = compile_story(tree).templates()
    assert {title: picture.shape for title, picture in pictures.items()} == {
        "t: x@disk": (1, 4, 4),
        "x: m@ones": (1, 4, 4),
        "x: m@disk": (1, 4, 4),
        "x: style[1]@ring(0.3)": (1, 4, 4),
        "x: style@random(2)": (1, 4, 4),
    }
    np.testing.assert_array_equal(pictures["x: m@ones"], 1.0)
    np.testing.assert_array_equal(pictures["t: x@disk"], pictures["x: m@disk"])


@pytest.mark.parametrize(
    ("latent", "message"),
    [
        (
            "m@dsk + noise",
            "modalities.x: `@dsk`: template `dsk` on shape (4,): expected the name of a template. Write `disk`",
        ),
        ("m@disk + noise", "modalities.x: `@disk`: template `disk` on shape (4,): expected an image"),
        (
            "style + noise",
            "modalities.x: `@ones`: template `ones` on shape (4,): expected a pattern for each of the 2 components",
        ),
        ('m@file("none.npy") + noise', "expected a file at none.npy, found none. Check the path"),
    ],
)
def test_templates_that_cannot_be_drawn(latent, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = {
        "name": "bad",
        "causes": {"m": "normal", "style": {"size": 2}},
        "targets": {"t": "x@nothing + noise"},
        "modalities": {"x": {"flow": "vector(4)", "latent": latent}},
    }
    with pytest.raises(SpecError) as caught:
        compile_story(tree)
    assert len(caught.value.problems) == 2
    assert message in str(caught.value)
    assert "targets.t: `@nothing`: template `nothing` on shape (4,)" in str(caught.value)


def test_too_many_loadings():
    causes = {f"c{i}": {"size": 10_000} for i in range(2)}
    tree = {
        "name": "many",
        "causes": causes,
        "modalities": {"x": {"flow": "vector(4)", "latent": "c0[1] + noise"}},
    }
    with pytest.raises(SpecError) as caught:
        compile_story(tree)
    assert str(caught.value) == (
        "equations: 20,001 independent sources for 20,002 coordinates; expected at most 100,000,000 loadings. "
        "Use fewer templates or smaller causes."
    )


def test_spans_that_would_take_hours():
    latent = "style@random(1) + noise"
    tree = {
        "name": "long",
        "causes": {"style": {"size": 10_000}},
        "modalities": {"x": {"flow": "vector(10000)", "latent": latent}},
    }
    with pytest.raises(SpecError) as caught:
        compile_story(tree)
    assert str(caught.value) == (
        "equations: 10,000 templates on the 10,000 components of `x`; expected fewer, because their span would take "
        "hours. Use fewer templates, smaller causes or a smaller shape."
    )


def test_files_of_templates_are_relative_to_the_spec(tmp_path):
    np.save(tmp_path / "t.npy", np.array([1.0, 2.0, 0.0, -1.0]))
    text = "name: a\ncauses: {m: normal}\nmodalities: {x: {flow: vector(4), latent: '0.5*m@file(\"t.npy\") + noise'}}\n"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    story = compile_story(tmp_path / "a.yaml")
    assert story.information("I(x; m)") == pytest.approx(0.5 * np.log1p(0.25 * 4), abs=1e-12)
