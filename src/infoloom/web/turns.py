"""Which request of a page is its newest: an older one that still computes stops at its next step."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from infoloom.errors import InfoloomError

__all__ = ["Turns", "UnwantedError"]

MOST_PAGES: Final = 1000


class UnwantedError(InfoloomError):
    """A request in whose place its page has asked for another."""


class Turns:
    """The newest turn of every page; pages that were not heard of for long are forgotten."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def begin(self, page: str, turn: int) -> None:
        """Note that a page has asked; without a name it is alone and never unwanted."""
        if not page:
            return
        with self._lock:
            self._newest[page] = max(turn, self._newest.get(page, 0))
            self._newest.move_to_end(page)
            while len(self._newest) > MOST_PAGES:
                self._newest.popitem(last=False)

    def require(self, page: str, turn: int) -> None:
        """Go on only if the answer is still wanted; asked between steps.

        Raises:
            UnwantedError: The page has asked for something newer.
        """
        with self._lock:
            newest = self._newest.get(page, turn)
        if newest > turn:
            raise UnwantedError(
                f"turn `{turn}`: the page has asked for turn {newest}. Nothing is to be done."
            )
