"""A spec's digest stands for the content of the files that it names."""

from __future__ import annotations

import numpy as np

from infoloom.spec.files import content_hash, rename_files
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
