"""The package as a stranger installs it: built, checked, installed into empty environments, and used.

`make wheel` runs it. It is not collected with the other tests, because it installs packages. With
`INFOLOOM_WHEEL_EXTRAS=1` it also installs every extra.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STORY = """\
infoloom: 1
name: pair
causes: {mass: normal}
parameters: {a: free}
targets: {theta: 0.9*mass + 0.4*noise}
modalities:
  left: {flow: "identity(1, 8, 8)", latent: "a*mass@disk + noise"}
  right: {flow: "vector(16)", latent: "0.3*mass + noise"}
require: {"I(left; theta)": 0.5}
"""
MOST_MB = 45  # of the wheel and of the package without its dependencies
PYTHONS = [name for name in ("python3.11", "python3.12", "python3.13") if shutil.which(name)]
EXTRAS = pytest.mark.skipif(not os.environ.get("INFOLOOM_WHEEL_EXTRAS"), reason="INFOLOOM_WHEEL_EXTRAS=1")


def run(*words, cwd=None, status=0):
    """Standard output of a command that ends as it should; it finds nothing of this checkout."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    return next(built.glob("*.whl"))


def environment(folder, python, *wanted):
    run(python, "-m", "venv", folder)
    constraints = ROOT / "constraints.txt"
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--constraint", constraints, *wanted)
    return folder / "bin"


@pytest.fixture(scope="module", params=PYTHONS)
def bare(request, wheel, tmp_path_factory):
    if subprocess.run([request.param, "-V"], capture_output=True, check=False).returncode:
        pytest.skip(f"{request.param} does not start")
    return environment(tmp_path_factory.mktemp("env") / "bare", request.param, wheel)


def test_both_archives_are_fit_to_be_uploaded(built):
    run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir())
    assert sorted(path.suffix for path in built.iterdir()) == [".gz", ".whl"]


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        size = sum(one.file_size for one in archive.infolist()) / 1e6
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"infoloom"}
    assert size < MOST_MB
    for wanted in ("spec/presets/digits-pair.yaml", "observations/zoo/digits.safetensors", "py.typed"):
        assert f"infoloom/{wanted}" in names
    for folder in ("report", "web/page"):
        for path in (ROOT / "src" / "infoloom" / folder).glob("*.*"):
            assert f"infoloom/{folder}/{path.name}" in names


def test_the_source_archive_has_what_builds_tests_and_documents_it(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for wanted in ("pyproject.toml", "Makefile", "tests/wheel.py", "docs/conf.py", "LICENSE", "CITATION.cff"):
        assert wanted in names


def test_without_extras_a_story_is_solved_made_and_verified(bare, tmp_path):
    infoloom = bare / "infoloom"
    installed = run(bare / "python", "-m", "pip", "list", "--format", "json")
    assert not {"torch", "matplotlib", "scikit-learn", "starlette"} & {
        one["name"] for one in json.loads(installed)
    }
    assert run(infoloom, "--version", cwd=tmp_path) == f"infoloom {version()}\n"
    assert "I(radio; xray | theta)" in run(infoloom, "info", "black-hole", cwd=tmp_path)
    (tmp_path / "free.yaml").write_text(STORY, encoding="utf-8")
    run(infoloom, "design", "free.yaml", "-o", "solved.yaml", cwd=tmp_path)
    told = json.loads(run(infoloom, "info", "solved.yaml", "I(left; theta)", "--json", cwd=tmp_path))
    assert told["values"]["I(left; theta)"] == pytest.approx(0.5, abs=1e-9)
    run(infoloom, "generate", "solved.yaml", "out", "--rows", "500", "--seed", "1", cwd=tmp_path)
    assert "500 rows verified" in run(infoloom, "verify", "out", cwd=tmp_path)
    read = "import infoloom as loom; d = loom.open('out'); print(d['left'].shape, d.truth['I(left; theta)'])"
    assert run(bare / "python", "-c", read, cwd=tmp_path).startswith("(500, 1, 8, 8) 0.5")


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("generate", "digits-pair", "digits", "--rows", "10"), "torch"),
        (("info", "black-hole-templates", "--templates", "t.png"), "plot"),
        (("explore", "black-hole", "--no-browser"), "web"),
    ],
    ids=["torch", "plot", "web"],
)
def test_without_extras_a_command_says_which_extra_it_needs(bare, tmp_path, words, extra):
    said = run(bare / "infoloom", *words, cwd=tmp_path, status=2)
    assert said.startswith("infoloom: ")
    assert f"infoloom[{extra}]" in said
    assert "Traceback" not in said


@EXTRAS
def test_with_every_extra_pictures_are_made_too(wheel, tmp_path):
    bin_ = environment(tmp_path / "all", sys.executable, f"infoloom[all] @ {wheel.as_uri()}")
    run(bin_ / "infoloom", "generate", "digits-pair", "out", "--rows", "64", cwd=tmp_path)
    assert "64 rows verified" in run(bin_ / "infoloom", "verify", "out", cwd=tmp_path)
    run(bin_ / "infoloom", "preview", "out", "-o", "p.png", cwd=tmp_path)
    run(bin_ / "infoloom", "report", "out", "-o", "r.html", cwd=tmp_path)
    run(bin_ / "infoloom", "export", "out", "x.h5", "--to", "hdf5", cwd=tmp_path)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert "<html" in (tmp_path / "r.html").read_text(encoding="utf-8")
    page = "from infoloom.web import app, workbench; app.make_app(workbench.open_workbench('black-hole'))"
    run(bin_ / "python", "-c", page, cwd=tmp_path)


def version():
    text = (ROOT / "src" / "infoloom" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]
