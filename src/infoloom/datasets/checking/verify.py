"""Checking a dataset: its files, its truth, and that its rows carry the information it claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.checking.moments import spread_spans
from infoloom.datasets.checking.outcome import Check, Report
from infoloom.datasets.checking.statistics import BATCH, TRUTH_TOLERANCE, information_after, statistics
from infoloom.datasets.making.captions import caption_of, caption_rows, speaker
from infoloom.datasets.making.code_path import path_text
from infoloom.datasets.making.computing import one_thread
from infoloom.datasets.making.observe import flow_input
from infoloom.datasets.making.plain import has_torch, plain_map
from infoloom.datasets.making.pmi import parse_pmi
from infoloom.datasets.making.predictions import parse_prediction
from infoloom.datasets.making.shard import bijection_of, make_with, require_torch
from infoloom.datasets.reading.read import Dataset, open_dataset
from infoloom.datasets.storage.channel_columns import channel_of, channel_source, levels_of
from infoloom.datasets.storage.columns import Column, rows_at_once
from infoloom.datasets.storage.files import read_text, sha256
from infoloom.datasets.storage.layout import SPEC, inside
from infoloom.datasets.storage.manifest import ShardRecord
from infoloom.datasets.storage.reading.memmap import existing_memmap
from infoloom.errors import DatasetError, FlowError, InfoloomError
from infoloom.extras import extras_named
from infoloom.units import number_of

if TYPE_CHECKING:
    from infoloom.observations.injection import Injection
    from infoloom.story import Story

__all__ = ["verify"]

REDRAW_TOLERANCE: Final = 1e-6
ROUND_TRIP_TOLERANCE: Final = 1e-4
_REDRAWN: Final = 512
_REDRAWN_SHARDS: Final = 16
_SIGMAS: Final = 4.0
_SPANS: Final = 4
_SENTENCES: Final = 4096


@extras_named()
def verify(
    path: str | Path,
    *,
    rows: int = 100_000,
    round_trip_rows: int = 32,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check a dataset against its own spec.

    Args:
        path: The dataset's folder.
        rows: Rows for the statistical checks, at most, taken from every shard.
        round_trip_rows: Observations a modality that are sent back through their bijection.
        progress: Called with the name of every check before it begins.

    Returns:
        Every check, passed or not; a check that cannot be made is one that did not pass.

    Raises:
        DatasetError: There is no finished dataset to check, or there are no rows to check it with.
    """
    if min(rows, round_trip_rows) < 1:
        raise DatasetError(f"rows `{min(rows, round_trip_rows)}`: expected at least 1 to check.")
    data = open_dataset(path)
    checks: list[Check] = []
    for name, check in _checks(data, rows, round_trip_rows):
        if progress is not None:
            progress(name)
        try:
            checks += check()
        except (InfoloomError, OSError) as error:
            checks.append(Check(name, False, str(error)))
    return Report(str(path), len(data), tuple(checks))


Checking = Callable[[], Iterator[Check]]


def _checks(data: Dataset, rows: int, round_trip_rows: int) -> list[tuple[str, Checking]]:
    return [
        ("files", lambda: _files(data)),
        ("truth", lambda: _truth(data)),
        ("code path", lambda: _path(data)),
        ("rows redrawn", lambda: _redrawn(data)),
        ("statistics", lambda: statistics(data, rows)),
        *(
            (f"round trip of {name}", lambda name=name: _round_trip(data, name, round_trip_rows))
            for name in data.manifest.bijections
        ),
        *(
            (f"sentences of {name}", lambda name=name: _sentences(data, name))
            for name in data.manifest.captions
        ),
        *(
            (f"8 bits of {channel_source(column.name)}", lambda column=column: _channel(data, column, rows))
            for column in data.columns
            if column.kind == "channel"
        ),
    ]


def _files(data: Dataset) -> Iterator[Check]:
    """Checksums, and that the rows are numbered as the manifest says."""
    bad = [
        f"{record.shard.file}: {problem}"
        for record in data.manifest.shards
        for problem in _problems(data, record)
    ]
    total = len(data.manifest.shards)
    detail = (
        "\n".join(bad[:20]) if bad else f"{number_of(total, 'shard')}: each has its size and its checksum"
    )
    yield Check("files", not bad, detail, float(total - len(bad)), float(total))
    copy = existing_memmap(data.root, data.manifest)
    if copy is not None:
        copy.check(data.manifest.columns)
        yield Check("memory-mapped copy", True, "its files have their checksums")
    wrong = 0
    for batch in data.select("sample_id").batches(65_536):
        ids = batch["sample_id"]
        wrong += int(np.count_nonzero(np.diff(ids) != 1)) + int(len(ids) > 0 and ids[0] % 65_536 != 0)
    yield Check("row numbers", wrong == 0, f"{wrong} breaks in the sequence", float(wrong), 0.0)


