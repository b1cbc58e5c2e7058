"""From a story to a finished dataset: plan, shards, and last of all the manifest."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infoloom.datasets.checking.channel_losses import measured_loss
from infoloom.datasets.checking.choice_gap import with_gaps
from infoloom.datasets.engines import Engine, Failure, LocalEngine
from infoloom.datasets.making.captions import describe_captions
from infoloom.datasets.making.code_path import path_text
from infoloom.datasets.making.plain import CERTIFICATE, is_plain
from infoloom.datasets.making.plan import Plan, make_plan, parse_plan
from infoloom.datasets.making.plugins_used import used_plugins
from infoloom.datasets.making.shard import Made, ShardJob, bijection_of, read_done, require_torch
from infoloom.datasets.showing.card import card_text
from infoloom.datasets.showing.croissant import croissant
from infoloom.datasets.storage.attachments import attach
from infoloom.datasets.storage.channel_columns import channel_source
from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import read_json, remove_left_over, write_json, write_once, write_text
from infoloom.datasets.storage.layout import CARD, CROISSANT, FILES, MANIFEST, PLAN, SPEC, WORK, inside
from infoloom.datasets.storage.manifest import Manifest, ShardRecord
from infoloom.datasets.storage.own_spec import story_of
from infoloom.datasets.storage.partial import Partial, leading
from infoloom.errors import DatasetError
from infoloom.information.quantity import Quantity
from infoloom.spec.flow import flow_header, flow_path, one_class, parse_flow

if TYPE_CHECKING:
    from infoloom.datasets.reading.read import Dataset
    from infoloom.story import Story

__all__ = ["Progress", "begin", "finish", "generate", "make_shards", "read_plan"]

Progress = Callable[[Made | Failure], None]
_MAX_PLAN: Final = 64 * 2**20


def generate(
    story: Story,
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
    """Make a dataset whose information is known, or go on with one that was interrupted.

    Args:
        story: A compiled story.
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
        DatasetError: Another dataset is in the folder, or shards could not be made; the rest is kept.
        FlowError: A trained flow's certificate fails, and that is not allowed.
    """
    root = Path(out)
    plan = make_plan(
        story,
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
    begin(root, story, plan)
    made = make_shards(root, engine or LocalEngine(workers), device=device, progress=progress)
    return finish(root, made)


def begin(root: Path, story: Story, plan: Plan) -> None:
    """Prepare the folder: spec and plan; a folder with another story or plan is refused.

    Raises:
        DatasetError: The folder holds something else, or cannot be written.
        FlowError: A trained flow's certificate fails, and the plan does not allow that.
    """
    eight_bits = any(column.kind == "channel" for column in plan.columns)
    require_torch(story, numpy_does=not (plan.reproducible or eight_bits))
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


def finish(root: str | Path, made: Sequence[Made] = (), *, partial: bool = False) -> Dataset:
    """Check that every shard is there and whole, and write card and manifest.

    Args:
        root: Folder that `begin` prepared.
        made: Shards that the caller has just made or checked; the others are checked here.
        partial: Whether to finish with the rows before the first missing shard; the card says so, and making the rest
            goes on as before.

    Raises:
        DatasetError: Shards are missing; the message says which. With `partial`, the first shard of all.
    """
    from infoloom.datasets.reading.read import open_dataset

    root = Path(root)
    plan, spec = read_plan(root)
    known = {one.shard: one for one in made}
    found = [known.get(shard) or read_done(root, plan.digest, plan.seed, shard) for shard in plan.shards]
    missing = [index for index, one in enumerate(found) if one is None]
    if missing and not (partial and missing[0] > 0):
        first = " The first of all must be there for a part." if partial else ""
        raise DatasetError(
            f"dataset `{root}`: expected {len(plan.shards)} shards, {len(missing)} are missing or damaged "
            f"(numbers {_ranges(missing)}). Run `infoloom generate` again, with `--shards` for these alone "
            f"if you like.{first}"
        )
    whole = _part(plan, [one is not None for one in found]) if missing else None
    found = found[: missing[0]] if missing else found
    manifest = _manifest(root, plan, spec, [one for one in found if one is not None], whole)
    manifest = with_gaps(root, story_of(spec, str(root.resolve())), manifest)
    for folder in (root, root / WORK, root / "data"):
        remove_left_over(folder, min_age_s=0.0)
    write_text(root / SPEC, spec)
    write_text(root / CARD, card_text(manifest))
    write_json(root / CROISSANT, croissant(manifest))
    write_json(root / MANIFEST, manifest.to_json())
    return open_dataset(root)


def read_plan(root: Path) -> tuple[Plan, str]:
    """The plan of a begun dataset and its spec's text.

    Raises:
        DatasetError: Nothing was begun here.
    """
    if not (root / PLAN).is_file():
        raise DatasetError(
            f"folder `{root}`: expected a dataset begun by `infoloom generate`; there is none."
        )
    try:
        return parse_plan(read_json(inside(root, PLAN), _MAX_PLAN))
    except DatasetError as error:
        raise DatasetError(f"folder `{root}`: {error}") from error


def shard_jobs(root: Path, device: str = "cpu") -> tuple[ShardJob, ...]:
    """The jobs of a begun dataset, in the order of their rows.

    Raises:
        DatasetError: No such kind of device.
    """
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise DatasetError(f"device `{device}`: expected `cpu`, `cuda` or one GPU such as `cuda:1`.")
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


def _part(plan: Plan, there: Sequence[bool]) -> Partial:
    """What was planned of a dataset that is finished with its first rows."""
    return Partial(plan.rows, len(plan.shards), dict(plan.splits), leading(plan.shards, there)[2])


def _manifest(root: Path, plan: Plan, spec: str, made: list[Made], whole: Partial | None) -> Manifest:
    place = str(root.resolve())
    story = story_of(spec, place)
    truth = story.truth()
    values = {name: quantity.value for name, quantity in truth.items()}
    kinds = [asdict(one)["made_with"] for one in made]
    made_with = [kind for index, kind in enumerate(kinds) if kind not in kinds[:index]]
    records: list[ShardRecord] = [one.record(made_with.index(one.made_with)) for one in made]
    splits = leading([one.shard for one in made], [True] * len(made))[1]
    return Manifest(
        name=plan.name,
        digest=plan.digest,
        seed=plan.seed,
        rows=sum(count for _, count in splits),
        rows_per_shard=plan.rows_per_shard,
        splits=splits,
        columns=plan.columns,
        partial=whole,
        shards=tuple(records),
        truth=values,
        accuracy={name: accuracy for name, quantity in truth.items() if (accuracy := _accuracy(quantity))},
        notes=(*story.notes, *_paths(made_with)),
        plugins=used_plugins(story.spec),
        bijections={
            name: _bijection(story, spec, place, name, plan.allow_uncertified) for name in story.mapped
        },
        made_with=tuple(made_with),
        spec_sha256=hashlib.sha256(spec.encode()).hexdigest(),
        captions=describe_captions(story),
        losses={c.name: _loss(story, place, c, values) for c in plan.columns if c.kind == "channel"},
    )


def _paths(made_with: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What to know of shards that were not all made on one code path."""
    if len(made_with) < 2:
        return ()
    found = "; ".join(path_text(one) for one in made_with)
    return (
        f"Shards were made on {len(made_with)} code paths ({found}). Observations of one path agree with those of "
        "another within 1e-5 of their range, not to the last digit.",
    )


