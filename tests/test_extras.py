"""Where a package of an extra is missing, every command and function names the extra, and no traceback is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import infoloom as loom
from infoloom.errors import InfoloomError
from infoloom.extras import extras_named, missing_extra

HIDES = """
import sys
from importlib.machinery import PathFinder

find = PathFinder.find_spec

def hidden(name, path=None, target=None):
    return None if name.partition(".")[0] == {package!r} else find(name, path, target)

PathFinder.find_spec = hidden
"""

RUNS = """
import contextlib, io, json, sys
from infoloom.cli.main import main

found = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["infoloom", *words]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        except BaseException as error:
            status = f"{type(error).__name__}: {error}"
    found.append([status, said.getvalue().strip().splitlines()[-1:]])
print(json.dumps(found))
"""

FUNCTIONS = """
import json
import infoloom as loom

story, data = loom.load("story.yaml"), loom.open("data")
rows = story.sample(5, seed=0)
found = []
for call in (lambda: story.observe(rows), lambda: story.stream(5, rows=10), lambda: data.torch(batch_size=5)):
    try:
        call()
        found.append("nothing")
    except loom.InfoloomError as error:
        found.append(str(error))
print(json.dumps(found))
"""

STORY = """
name: plain
causes: {c: normal}
targets: {theta: c + noise}
modalities:
  x: {flow: "identity(1, 8, 8)", latent: "c + noise"}
  y: {flow: "vector(4)", latent: "c + noise"}
"""


def without(package: str, folder: Path, program: str, *words: str) -> list[object]:
    """What a process prints in which a package cannot be found."""
    hiding = folder / "hiding"
    hiding.mkdir(exist_ok=True)
    (hiding / "sitecustomize.py").write_text(HIDES.format(package=package))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(hiding), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "story.yaml").write_text(STORY)
    loom.generate(loom.load(tmp_path / "story.yaml"), tmp_path / "data", 20, workers=1)
    loom.generate(loom.load("captions"), tmp_path / "said", 10, workers=1)
    return tmp_path


def test_without_torch(folder: Path) -> None:
    needing = [
        ["strip", "story.yaml", "--cause", "c", "-o", "s.png"],
        ["generate", "captions", "made", "--rows", "10", "--workers", "1"],
        ["generate", "story.yaml", "cuda", "--rows", "10", "--device", "cuda"],
        ["emit-job", "slurm", "captions", "job", "--rows", "100"],
        ["listen", "data"],
        ["flow", "check", "digits"],
        ["flow", "train", "digits", "--data", "sklearn:digits", "--dry-run"],
        ["flow", "adopt", "--from", "zuko", "--weights", "x.pt"],
    ]
    working = [["info", "captions"], ["verify", "data"], ["preview", "data", "-o", "p.png"]]
    found = without("torch", folder, RUNS, json.dumps([*needing, *working]))
    for words, (status, said) in zip(needing, found, strict=False):
        assert status == 2, (words, status, said)
        assert "pip install 'infoloom[torch]'" in said[0], (words, said)
    assert [status for status, _ in found[len(needing) :]] == [0, 0, 0]
    message = "package `torch`: expected it for this. Install it: pip install 'infoloom[torch]'."
    assert without("torch", folder, FUNCTIONS) == [message] * 3


def test_without_matplotlib(folder: Path) -> None:
    needing = [["preview", "data", "-o", "p.png"], ["strip", "story.yaml", "--cause", "c"]]
    found = without("matplotlib", folder, RUNS, json.dumps(needing))
    message = (
        "infoloom: package `matplotlib`: expected it for this. Install it: pip install 'infoloom[plot]'."
    )
    assert found == [[2, [message]]] * 2


def test_a_module_of_no_extra_stays_what_it_is() -> None:
    assert missing_extra(ModuleNotFoundError(name="my_module")) is None
    assert missing_extra(ModuleNotFoundError()) is None
    with pytest.raises(ModuleNotFoundError), extras_named():
        raise ModuleNotFoundError(name="my_module")
    with pytest.raises(InfoloomError, match=r"package `h5py`: .* 'infoloom\[hdf5\]'"), extras_named():
        raise ModuleNotFoundError(name="h5py._conv")
