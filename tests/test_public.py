"""The public surface, what importing costs in modules, and the small values that everything stands on."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

import infoloom
from infoloom import errors
from infoloom.units import NATS_PER_BIT, to_bits

PUBLIC = [
    "Dataset",
    "InfoloomError",
    "Spec",
    "SpecError",
    "Story",
    "__version__",
    "design",
    "generate",
    "load",
    "noise",
    "observations",
    "open",
    "preset",
    "presets",
    "ssl",
    "sweep",
    "symbols",
    "tasks",
    "template",
    "verify",
]


def test_public_names_are_pinned():
    assert infoloom.__all__ == PUBLIC
    assert dir(infoloom) == PUBLIC


def loaded(code, *modules):
    """Which of some modules a fresh interpreter has loaded after some code."""
    script = f"{code}\nimport sys\nprint(*[m for m in {modules!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return result.stdout.split()


def test_import_is_lazy():
    heavy = ("torch", "scipy", "pydantic", "numpy", "yaml", "typer", "pyarrow", "infoloom.story")
    assert loaded("import infoloom", *heavy) == []
    assert loaded("import infoloom; infoloom.load", "numpy", "torch") == ["numpy"]


def test_design_stays_a_function_beside_its_package():
    code = "from infoloom.design.designs import design; import infoloom as loom; print(loom.design is design)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_story_needs_no_torch():
    code = "import infoloom\ns = infoloom.load('black-hole')\nr = s.sample(2)\n"
    code += "s.pmi(r, 'radio', 'theta')\ns.whitener('radio')"
    assert loaded(code, "torch", "pyarrow", "matplotlib", "sklearn", "typer") == []


def test_information_needs_no_slow_part_of_scipy():
    code = "import infoloom\ninfoloom.load('black-hole').truth_table()"
    assert loaded(code, "scipy.optimize", "scipy.sparse", "scipy.stats", "scipy.integrate") == []


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_an_infoloom_error(name):
    assert issubclass(getattr(errors, name), errors.InfoloomError)


def test_errors():
    assert issubclass(errors.InfiniteInformationError, errors.DegenerateError)
    error = errors.SpecError(problem for problem in ("a: one.", "b: two."))
    assert error.problems == ("a: one.", "b: two.")
    assert str(error) == "a: one.\nb: two."


def test_units():
    assert math.log(2.0) == NATS_PER_BIT
    assert to_bits(math.log(8.0)) == pytest.approx(3.0, abs=1e-15)
    assert to_bits(0.0) == 0.0
