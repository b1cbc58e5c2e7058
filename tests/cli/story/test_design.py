"""`infoloom design` and the tables of ceilings and decompositions, as a user calls them."""

from __future__ import annotations

import json

import pytest

from infoloom.cli.main import main

SPEC = """
name: pair
causes: {mass: normal}
parameters: {a: free, b: free}
targets: {theta: 0.8*mass + 0.6*noise}
labels: {grade: {target: theta, classes: 4}}
modalities:
  x: {flow: "vector(16)", latent: a*mass + noise}
  y: {flow: "vector(16)", latent: b*mass + noise}
require: {"I(x; theta)": 0.3, "I(y; theta)": ">= 0.2"}
"""


def call(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["infoloom", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
        raise SystemExit(0)
    out = capsys.readouterr()
    return ended.value.code or 0, out.out, out.err


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "pair.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def test_a_spec_is_solved_written_and_used(spec, tmp_path, monkeypatch, capsys):
    solved = tmp_path / "solved.yaml"
    code, out, _ = call(monkeypatch, capsys, "design", spec, "-o", solved)
    assert code == 0
    assert "I(x; theta)                 0.3    0.300000000000" in out
    assert "I(y; theta)              >= 0.2    0.200000000000" in out
    code, out, _ = call(monkeypatch, capsys, "info", solved, "I(x; theta)", "--json")
    assert json.loads(out)["values"]["I(x; theta)"] == pytest.approx(0.3, abs=1e-9)
    code, _, err = call(monkeypatch, capsys, "design", spec, "-o", solved)
    assert code == 2
    assert f"file `{solved}`: cannot be written (File exists). Choose another name." in err


def test_a_design_as_json(spec, monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "design", spec, "--json")
    tree = json.loads(out)
    assert code == 0
    assert tree["asked"] == {"I(x; theta)": 0.3, "I(y; theta)": ">= 0.2"}
    assert tree["residual"] <= 1e-9
    assert set(tree["parameters"]) == {"a", "b"}


def test_what_cannot_be_met_ends_with_status_two(spec, monkeypatch, capsys):
    spec.write_text(SPEC.replace("0.3", "3.0"), encoding="utf-8")
    code, out, err = call(monkeypatch, capsys, "design", spec)
    assert (code, out) == (2, "")
    assert err.startswith("infoloom: require.I(x; theta) `= 3`: expected at most 0.510826 nats")


def test_ceilings_are_printed_with_errors_where_they_are_estimates(spec, tmp_path, monkeypatch, capsys):
    solved = tmp_path / "solved.yaml"
    call(monkeypatch, capsys, "design", spec, "-o", solved)
    code, out, _ = call(monkeypatch, capsys, "info", solved, "--ceilings", "--batch", 8)
    assert code == 0
    assert "theta from x" in out
    assert "grade from x, y" in out
    assert out.splitlines()[-1].count(" ± ") == 2
    assert out.splitlines()[-1].count("(Monte Carlo)") == 2
    _, out, _ = call(
        monkeypatch, capsys, "info", solved, "--ceilings", "--batch", 8, "--json", "--classes", 2
    )
    tree = json.loads(out)
    assert tree["targets"][0]["r_squared"] == pytest.approx(0.4511883639, abs=1e-9)
    assert {one["label"] for one in tree["classes"]} == {"grade", "theta"}
    assert set(tree["pairs"][0]["bound"]) == {"value", "standard_error"}


def test_a_decomposition_is_printed_in_nats_and_bits(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "info", "synergy", "--decompose")
    assert code == 0
    assert any(line.split() == ["synergy", "1.450000000000"] for line in out.splitlines())
    _, out, _ = call(monkeypatch, capsys, "info", "synergy", "--decompose", "--json", "--bits")
    tree = json.loads(out)
    assert tree["unit"] == "bits"
    assert tree["decomposition"]["theta"]["synergy"] == pytest.approx(1.45 / 0.6931471805599453, abs=1e-8)
