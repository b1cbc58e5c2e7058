"""Files beside a learner's file: it may import them, and an edited one makes another learner."""

from __future__ import annotations

import re
import sys

import pytest

from infoloom.benchmark.learners.beside import siblings
from infoloom.benchmark.learners.own import label, make_learner, maker, with_files_beside
from infoloom.benchmark.learners.runs import learn
from infoloom.errors import BenchmarkError

FLOW = "identity(1, 8, 8) | half_cube"
TINY = {"rows": 256, "epochs": 1, "probe": [256, 256, 256], "settings": {"features": 8}, "rows_seed": 0}
LEARNER = """
import torch
import layers_beside
from infoloom.ssl import Learner, LearnerSettings, with_fused


class Mine(Learner):
    def __init__(self, shapes, seed):
        super().__init__("mine", shapes, LearnerSettings(features=layers_beside.FEATURES, seed=seed))
        self.encoders = torch.nn.ModuleList(layers_beside.encoder(shape) for shape in shapes.values())

    def loss(self, batch, generator):
        from late_beside.parts import difference

        return difference(*(v for n, v in self.encode(batch).items() if n != "fused"))

    def encode(self, batch):
        return with_fused({n: e(x) for e, (n, x) in zip(self.encoders, self.scaled(batch).items())})


def make(shapes, seed):
    return Mine(shapes, seed)
"""
LAYERS = """
import math
import torch
import sizes_beside

FEATURES = sizes_beside.FEATURES


def encoder(shape):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(math.prod(shape), FEATURES))
"""


def write(folder):
    (folder / "late_beside").mkdir(parents=True)
    (folder / "mine.py").write_text(LEARNER)
    (folder / "layers_beside.py").write_text(LAYERS)
    (folder / "sizes_beside.py").write_text("FEATURES = 4\n")
    (folder / "late_beside" / "__init__.py").write_text("")
    (folder / "late_beside" / "parts.py").write_text(
        "def difference(a, b):\n    return (a - b).square().mean()\n"
    )
    (folder / "other.py").write_text("import nothing")
    return f"{folder / 'mine.py'}:make"


@pytest.fixture
def where(tmp_path):
    return write(tmp_path / "first")


def test_a_learner_imports_files_beside_it_early_and_late_and_leaves_nothing(where, tmp_path):
    path, modules = list(sys.path), set(sys.modules)
    found = learn("observed", {"flow": FLOW}, "mine", 0, TINY, learner_file=where)
    assert found["settings"]["learner"]["features"] == 4
    assert sys.path == path
    assert not {name for name in set(sys.modules) - modules if "_beside" in name}
    assert not list(tmp_path.rglob("__pycache__"))


def test_an_edited_file_beside_is_another_learner(where, tmp_path):
    shapes = {"a": (3,), "b": (3,)}
    names = siblings(tmp_path / "first" / "mine.py")
    assert set(names) == {"layers_beside", "sizes_beside", "late_beside"}
    before = label(where)
    assert label(write(tmp_path / "second")) == before
    assert make_learner(where, shapes, 0).settings.features == 4
    (tmp_path / "first" / "other.py").write_text("import something_else")
    assert label(where) == before
    (tmp_path / "first" / "sizes_beside.py").write_text("FEATURES = 5\n")
    assert label(where) != before
    assert make_learner(where, shapes, 0).settings.features == 5
    (tmp_path / "first" / "late_beside" / "parts.py").write_text("")
    assert label(where) not in (before, label(f"{tmp_path / 'second' / 'mine.py'}:make"))


def test_the_same_module_is_found_again(where):
    from_file = maker(where).__globals__["layers_beside"]
    with with_files_beside(where, None):
        import layers_beside

        assert layers_beside is from_file


def test_modules_from_elsewhere_stay(tmp_path):
    """A folder of scripts has the name of a module that is imported from somewhere else."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "scripts_beside.py").write_text("")
    (tmp_path / "own" / "scripts_beside").mkdir(parents=True)
    (tmp_path / "own" / "scripts_beside" / "one.py").write_text("")
    (tmp_path / "own" / "mine.py").write_text("import scripts_beside\n\ndef make(shapes, seed): ...\n")
    sys.path.insert(0, str(tmp_path / "elsewhere"))
    try:
        maker(f"{tmp_path / 'own' / 'mine.py'}:make")
        assert sys.modules["scripts_beside"].__file__ == str(tmp_path / "elsewhere" / "scripts_beside.py")
    finally:
        sys.path.remove(str(tmp_path / "elsewhere"))
        sys.modules.pop("scripts_beside", None)


def test_names_that_something_else_has_are_refused(tmp_path):
    (tmp_path / "colorsys.py").write_text("")
    (tmp_path / "mine.py").write_text("import colorsys\n\ndef make(shapes, seed): ...\n")
    where = f"{tmp_path / 'mine.py'}:make"
    import colorsys

    message = (
        f"`{where}`: expected `import colorsys` to find `colorsys.py` beside it, got `{colorsys.__file__}`. Give the "
        "file beside it another name."
    )
    with pytest.raises(BenchmarkError, match=f"^{re.escape(message)}$"):
        maker(where)
