"""The end of a dataset: every shard checked, then card, Croissant file and, last of all, the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infoloom.datasets.checking.channel_losses import measured_loss
from infoloom.datasets.checking.choice_gap import with_gaps
from infoloom.datasets.making.captions import describe_captions
from infoloom.datasets.making.code_path import path_text
from infoloom.datasets.making.plain import CERTIFICATE, is_plain, whitened
from infoloom.datasets.making.plan import Plan, read_plan
from infoloom.datasets.making.plugins_used import used_plugins
from infoloom.datasets.making.shard import Made, bijection_of, read_done
from infoloom.datasets.showing.card import card_text
from infoloom.datasets.showing.croissant import croissant
from infoloom.datasets.storage.channel_columns import channel_source
from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import remove_left_over, write_json, write_text
from infoloom.datasets.storage.layout import CARD, CROISSANT, MANIFEST, SPEC, WORK
from infoloom.datasets.storage.manifest import Manifest, ShardRecord
from infoloom.datasets.storage.own_spec import story_of
from infoloom.datasets.storage.reading.partial import Partial, leading
from infoloom.errors import DatasetError
from infoloom.flags import expect_flags
from infoloom.information.quantity import Quantity
from infoloom.spec.flows.flow import flow_header, flow_path, one_class, parse_flow

if TYPE_CHECKING:
    from infoloom.datasets.reading.read import Dataset
    from infoloom.story import Story

__all__ = ["finish"]

#: Rows whose latents say what a flow is given where that is not N(0, I).
_GIVEN: Final = 1024


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

    expect_flags(DatasetError, partial=partial)
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
        losses=_losses(story, place, [column for column in plan.columns if column.kind == "channel"], values),
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


def _losses(
    story: Story, root: str, columns: Sequence[Column], truth: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """What every 8-bit column loses, by its name."""
    if not columns:
        return {}
    from infoloom.observations import build  # needs torch, which datasets of latents do not

    sources = {column.name: channel_source(column.name) for column in columns}
    unusual = {modality for modality in sources.values() if not story.usual_norm(modality)}
    drawn = story.sample(_GIVEN, seed=0) if unusual else {}
    found = {}
    for column in columns:
        modality = sources[column.name]
        targets = {target: f"I({modality}; {target})" for target in story.targets if story.gaussian}
        known = {target: truth[query] for target, query in targets.items() if query in truth}
        flow = one_class(story.flow(modality), Path(root))  # of what a cause chooses among, the first
        given = whitened(story, modality, drawn[modality]) if modality in unusual else None
        made = build(flow, directory=Path(root), allow_uncertified=True)
        found[column.name] = measured_loss(column, made, known, given)
    return found


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