def _accuracy(quantity: Quantity) -> dict[str, Any]:
    tree = quantity.to_json()
    return {key: value for key, value in tree.items() if key != "value"} if isinstance(tree, dict) else {}


def _require_certificates(story: Story) -> None:
    """Refuse flows that are not certified before anything is written."""
    if all(is_plain(story.flow(name)) for name in story.mapped):
        return
    from infoloom.observations import build

    for flow in dict.fromkeys(story.flow(name) for name in story.mapped):
        if any(step.trained or step.rendered for step in parse_flow(flow)):
            build(flow, directory=story.spec.directory)


def _bijection(story: Story, spec: str, root: str, name: str, allow_uncertified: bool) -> dict[str, Any]:
    """What the manifest says about a modality's map: expression, certificate, and what trained flows come from."""
    flow = story.flow(name)
    certificate = CERTIFICATE
    if not is_plain(flow):
        certificate = dict(bijection_of(spec, root, name, allow_uncertified=allow_uncertified).certificate())
    headers = [flow_header(flow_path(one.name, Path(root))) for one in parse_flow(flow) if one.trained]
    origins = [
        {key: str(header["card"].get(key, "not stated")) for key in ("data", "licence")} for header in headers
    ]
    return {
        "flow": flow,
        "certificate": certificate,
        **({"trained_on": origins} if origins else {}),
    }


def _loss(story: Story, root: str, column: Column, truth: Mapping[str, float]) -> dict[str, Any]:
    from infoloom.observations import build

    modality = channel_source(column.name)
    targets = {target: f"I({modality}; {target})" for target in story.targets if story.gaussian}
    known = {target: truth[query] for target, query in targets.items() if query in truth}
    flow = one_class(story.flow(modality), Path(root))  # of what a cause chooses among, the first
    return measured_loss(column, build(flow, directory=Path(root), allow_uncertified=True), known)


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


def _ranges(numbers: Sequence[int]) -> str:
    """Example: [0, 1, 2, 7] is `0:3, 7:8`, the form that `--shards` takes."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number:
            ranges[-1] = (ranges[-1][0], number + 1)
        else:
            ranges.append((number, number + 1))
    shown = ", ".join(f"{start}:{stop}" for start, stop in ranges[:20])
    return shown + (", …" if len(ranges) > 20 else "")