def _path(data: Dataset) -> Iterator[Check]:
    """Whether this process would make the same bytes; in words, since other digits are no damage."""
    require_torch(data.story)
    ours = make_with("cpu")
    others = [one for one in data.manifest.made_with if one != ours]
    detail = "made on the code path of this process: the same plan gives the same bytes here"
    if others:
        detail = (
            f"made on another code path ({'; '.join(map(path_text, others))}) than this process has "
            f"({path_text(ours)}): observations made here agree within 1e-5 of their range, not to the last digit"
        )
    yield Check("code path", True, detail)


def _problems(data: Dataset, record: ShardRecord) -> Iterator[str]:
    path = inside(data.root, record.shard.file)
    if not path.is_file():
        yield "missing"
    elif path.stat().st_size != record.bytes:
        yield f"expected {record.bytes:,} bytes, got {path.stat().st_size:,}"
    elif sha256(path) != record.sha256:
        yield "its checksum is not the manifest's"


def _truth(data: Dataset) -> Iterator[Check]:
    """The manifest's information values against those of the spec, computed anew."""
    again = data.story.truth()
    written = data.manifest.truth
    if again.keys() != written.keys():
        strange = sorted(again.keys() ^ written.keys())
        yield Check(
            "truth", False, f"the spec has other quantities than the manifest: {', '.join(strange[:5])}"
        )
        return
    away = {name: abs(quantity.value - written[name]) for name, quantity in again.items()}
    worst = max(away.values(), default=0.0)
    close = all(away[name] <= TRUTH_TOLERANCE + _SIGMAS * quantity.error for name, quantity in again.items())
    passed = data.story.spec.digest == data.manifest.digest and close
    detail = f"{len(again)} values recomputed from spec.yaml, largest difference {worst:.1e} nats"
    yield Check("truth", passed, detail, worst, 0.0)


