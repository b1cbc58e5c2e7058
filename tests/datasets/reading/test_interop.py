"""Other people's readers open the folder and find the same numbers, without any code of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from infoloom.datasets import Dataset
from infoloom.errors import DatasetError


@pytest.fixture
def hf_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets", reason="the package `datasets` is an extra")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    datasets.disable_progress_bars()


@pytest.mark.usefixtures("hf_cache")
def test_hugging_face_sees_arrays(small: Dataset, tmp_path: Path) -> None:
    import datasets

    loaded = datasets.load_dataset(str(small.root), cache_dir=str(tmp_path))
    assert {name: len(split) for name, split in loaded.items()} == {"train": 630, "test": 270}
    assert loaded["train"].features["image"] == datasets.Array3D((1, 4, 6), "float32")
    assert loaded["train"].features["map"] == datasets.Array2D((2, 3), "float32")
    assert loaded["train"].features["curve"] == datasets.List(datasets.Value("float32"), length=24)
    rows = loaded["test"].with_format("numpy")
    for name in small.names:
        expected = small.split("test")[name]  # its numpy format turns every float to float32
        expected = expected.astype(np.float32) if expected.dtype == np.float64 else expected
        np.testing.assert_array_equal(np.asarray(rows[:][name]), expected, err_msg=name)


@pytest.mark.usefixtures("hf_cache")
def test_hugging_face_needs_no_card(own: Path, tmp_path: Path) -> None:
    """The Parquet metadata alone is enough."""
    import datasets

    files = {"train": str(own / "data/train-*.parquet")}
    loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path))
    assert loaded["train"].features["image"] == datasets.Array3D((1, 4, 6), "float32")


@pytest.mark.usefixtures("hf_cache")
def test_the_hugging_face_view(small: Dataset) -> None:
    both = small.select("curve", "theta").hf()
    assert set(both) == {"train", "test"}
    assert both["train"].column_names == ["curve", "theta"]
    test = small.select("image").split("test").hf()
    np.testing.assert_array_equal(test[5]["image"], small["image"][635])
    from dataclasses import replace

    with pytest.raises(DatasetError, match="rows 3 to 9: expected a whole split"):
        replace(small, start=3, stop=9).hf()


def test_the_header_of_the_card_is_plain_yaml(small: Dataset) -> None:
    header = yaml.safe_load(small.card.split("---\n")[1])
    assert header["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*.parquet"},
        {"split": "test", "path": "data/test-*.parquet"},
    ]
    assert [feature["name"] for feature in header["dataset_info"]["features"]] == list(small.names)


def test_the_card_is_readable(small: Dataset) -> None:
    value = small.truth["I(image; theta)"]
    assert f"| `I(image; theta)` | {value:.9g} | {value / np.log(2):.9g} |" in small.card
    given = small.truth["I(image; curve | theta)"]
    assert f"| `I(image; curve \\| theta)` | {given:.9g} | {given / np.log(2):.9g} |" in small.card
    assert "- seed 11" in small.card
    assert "- `curve`: flow `vector(24) | asinh`, invertible in closed form" in small.card
    assert "| `image` | float32[1, 4, 6] | observation |" in small.card


def test_polars_reads_it(small: Dataset) -> None:
    polars = pytest.importorskip("polars", reason="polars is a development extra")
    frame = polars.read_parquet(small.root / "data/train-*.parquet")
    np.testing.assert_array_equal(frame["theta"].to_numpy(), small.split("train")["theta"])
    image = np.array(frame["image"].to_list(), np.float32)
    np.testing.assert_array_equal(image, small.split("train")["image"])


def test_duckdb_reads_it(small: Dataset) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is a development extra")
    query = f"""select count(*), avg("pmi(image;theta)"), corr(theta, z_map[1]), max(map[2][3])
                from '{small.root}/data/*.parquet'"""
    count, mean, correlation, largest = duckdb.sql(query).fetchall()[0]
    assert count == 900
    assert mean == pytest.approx(small["pmi(image;theta)"].mean(), rel=1e-12)
    assert correlation == pytest.approx(np.corrcoef(small["theta"], small["z_map"][:, 0])[0, 1], rel=1e-5)
    assert largest == pytest.approx(float(small["map"][:, 1, 2].max()))


def test_pandas_reads_it(small: Dataset) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas comes with the package `datasets`")
    frame = pandas.read_parquet(small.root / "data", columns=["sample_id", "theta"]).sort_values("sample_id")
    np.testing.assert_array_equal(frame["theta"].to_numpy(), small["theta"])
