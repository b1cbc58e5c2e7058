"""Observations of rows in memory: latents through each modality's whitening and flow, words of captions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.arrays import plain_array, real_array
from infoloom.datasets.making.captions import caption_columns, caption_rows
from infoloom.datasets.making.computing import one_thread, usable_device
from infoloom.errors import DatasetError
from infoloom.flags import expect_flags
from infoloom.law.choices import FLOW, category_column, choosing

if TYPE_CHECKING:
    from torch import Tensor

    from infoloom.observations.injection import Injection
    from infoloom.story import Story

__all__ = [
    "Rows",
    "flow_input",
    "map_rows",
    "observe",
    "observe_rows",
    "observer",
    "refuse_saturated",
    "rows_of",
]

_BATCH: Final = 256  # rows that are mapped at once, as in a dataset
_LANES: Final = 64  # numbers that a processor computes at once, at most
_FEW: Final = 3  # numbers of a block that may saturate by chance
_SHARE: Final = 1e-5
Array = np.ndarray[Any, Any]
Rows = Mapping[str, Array]


def observer(
    story: Story,
    modality: str,
    device: str = "cpu",
    *,
    batch: int | None = None,
    allow_uncertified: bool = False,
) -> Injection:
    """The bijection from a modality's latent to what is observed.

    Args:
        story: A compiled story.
        modality: Its name.
        device: Where its flow computes.
        batch: Rows that trained flows compute together; as datasets are made when left out. Fewer is sooner for a few
            rows, and the last digits may differ.
        allow_uncertified: Whether a flow is used whose certificate fails.

    Raises:
        QueryError: No such modality.
        FlowError: Its flow cannot be built, or is not certified.
    """
    from infoloom.observations import build

    whitener = story.whitener(modality)
    made = build(
        story.flow(modality),
        whitener=whitener,
        device=device,
        directory=story.spec.directory,
        allow_uncertified=allow_uncertified,
        whitened=story.usual_norm(modality),
    )
    if batch is not None:
        _limit(made, batch)
    return made


def _limit(made: Any, batch: int) -> None:
    """Every trained flow within a map computes at most so many rows together."""
    for part in (*getattr(made, "parts", ()), getattr(made, "after", None)):
        if part is not None:
            _limit(part, batch)
    if hasattr(made, "batch"):
        made.batch = min(made.batch, batch)


def flow_input(story: Story, modality: str, rows: Rows) -> np.ndarray[Any, Any]:
    """What a modality's map takes of some rows: the latent, and behind it the category that chooses the flow's class.

    Args:
        story: A compiled story.
        modality: Its name.
        rows: Values by name, as `Story.sample` returns them.

    Returns:
        Shape (n, d), or (n, d + 1) where a cause chooses, float32.
    """
    given = real_array(rows[modality], modality, DatasetError)
    latents: np.ndarray[Any, Any] = np.ascontiguousarray(given, dtype=np.float32)
    cause = dict(story.graph.nodes[modality].chosen).get(FLOW)
    if cause is None:
        return latents
    column = category_column(cause)
    categories = real_array(rows[column], column, DatasetError).astype(np.float32)
    return np.concatenate([latents, categories[:, None]], axis=1)


def rows_of(story: Story, modality: str, taken: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The rows behind what a map takes: the way back from `flow_input`, the category as a value of its cause.

    Args:
        story: A compiled story.
        modality: Its name.
        taken: As `flow_input` gives it.

    Returns:
        The latent by the modality's name, and the cause that chooses, where there is one.
    """
    cause = dict(story.graph.nodes[modality].chosen).get(FLOW)
    if cause is None:
        return {modality: taken}
    atoms = np.array(_atoms(story, cause), dtype=np.float32)
    return {modality: taken[:, :-1], cause: atoms[taken[:, -1].astype(np.int64)]}


def observe(
    story: Story,
    modality: str,
    rows: Rows,
    device: str = "cpu",
    *,
    batch: int | None = None,
    allow_uncertified: bool = False,
    strict: bool = False,
) -> Array:
    """Observations of a modality.

    Args:
        story: A compiled story.
        modality: Its name.
        rows: Values by name, as `Story.sample` returns them: its latents before whitening, (n, d), float32.
        device: Where its flow computes.
        batch: Rows that trained flows compute together; see `observer`.
        allow_uncertified: Whether a flow is used whose certificate fails.
        strict: Whether to refuse numbers that saturate.

    Returns:
        Shape (n, *shape), float32.

    Raises:
        QueryError: No such modality.
        FlowError: Its flow cannot be built, or is not certified.
        DatasetError: Numbers saturate.
    """
    import torch

    bijection = observer(story, modality, device, batch=batch, allow_uncertified=allow_uncertified)
    taken = torch.from_numpy(flow_input(story, modality, rows))
    observed = np.empty((len(taken), *story.shape(modality)), np.float32)
    with torch.no_grad():
        for first in range(0, len(taken), _BATCH):
            part = taken[first : first + _BATCH].to(device)
            values = map_rows(bijection, part)
            if strict:
                refuse_saturated(modality, values, bijection.saturated(part), part.numel())
            observed[first : first + _BATCH] = values.cpu().numpy()
    return observed


