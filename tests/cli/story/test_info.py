"""`infoloom presets`, `new` and `info`: what they print, where, and with which status they end."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from infoloom.cli import main as cli
from infoloom.spec.load import load_spec, preset_names, preset_text
from infoloom.story import load

BROKEN = "name: a\ncauses: {spin: normal}\nmodalities: {x: {flow: vector(2), latent: 0.5*spim + noise}}\n"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program in this process: (status, output, errors)."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["infoloom", *map(str, words)])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_presets(run):
    status, out, err = run("presets")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == list(preset_names())
    assert all(load_spec(line.split()[0]).description in line for line in lines)
    status, out, _ = run("presets", "--json")
    assert json.loads(out) == {name: load_spec(name).description for name in preset_names()}


def test_new(run, tmp_path):
    status, out, _ = run("new", "black-hole")
    assert (status, out) == (0, preset_text("black-hole"))
    path = tmp_path / "mine.yaml"
    assert run("new", "black-hole", "-o", path)[0] == 0
    assert path.read_text(encoding="utf-8") == preset_text("black-hole")
    assert run("info", path)[:2] == run("info", "black-hole")[:2]


def test_new_does_not_overwrite(run, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("mine", encoding="utf-8")
    status, out, err = run("new", "figure-1", "--output", path)
    assert (status, out) == (2, "")
    assert err == f"infoloom: file `{path}`: cannot be written (File exists). Choose another name.\n"
    assert path.read_text(encoding="utf-8") == "mine"


def test_info_prints_the_truth_table(run):
    status, out, err = run("info", "figure-1")
    assert (status, err) == (0, "")
    title, *lines = out.splitlines()
    assert title == "figure-1, exact, in nats"
    printed = {line.rsplit(maxsplit=1)[0].strip(): float(line.rsplit(maxsplit=1)[1]) for line in lines}
    assert printed == pytest.approx(load("figure-1").truth_table(), abs=6e-13)
    assert lines[0].split() == ["I(x1;", "theta)", "5.113672419966"]
    assert "-0.0" not in out


def test_info_answers_queries(run):
    status, out, _ = run("info", "black-hole", "I(radio;xray|theta)", "H(theta)")
    story = load("black-hole")
    assert status == 0
    assert [line.rsplit(maxsplit=1)[0].strip() for line in out.splitlines()[1:]] == [
        "I(radio;xray|theta)",
        "H(theta)",
    ]
    assert float(out.splitlines()[1].split()[-1]) == pytest.approx(
        story.information("I(radio; xray | theta)"), abs=1e-12
    )


def test_info_in_full_precision(run):
    status, out, _ = run("info", "galaxy-images", "--json")
    assert status == 0
    assert json.loads(out) == {"unit": "nats", "values": load("galaxy-images").truth_table()}
    value = load("figure-1").information("I(x1; x2)")
    assert json.loads(run("info", "figure-1", "I(x1; x2)", "--json")[1]) == {
        "unit": "nats",
        "values": {"I(x1; x2)": value},
    }


def test_info_in_bits(run):
    bits = json.loads(run("info", "figure-1", "I(x1; x2)", "--json", "--bits")[1])
    assert bits["unit"] == "bits"
    assert bits["values"]["I(x1; x2)"] == pytest.approx(4.309011329 / math.log(2), abs=1e-9)
    assert run("info", "figure-1", "--bits")[1].startswith("figure-1, exact, in bits\n")


def test_info_of_a_story_without_a_table(run, tmp_path):
    path = tmp_path / "alone.yaml"
    path.write_text("name: alone\nmodalities: {x: {flow: vector(2), latent: noise}}\n", encoding="utf-8")
    assert run("info", path) == (0, "alone, exact, in nats\n", "")
    assert json.loads(run("info", path, "--json")[1]) == {"unit": "nats", "values": {}}


def test_info_draws_templates(run, tmp_path):
    path = tmp_path / "templates.png"
    assert run("info", "black-hole-templates", "I(radio; theta)", "--templates", path)[0] == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["info", "figure-2"],
            "infoloom: spec `figure-2`: no such file or preset. Did you mean `figure-1`?\n",
        ),
        (
            ["info", "no/such.yaml"],
            "infoloom: spec `no/such.yaml`: cannot be read (No such file or directory). Check the path.\n",
        ),
        (
            ["info", "figure-1", "I(x1)"],
            "infoloom: query `I(x1)`: expected two or more parts, such as `I(a; b)`.\n",
        ),
        (
            ["info", "figure-1", "I(x1; x3)"],
            "infoloom: query `I(x1; x3)`: unknown variable `x3`; expected one of cause, theta, x1, x2.",
        ),
        (
            ["info", "figure-1", "I(theta; cause)"],
            "infoloom: the information is infinite: `theta` is determined by `cause`",
        ),
        (
            ["new", "figure-2"],
            "infoloom: spec `figure-2`: no such file or preset. Did you mean `figure-1`?\n",
        ),
        (
            ["info", "figure-1", "--ceilings", "--tolerance", "nan"],
            "expected with the truth table or quantities",
        ),
        (["info", "figure-1", "--decompose", "--budget", "0"], "expected with the truth table or quantities"),
        (["info"], "Missing argument 'SPEC'"),
        (["info", "figure-1", "--jsn"], "No such option: --jsn"),
        (["frobnicate"], "No such command 'frobnicate'"),
    ],
)
def test_wrong_calls_end_with_status_2(run, words, message):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_every_problem_of_a_spec_is_printed(run, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN.replace("}}\n", "}, y: {flow: vectr(2), latent: noise}}\n"), encoding="utf-8")
    status, out, err = run("info", path, "--json")
    assert (status, out) == (2, "")
    assert (
        "modalities.x.latent: unknown name `spim`; did you mean `spin`?\n    0.5*spim + noise\n        ^ character 5\n"
        in err
    )
    assert "modalities.y.flow: flow `vectr(2)`: expected a first step" in err


def test_help_names_every_command():
    out = CliRunner().invoke(cli.app, ["--help"]).output
    assert all(name in out for name in ("presets", "new", "info"))
    assert CliRunner().invoke(cli.app, ["info", "--help"]).exit_code == 0


def test_info_never_imports_torch_and_a_closed_pipe_is_quiet():
    code = (
        "import sys\nsys.argv = ['infoloom', 'info', 'black-hole', '--json']\nfrom infoloom.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(*[m for m in ('torch', 'pyarrow', 'matplotlib', 'sklearn', 'PIL') if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.split() == []
    reading, writing = os.pipe()
    os.close(reading)
    code = "import sys; sys.argv = ['infoloom', 'info', 'multimodal-decay']; from infoloom.cli.main import main; main()"
    closed = subprocess.run(
        [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert "Traceback" not in closed.stderr
