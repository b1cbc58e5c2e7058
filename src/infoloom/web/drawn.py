"""Observations for the pictures, a few rows at a time: the first are seen soon, unwanted ones are not made."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import numpy as np

__all__ = ["Drawn", "PATIENCE", "PIECE", "Pieces"]

Array = np.ndarray[Any, Any]
PIECE: Final = 2  # rows at a time
PATIENCE: Final = 0.5  # seconds after which a page that shows parts gets what there is
KEPT: Final = 64
_BREATH: Final = 0.05


@dataclass
class Pieces:
    """What was made of some rows so far.

    Attributes:
        latents: The rows to observe, or their places, (n, ...).
        made: The first of their observations, in order.
    """

    latents: Array
    made: list[Array] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Rows that were made."""
        return sum(map(len, self.made))

    @property
    def whole(self) -> bool:
        """Whether all were."""
        return self.count == len(self.latents)


class Drawn:
    """Rows of pictures by what they show; those that were asked for last are kept.

    Flows use every core they get, so one piece is made at a time, whoever asks.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._keeping, self._making = Lock(), Lock()

    def rows(
        self,
        key: Hashable,
        latents: Callable[[], Array],
        observe: Callable[[Array], Array],
        wanted: Callable[[], None],
        part: bool = False,
    ) -> Pieces:
        """The observations of some rows; with `part` what there is after half a second, at least one piece.

        Args:
            key: What the rows are.
            latents: Gives them, if they are not kept.
            observe: From latents to observations.
            wanted: Called before every piece; what it raises ends the work, and the pieces made are kept.
            part: Whether the asker can show a part.
        """
        pieces: Pieces = self.kept(key, lambda: Pieces(latents()))
        began, before = time.monotonic(), pieces.count
        while not pieces.whole:
            wanted()
            if part and pieces.count > before and time.monotonic() - began > PATIENCE:
                break
            if not self._making.acquire(timeout=_BREATH):
                continue
            try:
                place = pieces.count
                if place < len(pieces.latents):
                    pieces.made.append(observe(pieces.latents[place : place + PIECE]))
            finally:
                self._making.release()
        return pieces

    def kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What was made for a key, or made now."""
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        fresh = make()
        with self._keeping:
            made = self._kept.setdefault(key, fresh)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made
