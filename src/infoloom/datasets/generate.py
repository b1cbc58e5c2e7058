"""From a story to a dataset: the folder with spec and plan, then its shards; `finish` has the last step."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infoloom.datasets.engines import Engine, Failure, LocalEngine
from infoloom.datasets.finish import finish
from infoloom.datasets.making.computing import known_device
from infoloom.datasets.making.plain import is_plain
from infoloom.datasets.making.plan import Plan, make_plan, read_plan
from infoloom.datasets.making.shard import Made, ShardJob, read_done, require_torch
from infoloom.datasets.storage.attachments import attach
from infoloom.datasets.storage.files import remove_left_over, write_once
from infoloom.datasets.storage.layout import FILES, MANIFEST, PLAN, WORK
from infoloom.errors import DatasetError
from infoloom.extras import extras_named
from infoloom.spec.flows.flow import parse_flow

if TYPE_CHECKING:
    from infoloom.datasets.reading.read import Dataset
    from infoloom.spec.model import Spec
    from infoloom.story import Story

__all__ = ["Progress", "begin", "generate", "make_shards", "shard_jobs"]

Progress = Callable[[Made | Failure], None]


@extras_named()
def generate(
    story: Story | Spec | str | Path | dict[str, Any],
    out: str | Path,
    rows: int,
    seed: int = 0,
    *,
    splits: str | Mapping[str, float | int] | None = None,
    rows_per_shard: int | None = None,
    workers: int = 1,
    latents: bool = True,
    pmi: str | Sequence[str] = "auto",
    predictions: bool = False,
    also: str | Sequence[str] | None = None,
    allow_uncertified: bool = False,
    reproducible: bool = False,
    device: str = "cpu",
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Make a dataset whose information is known, or continue one that was interrupted.

    Args:
        story: A story, or what `infoloom.load` makes one of: a spec, its file, the name of a preset, or a dict.
        out: Folder to make; it must be empty, absent, or hold the same dataset unfinished.
        rows: Rows in all splits together.
        seed: Seed of the random numbers; row i depends on the story, the seed and i only.
        splits: `"train=0.8,test=0.2"`, or a dict of fractions or rows; one split `train` when left out.
        rows_per_shard: Rows of a Parquet file; about 64 MiB when left out.
        workers: Processes; more than one needs `if __name__ == "__main__":` in a script.
        latents: Whether to keep causes and latents.
        pmi: Pointwise-information columns: `"auto"`, `"all"`, `"none"` or pairs such as `"radio;theta"`.
        predictions: Whether to keep the optimal prediction of every target from each modality and from all.
        also: `"uint8"` for an 8-bit copy of every modality beside the exact one, for viewing, or names of such
            columns, `"radio_uint8"`; one carries at most the information of its modality.
        allow_uncertified: Whether to use trained flows whose certificate fails; the card then says that information
            is an upper bound.
        reproducible: Whether the shards have the same bytes on every processor of an architecture: they are made in
            processes of their own on one fixed code path, slower. Needs `if __name__ == "__main__":` in a script.
        device: Where bijections are computed.
        engine: Another engine than local processes.
        progress: Called with every shard that ends.

    Returns:
        The finished dataset, opened.

    Raises:
        SpecError: Not a story, with everything that is wrong with it.
        DatasetError: Another dataset is in the folder, or shards could not be made; the rest is kept.
        FlowError: A trained flow's certificate fails, and that is not allowed.
    """
    from infoloom.story import Story, compile_story

    root, told = Path(out), story if isinstance(story, Story) else compile_story(story)
    plan = make_plan(
        told,
        rows,
        seed,
        splits=splits,
        rows_per_shard=rows_per_shard,
        latents=latents,
        pmi=pmi,
        predictions=predictions,
        also=also,
        allow_uncertified=allow_uncertified,
        reproducible=reproducible,
    )
    begin(root, told, plan, device)
    made = make_shards(root, engine or LocalEngine(workers), device=device, progress=progress)
    return finish(root, made)


