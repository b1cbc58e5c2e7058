"""What is decided before the first row: shards, splits, columns."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoloom.datasets.making.plan import Plan, make_plan, parse_plan, parse_splits, split_rows
from infoloom.datasets.making.pmi import parse_pmi, pmi_name, pmi_pairs
from infoloom.errors import DatasetError, QueryError
from infoloom.presets import multimodal_decay
from infoloom.story import Story, compile_story


def test_columns_of_a_story(small_story: Story) -> None:
    plan = make_plan(small_story, 1000)
    assert [(c.name, c.kind, c.dtype, c.shape) for c in plan.columns] == [
        ("sample_id", "id", "int64", ()),
        ("image", "modality", "float32", (1, 4, 6)),
        ("curve", "modality", "float32", (24,)),
        ("map", "modality", "float32", (2, 3)),
        ("theta", "target", "float32", ()),
        ("style", "cause", "float32", ()),
        ("tone", "cause", "float32", (3,)),
        ("z_image", "latent", "float32", (24,)),
        ("z_curve", "latent", "float32", (24,)),
        ("z_map", "latent", "float32", (6,)),
        ("pmi(image;curve)", "pmi", "float64", ()),
        ("pmi(image;map)", "pmi", "float64", ()),
        ("pmi(curve;map)", "pmi", "float64", ()),
        ("pmi(image;theta)", "pmi", "float64", ()),
        ("pmi(curve;theta)", "pmi", "float64", ()),
        ("pmi(map;theta)", "pmi", "float64", ()),
    ]
    bare = make_plan(small_story, 1000, latents=False, pmi="none")
    assert {c.kind for c in bare.columns} == {"id", "modality", "target"}


@given(
    rows=st.integers(1, 5000),
    per_shard=st.integers(1, 700),
    cuts=st.lists(st.integers(1, 999), max_size=3, unique=True),
)
def test_shards_cover_every_row_once(small_story: Story, rows: int, per_shard: int, cuts: list[int]) -> None:
    edges = [0, *sorted({round(rows * cut / 1000) for cut in cuts} - {0, rows}), rows]
    sizes = {f"s{i}": b - a for i, (a, b) in enumerate(itertools.pairwise(edges))}
    plan = make_plan(small_story, rows, splits=sizes, rows_per_shard=per_shard)
    place = 0
    for shard in plan.shards:
        assert shard.first == place
        assert 0 < shard.rows <= per_shard
        place += shard.rows
    assert place == rows
    assert {s: sum(x.rows for x in plan.shards if x.split == s) for s in sizes} == sizes
    assert len({shard.file for shard in plan.shards}) == len(plan.shards)


def test_default_shards_are_whole_blocks(small_story: Story) -> None:
    assert make_plan(small_story, 2000).rows_per_shard == 256
    assert make_plan(small_story, 100_000).rows_per_shard % 256 == 0
    huge = make_plan(small_story, 10**9).rows_per_shard
    assert huge % 256 == 0
    assert huge * sum(c.bytes for c in make_plan(small_story, 1).columns) <= 65 * 2**20
    assert len(make_plan(small_story, 10**11).shards) <= 50_000


def test_a_plan_survives_json(small_story: Story) -> None:
    plan = make_plan(small_story, 321, 5, splits="train=0.5,test=0.5")
    assert parse_plan(json.loads(json.dumps({**plan.to_json(), "spec": "name: a"}))) == (plan, "name: a")


def test_differences_name_what_differs(small_story: Story) -> None:
    plan = make_plan(small_story, 100)
    assert plan.differences(plan) == []
    lines = plan.differences(make_plan(small_story, 200, 3, latents=False))
    assert "rows: 100 there, 200 asked for" in lines
    assert "seed: 0 there, 3 asked for" in lines
    assert "columns that differ: style, tone, z_curve, z_image, z_map" in lines


@pytest.mark.parametrize("tree", [None, {}, {"columns": 1}, {"columns": [], "splits": {}, "surprise": 1}])
def test_foreign_plans_are_refused(tree: object) -> None:
    with pytest.raises(DatasetError, match="plan: expected the plan of a dataset"):
        parse_plan(tree)


@given(rows=st.integers(1, 10**7), share=st.floats(0.001, 0.999))
def test_fractions_use_every_row(rows: int, share: float) -> None:
    try:
        split = split_rows(rows, {"a": share, "b": 1.0 - share})
    except DatasetError as error:
        assert "expected at least one of the" in str(error)
        assert min(round(rows * share), rows - round(rows * share)) == 0
    else:
        assert sum(n for _, n in split) == rows
        assert abs(split[0][1] - rows * share) <= 1


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": 0.5, "test": 0.4}, "expected fractions that add up to 1, got 0.9"),
        ({"train": 50, "test": 40}, "expected rows that add up to 100, got 90"),
        ({"../evil": 1.0}, "split `../evil`: expected a name of letters, digits and underscores"),
        ({"train": 0.999, "test": 0.001}, "split `test`: expected at least one of the 100 rows"),
    ],
)
def test_bad_splits_are_refused(splits: dict[str, float | int], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        split_rows(100, splits)


def test_numbers_of_numpy_are_numbers(small_story: Story) -> None:
    plan = make_plan(small_story, np.int64(10), np.int32(3), splits={"train": np.float64(0.5), "test": 0.5})
    assert plan == make_plan(small_story, 10, 3, splits={"train": 0.5, "test": 0.5})
    assert {type(value) for value in (plan.rows, plan.seed, plan.rows_per_shard)} == {int}
    assert make_plan(small_story, 10, splits={"a": np.int64(4), "b": 6}).splits == (("a", 4), ("b", 6))


@pytest.mark.parametrize("text", ["train", "train=", "train=a", "train=0.5;test=0.5"])
def test_bad_split_texts_are_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="expected `name=fraction` or `name=rows`"):
        parse_splits(text)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (0, {}, "rows `0`: expected a whole number from 1 to"),
        (10**13, {}, "rows `10000000000000`: expected a whole number from 1 to"),
        (10, {"seed": -1}, "seed `-1`: expected a whole number"),
        (10.0, {}, "rows `10.0`: expected a whole number"),
        ("10", {}, "rows `10`: expected a whole number"),
        (True, {}, "rows `True`: expected a whole number"),
        (10, {"seed": 1.5}, "seed `1.5`: expected a whole number"),
        (10, {"rows_per_shard": 2.5}, "rows per shard `2.5`: expected a whole number"),
        (10, {"splits": {"train": "a"}}, "split `train`: expected a fraction or a number of rows, got 'a'"),
        (
            10,
            {"splits": {"train": math.nan}},
            "split `train`: expected a fraction or a number of rows, got nan",
        ),
        (10, {"splits": {1: 10}}, "split `1`: expected a name of letters"),
        (10, {"splits": [("train", 10)]}, r"splits `\[\('train', 10\)\]`: expected sizes by name"),
        (10, {"splits": "train=5,train=10"}, "split `train`: expected every split once"),
        (10, {"splits": "train=nan"}, "split `train`: expected a fraction or a number of rows"),
        (10, {"pmi": 3}, "pmi `3`: expected `auto`, `all`, `none`, or pairs"),
        (10, {"also": 3}, "also `3`: expected `uint8`, or names of columns"),
        (10, {"rows_per_shard": 0}, "rows per shard `0`: expected a whole number from 1"),
        (
            10**6,
            {"rows_per_shard": 1},
            "rows per shard `1`: expected at most 99,999 shards a split. Raise it.",
        ),
    ],
)
def test_odd_sizes_are_refused(small_story: Story, rows: int, options: dict[str, int], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        make_plan(small_story, rows, **options)


def test_names_that_collide_are_refused() -> None:
    story = compile_story(
        {
            "name": "clash",
            "causes": {"u": "normal"},
            "targets": {"z_a": "u + noise"},
            "modalities": {"a": {"flow": "vector(4)", "latent": "u + noise"}},
        }
    )
    with pytest.raises(DatasetError, match="column `z_a`: expected one meaning a name"):
        make_plan(story, 10)


def test_names_of_pmi_columns_read_back() -> None:
    assert parse_pmi(pmi_name(("a", "b"), ("c",))) == (("a", "b"), ("c",))
    with pytest.raises(DatasetError, match=r"pointwise information `I\(a;b\)`: expected `pmi\(a;b\)`"):
        parse_pmi("I(a;b)")


def test_pairs_are_chosen_sensibly() -> None:
    story = multimodal_decay(modalities=5, dim=8)
    auto = pmi_pairs(story)
    assert auto == (
        *(((name,), story.targets) for name in story.modalities),
        (story.modalities, story.targets),
    )
    assert len(pmi_pairs(story, "all")) == 10 + 5 + 1
    assert pmi_pairs(story, "none") == ()
    first, second = story.modalities[:2]
    assert pmi_pairs(story, f"{first};{second}") == (((first,), (second,)),)
    assert pmi_pairs(story, [f"{first},{second};theta"]) == (((first, second), ("theta",)),)


@pytest.mark.parametrize(
    ("pair", "message"),
    [("image;speed", "unknown `speed`"), ("image,theta;theta", "a variable stands on both sides")],
)
def test_bad_pairs_are_refused(small_story: Story, pair: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        pmi_pairs(small_story, pair)


def test_pointwise_information_out_of_reach_is_refused_before_the_first_shard() -> None:
    """Twenty signs on one normal cause, each on its own component: 2^20 values would have to be summed."""
    signs = range(20)
    latent = " + ".join(f"s{i}*n@patch({i}, 1)" for i in signs) + " + 0.1*noise"
    story = compile_story(
        {
            "name": "signs",
            "causes": {**{f"s{i}": "categorical(2)" for i in signs}, "n": "normal"},
            "modalities": {name: {"flow": "vector(20)", "latent": latent} for name in ("x", "y")},
        }
    )
    assert all(column.kind != "pmi" for column in make_plan(story, 10).columns)
    with pytest.raises(QueryError, match="too many values of their causes meet for a sum over all of them"):
        make_plan(story, 10, pmi="x;y")


def test_plan_is_a_value(small_story: Story) -> None:
    assert make_plan(small_story, 10) == make_plan(small_story, 10)
    assert isinstance(make_plan(small_story, 10), Plan)
