"""`infoloom info --tolerance --budget` and `--ceilings` of stories that are not Gaussian."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from typer.testing import CliRunner

from infoloom.cli.main import app

STORY = {
    "name": "wave",
    "causes": {"c": "normal"},
    "targets": {"t": "sin(2*c) + 0.5*noise"},
    "modalities": {"m": {"flow": "vector(4)", "latent": "0.5*c + noise"}},
}


def output(path: Path, *arguments: str) -> str:
    path.write_text(yaml.safe_dump(STORY))
    found = CliRunner().invoke(app, ["info", str(path), *arguments])
    assert found.exit_code == 0, found.output
    return found.output


def test_a_table_to_a_tolerance_and_what_was_not_reached(tmp_path: Path) -> None:
    text = output(tmp_path / "s.yaml", "--tolerance", "1e-6", "--budget", "60")
    assert "0.048251" in text
    assert "(quadrature)" in text
    assert "Not within" not in text
    text = output(tmp_path / "s.yaml", "--tolerance", "1e-12")
    assert (
        "Not within 1e-12 nats: I(m; t). The errors say what was reached; give a larger `--budget`." in text
    )
    tree = json.loads(output(tmp_path / "s.yaml", "I(m; t)", "--json", "--tolerance", "1e-6"))
    value = tree["values"]["I(m; t)"]
    assert value["method"] == "quadrature"
    assert 0.0 < value["tolerance"] <= 1e-6


def test_ceilings_carry_their_errors(tmp_path: Path) -> None:
    text = output(tmp_path / "s.yaml", "--ceilings", "--classes", "2")
    assert (
        text.count("±") == 5
    )  # information, R² and MMSE of the target; information and accuracy of the class
    tree = json.loads(output(tmp_path / "s.yaml", "--ceilings", "--json"))
    target = tree["targets"][0]
    assert 0.0 < target["r_squared_error"] < 0.01
    assert 0.0 < target["mmse_error"] < 0.01
