"""The command line on stories that are not Gaussian, on interventions, strips and diagnostics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infoloom.cli.main import app
from infoloom.datasets.showing.strip import strip_rows
from infoloom.errors import DatasetError
from infoloom.story import load


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_values_by_quadrature_say_so() -> None:
    text = run("info", "stress-laplace", "I(x1; theta)")
    assert text.startswith("stress-laplace, in nats\n")
    assert "0.4901604 ± 0.0000006 (quadrature)" in text
    assert "Not Gaussian: `mass` (laplace)." in text
    tree = json.loads(run("info", "stress-laplace", "I(x1; theta)", "--json"))
    assert tree["values"]["I(x1; theta)"] == {
        "value": pytest.approx(0.490160, abs=1e-6),
        "tolerance": pytest.approx(6e-7),
        "method": "quadrature",
    }


def test_exact_values_stay_numbers() -> None:
    assert run("info", "stress-normal").startswith("stress-normal, exact, in nats\n")
    tree = json.loads(run("info", "stress-normal", "I(x1; theta)", "--json"))
    assert tree["values"]["I(x1; theta)"] == pytest.approx(0.506046095736, abs=1e-12)


def test_diagnose_prints_findings() -> None:
    text = run("info", "stress-student", "--diagnose")
    assert "need attention" in text.splitlines()[0]
    assert "LOOK kurtosis: excess kurtosis" in text
    findings = json.loads(run("info", "black-hole-templates", "--diagnose", "--json"))["findings"]
    assert {f["name"] for f in findings} >= {"condition", "smallest spread", "components", "flow input"}


def test_generate_under_an_intervention_verifies(tmp_path: Path) -> None:
    out = tmp_path / "held"
    run("generate", "stress-normal", str(out), "--rows", "300", "--workers", "1", "--do", "mass=1.5")
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert "holds `mass` = 1.5" in manifest["notes"][0]
    assert "do:\n  mass: 1.5" in (out / "spec.yaml").read_text(encoding="utf-8")
    assert "rows verified" in run("verify", str(out))


def test_a_dataset_beyond_gaussian_keeps_its_errors(tmp_path: Path) -> None:
    out = tmp_path / "laplace"
    run("generate", "stress-laplace", str(out), "--rows", "300", "--workers", "1")
    values = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["truth"]["values"]
    assert values["I(x1; theta)"]["method"] == "quadrature"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| `I(x1; theta)` | 0.4901604 ± 0.0000006 (quadrature) |" in card
    assert "Not Gaussian: `mass` (laplace)" in card
    text = run("verify", str(out))
    assert "information after the bijection of x1" in text
    assert "rows verified" in text


def test_a_value_that_is_no_number_is_refused(tmp_path: Path) -> None:
    words = ["generate", "stress-normal", str(tmp_path / "x"), "--rows", "10", "--do", "mass=big"]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, DatasetError)
    assert "do `mass=big`: expected `name=number`, or `name=number,number,…`." in str(result.exception)
    result = CliRunner().invoke(app, [*words[:-2], "--do", "mass=1", "--do", "mass=2"])
    assert str(result.exception) == "do `mass`: expected one value. Remove one of them."


def test_a_strip_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "strip.png"
    assert run("strip", "stress-normal", "--cause", "mass", "-o", str(picture)).strip() == str(picture)
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_strip_moves_what_the_cause_moves() -> None:
    observed = strip_rows(load("stress-normal"), "mass", (-1.0, 0.0, 1.0), row=3)
    for values in observed.values():
        assert values.shape == (3, 1, 8, 8)
        assert values[2] - values[1] == pytest.approx(values[1] - values[0], abs=1e-5)
        assert abs(values[2] - values[0]).max() > 0.1
    with pytest.raises(DatasetError, match="strip: expected at least one value"):
        strip_rows(load("stress-normal"), "mass", ())
