"""`infoloom info` on a story with words."""

import json

import pytest
from typer.testing import CliRunner

import infoloom as loom
from infoloom.cli.main import app

SPEC = """
name: t
causes: {c: normal}
targets: {theta: c + 0.5*noise}
modalities:
  text:
    flow: 'caption("a {size} thing")'
    latent: {size: "0.8*c + 0.6*noise"}
    words: {size: [tiny, small, big, huge]}
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(SPEC)
    return str(path)


def test_what_words_cannot_say_is_printed(path):
    result = CliRunner().invoke(app, ["info", path])
    assert result.exit_code == 0, result.output
    story = loom.load(path)
    gap = story.information("I(text.size; theta)") - story.information("I(text; theta)")
    last = result.output.split("What words cannot say, I(factors; y) − I(words; y), in nats")[1]
    assert last.split()[:2] == ["I(text;", "theta)"]
    assert float(last.split()[2]) == pytest.approx(gap, abs=2e-9)
    assert gap > 0.0


def test_asked_quantities_of_words(path):
    result = CliRunner().invoke(app, ["info", path, "H(text)", "I(text[size]; theta)", "--json"])
    values = json.loads(result.output)["values"]
    assert values["H(text)"] == pytest.approx(1.3862943611198906, abs=1e-15)
    assert values["I(text[size]; theta)"]["method"] == "quadrature"
    assert 0.0 < values["I(text[size]; theta)"]["tolerance"] <= 1e-6


def test_ceilings_of_words(path):
    result = CliRunner().invoke(app, ["info", path, "--ceilings", "--classes", "2"])
    assert result.exit_code == 0, result.output
    assert "theta from text" in result.output
