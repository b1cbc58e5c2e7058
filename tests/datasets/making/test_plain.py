"""Without torch: numpy makes the observations of identity flows, and they are those that torch makes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import infoloom as loom
from infoloom.datasets.checking import verify as checking
from infoloom.datasets.making import plain, shard
from infoloom.datasets.making.observe import observe
from infoloom.datasets.making.plain import is_plain, numpy_path, plain_map, plain_only
from infoloom.errors import DatasetError

TEXT = {
    "name": "pair",
    "causes": {"mass": "normal"},
    "targets": {"theta": "0.9*mass + 0.4*noise"},
    "modalities": {
        "left": {"flow": "identity(1, 8, 8)", "latent": "0.4*mass@disk + noise"},
        "right": {"flow": "vector(16)", "latent": "0.3*mass + noise"},
    },
}


@pytest.fixture
def no_torch(monkeypatch):
    """As where torch is not installed, for what asks whether it is."""
    monkeypatch.setattr(plain, "has_torch", lambda: False)
    monkeypatch.setattr(shard, "has_torch", lambda: False)
    monkeypatch.setattr(checking, "has_torch", lambda: False)


def with_flow(flow):
    right = {**TEXT["modalities"]["right"], "flow": flow}
    return loom.load({**TEXT, "modalities": {**TEXT["modalities"], "right": right}})


@pytest.mark.parametrize("held", [{}, {"mass": 1.5}], ids=["observed", "intervened"])
def test_numpy_gives_what_torch_and_the_dense_matrix_give(held):
    story = loom.load(TEXT)
    story = story.intervene(**held) if held else story
    rows = story.sample(300, seed=3)
    for name in story.modalities:
        made = plain_map(story, name)
        observed = made.forward(rows[name])
        assert observed.dtype == np.float32
        assert observed.shape == (300, *story.shape(name))
        np.testing.assert_allclose(observed, observe(story, name, rows), rtol=3e-7, atol=3e-7)
        dense = rows[name].astype(np.float64) @ story.whitener(name).matrix().T
        np.testing.assert_allclose(observed.reshape(300, -1), dense, rtol=3e-7, atol=3e-7)
        np.testing.assert_allclose(made.inverse(observed), rows[name], rtol=1e-6, atol=1e-6)


def test_a_centre_is_taken_off_and_put_back():
    story = loom.load(TEXT)
    whitener = story.whitener("left")
    centre = np.full(len(whitener.basis), 2.0)
    moved = plain.PlainMap(type(whitener)(**{**vars(whitener), "centre": centre}), (64,))
    rows = story.sample(50, seed=0)["left"]
    dense = (rows - centre @ whitener.basis) @ whitener.matrix().T
    np.testing.assert_allclose(moved.forward(rows), dense, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(moved.inverse(moved.forward(rows)), rows, rtol=2e-6, atol=2e-6)


def test_a_row_does_not_depend_on_how_many_are_asked_for():
    story = loom.load(TEXT)
    rows = story.sample(5000, seed=1)["left"]
    made = plain_map(story, "left")
    whole = made.forward(rows)
    assert np.array_equal(made.forward(rows[:1]), whole[:1])
    assert np.array_equal(made.forward(rows[4096:4100]), whole[4096:4100])


def test_a_dataset_is_made_and_verified(no_torch, tmp_path):
    story = loom.load(TEXT)
    data = loom.generate(story, tmp_path / "out", rows=200, seed=0)
    (made_with,) = data.manifest.made_with
    assert "torch" not in made_with["versions"]
    assert made_with["path"] == numpy_path()
    report = loom.verify(tmp_path / "out", rows=200)
    assert report.passed, str(report)
    np.testing.assert_allclose(
        data["left"], observe(story, "left", story.sample(200, seed=0)), rtol=3e-7, atol=3e-7
    )


@pytest.mark.parametrize(
    ("flow", "options"),
    [("vector(16) | asinh", {}), ("vector(16)", {"reproducible": True}), ("vector(16)", {"also": "uint8"})],
)
def test_what_needs_torch_says_so_before_anything_is_written(no_torch, tmp_path, flow, options):
    with pytest.raises(DatasetError) as caught:
        loom.generate(with_flow(flow), tmp_path / "out", rows=10, **options)
    assert str(caught.value) == (
        "package `torch`: expected it, because observations are made by bijections that compute with it; without it "
        "there are stories of `identity` and `vector` alone. Install it: pip install 'infoloom[torch]'."
    )
    assert not (tmp_path / "out").exists()


WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = None
import infoloom as loom
loom.generate(loom.load(json.loads(sys.argv[1])), sys.argv[2], rows=300, seed=1)
print(loom.verify(sys.argv[2]).passed, loom.open(sys.argv[2])["left"].shape)
"""


def test_a_dataset_is_written_verified_and_read_where_torch_cannot_be_imported(tmp_path):
    """In a process of its own, so that no import is hidden by one that came before."""
    words = [sys.executable, "-c", WITHOUT_TORCH, json.dumps(TEXT), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True (300, 1, 8, 8)"


def test_a_flow_that_computes_has_no_plain_map():
    story = with_flow("vector(16) | asinh")
    assert not plain_only(story)
    with pytest.raises(DatasetError) as caught:
        plain_map(story, "right")
    assert str(caught.value) == (
        "package `torch`: expected it, because the flow `vector(16) | asinh` computes with it; without torch there "
        "is only `identity` and `vector`. Install it: pip install 'infoloom[torch]'."
    )


@pytest.mark.parametrize(
    ("flow", "expected"),
    [("vector(3)", True), ("vector(4) | identity(2, 2)", True), ("digits[3]", False), ("ring", False)],
)
def test_which_flows_are_plain(flow, expected):
    assert is_plain(flow) is expected