def begin(root: Path, story: Story, plan: Plan, device: str = "cpu") -> None:
    """Prepare the folder: spec and plan; a folder with another story or plan is refused.

    Args:
        root: The dataset's folder.
        story: A compiled story.
        plan: What to make.
        device: Where bijections will be computed.

    Raises:
        DatasetError: The folder holds something else, or cannot be written.
        FlowError: A trained flow's certificate fails, and the plan does not allow that.
    """
    eight_bits = any(column.kind == "channel" for column in plan.columns)
    require_torch(story, numpy_does=device == "cpu" and not (plan.reproducible or eight_bits))
    if not plan.allow_uncertified:
        _require_certificates(story)
    # In this order: another run writes its plan before its first shard.
    if _occupied(root) and not (root / PLAN).is_file():
        raise DatasetError(
            f"folder `{root}`: expected an empty folder or an unfinished dataset, because nothing is "
            "overwritten. Choose another folder."
        )
    try:
        (root / "data").mkdir(parents=True, exist_ok=True)
        for folder in (root, root / WORK, root / "data"):
            remove_left_over(folder)
        spec = attach(story.spec, root)
        new = write_once(root / PLAN, {**plan.to_json(), "spec": spec})
    except OSError as error:
        raise DatasetError(
            f"folder `{root}`: cannot be written ({error.strerror or error}). Choose another folder or grant "
            "access."
        ) from error
    if not new:
        _refuse_other(root, spec, plan)


def make_shards(
    root: Path,
    engine: Engine,
    *,
    part: slice = slice(None),
    device: str = "cpu",
    progress: Progress | None = None,
) -> tuple[Made, ...]:
    """Make the shards of a begun dataset that are not there yet.

    Args:
        root: Folder that `begin` prepared.
        engine: Where to make them.
        part: Which of the shards, in the order of their rows.
        device: Where bijections are computed.
        progress: Called with every shard that ends.

    Raises:
        DatasetError: Some shards could not be made, after all others were.
    """
    jobs = shard_jobs(root, device)[part]
    if (root / MANIFEST).is_file() and any(_missing(root, job) for job in jobs):
        (root / MANIFEST).unlink()  # not finished any more: a shard was lost or damaged
    made, failures = [], []
    for outcome in engine.run(jobs):
        if progress is not None:
            progress(outcome)
        if isinstance(outcome, Failure):
            failures.append(outcome)
            if outcome.hopeless:
                break
        else:
            made.append(outcome)
    if failures:
        raise DatasetError(_failed(failures, len(made), len(jobs)))
    return tuple(made)


def shard_jobs(root: Path, device: str = "cpu") -> tuple[ShardJob, ...]:
    """The jobs of a begun dataset, in the order of their rows.

    Raises:
        DatasetError: No such kind of device.
    """
    known_device(device)
    plan, spec = read_plan(root)
    place = str(root.resolve())
    return tuple(
        ShardJob(
            place,
            spec,
            plan.digest,
            plan.seed,
            plan.columns,
            shard,
            device,
            plan.allow_uncertified,
            plan.reproducible,
        )
        for shard in plan.shards
    )


def _require_certificates(story: Story) -> None:
    """Refuse flows that are not certified before anything is written."""
    if all(is_plain(story.flow(name)) for name in story.mapped):
        return
    from infoloom.observations import build

    for flow, usual in dict.fromkeys((story.flow(name), story.usual_norm(name)) for name in story.mapped):
        if any(step.trained or step.rendered for step in parse_flow(flow)):
            build(flow, directory=story.spec.directory, whitened=usual)


def _missing(root: Path, job: ShardJob) -> bool:
    return read_done(root, job.digest, job.seed, job.shard) is None


def _occupied(root: Path) -> bool:
    """Whether there is anything but what another run of the same dataset puts here first."""
    if not root.is_dir():
        return False
    return any(path.name not in ("data", FILES, WORK) for path in root.iterdir()) or any(
        (root / "data").glob("*")
    )


def _refuse_other(root: Path, spec: str, plan: Plan) -> None:
    there, before = read_plan(root)
    lines = there.differences(plan)
    if not lines:
        return
    if there.digest != plan.digest:
        lines += difflib.unified_diff(
            before.splitlines(), spec.splitlines(), "spec there", "spec asked for", lineterm="", n=1
        )
    shown = "\n".join(lines[:60])
    raise DatasetError(
        f"folder `{root}`: expected the dataset that was begun here, because mixing two would falsify both; "
        "got "
        f"another one.\n{shown}\nAsk for the same again to resume, or choose another folder."
    )


def _failed(failures: list[Failure], made: int, jobs: int) -> str:
    reasons = "\n".join(failure.reason for failure in failures[:5])
    more = f"\n… and {len(failures) - 5} more" if len(failures) > 5 else ""
    return (
        f"shards: expected {jobs}, {made} are made and kept, {len(failures)} failed.\n{reasons}{more}\n"
        "Remove the cause and run the same command again: it goes on where it stopped."
    )
