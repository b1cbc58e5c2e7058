"""Scripts for batch systems: every job makes a range of shards, no scheduler of ours in between."""

from __future__ import annotations

import shlex
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infoloom.datasets.storage.reading.shuffle import share
from infoloom.errors import DatasetError

__all__ = ["SYSTEMS", "job_script", "ranges"]

SYSTEMS: Final = ("slurm", "htcondor")


def job_script(
    system: str, command: Sequence[str], out: str, shards: int, jobs: int, *, gpu: bool = False
) -> str:
    """The script that makes a dataset as an array of jobs.

    Args:
        system: `slurm` or `htcondor`.
        command: The `generate` call with all of its options but `--shards`.
        out: The dataset's folder, on storage that all machines share.
        shards: Shards of the whole dataset.
        jobs: Jobs to share them.
        gpu: Ask for one GPU a job.

    Raises:
        DatasetError: Unknown system, or words that cannot stand in a script.
    """
    if system not in SYSTEMS:
        raise DatasetError(f"system `{system}`: expected one of {', '.join(SYSTEMS)}.")
    bad = next(
        (word for word in (*command, out) if not word.isprintable() or '"' in word or "$(" in word), None
    )
    if bad is not None:
        raise DatasetError(f"argument `{bad!r}`: expected printable text without quotes, for a job script.")
    parts = ranges(shards, jobs)
    return _slurm(command, out, parts, gpu) if system == "slurm" else _htcondor(command, out, parts, gpu)


def ranges(shards: int, jobs: int) -> list[tuple[int, int]]:
    """Ranges of shards, one a job, as even as can be; at most as many as there are shards.

    Example:
        >>> ranges(10, 3)
        [(0, 4), (4, 7), (7, 10)]
    """
    if jobs < 1:
        raise DatasetError(f"jobs `{jobs}`: expected at least 1.")
    jobs = min(jobs, shards)
    return [share(shards, job, jobs) for job in range(jobs)]


def _slurm(command: Sequence[str], out: str, parts: list[tuple[int, int]], gpu: bool) -> str:
    gres = "#SBATCH --gres=gpu:1\n" if gpu else ""
    shards = " ".join(f"{start}:{stop}" for start, stop in parts)
    return f"""#!/bin/bash
# Submit, then join the shards when all jobs have ended well:
#   job=$(sbatch --parsable THIS_FILE)
#   sbatch --dependency=afterok:$job --wrap {shlex.quote(f"infoloom finish {shlex.quote(out)}")}
# A job that was killed may be submitted again: whole shards are kept.
#SBATCH --job-name=infoloom
#SBATCH --array=0-{len(parts) - 1}
#SBATCH --cpus-per-task=1
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
{gres}set -euo pipefail
export OMP_NUM_THREADS=1
shards=({shards})
{shlex.join(command)} --workers 1 --shards "${{shards[$SLURM_ARRAY_TASK_ID]}}"
"""


def _installed(program: str) -> str:
    """Where a program of this installation is: HTCondor looks for it in no PATH."""
    return str(Path(sysconfig.get_path("scripts")) / program)


def _htcondor(command: Sequence[str], out: str, parts: list[tuple[int, int]], gpu: bool) -> str:
    gpus = "request_gpus = 1\n" if gpu else ""
    shards = "\n".join(f"    {start}:{stop}" for start, stop in parts)
    # HTCondor's own quoting: single quotes around a word, doubled inside of it.
    words = " ".join("'" + word.replace("'", "''") + "'" for word in (*command[1:], "--workers", "1"))
    return f"""# Submit with `condor_submit THIS_FILE`; when all jobs have ended, join the shards:
#   infoloom finish {shlex.quote(out)}
# A job that was killed may be submitted again: whole shards are kept.
executable = {_installed(command[0])}
transfer_executable = False
arguments = "{words} --shards $(shards)"
environment = "OMP_NUM_THREADS=1"
request_cpus = 1
request_memory = 8GB
{gpus}max_retries = 3
should_transfer_files = NO
log = infoloom.log
output = infoloom.$(Process).out
error = infoloom.$(Process).err
queue shards from (
{shards}
)
"""
