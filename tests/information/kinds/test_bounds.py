"""What is only a bound where a trained flow's class is chosen, and decompositions where categories choose."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infoloom.cli.main import app
from infoloom.errors import QueryError
from infoloom.story import Story, load

PLAIN: dict[str, Any] = {
    "name": "bounds",
    "causes": {"kind": "categorical(2)", "a": "normal", "b": "normal"},
    "targets": {"theta": "a + 0.5*noise"},
    "modalities": {
        "x": {"flow": "vector(2)", "latent": "a@patch(0, 1) + b@patch(1, 1) + 0.5*noise"},
        "y": {"flow": "vector(1)", "latent": "a + noise"},
        "z": {"flow": "vector(1)", "latent": "0.5*a + noise"},
    },
    "labels": {"cls": {"target": "theta", "classes": 3}},
}
SHAPE = {"flow": "sprites[{kind}: heart, ring](32)", "latent": {"hue": "0.5*a + noise"}}
DIGIT = {"flow": "digits[{kind}: 3, 8]", "latent": "0.1*a + noise"}  # its map does not tell the class


def story(**more: Any) -> Story:
    return load({**PLAIN, "modalities": {**PLAIN["modalities"], **more}})


def informed(noise: float) -> float:
    """I(a + 0.5 noise; a + noise·n) of normal variables, nats."""
    return -0.5 * math.log(1.0 - 1.0 / (1.25 * (1.0 + noise**2)))


@pytest.mark.parametrize("more", [{}, {"shape": SHAPE}, {"digit": DIGIT}])
def test_a_vector_is_decomposed_nowhere(more: dict[str, Any]) -> None:
    with pytest.raises(QueryError) as caught:
        story(**more).decompose("x", ("y", "z"))
    assert str(caught.value) == (
        "decomposition of `x`: expected a scalar, because for 2 components minimal mutual information is not the "
        "decomposition and no closed form is known. Name one component."
    )


def test_a_picture_of_a_chosen_class_is_no_scalar() -> None:
    with pytest.raises(QueryError) as caught:
        story(shape=SHAPE).decompose("shape", ("y", "z"))
    assert str(caught.value) == (
        "decomposition of `shape`: expected a scalar, got an observation that shows `kind` beside its latent, and for "
        "both together minimal mutual information is not the decomposition. Name a target."
    )


@pytest.mark.parametrize("more", [{}, {"shape": SHAPE}])
@pytest.mark.parametrize("target", ["theta", "cls"])
def test_a_label_is_no_source(more: dict[str, Any], target: str) -> None:
    made = story(**more)
    with pytest.raises(
        QueryError, match=rf"decomposition of `{target}`: `cls` is words or classes; expected Ga"
    ):
        made.decompose(target, ("y", "cls"))
    assert made.decompose("cls", ("y", "z")).redundancy == pytest.approx(
        made.information("I(cls; z)"), abs=1e-9
    )


def test_differences_of_bounds_are_refused() -> None:
    made = story(digit=DIGIT)
    for modalities in ((), ("digit", "y")):
        with pytest.raises(QueryError) as caught:
            made.decompose("theta", modalities)
        assert str(caught.value) == (
            "decomposition of `theta`: `digit` has a trained flow whose class is chosen, so an observation does not "
            "tell its class, and only an upper bound of its information is known; expected modalities whose "
            "information is known, because differences of bounds bound nothing. Name other modalities."
        )
    parts = made.decompose("theta", ("y", "z"))
    assert parts.redundancy == pytest.approx(informed(2.0), abs=1e-9)
    assert parts.unique["y"] == pytest.approx(informed(1.0) - informed(2.0), abs=1e-9)
    shown = story(shape=SHAPE).decompose("theta", ("y", "shape"))  # it shows its class
    assert shown.redundancy == pytest.approx(informed(2.0), abs=1e-9)


def test_ceilings_say_what_is_only_a_bound() -> None:
    found = story(digit=DIGIT).ceilings(batch=4, batches=4)
    for one in (*found.targets, *found.classes):
        assert one.at_most == ("digit" in one.given), one
    assert {one.pair: one.at_most for one in found.pairs} == {
        pair: "digit" in pair
        for pair in [("x", "y"), ("x", "z"), ("x", "digit"), ("y", "z"), ("y", "digit"), ("z", "digit")]
    }
    kind = next(one for one in found.classes if one.label == "kind" and one.given == ("digit",))
    assert (kind.accuracy, kind.at_most) == (1.0, True)
    shown = story(shape=SHAPE).ceilings(batch=4, batches=4)
    assert not any(one.at_most for one in (*shown.targets, *shown.classes, *shown.pairs))
    assert "at_most" not in json.dumps(shown.to_json())


def test_bounds_are_printed_as_bounds(tmp_path: Path) -> None:
    path = tmp_path / "bounds.yaml"
    path.write_text(story(digit=DIGIT).spec.to_yaml())
    result = CliRunner().invoke(app, ["info", str(path), "--ceilings", "--batch", "4"])
    assert result.exit_code == 0, result.output
    bounds = {" ".join(line.split()) for line in result.output.splitlines() if "at most" in line}
    lines = {" ".join(line.split()) for line in result.output.splitlines()}
    assert "kind from digit 2 0.69314718 1.000000 at most" in bounds
    assert "kind from x 2 0.00000000 0.500000" in lines
    assert any(
        line.startswith("theta from digit ") and line.endswith("at most; MMSE at least") for line in bounds
    )
    assert any(line.startswith("y and digit ") and line.endswith("; all at most") for line in bounds)
    assert all("digit" in line or " from all " in line for line in bounds)
    tree = json.loads(
        CliRunner().invoke(app, ["info", str(path), "--ceilings", "--batch", "4", "--json"]).output
    )
    marked = [
        one["at_most"] for key in ("targets", "classes", "pairs") for one in tree[key] if "at_most" in one
    ]
    assert len(marked) >= 3
    assert all(marked)
