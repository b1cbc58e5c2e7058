"""The commands that make, join, check and draw datasets, as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from infoloom.cli.data import making, using
from infoloom.datasets import open_dataset
from infoloom.errors import DatasetError, SpecError

SPEC = """
name: tiny
causes: {u: normal}
targets: {theta: 0.9*u + 0.4*noise}
modalities:
  left: {flow: "identity(1, 4, 4)", latent: "u@ones + noise"}
  right: {flow: "vector(5)", latent: "0.5*u + noise"}
"""


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    making.register(app)
    using.register(app)
    return app


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC)
    return str(path)


def call(app: typer.Typer, *arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_generate_verify_preview(app: typer.Typer, spec: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text = call(
        app,
        "generate",
        spec,
        out,
        "--rows",
        300,
        "--seed",
        4,
        "--split",
        "train=200,test=100",
        "--workers",
        1,
    )
    assert code == 0
    assert text.startswith(f"{out}: 300 rows, ")
    assert open_dataset(out).splits == {"train": 200, "test": 100}
    code, text = call(app, "verify", out)
    assert code == 0
    assert text.splitlines()[0].startswith("ok   files: ")
    assert text.splitlines()[-1] == f"{out}: 300 rows verified"
    code, text = call(app, "verify", out, "--json", "--rows", 100)
    assert code == 0
    assert json.loads(text)["passed"] is True
    code, text = call(app, "preview", out, "-o", tmp_path / "picture.png")
    assert code == 0
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size[0] > 500


def test_options_reach_the_dataset(app: typer.Typer, spec: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = (
        "--no-latents",
        "--pmi",
        "left,right;theta",
        "--pmi",
        "left;right",
        "--rows-per-shard",
        7,
        "--workers",
        1,
    )
    assert call(app, "generate", spec, out, "--rows", 20, *options)[0] == 0
    found = open_dataset(out)
    assert found.names == ("sample_id", "left", "right", "theta", "pmi(left,right;theta)", "pmi(left;right)")
    assert len(found.manifest.shards) == 3


def test_copies_in_8_bits(app: typer.Typer, spec: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call(app, "generate", spec, out, "--rows", 20, "--also", "uint8", "--workers", 1)[0] == 0
    assert open_dataset(out).select("left_uint8", "right_uint8").names == ("left_uint8", "right_uint8")
    code, text = call(app, "verify", out)
    assert (code, "ok   8 bits of right: 0 levels of 20 rows differ" in text) == (0, True)
    few = ("--also", "right_uint8", "--rows", 20)
    assert call(app, "generate", spec, tmp_path / "few", *few, "--workers", 1)[0] == 0
    assert "left_uint8" not in open_dataset(tmp_path / "few").names
    code, text = call(app, "emit-job", "slurm", spec, tmp_path / "jobs", *few)
    assert "--rows-per-shard 256 --also right_uint8 --workers 1 --shards" in text


def test_a_failed_check_has_status_one(app: typer.Typer, spec: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call(app, "generate", spec, out, "--rows", 20, "--workers", 1)
    (out / "data/train-00000-of-00001.parquet").unlink()
    code, text = call(app, "verify", out)
    assert code == 1
    assert "FAIL files: data/train-00000-of-00001.parquet: missing" in text
    assert text.splitlines()[-1] == f"{out}: 20 rows NOT verified"
    code, text = call(app, "verify", out, "--json")
    assert (code, json.loads(text)["passed"]) == (1, False)


def test_job_arrays(app: typer.Typer, spec: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    common = ("generate", spec, out, "--rows", 30, "--rows-per-shard", 10, "--workers", 1, "--shards")
    code, text = call(app, *common, "0:1")
    assert (code, text) == (0, f"1 of 3 shards are in {out}; `infoloom finish {out}` joins them.\n")
    with pytest.raises(DatasetError, match=r"2 are missing or damaged \(numbers 1:3\)"):
        call(app, "finish", out)
    text = call(app, *common, "1:")[1]
    assert (
        text == f"3 of 3 shards are in {out}; `infoloom finish {out}` joins them.\n"
    )  # the one of before too
    assert call(app, "finish", out)[0] == 0
    assert len(open_dataset(out)) == 30
    with pytest.raises(DatasetError, match="shards `1-2`: expected `I:J`"):
        call(app, *common, "1-2")
    with pytest.raises(DatasetError, match="shards `3:9`: expected some of the 3 shards"):
        call(app, *common, "3:9")


def test_export(app: typer.Typer, spec: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call(app, "generate", spec, out, "--rows", 20, "--workers", 1, "--split", "train=0.5,test=0.5")
    options = ("--to", "webdataset", "--select", "left", "--select", "theta", "--split", "test")
    code, text = call(app, "export", out, tmp_path / "tars", *options)
    assert (code, text) == (0, f"{tmp_path / 'tars'}\n")
    assert json.loads((tmp_path / "tars/sizes.json").read_text()) == {"test-00000.tar": 10}


def test_emit_job(app: typer.Typer, spec: str, tmp_path: Path) -> None:
    arguments = (
        spec,
        tmp_path / "out",
        "--rows",
        5000,
        "--jobs",
        4,
        "--seed",
        3,
        "--pmi",
        "none",
        "--no-latents",
        "--gpu",
    )
    code, text = call(app, "emit-job", "slurm", *arguments)
    assert code == 0
    assert "#SBATCH --array=0-3" in text
    assert (
        f"infoloom generate {spec} {tmp_path / 'out'} --rows 5000 --seed 3 --split train=1.0 --rows-per-shard 768"
        in text
    )
    assert "--no-latents --pmi none --device cuda --workers 1 --shards" in text
    code, text = call(app, "emit-job", "htcondor", *arguments)
    assert code == 0
    assert text.endswith("queue shards from (\n    0:2\n    2:4\n    4:6\n    6:7\n)\n")
    with pytest.raises(DatasetError, match="system `pbs`"):
        call(app, "emit-job", "pbs", *arguments)


def test_cluster_options_are_pairs(app: typer.Typer, spec: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cluster option `queue`: expected `name=value`"):
        call(
            app,
            "generate",
            spec,
            tmp_path / "out",
            "--rows",
            5,
            "--engine",
            "dask",
            "--cluster-option",
            "queue",
        )


def test_wrong_specs_are_errors_of_the_spec(app: typer.Typer, tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        call(app, "generate", tmp_path / "nothing.yaml", tmp_path / "out", "--rows", 3)
    assert not (tmp_path / "out").exists()
