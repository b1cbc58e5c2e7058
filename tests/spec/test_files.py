"""A spec's digest stands for the content of the files that it names."""

from __future__ import annotations

import numpy as np
import pytest

from infoloom.errors import SpecError
from infoloom.spec.files import content_hash, file_names, rename_files
from infoloom.spec.load import parse_spec, preset_names, preset_text
from infoloom.spec.model import build_spec


def spec(directory, latent='m@file("t.npy") + noise', **more):
    tree = {
        "name": "a",
        "causes": {"m": "normal"},
        "modalities": {"x": {"flow": "vector(2)", "latent": latent}},
    }
    return build_spec({**tree, **more}, directory)


def test_the_content_counts_not_the_name(tmp_path):
    np.save(tmp_path / "t.npy", np.array([1.0, 2.0]))
    np.save(tmp_path / "u.npy", np.array([1.0, 2.0]))
    np.save(tmp_path / "v.npy", np.array([1.0, 3.0]))
    one = spec(tmp_path).digest
    assert spec(tmp_path, 'm@file("u.npy") + noise').digest == one
    assert spec(tmp_path, "m@file('t.npy')+noise").digest == one
    assert (
        spec(tmp_path, f'm@file(path="{tmp_path}/t.npy") + noise').digest
        != spec(tmp_path, "m + noise").digest
    )
    assert spec(tmp_path, 'm@file("v.npy") + noise').digest != one
    missing = spec(tmp_path, 'm@file("none.npy") + noise').digest
    np.save(tmp_path / "none.npy", np.array([1.0, 2.0]))
    assert spec(tmp_path, 'm@file("none.npy") + noise').digest == one != missing


def test_paths_that_cannot_be(tmp_path):
    for name in ("a\0b", "~nobody-at-all/x", "x" * 300, "."):
        assert content_hash(name, tmp_path) == "missing"


def test_renaming_leaves_everything_else(tmp_path):
    tree = {
        "name": "a",
        "targets": {"t": None, "u": "not ( an equation file"},
        "modalities": {
            "x": {"flow": "my.safetensors | asinh", "latent": '2*m@file("t.npy", normalize=false)'}
        },
        "covariance": {"x": 1.0, "x, t": 'block("b.npy")'},
    }
    renamed = rename_files(tree, lambda name: f"<{name}>")
    assert renamed["targets"] == tree["targets"]
    assert renamed["modalities"]["x"] == {
        "flow": "<my.safetensors> | asinh",
        "latent": '2*m@file("<t.npy>", normalize=false)',
    }
    assert renamed["covariance"] == {"x": 1.0, "x, t": 'block("<b.npy>")'}


NAMES_FILES = """\
name: a
causes: {c: normal}
targets: {theta: "c + x@file('read.npy')"}
modalities:
  x:
    flow: "secret.safetensors[cat] | asinh"
    latent: 'c@file(path="t.npy", normalize=false) + c@file("~/u.png") + noise'
covariance:
  x: block("/etc/passwd")
"""


def test_every_file_name_is_found_with_its_path():
    tree = {
        "targets": {"theta": "c + x@file('read.npy')"},
        "modalities": {
            "x": {
                "flow": "vector(4) | secret.safetensors[cat] | asinh",
                "latent": 'c@file(path="t.npy", normalize=false) - 2*c@file("~/u.png")',
            }
        },
        "covariance": {"x": ' block("/etc/passwd") '},
        "anything": [{"else": 'c@file("v.npy")'}, 3, None],
    }
    assert list(file_names(tree)) == [
        ("targets.theta", "read.npy"),
        ("modalities.x.flow", "secret.safetensors"),
        ("modalities.x.latent", "t.npy"),
        ("modalities.x.latent", "~/u.png"),
        ("covariance.x", "/etc/passwd"),
        ("anything.else", "v.npy"),
    ]


def test_a_text_of_strangers_may_not_name_other_files(monkeypatch):
    def opened(*_):
        raise AssertionError("a file was opened")

    monkeypatch.setattr("pathlib.Path.open", opened)
    monkeypatch.setattr("numpy.load", opened)
    with pytest.raises(SpecError) as caught:
        parse_spec(NAMES_FILES, files={"t.npy"})
    told = [problem.split(": expected")[0] for problem in caught.value.problems]
    assert told == [
        "targets.theta: file `read.npy`",
        "modalities.x.flow: file `secret.safetensors`",
        "modalities.x.latent: file `~/u.png`",
        "covariance.x: file `/etc/passwd`",
    ]
    assert caught.value.problems[0].endswith(
        "expected one that the spec named from the start, because this text may come from elsewhere. "
        "Start again with a spec that names it."
    )


@pytest.mark.parametrize("name", preset_names())
def test_presets_name_no_files(name):
    assert parse_spec(preset_text(name), files=()).name == name
