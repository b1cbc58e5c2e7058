"""8-bit columns beside the exact ones: which modalities have one, and the fixed values that its levels stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.storage.columns import Column
from infoloom.errors import DatasetError, InfoloomError
from infoloom.foreign.plain import texts
from infoloom.plugins import offered
from infoloom.spec.flows.flow import SHAPE_KEEPING, flow_header, flow_path, one_class, parse_flow
from infoloom.spec.flows.renderers import renderer_form

if TYPE_CHECKING:
    from infoloom.observations.channels import EightBit
    from infoloom.story import Story

__all__ = ["SPOKEN_UNIT", "channel_columns", "channel_of", "channel_source", "levels_of"]

SPOKEN_UNIT: Final = "decibel below the loudest point"
_SUFFIX: Final = "_uint8"
_SIGMAS: Final = 4.0  # of a normal component one value in 16,000 lies outside
_TRAINED_SIGMAS: Final = 10.0  # real signals have long tails: the peak of a heartbeat lies at nine
_UNITS: Final = {
    "−1 black to 1 white": (-1.0, 1.0),
    SPOKEN_UNIT: (-60.0, 0.0),  # the floor of `bijections.spectrogram`
}
_MIXING: Final = "rotation"
_Ends = tuple[float, float]


def channel_columns(story: Story, also: str | Sequence[str] | None) -> tuple[Column, ...]:
    """The 8-bit columns that were asked for, in the order of the modalities.

    Args:
        story: A compiled story.
        also: `"uint8"` for every modality, or names of columns such as `"radio_uint8"`.

    Raises:
        DatasetError: Another name, or a flow of which no range follows.
    """
    asked = [] if also is None else texts(also)
    if asked is None:
        raise DatasetError(f"also `{also}`: expected `uint8`, or names of columns.")
    known = {name + _SUFFIX: name for name in story.mapped}
    strange = next((name for name in asked if name != "uint8" and name not in known), None)
    if strange is not None:
        raise DatasetError(
            f"also `{strange}`: expected `uint8` for all modalities, or some of {', '.join(known)}."
        )
    wanted = (
        known if "uint8" in asked else {column: name for column, name in known.items() if column in asked}
    )
    return tuple(
        Column(column, "channel", "uint8", tuple(story.shape(name)), levels_of(story, name))
        for column, name in wanted.items()
    )


def channel_source(name: str) -> str:
    """The modality of an 8-bit column."""
    return name.removesuffix(_SUFFIX)


def channel_of(column: Column) -> EightBit:
    """The lossy map that makes an 8-bit column out of its modality."""
    from infoloom.observations.channels import EightBit

    if column.levels is None:
        raise DatasetError(f"column `{column.name}`: expected the values of its levels. Generate it again.")
    return EightBit(*column.levels)


def levels_of(story: Story, modality: str) -> _Ends:
    """What levels 0 and 255 stand for: a range that follows from story and flow alone, the same for every row.

    Renderers have the range that follows from their factors', pictures and spoken pictures that of their unit, other
    trained flows center ± 10 standard deviations
    of what they were trained on, other maps the image of ± 4 standard deviations of the latent. Ends are
    rounded to four digits.

    Raises:
        DatasetError: No range follows.
    """
    flow = one_class(story.flow(modality), story.spec.directory)
    parts = [part.strip() for part in flow.split("|")]
    ends: _Ends | None = None
    tail: list[str] = []
    for step, part in zip(parse_flow(flow), parts, strict=True):
        form = renderer_form(step.name)
        if form is not None:
            setup = form.setup(step.selector, step.args, dict(step.kwargs))
            ends, tail = form.levels(setup.ranges), []
        elif step.trained:
            ends, tail = _trained_ends(flow_header(flow_path(step.name, story.spec.directory))), []
        elif step.name == _MIXING and (ends or tail or story.whitener(modality).kind != "whiten"):
            raise _no_range(modality, flow, f"`{part}` mixes components that are not independent and normal")
        elif step.name not in SHAPE_KEEPING and step.name in offered("observations"):
            raise _no_range(modality, flow, f"`{part}` is a plug-in's step, whose range is not known")
        elif step.name in SHAPE_KEEPING and step.name not in (_MIXING, "permutation"):
            tail.append(part)
    low, high = sorted(_image(tail, ends or _latent_ends(story, modality), modality, flow))
    low, high = float(f"{low:.4g}"), float(f"{high:.4g}")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise _no_range(modality, flow, f"its values would go from {low:g} to {high:g}")
    return low, high


def _trained_ends(header: dict[str, Any]) -> _Ends:
    unit = str(header.get("card", {}).get("unit", ""))
    for ending, ends in _UNITS.items():
        if unit.endswith(ending):
            return ends
    center = np.asarray(header["center"], dtype=np.float64)
    reach = _TRAINED_SIGMAS * np.asarray(header["scale"], dtype=np.float64) * float(header["spread"])
    return float((center - reach).min()), float((center + reach).max())


def _latent_ends(story: Story, modality: str) -> _Ends:
    """Where the components of the flow's input lie: their means, and 4 times the largest standard deviation around.

    An intervention leaves the instruments as they are, and so their range.
    """
    whitener = story.whitener(modality)
    if whitener.kind == "whiten":
        return -_SIGMAS, _SIGMAS
    system = (story.before or story.covariance).system
    group = system.group(modality)
    along = (whitener.in_span @ system.in_span[modality]).T @ group.basis
    beside = np.linalg.norm(system.complement[modality][1]) * whitener.complement if group.copies else 0.0
    variance = (along**2).sum(axis=0) + beside**2 * (1.0 - (group.basis**2).sum(axis=0)).clip(min=0.0)
    mean = np.zeros(group.dim)
    if whitener.centre is None and modality in system.law.mean:
        mean = system.law.mean[modality] @ group.basis * whitener.complement
    reach = _SIGMAS * math.sqrt(float(variance.max()))
    return float(mean.min()) - reach, float(mean.max()) + reach


def _image(tail: list[str], ends: _Ends, modality: str, flow: str) -> list[float]:
    """Both ends sent through the elementwise steps, which are monotone."""
    if not tail:
        return list(ends)
    import torch

    from infoloom.observations import build

    try:
        steps = build(" | ".join(["vector(2)", *tail]), dtype=torch.float64)
        found: list[float] = steps.forward(torch.tensor([ends], dtype=torch.float64))[0].tolist()
    except InfoloomError as error:
        raise _no_range(modality, flow, str(error)) from error
    return found


def _no_range(modality: str, flow: str, why: str) -> DatasetError:
    return DatasetError(
        f"column `{modality}{_SUFFIX}` of flow `{flow}`: expected a range that follows from the flow, because 8 bits "
        f"need the same range for every row; {why}. Name the columns that you want, as in `--also radio{_SUFFIX}`."
    )
