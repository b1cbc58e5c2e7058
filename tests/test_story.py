"""The compiled story: its parts, what it refuses, and that no size is too large."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest

from infoloom import presets
from infoloom.errors import InfiniteInformationError, QueryError, SpecError
from infoloom.story import compile_story, load

SMALL = {
    "name": "small",
    "causes": {"m": "normal", "style": {"size": 3}},
    "fields": {"f": "normal"},
    "targets": {"t": "m + noise", "u": "0.5*x@random(1) + noise"},
    "modalities": {
        "x": {"flow": "identity(1, 2, 3)", "latent": "m + f + noise"},
        "y": {"flow": "vector(6) | asinh", "latent": "style@random + f + noise", "whitening": "none"},
    },
}


def test_parts():
    story = load(SMALL)
    assert story.name == "small"
    assert (story.causes, story.fields) == (("m", "style"), ("f",))
    assert (story.targets, story.modalities) == (("t", "u"), ("x", "y"))
    assert [story.dim(n) for n in ("m", "style", "style[2]", "f", "t", "x")] == [1, 3, 1, 6, 1, 6]
    assert [story.shape(n) for n in ("m", "style", "f", "t", "x", "y")] == [
        (),
        (3,),
        (6,),
        (),
        (1, 2, 3),
        (6,),
    ]
    assert (story.flow("x"), story.flow("y")) == ("identity(1, 2, 3)", "vector(6) | asinh")
    assert (story.whitener("x").kind, story.whitener("y").kind) == ("whiten", "none")
    assert story.spec.digest == load(story.spec).spec.digest
    with pytest.raises(dataclasses.FrozenInstanceError):
        story.spec = None


def test_all_ways_to_a_story_are_the_same(tmp_path):
    story = load(SMALL)
    path = tmp_path / "small.yaml"
    path.write_text(story.spec.to_yaml(), encoding="utf-8")
    for again in (load(path), load(str(path)), compile_story(story.spec)):
        assert again.spec.digest == story.spec.digest
        assert again.truth_table() == story.truth_table()
        assert again.sample(3)["x"].tobytes() == story.sample(3)["x"].tobytes()
    assert presets.preset("figure-1").truth_table() == load("figure-1").truth_table()


@pytest.mark.parametrize("ask", ["flow", "whitener"])
def test_names_that_are_no_modality(ask):
    for name in ("m", "z"):
        with pytest.raises(QueryError, match=rf"^unknown modality `{name}`: expected one of x, y\.$"):
            getattr(load(SMALL), ask)(name)


def test_names_that_are_no_variable():
    story = load(SMALL)
    with pytest.raises(
        QueryError, match=r"^unknown variable `z`: expected one of m, style, f, t, u, x, y\.$"
    ):
        story.shape("z")
    with pytest.raises(QueryError, match=r"^unknown variable `z`: expected one of "):
        story.dim("z")


def tree(latents, targets=(), flow="vector(4)", **more):
    return {
        "name": "refused",
        "causes": {"m": "normal", "s": "normal"},
        "targets": dict(targets),
        "modalities": {name: {"flow": flow, "latent": text} for name, text in latents.items()},
        **more,
    }


ADVICE = "without noise of its own their joint law is degenerate. Add noise to `{}`, such as `+ 0.1*noise`."
FEW = "has fewer sources of variation than components, so its components determine each other."


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (tree({"x": "m"}), f"modalities.x.latent: `x` {FEW} Add noise to `x`, such as `+ 0.1*noise`."),
        (tree({"x": "m + s@random + 0*noise"}), f"modalities.x.latent: `x` {FEW}"),
        (tree({"x": "0*noise"}), "modalities.x.latent: `x` "),
        (
            tree({"x": "0*m"}, flow="vector(1)"),
            "modalities.x.latent: `x` does not vary: nothing random enters it. Add noise",
        ),
        (
            tree({"x": "m + noise", "y": "-2*x"}),
            "equations: information would be infinite: `y` is determined by `x`: " + ADVICE.format("y"),
        ),
        (
            tree({"x": "f", "y": "0.5*f"}, fields={"f": "normal"}),
            "equations: information would be infinite: `y` is determined by `x`: " + ADVICE.format("y"),
        ),
        (
            tree({"x": "f", "y": "g", "z": "f - g"}, fields={"f": "normal", "g": "normal"}),
            "equations: information would be infinite: `z` is determined by `x`, `y`: " + ADVICE.format("z"),
        ),
        (
            tree({"x": "m + noise"}, {"t": "x@random(1)"}),
            "equations: information would be infinite: `t` is determined by `x`: " + ADVICE.format("t"),
        ),
        (
            tree({"x": "m"}, {"t": "2*m"}, flow="vector(1)"),
            "equations: information would be infinite: `",
        ),
        (
            tree({"x": "m + noise"}, {"t": "0*m"}),
            "equations: information would be infinite: `t` does not vary: nothing",
        ),
        (
            tree({"x": "m + noise"}, {"t": "m - m"}),
            "equations: information would be infinite: `t` does not vary: nothing",
        ),
        (
            tree({"x": "1e31*m + noise"}),
            "modalities.x: its largest loading is 2e+31; expected 1e-30 to 1e+30. Rescale its weights.",
        ),
        (
            tree({"x": "1e-200*m + 1e-200*noise"}),
            "modalities.x: its largest loading is 2e-200; expected 1e-30 to 1e+30. Rescale its weights.",
        ),
        (
            tree({"x": "t + noise"}, {"t": "1e200*m"}),
            "targets.t: its largest loading is 1e+200; expected 1e-30 to 1e+30.",
        ),
        (
            tree({"x": "a*a*m + noise"}, parameters={"a": 1e200}),
            "modalities.x: its largest loading is ",
        ),
        (
            tree({"x": "a*m + noise"}, parameters={"a": "free"}),
            "parameters.a: free and not solved yet. Solve it with `infoloom design SPEC -o SOLVED`, or give",
        ),
    ],
)
def test_refusals(spec, message):
    with pytest.raises(SpecError) as caught:
        compile_story(spec)
    assert caught.value.problems[0].startswith(message), str(caught.value)


def test_no_value_is_infinite_or_not_a_number():
    """What cannot be refused at once is refused when it is asked for."""
    story = compile_story(tree({"x": "f", "y": "f + noise"}, {"t": "m"}, fields={"f": "normal"}))
    assert all(math.isfinite(value) for value in story.truth_table().values())
    for query, name in [("I(x; f)", "x"), ("I(y; f | x)", None), ("I(t; m)", "t"), ("I(f; x, y)", "x")]:
        if name is None:
            assert story.information(query) == 0.0
            continue
        with pytest.raises(
            InfiniteInformationError, match=rf"^the information is infinite: `{name}` is determined by"
        ):
            story.information(query)


@pytest.mark.parametrize("noise", [1e-3, 1e-6, 1e-9])
def test_tiny_noises(noise):
    """I = ½ log(1 + d w²/ρ²) and, of a shared field, −(d/2) log(1 − r²), to ten digits."""
    story = compile_story(tree({"x": f"0.5*m + {noise}*noise"}, {"t": "m"}, flow="vector(16)"))
    assert story.information("I(x; t)") == pytest.approx(0.5 * math.log1p(16 * 0.25 / noise**2), rel=1e-12)
    fields = tree(dict.fromkeys("xy", f"f + {noise}*noise"), flow="vector(16)", fields={"f": "normal"})
    one_minus_r2 = (2 * noise**2 + noise**4) / (1 + noise**2) ** 2
    assert compile_story(fields).information("I(x; y)") == pytest.approx(
        -8 * math.log(one_minus_r2), rel=1e-11
    )


def test_a_hundred_modalities():
    story = presets.multimodal_decay(modalities=100, dim=64)
    table = story.truth_table()
    assert len(table) == 100 + 1 + 4950 + 3
    assert all(value >= -1e-9 for query, value in table.items() if query.count(";") == 1)
    assert table["I(x0; x1)"] > table["I(x0; x2)"] > table["I(x0; x50)"]
    assert table[next(q for q in table if q.startswith("O("))] == pytest.approx(
        table[next(q for q in table if q.startswith("TC"))]
        - table[next(q for q in table if q.startswith("DTC"))],
        rel=1e-12,
    )
    rows = story.sample(2)
    assert len(rows) == 102
    assert math.isfinite(story.pmi(rows, tuple(f"x{i}" for i in range(50)), "theta")[0])


def test_a_million_components():
    story = compile_story(
        {
            "name": "million",
            "causes": {"m": "normal"},
            "targets": {"t": "m"},
            "modalities": {
                "x": {"flow": "vector(1000000)", "latent": "2e-3*m + 1e-3*m@random(1) + 2*noise"},
                "y": {"flow": "vector(10)", "latent": "m + noise"},
            },
        }
    )
    weight = story.covariance.system.in_span["x"][:, 0]
    assert story.information("I(x; t)") == pytest.approx(
        0.5 * math.log1p(float(weight @ weight) / 4), rel=1e-12
    )
    whitener = story.whitener("x")
    assert whitener.basis.shape == (2, 1_000_000)
    rows = story.sample(1, seed=4)
    z = rows["x"][0].astype(np.float64)
    inside = whitener.basis @ z
    white = whitener.complement * (z - inside @ whitener.basis) + (whitener.in_span @ inside) @ whitener.basis
    assert white @ white / 1e6 == pytest.approx(1.0, abs=4 * math.sqrt(2 / 1e6))
    assert math.isfinite(story.pmi(rows, "x", "t")[0])


def test_the_family_of_decays_refuses_nothing_small():
    story = presets.multimodal_decay(modalities=1, dim=1, weight=0.0)
    assert story.information("I(x0; theta)") == 0.0
    assert presets.names() == tuple(sorted(presets.names()))


@pytest.mark.parametrize("name", ["stress-normal", "stress-laplace"])
def test_rows_behind_a_mask_are_refused(name):
    story = load(name)
    rows = story.sample(20)
    rows["x1"] = np.ma.masked_array(rows["x1"], np.broadcast_to(np.arange(20)[:, None] < 2, rows["x1"].shape))
    with pytest.raises(QueryError, match=r"`x1` `128 masked values`: expected values everywhere"):
        story.pmi(rows, "x1", "x2")
    if story.gaussian:
        with pytest.raises(QueryError, match="masked values"):
            story.predict(rows, "theta", "x1")


KINDS = {
    "name": "kinds",
    "causes": {"c": "normal", "k": "categorical(3)"},
    "modalities": {"x": {"flow": "vector(4)", "latent": "0.5*c + k + noise"}},
    "targets": {"theta": "c"},
    "labels": {"cls": {"target": "theta", "classes": 3}},
}
PLAIN = {"x": {"flow": "vector(4)", "latent": "0.5*c + noise"}}
WRONG_ROWS = {
    "flattened": (lambda rows: {"x": rows["x"].ravel()}, "expected 4 components of `x` a row, got 1."),
    "one number": (
        lambda rows: {"x": 3.0},
        "expected 4 components of `x` a row, got one number without rows.",
    ),
    "nan": (lambda rows: {"x": rows["x"] * np.nan}, "expected finite values of `x`. Remove other rows."),
    "complex": (
        lambda rows: {"x": rows["x"] + 1j},
        "`x` `dtype complex64`: expected an array of real numbers.",
    ),
    "text": (lambda rows: {"x": rows["x"].astype(str)}, "`x` `text`: expected an array of real numbers."),
    "missing": (lambda rows: {"y": rows["x"]}, "the rows have no values of `x`."),
}


@pytest.mark.parametrize("kind", WRONG_ROWS)
@pytest.mark.parametrize("ask", ["pmi", "predict"])
@pytest.mark.parametrize("name", ["plain", "kinds"])
def test_rows_that_are_no_rows_are_refused(kind, ask, name):
    """Once a flattened latent was read as many rows of one component, and gave wrong predictions."""
    plain = {"causes": {"c": "normal"}, "modalities": PLAIN} if name == "plain" else {}
    story = compile_story(KINDS | plain)
    change, message = WRONG_ROWS[kind]
    rows = {"theta": story.sample(8)["theta"], **change(story.sample(8))}
    with pytest.raises(QueryError, match=re.escape(message)):
        story.pmi(rows, "x", "theta") if ask == "pmi" else story.predict(rows, "theta", "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cls": np.full(8, 3)}, "expected classes of `cls`, whole numbers from 0 to 2, got 3."),
        ({"cls": np.full(8, -1)}, "expected classes of `cls`, whole numbers from 0 to 2, got -1."),
        ({"cls": np.full(8, 0.5)}, "expected classes of `cls`, whole numbers from 0 to 2, got 0.5."),
        ({"cls": np.full(8, np.nan)}, "expected finite values of `cls`."),
        ({"cls": np.zeros(7)}, "expected as many rows of `cls` as of `x`, got 7 and 8."),
        ({"cls": np.full(8, "a")}, "`cls` `text`: expected an array of real numbers."),
    ],
)
def test_classes_that_are_none_are_refused(change, message):
    story = compile_story(KINDS | {"causes": {"c": "normal"}, "modalities": PLAIN})
    with pytest.raises(QueryError, match=re.escape(message)):
        story.pmi({**story.sample(8), **change}, "x", "cls")


def test_categories_that_are_none_are_refused():
    story = compile_story(KINDS)
    rows = story.sample(8)
    for values, message in (
        (np.full(8, np.nan), "expected finite values of `k`."),
        (np.full(8, 9.0), "values of `k`: expected its 3 values from"),
        (np.zeros(7) + rows["k"][:7], "expected as many rows of `k` as of `x`, got 7 and 8."),
    ):
        with pytest.raises(QueryError, match=re.escape(message)):
            story.pmi({**rows, "k": values}, "x", "k")


def test_predictions_need_rows_of_equal_number():
    story = compile_story(KINDS | {"causes": {"c": "normal"}, "modalities": {**PLAIN, "y": PLAIN["x"]}})
    rows = story.sample(8)
    message = "prediction of `theta`: expected as many rows of `y` as of `x`, got 1 and 8."
    with pytest.raises(QueryError, match=re.escape(message)):
        story.predict({**rows, "y": rows["y"][:1]}, "theta", ("x", "y"))