def _redrawn(data: Dataset) -> Iterator[Check]:
    """Some rows of shards spread over the dataset, drawn again from story and seed."""
    kinds = ("target", "label", "cause", "latent", "prediction", "pmi")
    columns = [column for column in data.columns if column.kind in kinds]
    if not columns:
        return
    worst, rows = 0.0, 0
    picked = np.linspace(0, len(data.manifest.shards) - 1, _REDRAWN_SHARDS).astype(int)
    records = [data.manifest.shards[i] for i in np.unique(picked)]
    share = rows_at_once(columns, _REDRAWN // len(records))
    for record in records:
        first, count = record.shard.first, min(record.shard.rows, share)
        stored = data.select(*(column.name for column in columns))[first : first + count]
        drawn = data.story.sample(count, seed=data.manifest.seed, start=first)
        rows += count
        for column in columns:
            again = _again(data.story, drawn, column)
            difference = np.abs(stored[column.name] - again) / (1.0 + np.abs(again))
            worst = max(worst, float(difference.max()))
    detail = f"{rows} rows drawn again from spec and seed, largest relative difference {worst:.1e}"
    yield Check("rows redrawn", worst <= REDRAW_TOLERANCE, detail, worst, 0.0)


def _again(story: Story, drawn: dict[str, Any], column: Column) -> Any:
    if column.kind == "prediction":
        return story.predict(drawn, *parse_prediction(column.name))
    if column.kind == "pmi":
        return story.pmi(drawn, *parse_pmi(column.name))
    return drawn[column.name.removeprefix("z_") if column.kind == "latent" else column.name]


def _round_trip(data: Dataset, name: str, rows: int) -> Iterator[Check]:
    """Observations sent back through the bijection give the latents that story and seed draw."""
    story = data.story
    why = data.upper_bounds.get(name)
    spans = _round_trip_spans(len(data), rows)
    observed = np.concatenate([data.select(name)[start:stop][name] for start, stop in spans])
    rows_ = [story.sample(stop - start, data.manifest.seed, start) for start, stop in spans]
    drawn = np.concatenate([flow_input(story, name, one) for one in rows_])
    if not has_torch():
        back, saturated = plain_map(story, name).inverse(observed), 0
    else:
        import torch

        spec = read_text(inside(data.root, SPEC))
        bijection = bijection_of(spec, str(data.root.resolve()), name, allow_uncertified=why is not None)
        if why is not None:
            yield _made_again(name, bijection, drawn, observed, why)
            return
        with torch.no_grad(), one_thread():
            saturated = bijection.saturated(torch.from_numpy(drawn))
            try:
                back = bijection.inverse(torch.from_numpy(observed)).numpy()
            except FlowError as unsolved:
                yield Check(f"round trip of {name}", False, str(unsolved), math.inf, 0.0)
                return
    length = np.linalg.norm(drawn, axis=1)
    error = np.linalg.norm(back - drawn, axis=1) / np.where(length > 0.0, length, 1.0)
    detail = (
        f"{len(observed)} observations sent back to their latents, largest relative error {error.max():.1e}"
    )
    if saturated:
        detail += (
            f"; {saturated:,} of {drawn.size:,} numbers saturate: their latents run together, and information "
            "is lost"
        )
    yield Check(
        f"round trip of {name}", bool(error.max() <= ROUND_TRIP_TOLERANCE), detail, float(error.max()), 0.0
    )
    yield from information_after(data, name, back, spans)


def _made_again(
    name: str, bijection: Injection, drawn: np.ndarray[Any, Any], observed: np.ndarray[Any, Any], why: str
) -> Check:
    """Observations of a map that is not certified: they have no way back, but they are made again from latents."""
    import torch

    with torch.no_grad(), one_thread():
        again = bijection.forward(torch.from_numpy(drawn)).numpy()
    error = float(np.abs(again - observed).max()) / max(float(np.abs(observed).max()), 1e-30)
    detail = (
        f"{len(observed)} observations made again from their latents, largest relative error {error:.1e}; information "
        f"is an upper bound, because the flow is not certified: {why}"
    )
    return Check(f"observations of {name}", error <= ROUND_TRIP_TOLERANCE, detail, error, 0.0)


def _sentences(data: Dataset, name: str) -> Iterator[Check]:
    """Sentences, words and tokens made again from latents, and words read back from the sentences."""
    story = data.story
    columns = [c for c in data.columns if c.kind in ("text", "words", "tokens") and caption_of(c) == name]
    view, rows, wrong = data.select(*(c.name for c in columns)), 0, 0
    for start, stop in _round_trip_spans(len(data), _SENTENCES):
        drawn = story.sample(stop - start, data.manifest.seed, start)
        again, stored = caption_rows(story, name, drawn), view[start:stop]
        differ = np.zeros(stop - start, dtype=bool)
        for column in columns:
            differ |= (again[column.kind] != stored[column.name]).reshape(stop - start, -1).any(axis=1)
        differ |= (speaker(story, name).read(stored[name]) != again["words"]).any(axis=1)
        rows, wrong = rows + stop - start, wrong + int(differ.sum())
    detail = f"{rows} sentences made again from latents and read back to their words; {wrong} differ"
    yield Check(f"sentences of {name}", wrong == 0, detail, float(wrong), 0.0)


def _channel(data: Dataset, column: Column, limit: int) -> Iterator[Check]:
    """An 8-bit column is its channel of the exact one, number by number, with the levels that the flow gives."""
    source = channel_source(column.name)
    view, channel = data.select(source, column.name), channel_of(column)
    shards = [(record.shard.first, record.shard.rows) for record in data.manifest.shards]
    step = rows_at_once(view.columns, BATCH)
    rows = wrong = 0
    for start, stop in spread_spans(shards, limit):
        for first in range(start, stop, step):
            arrays = view[first : min(first + step, stop)]
            rows += len(arrays[source])
            wrong += int(np.count_nonzero(channel.apply(arrays[source]) != arrays[column.name]))
    same = levels_of(data.story, source) == column.levels
    detail = f"{wrong} levels of {rows:,} rows differ from those of the exact column"
    detail += "" if same else "; the range is not the one of the flow"
    yield Check(f"8 bits of {source}", same and not wrong, detail, float(wrong), 0.0)


def _round_trip_spans(rows: int, wanted: int) -> list[tuple[int, int]]:
    """A few spans over the whole dataset, `wanted` rows in all."""
    size = max(1, min(rows, wanted) // _SPANS)
    starts = sorted({int(start) for start in np.linspace(0, rows - size, _SPANS)})
    return [(start, start + size) for start in starts]
