"""Engines: the same bytes from each, explained failures, and scripts that do what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infoloom.datasets import begin, finish, generate, make_plan
from infoloom.datasets.engines import engine_named
from infoloom.datasets.making.batch_jobs import job_script, ranges
from infoloom.errors import DatasetError
from infoloom.story import Story

FolderBytes = Callable[[Path], dict[str, bytes]]
SPLITS = "train=0.7,test=0.3"


@pytest.mark.slow
def test_dask_makes_the_same_bytes(
    small_path: Path, small_story: Story, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    pytest.importorskip("distributed", reason="Dask is an extra")
    engine = engine_named("dask", workers=2)
    generate(small_story, tmp_path / "out", 900, 11, splits=SPLITS, rows_per_shard=200, engine=engine)
    assert folder_bytes(tmp_path / "out") == folder_bytes(small_path)


def test_a_scheduler_that_is_not_there_is_explained(small_story: Story, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is an extra")
    engine = engine_named("dask", scheduler_file=str(tmp_path / "nothing.json"))
    with pytest.raises(DatasetError, match=r"scheduler `.*nothing\.json`: expected a running Dask scheduler"):
        generate(small_story, tmp_path / "out", 10, engine=engine)


@pytest.mark.parametrize(("cluster", "asks"), [("slurm", "#SBATCH -p gpu"), ("htcondor", "queue = gpu")])
def test_batch_systems_are_asked_for_workers(
    cluster: str, asks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job script that dask-jobqueue would submit; submitting it needs the batch system itself."""
    jobqueue = pytest.importorskip("dask_jobqueue", reason="dask-jobqueue comes with the extra `dask`")
    import distributed

    from infoloom.datasets.engines.dask import DaskEngine

    seen: list[str] = []
    for kind in (jobqueue.SLURMCluster, jobqueue.HTCondorCluster):
        monkeypatch.setattr(
            kind, "scale", lambda self, jobs: seen.append(f"{jobs} jobs\n{self.job_script()}")
        )
    options = {"queue": "gpu"} if cluster == "slurm" else {"job_extra_directives": {"queue": "gpu"}}
    scheduler = {"host": "127.0.0.1", "dashboard_address": None}
    engine = DaskEngine(
        workers=3, cluster=cluster, cluster_options={**options, "scheduler_options": scheduler}
    )
    with engine._own_cluster(distributed):
        pass
    assert seen[0].startswith("3 jobs\n")
    assert "OMP_NUM_THREADS=1" in seen[0]
    assert asks in seen[0]


def test_unknown_batch_systems_are_refused(small_story: Story, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue comes with the extra `dask`")
    with pytest.raises(DatasetError, match="cluster `pbs`: expected one of slurm, htcondor"):
        generate(small_story, tmp_path, 10, engine=engine_named("dask", cluster="pbs"))


@pytest.mark.slow
def test_a_slurm_script_makes_the_dataset(
    small_path: Path, small_story: Story, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    """Every array task is run by bash, as SLURM would."""
    (tmp_path / "spec.yaml").write_text(small_story.spec.to_yaml())
    out = tmp_path / "a folder"
    command = ["infoloom", "generate", str(tmp_path / "spec.yaml"), str(out), "--rows", "900", "--seed", "11"]
    command += ["--split", SPLITS, "--rows-per-shard", "200"]
    script = tmp_path / "job.sh"
    script.write_text(job_script("slurm", command, str(out), 6, 2, gpu=True))
    assert "#SBATCH --array=0-1\n" in script.read_text()
    assert "#SBATCH --gres=gpu:1\n" in script.read_text()
    environment = {**os.environ, "PATH": f"{_program_folder(tmp_path)}:{os.environ['PATH']}"}
    for task in ("1", "0"):
        task_environment = {**environment, "SLURM_ARRAY_TASK_ID": task}
        subprocess.run(["bash", str(script)], check=True, env=task_environment, stdout=subprocess.DEVNULL)
    finish(out)
    assert folder_bytes(out) == folder_bytes(small_path)


def test_an_htcondor_file_lists_every_shard_once() -> None:
    command = ["infoloom", "generate", "it's.yaml", "/data/out", "--rows", "10"]
    text = job_script("htcondor", command, "/data/out", 7, 3, gpu=True)
    assert (
        """arguments = "'generate' 'it''s.yaml' '/data/out' '--rows' '10' '--workers' '1' --shards $(shards)\""""
        in text
    )
    program = re.search(r"^executable = (.*)$", text, re.MULTILINE)
    assert program is not None
    assert Path(program[1]).is_absolute()  # HTCondor looks beside the submit file, in no PATH
    assert Path(program[1]).name == "infoloom"
    assert "transfer_executable = False" in text
    assert "request_gpus = 1" in text
    assert text.endswith("queue shards from (\n    0:3\n    3:5\n    5:7\n)\n")


def test_scripts_refuse_what_could_not_be_quoted() -> None:
    for word in ('a"b', "a\nb", "$(rm)"):
        with pytest.raises(DatasetError, match="expected printable text without quotes"):
            job_script("slurm", ["infoloom", word], "out", 3, 2)
    with pytest.raises(DatasetError, match="system `pbs`: expected one of slurm, htcondor"):
        job_script("pbs", [], "out", 3, 2)
    with pytest.raises(DatasetError, match="jobs `0`: expected at least 1"):
        ranges(3, 0)
    assert ranges(2, 5) == [(0, 1), (1, 2)]


def test_one_of_two_beginners_writes_the_plan(small_story: Story, tmp_path: Path) -> None:
    plan = make_plan(small_story, 30)
    begin(tmp_path, small_story, plan)
    before = (tmp_path / ".infoloom/plan.json").stat().st_mtime_ns
    begin(tmp_path, small_story, plan)
    assert (tmp_path / ".infoloom/plan.json").stat().st_mtime_ns == before
    with pytest.raises(DatasetError, match="seed: 0 there, 1 asked for"):
        begin(tmp_path, small_story, make_plan(small_story, 30, 1))


def _program_folder(folder: Path) -> Path:
    """A folder with an `infoloom` program that runs this checkout."""
    place = folder / "bin"
    place.mkdir()
    code = f"import sys; sys.path[:0] = {json.dumps(sys.path)}; from infoloom.cli.main import main; main()"
    (place / "infoloom").write_text(f"#!{sys.executable}\n{code}\n")
    (place / "infoloom").chmod(0o755)
    return place
