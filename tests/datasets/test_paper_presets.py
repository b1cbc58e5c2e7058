"""The paper's stories with the CIFAR-10 flow: which classes they show, float32, and shards that stay small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infoloom.datasets import generate, make_plan
from infoloom.presets import DECAYS, decay_sweep, multimodal_decay
from infoloom.spec.flows.flow import flow_header, flow_path, parse_flow
from infoloom.story import Story, compile_story, load

CLASSES = {
    "figure-1": ["automobile", "frog"],
    "galaxy-images": ["airplane", "ship"],
    "galaxy-rotation-halo": ["airplane", "ship"],
    "galaxy-rotation-mass": ["airplane", "ship"],
    "multimodal-decay": flow_header(flow_path("cifar10"))["classes"],
}


def shown(story: Story) -> list[str | None]:
    """The class that every modality shows, all of them of the CIFAR-10 flow."""
    steps = [parse_flow(story.flow(name)) for name in story.modalities]
    assert all([step.name for step in flow] == ["cifar10"] for flow in steps)
    return [flow[0].selector for flow in steps]


@pytest.mark.parametrize("name", CLASSES)
def test_presets_of_the_paper_show_classes_of_cifar(name: str) -> None:
    story = load(name)
    assert shown(story) == CLASSES[name]
    columns = [column for column in make_plan(story, 10).columns if column.kind == "modality"]
    assert {(column.dtype, column.shape) for column in columns} == {("float32", (3, 32, 32))}


def test_ten_modalities_show_ten_classes() -> None:
    assert len(set(CLASSES["multimodal-decay"])) == 10
    assert shown(multimodal_decay(modalities=10)) == [str(number) for number in range(10)]


def test_a_large_decay_is_made_in_small_pieces() -> None:
    """A worker holds a block of rows at a time and writes shards of one or two blocks, however many rows there are."""
    story = load("multimodal-decay")
    plan = make_plan(story, 1_000_000)
    row = sum(column.bytes for column in plan.columns)
    assert 2 * 10 * 3072 * 4 < row < 2 * 10 * 3072 * 4 + 1000
    assert plan.rows_per_shard * row <= 128 * 2**20
    assert story.plan.block * row <= 64 * 2**20


@pytest.mark.slow
def test_a_row_of_the_decay_does_not_depend_on_shards(tmp_path: Path) -> None:
    whole = generate(load("multimodal-decay"), tmp_path / "whole", 3)
    parts = generate(load("multimodal-decay"), tmp_path / "parts", 3, rows_per_shard=2)
    for name in whole.names:
        np.testing.assert_array_equal(parts[name], whole[name], err_msg=name)
    assert whole["x1"].dtype == np.float32
    assert float(whole["x1"].std()) == pytest.approx(0.5, abs=0.3)  # brightness, not latents


def test_rows_of_a_stepped_flow_do_not_depend_on_the_size_of_shards(tmp_path: Path) -> None:
    """To the bit, whatever number of rows is left for the flow's batches of 32 at the end of a shard or a block."""
    from observations.small import small_file

    from infoloom.observations.flows.checking.certificate import Effort
    from infoloom.observations.training.packaging import certify_file

    path = small_file(tmp_path / "small.safetensors", strength=0.1)
    certify_file(path, None, effort=Effort(8, 8, 8, 6, 1))
    story = compile_story(
        {
            "name": "shards",
            "causes": {"u": "normal"},
            "modalities": {"x": {"flow": f"{path}[b]", "latent": "0.7*u + noise"}},
        }
    )
    whole = generate(story, tmp_path / "whole", 290, latents=False)["x"]
    for size in (1, 7, 31, 32, 33, 257):
        rows = 290 if size > 7 else 40
        parts = generate(story, tmp_path / str(size), rows, rows_per_shard=size, latents=False)
        np.testing.assert_array_equal(parts["x"], whole[:rows], err_msg=str(size))


@pytest.mark.parametrize(
    ("name", "query", "value"),
    [
        ("figure-1", "I(x1; theta)", 5.113672420),
        ("figure-1", "I(x1; x2)", 4.309011329),
        ("galaxy-images", "I(x1; theta)", 0.001533646),
        ("galaxy-images", "I(x2; theta)", 0.001533646),
        ("galaxy-rotation-mass", "I(rotation; theta)", 2.771601023),
        ("galaxy-rotation-mass", "I(image; theta)", 3.326020258),
        ("galaxy-rotation-mass", "I(rotation; image)", 2.629519106),
        ("galaxy-rotation-halo", "I(rotation; theta)", 2.771601023),
        ("galaxy-rotation-halo", "I(image; theta)", 0.0),
        ("galaxy-rotation-halo", "I(rotation, image; theta)", 3.121851535),
        ("galaxy-rotation-halo", "I(rotation; image | theta)", 2.979769618),
    ],
)
def test_presets_of_the_paper_have_the_values_of_its_argument_files(
    name: str, query: str, value: float
) -> None:
    assert load(name).information(query) == pytest.approx(value, abs=1.5e-9)


def test_the_decay_sweep_falls_with_both_bases() -> None:
    stories = decay_sweep(modalities=4, dim=64)
    assert sorted(stories) == [(a, b) for a in DECAYS for b in DECAYS]
    for b in DECAYS:
        shared = [stories[a, b].information("I(x0; x1)") for a in DECAYS]
        assert shared == sorted(shared, reverse=True)
    for a in DECAYS:
        about = [stories[a, b].information("I(x3; theta)") for b in DECAYS]
        assert about == sorted(about, reverse=True)
    assert decay_sweep()[1.2, 1.2].truth_table() == load("multimodal-decay").truth_table()
