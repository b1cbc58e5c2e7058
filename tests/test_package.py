"""What is installed, what it imports, and that data flows one way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest
import yaml

import infoloom

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = {"torch", "pyarrow", "matplotlib", "sklearn", "safetensors", "pandas"}


def modules_after(code):
    """Top-level modules that a fresh interpreter holds after some code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_the_version_has_one_place_and_the_citation_agrees():
    assert PROJECT["dynamic"] == ["version"]
    assert infoloom.__version__ == metadata.version("infoloom")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == infoloom.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d\S*)", changes, re.MULTILINE)[0] == infoloom.__version__


def test_the_citation_names_what_a_reference_needs():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "license", "type"} <= set(cited)
    (paper,) = cited["references"]
    assert paper["identifiers"] == [{"type": "other", "value": "arXiv:2510.21686"}]
    assert len(paper["authors"]) == 5
    assert all(set(author) >= {"family-names", "given-names"} for author in paper["authors"])


def test_importing_the_package_imports_next_to_nothing():
    assert not modules_after("import infoloom") & (
        HEAVY | {"numpy", "scipy", "pydantic", "yaml", "typer", "rich"}
    )


def test_exact_information_needs_no_torch():
    code = "import infoloom as loom; loom.preset('black-hole').truth_table()"
    assert not modules_after(code) & (HEAVY | {"typer", "rich"})


@pytest.mark.parametrize("words", [["info", "black-hole"], ["presets"], ["new", "black-hole"]], ids=" ".join)
def test_light_commands_need_no_torch(words):
    code = f"import sys; sys.argv = ['infoloom', *{words!r}]\nfrom infoloom.cli.main import app\n"
    assert not modules_after(code + "app(standalone_mode=False)") & HEAVY


def test_data_files_are_in_the_package():
    package = resources.files("infoloom")
    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("spec", "presets", "digits-pair.yaml").is_file()
    assert package.joinpath("observations", "zoo", "digits.safetensors").is_file()
    assert package.joinpath("report", "page.css").is_file()


def test_public_names_resolve_and_are_few():
    assert infoloom.__all__ == sorted(infoloom.__all__)
    assert len(infoloom.__all__) <= 25
    for name in infoloom.__all__:
        assert getattr(infoloom, name) is not None
    assert set(infoloom.__all__) <= set(dir(infoloom))


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match=r"^module `infoloom` has no attribute `nothing`$"):
        infoloom.nothing  # noqa: B018


def test_import_contracts_hold():
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout
