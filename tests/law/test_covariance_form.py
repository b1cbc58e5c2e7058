"""Stories given by block covariances: against dense matrices, against equations, and what is refused."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from oracles import dense_log_volume
from scipy.linalg import block_diag

from infoloom.errors import SpecError
from infoloom.law.templates import make_template
from infoloom.spec.equations.expression import template
from infoloom.spec.model import build_spec
from infoloom.story import compile_story


def tree(covariance, targets=("t",), **flows):
    flows = flows or {"a": "identity(1, 2, 3)", "b": "vector(6)", "c": "vector(4)"}
    return {
        "name": "given",
        "targets": dict.fromkeys(targets),
        "modalities": {name: {"flow": flow} for name, flow in flows.items()},
        "covariance": covariance,
    }


def test_against_a_dense_covariance():
    covariance = {
        "a": "1.5 + 0.2@ones - 0.1@random(1)",
        "a, b": "0.4 + 0.1@random(1)",
        "b": 2,
        "c, b": "0.1@patch(1, 2)",
        "t": 1.3,
        "t, s": -0.5,
        "a, t": "0.2@disk",
        "s, c": "0.1@ones - 0.05@random(4)",
    }
    story = compile_story(tree(covariance, ("t", "s")))

    def draw(name, *args, shape=(6,)):
        return make_template(template(name, *args), shape)

    image = (1, 2, 3)
    a = (
        1.5 * np.eye(6)
        + 0.2 * np.outer(*[draw("ones")] * 2)
        - 0.1 * np.outer(*[draw("random", 1, shape=image)] * 2)
    )
    ab = 0.4 * np.eye(6) + 0.1 * np.outer(draw("random", 1, shape=image), draw("random", 1))
    sigma = block_diag(a, 2 * np.eye(6), np.eye(4), 1.3, 1.0)
    upper = np.zeros_like(sigma)
    upper[:6, 6:12] = ab
    upper[6:12, 12:16] = 0.1 * np.outer(draw("patch", 1, 2), draw("patch", 1, 2, shape=(4,)))
    upper[:6, 16] = 0.2 * draw("disk", shape=image)
    upper[12:16, 17] = 0.1 * draw("ones", shape=(4,)) - 0.05 * draw("random", 4, shape=(4,))
    upper[16, 17] = -0.5
    sigma += upper + upper.T
    assert np.linalg.eigvalsh(sigma).min() > 0
    np.testing.assert_allclose(story.covariance.dense(["a", "b", "c", "t", "s"]), sigma, atol=1e-12)
    place = {"a": range(6), "b": range(6, 12), "c": range(12, 16), "t": [16], "s": [17]}

    def h(*names):
        kept = [i for name in names for i in place[name]]
        return dense_log_volume(sigma[np.ix_(kept, kept)])

    expected = h("a", "t") + h("b", "c", "t") - h("a", "b", "c", "t") - h("t")
    assert story.information("I(a; b, c | t)") == pytest.approx(expected, abs=1e-9)
    assert story.information("I(s; t)") == pytest.approx(h("s") + h("t") - h("s", "t"), abs=1e-9)
    np.testing.assert_allclose(
        story.whitener("a").matrix() @ a @ story.whitener("a").matrix().T, np.eye(6), atol=1e-10
    )


def test_same_information_as_equations():
    equations = compile_story(
        {
            "name": "equations",
            "causes": {"m": "normal"},
            "fields": {"f": "normal"},
            "targets": {"t": "m + 0.5*noise"},
            "modalities": {
                "a": {"flow": "identity(1, 40, 40)", "latent": "0.3*m@disk + 0.5*f + noise"},
                "b": {"flow": "identity(1, 40, 40)", "latent": "-0.4*m@disk + 0.7*f + 0.5*noise"},
            },
        }
    )
    covariance = {
        "t": 1.25,
        "a": "1.25 + 0.09@disk",
        "b": "0.74 + 0.16@disk",
        "a, t": "0.3@disk",
        "b, t": "-0.4@disk",
        "a, b": "0.35 - 0.12@disk",
    }
    given = compile_story(tree(covariance, a="identity(1, 40, 40)", b="identity(1, 40, 40)"))
    assert given.truth_table() == pytest.approx(equations.truth_table(), abs=1e-9)


@pytest.mark.parametrize("text", ["0.3", "0.9999", "0.999999", "0.999999999"])
@pytest.mark.parametrize("size", [1, 3072])
def test_what_rounding_takes_from_covariances_is_within_the_tolerance(text, size):
    """1 − ρ² of the number that was written, in 40 digits, against the value from float64."""
    covariance = {"a, b": float(text)}
    given = compile_story(tree(covariance, a=f"vector({size})", b=f"vector({size})"))
    found = given.quantity("I(a; b)")
    with localcontext(prec=40):
        exact = -size * (1 - Decimal(text) ** 2).ln() / 2
        away = abs(Decimal(found.value) - exact)
    assert away <= found.tolerance + 1e-9
    assert found.tolerance <= size * 1e-15 / (1 - float(text))  # no more than a few roundings


def test_dense_blocks(tmp_path):
    """The joint covariance of an equation story, handed over as dense blocks, has the same truth table."""
    equations = compile_story(
        {
            "name": "equations",
            "causes": {"m": "normal"},
            "fields": {"f": "normal"},
            "targets": {"t": "m + 0.5*noise"},
            "modalities": {
                "a": {"flow": "identity(1, 4, 4)", "latent": "0.3*m@disk + 0.5*f + noise"},
                "b": {"flow": "identity(1, 4, 4)", "latent": "-0.4*m@ones + 0.7*f + 0.5*noise"},
                "c": {"flow": "vector(5)", "latent": "0.4*t + 0.5*noise"},
            },
        }
    )
    covariance = {"t": 1.25}
    names = ["t", "a", "b", "c"]
    for i, one in enumerate(names):
        for other in names[i:]:
            if one != "t" or other != "t":
                dims = equations.dim(one), equations.dim(other)
                whole = equations.covariance.dense([one, other])
                block = whole if one == other else whole[: dims[0], dims[0] :]
                np.save(tmp_path / f"{one}{other}.npy", block[: dims[0], : dims[1]])
                covariance[f"{one}, {other}" if one != other else one] = f'block("{one}{other}.npy")'
    flows = {name: equations.flow(name) for name in ("a", "b", "c")}
    given = compile_story(build_spec(tree(covariance, **flows), tmp_path))
    expected = equations.truth_table()
    assert given.truth_table() == pytest.approx(expected, abs=1e-9)
    assert given.information("I(a, c; t | b)") == pytest.approx(
        equations.information("I(a, c; t | b)"), abs=1e-9
    )
    rows = given.sample(3)
    assert rows["a"].shape == (3, 16)


def refusal(covariance, directory=None, **flows):
    with pytest.raises(SpecError) as caught:
        compile_story(build_spec(tree(covariance, **flows), directory))
    return caught.value.problems


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ({"z": 1}, "covariance.z: expected a target or modality, or two joined by a comma; `z` is unknown."),
        ({"a, b, c": 1}, "covariance.a, b, c: expected a target or modality, or two joined by a comma."),
        (
            {"a, ": 1},
            "covariance.a, : expected a target or modality, or two joined by a comma; `` is unknown.",
        ),
        ({"a, b": 0.1, "b, a": 0.1}, "covariance.b, a: this block is given twice. Remove one of them."),
        ({"a": 1, "a, a": 1}, "covariance.a, a: this block is given twice. Remove one of them."),
        ({"a": "1 + x"}, "covariance.a: expected a number or `weight@template`, got `x` (character 5)."),
        ({"a": "1 +"}, "covariance.a: expected a number or a name, got the end (character 4)."),
        (
            {"a": "1 + 0.1@dsk"},
            "covariance.a: template `dsk` on shape (1, 2, 3): expected the name of a template.",
        ),
        ({"t": "0.1@ones"}, "covariance.t: two targets have a number as covariance. Remove the template."),
        (
            {"a, t": 0.1},
            "covariance.a, t: a number means that multiple of the identity, but the sizes are 6 and 1. Use a template,",
        ),
        ({"a, c": 0.1}, 'the sizes are 6 and 4. Use a template, as in `0.2@ones`, or `block("file.npy")`.'),
        ({"a": "0.1@ones"}, "covariance: `a` has no positive variance. Raise it."),
        ({"t": 0}, "covariance: `t` has no positive variance. Raise it."),
        ({"t": -1}, "covariance: `t` has no positive variance. Raise it."),
        ({"a, b": 1.0}, "covariance: not safely positive definite (smallest eigenvalue of the correlations "),
        ({"a, b": 1.0}, "mostly in `"),
        ({"a, b": 0.9999999999}, "smallest eigenvalue of the correlations 2e-10"),
        ({"a, t": "0.9@ones"}, "Raise the variances or lower the covariances."),
        ({"a": "1 - 0.5@ones"}, "covariance: `a` has no positive variance. Raise it."),
    ],
)
def test_refusals(covariance, message):
    assert any(message in problem for problem in refusal(covariance))


def test_several_problems_at_once():
    assert len(refusal({"z": 1, "a": "1 +", "t": "0.1@ones", "a, c": 2})) == 4


def test_dense_files_that_do_not_fit(tmp_path):
    def message(content, key="a"):
        if content is not None:
            np.save(tmp_path / "f.npy", content, allow_pickle=True)
        return refusal({key: 'block("f.npy")'}, tmp_path)[0]

    assert message(None).startswith("covariance.a: cannot read `f.npy` as an array (")
    assert message(np.eye(5)) == "covariance.a: `f.npy`: expected numbers of shape (6, 6)."
    assert message(np.eye(6).astype(complex)) == "covariance.a: `f.npy`: expected numbers of shape (6, 6)."
    assert message(np.full((6, 6), np.nan)) == "covariance.a: `f.npy`: expected finite numbers."
    assert message(np.triu(np.ones((6, 6)))) == "covariance.a: `f.npy`: expected a symmetric matrix."
    assert "not safely positive definite" in message(np.ones((6, 6)))
    assert message(np.array([{}], dtype=object)).startswith("covariance.a: cannot read `f.npy` as an array (")
    assert message(np.eye(6), "a, c") == "covariance.a, c: `f.npy`: expected numbers of shape (6, 4)."
    (tmp_path / "f.npy").write_bytes(b"")
    assert message(None).startswith("covariance.a: cannot read `f.npy` as an array (")


def test_absurd_sizes():
    large = {"a": "vector(5000)", "b": "vector(5000)"}
    assert refusal({"a": 'block("f.npy")'}, **large) == (
        "covariance.a: a dense block has at most 4096 components a side, got 5000 × 5000.",
    )
    story = compile_story(tree({"a": "1 + 0.1@ones", "a, b": 0.5}, **large))
    assert story.information("I(a; b)") > 0


def test_either_equations_or_covariances():
    spec = tree({"a": 1.0}, a="vector(2)") | {
        "causes": {"m": "normal"},
        "fields": {"f": "normal"},
        "parameters": {"p": 1},
    }
    spec["targets"] = {"t": "m"}
    spec["modalities"]["a"]["latent"] = "noise"
    with pytest.raises(SpecError) as caught:
        compile_story(spec)
    assert caught.value.problems == (
        "targets.t: a spec has either equations or `covariance`. Remove one of them.",
        "modalities.a.latent: a spec has either equations or `covariance`. Remove one of them.",
        "causes: a spec with `covariance` has none. Remove it, or write equations.",
        "fields: a spec with `covariance` has none. Remove it, or write equations.",
        "parameters: a spec with `covariance` has none. Remove it, or write equations.",
    )
