"""Classes in turn: which class each row has where a certificate looks at all classes of a flow."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

from infoloom.observations.flows.checkpoint import FlowDescription
from infoloom.observations.flows.stepped import BATCH

__all__ = ["class_table", "looked_at", "period", "turn", "turns"]


class _OfClasses(Protocol):
    description: FlowDescription
    label: Tensor | None
    batch: int
    device: torch.device

    def with_label(self, label: Tensor | None) -> Self: ...


_Flow = TypeVar("_Flow", bound="_OfClasses")


def period(classes: int) -> int:
    """After how many rows the classes come again: whole batches of 32 with a row of every class.

    Example:
        >>> period(10), period(32), period(100)
        (32, 32, 128)
    """
    return max(1, -(-classes // BATCH)) * BATCH


def class_table(flow: _OfClasses) -> Tensor | None:
    """The class of every place in a round of batches of 32, whatever fewer rows the flow takes at once.

    Args:
        flow: A flow of any of its classes, or one that has as many classes by place already; those are kept.

    Returns:
        (`period(classes)`,), class i mod the number of classes at place i; None without classes.
    """
    count = len(flow.description.classes or ())
    if not count:
        return None
    if flow.label is not None and len(flow.label) == period(count):
        return flow.label
    return torch.arange(period(count), device=flow.device) % count


def turn(flow: _Flow, table: Tensor | None, index: int, size: int) -> _Flow:
    """The flow for one batch of rows, with the classes that such rows have in batches of 32.

    Args:
        flow: The flow.
        table: See `class_table`.
        index: Which batch.
        size: Rows of a batch.
    """
    if table is None:
        return flow
    places = (index * size + torch.arange(size, device=table.device)) % len(table)
    return flow.with_label(table[places])


def looked_at(flow: _OfClasses, rows: int) -> int:
    """How many rows to look at: at least one of each class."""
    return max(rows, len(flow.description.classes or ()))


def turns(flow: _OfClasses) -> int:
    """How many batches have a row of every class; 1 without classes."""
    return -(-looked_at(flow, 1) // flow.batch)