def observe_rows(
    story: Story, rows: Rows, device: str = "cpu", *, allow_uncertified: bool = False
) -> dict[str, Array]:
    """What a learner sees of rows: as a dataset's columns, but in memory.

    Args:
        story: A compiled story.
        rows: Values by name, as `Story.sample` returns them.
        device: Where flows compute, such as `cuda`.
        allow_uncertified: Whether flows are used whose certificate fails; information is then an upper bound.

    On a processor the values are those of a dataset to the bit: they are computed on one thread.

    Returns:
        Each modality's observations (n, *shape), float32; of a caption `text` its sentences (n,), `text_words` and
        `text_tokens`; causes, targets and labels as they came.

    Raises:
        DatasetError: Values that are masked or no real numbers, latents of a modality that are missing, of another
            shape or not finite, a category that is missing or none, or numbers that saturate.
        FlowError: A flow cannot be built, or is not certified.
    """
    expect_flags(DatasetError, allow_uncertified=allow_uncertified)
    missing = [name for name in story.modalities if name not in rows]
    if missing:
        raise DatasetError(
            f"rows `{', '.join(rows)}`: expected the latents of `{missing[0]}` among them. Give what `story.sample` "
            "returns."
        )
    numbers = {*story.modalities, *story.causes, *story.targets, *map(category_column, choosing(story.graph))}
    rows = {
        name: (real_array if name in numbers else plain_array)(values, name, DatasetError)
        for name, values in rows.items()
    }
    _check_latents(story, rows)
    usable_device(device)
    found = {name: values for name, values in rows.items() if name not in story.modalities}
    with one_thread():
        for name in story.mapped:
            found[name] = observe(story, name, rows, device, allow_uncertified=allow_uncertified, strict=True)
    said = {name: caption_rows(story, name, rows) for name in story.captions}
    for column in caption_columns(story):
        found[column.name] = said[column.name.removesuffix(f"_{column.kind}")][column.kind]
    return found


def _check_latents(story: Story, rows: Rows) -> None:
    """Refuse latents that the maps cannot take.

    Raises:
        DatasetError: Of another shape, of unequal rows, not finite, or without the categories that choose a map.
    """
    first = rows[next(iter(story.modalities))]
    count = len(first) if first.ndim else 0
    for name in story.modalities:
        values, wanted = rows[name], (count, story.dim(name))
        if values.shape != wanted:
            raise DatasetError(
                f"latents of `{name}`: expected the shape {wanted}, got {values.shape}. Give what `story.sample` "
                "returns."
            )
        if not np.isfinite(values).all():
            raise DatasetError(f"latents of `{name}`: expected finite numbers. Leave out rows that are not.")
    for cause in choosing(story.graph):
        column = category_column(cause)
        if column not in rows:
            raise DatasetError(
                f"rows `{', '.join(rows)}`: expected `{column}` among them, which chooses a flow. Give "
                "what `story.sample` returns."
            )
        classes = len(_atoms(story, cause))
        values = rows[column]
        if values.shape != (count,) or not np.isin(values, np.arange(classes)).all():
            raise DatasetError(
                f"categories of `{column}`: expected {count} whole numbers from 0 to {classes - 1}, one for each row. "
                "Give what `story.sample` returns."
            )


def map_rows(bijection: Injection, rows: Tensor) -> Tensor:
    """Observations of latents, each the same to the bit however many rows are mapped with it.

    A processor computes many numbers at once and what is left over one by one, which moves their last digit. So rows
    are filled up, with copies of the last, until nothing is left over.

    Args:
        bijection: Whitening and flow.
        rows: Latents (n, d), on its device.
    """
    import torch

    sizes = (math.prod(bijection.shape_in), math.prod(bijection.shape_out))
    missing = -len(rows) % (_LANES // math.gcd(_LANES, *sizes))
    if len(rows) == 0 or missing == 0:
        return bijection.forward(rows)
    filled = torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])])
    return bijection.forward(filled)[: len(rows)]


def refuse_saturated(modality: str, observed: Tensor, saturated: int, numbers: int) -> None:
    """Refuse observations of which more than a few lie where floating point lets latents run together.

    Args:
        modality: Its name.
        observed: Of a batch; numbers that are not finite are refused elsewhere, by row.
        saturated: Numbers of its latents that saturate.
        numbers: Numbers of its latents.

    Raises:
        DatasetError: They do.
    """
    if saturated > _FEW and saturated > _SHARE * numbers and bool(observed.isfinite().all()):
        raise DatasetError(
            f"column `{modality}`: {saturated:,} of {numbers:,} numbers saturate: float32 does not resolve them, so "
            "latents run together, and their information is lost. Bring them closer, such as with "
            "`affine(scale=0.3)` before the last step of the flow, and use no shift far larger than the scale."
        )


def _atoms(story: Story, cause: str) -> Sequence[float]:
    """Values of a categorical cause; scipy is imported where it is needed, since opening a dataset does not."""
    from infoloom.law.sources.distributions import atoms_of

    return atoms_of(story.graph.nodes[cause].distribution)
