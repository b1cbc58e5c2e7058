"""`infoloom estimate`: columns of a dataset, whole numbers as discrete, beside the truth."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import infoloom as loom
from infoloom.benchmark.estimators.columns import estimate_columns
from infoloom.cli import main as cli
from infoloom.errors import DatasetError, EstimatorError
from infoloom.estimators import accepted, names

SPEC = """
name: words
causes: {c: normal, mood: normal}
targets: {theta: c + 0.5*noise}
modalities:
  x: {flow: "vector(2)", latent: "0.8*c@ones + 0.4*mood@random(1) + noise"}
  text:
    flow: 'caption("a {size} {hue} [thing|object]")'
    latent: {size: "c + 0.5*noise", hue: "mood + noise"}
    words: {size: [tiny, small, big], hue: {red: 0.6, blue: 0.4}}
labels:
  cls: {target: theta, classes: 4}
"""
PROGRAM = """
import json, sys
import numpy as np
rows = np.load(sys.argv[1], allow_pickle=False)
print(json.dumps({"nats": 0.25, "standard_error": 0.1, "details": {"x": str(rows["x"].dtype)}}))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.yaml").write_text(SPEC, encoding="utf-8")
    return loom.generate(loom.load(folder / "words.yaml"), folder / "out", rows=2500, seed=3).root


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program in this process: (status, output, errors)."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["infoloom", "estimate", *map(str, words)])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_estimates_stand_beside_the_truth(run, data):
    status, out, err = run(
        data, "cls", "text_words", "--estimator", "miller-madow", "--estimator", "gao", "--json"
    )
    assert (status, err) == (0, "")
    truth = loom.open(data).story.quantity("I(cls; text)")
    for one in json.loads(out)["estimates"]:
        assert one["truth"]["value"] == truth.value
        assert one["rows"] == 2500
        assert one["doubts"] == []
        half = 0.1 if one["interval"] is None else 2.0 * (one["interval"][1] - one["interval"][0])
        assert abs(one["nats"] - truth.value) < half


def test_tables_for_people(run, data):
    status, out, _ = run(data, "x", "cls", "--estimator", "ross", "--rows", 500)
    assert status == 0
    head, columns, line = out.splitlines()
    assert head.startswith("I(x; cls) in nats, 500 rows; truth 0.")
    assert columns.split()[:2] == ["estimator", "estimate"]
    assert line.split()[0] == "ross"
    in_bits = run(data, "x", "cls", "--estimator", "ross", "--rows", 500, "--bits")[1].splitlines()
    assert in_bits[0].startswith("I(x; cls) in bits")
    assert float(in_bits[2].split()[1]) == pytest.approx(float(line.split()[1]) / np.log(2.0), abs=2e-4)


def test_programs_get_the_columns_as_they_are(run, data, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PROGRAM, encoding="utf-8")
    status, out, _ = run(data, "cls", "theta", "--command", f"{sys.executable} {path}")
    assert status == 0
    assert out.splitlines()[2].split()[:5] == ["program", "0.2500", "0.054", "…", "0.446"]
    found = estimate_columns(data, "text_words", "x", [sys.executable, str(path)])
    assert found.estimate.details["x"] == "int64"


@pytest.mark.parametrize("column", ["text_words", "text_tokens"])
def test_words_and_tokens_are_one_variable(data, column):
    found = estimate_columns(data, column, "cls", "miller-madow", rows=2000)
    assert found.truth.value == loom.open(data).story.information("I(text; cls)")
    assert found.estimate.interval[0] - 0.05 < found.truth.value < found.estimate.interval[1] + 0.05


def test_what_is_no_variable_has_no_truth(data):
    assert estimate_columns(data, "sample_id", "theta", lambda x, y: 0.0, rows=100).truth is None
    assert estimate_columns(data, "text_words", "text_tokens", "miller-madow").truth is None


def test_doubts_are_printed(run, data):
    status, out, _ = run(data, "text_words", "text_tokens", "--estimator", "miller-madow", "--rows", 20)
    assert status == 0
    assert "rows a joint cell" in out
    assert "truth unknown" in out


def test_sentences_are_refused_with_advice(run, data):
    status, _, err = run(data, "x", "text", "--estimator", "ross")
    assert status == 2
    assert "`y` `text`: expected numbers" in err
    assert "`text_words` and `text_tokens`" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("x", "cls", "--estimator", "ksg"),
            "`KSGEstimator` `x of real numbers, y of whole numbers`: expected real",
        ),
        (("x", "cls", "--estimator", "kgs"), "`estimator` `kgs`: expected one of"),
        (("x", "cls"), "estimate: expected `--estimator NAME` or `--command PROGRAM`."),
        (("x",), "estimate: expected DATASET X Y, a dataset's folder and two columns. Or ask for --list."),
        (("x", "cls", "--estimator", "ross", "--rows", 9999), "`rows` `9999`: expected 1 to 2500"),
        (("x", "x", "--estimator", "ksg"), "`y` `x`: expected another column than x. Name two."),
    ],
)
def test_wrong_calls(run, data, words, message):
    status, out, err = run(data, *words)
    assert (status, out) == (2, "")
    assert message in err


def test_unknown_columns_and_functions(data):
    with pytest.raises(DatasetError, match="column `z`"):
        estimate_columns(data, "x", "z", "ksg")
    with pytest.raises(EstimatorError, match="`estimator` `3`: expected a name"):
        estimate_columns(data, "x", "theta", 3)


def test_every_estimator_is_listed_with_what_it_takes(run):
    status, out, _ = run("--list")
    assert status == 0
    assert "ross                     -           yes         -\n" in out
    assert "discrete: whole numbers on both sides" in out
    listed = json.loads(run("--list", "--json")[1])["estimators"]
    assert listed == {name: list(accepted(name)) for name in names()}
