"""Kinds of problems whose information can be chosen: each maker takes a truth and gives the task that holds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from scipy.optimize import brentq

from infoloom.benchmark import tasks
from infoloom.benchmark.tasks import GaussianTask, GridTask, LadderTask
from infoloom.benchmark.tasks.stories.seen import CaptionTask, SeenTask

__all__ = ["Maker", "caption", "copies", "gaussian", "grid", "ladder", "nothing", "of_family", "seen"]

#: Takes a truth (nats) and gives ids of tasks.
Maker = Callable[[float], Sequence[str]]


def grid(dim: int, pairs: int, template: str = "random", law: str = "normal", modalities: int = 2) -> Maker:
    """Designed stories."""
    return lambda nats: (GridTask(nats, dim, pairs, template, modalities, law).id,)


def gaussian(dims: str, pairs: int, hidden: str) -> Maker:
    """Canonical pairs, behind rotations or bends that differ from truth to truth."""
    return lambda nats: (GaussianTask(dims, nats, pairs, hidden, turn=_number(nats)).id,)


def ladder(flow: str, skin: str, pairs: int = 4) -> Maker:
    """Latents behind an observation map."""
    return lambda nats: (LadderTask(flow, skin, nats, pairs).id,)


def seen(x: str, y: str, pairs: int = 2) -> Maker:
    """Two observations."""
    return lambda nats: (SeenTask(x, y, nats, pairs).id,)


def caption(x: str, words: int = 8) -> Maker:
    """An observation and words about it."""
    return lambda nats: (CaptionTask(x, nats, words).id,)


def of_family(form: str, low: float, high: float) -> Maker:
    """A task with one parameter in place of `{}`, solved for the truth.

    Args:
        form: Id of the task, such as `1v1-normal:correlation={}`.
        low: Lowest value of the parameter.
        high: Highest value; the truth lies between those of both.
    """

    @cache
    def truth(value: float) -> float:
        return tasks.build(form.format(repr(value))).mutual_information

    def make(nats: float) -> Sequence[str]:
        found = brentq(lambda value: truth(value) - nats, low, high, xtol=1e-12, rtol=1e-12)
        return (form.format(repr(float(f"{found:.9g}"))),)

    return make


def copies(dims: int, pairs: int, hidden: str) -> Maker:
    """Some columns, and four independent copies of them side by side, which hold four times as much."""

    def make(nats: float) -> Sequence[str]:
        turn = _number(nats)
        return tuple(
            GaussianTask(f"{k * dims}v{k * dims}", k * nats, k * pairs, hidden, turn).id for k in (1, 4)
        )

    return make


def nothing(*ids: str) -> Maker:
    """Tasks without information, whatever is asked for."""
    return lambda _: ids


def _number(nats: float) -> int:
    """A seed of rotations from a truth."""
    return round(1e4 * nats) % 10_000
