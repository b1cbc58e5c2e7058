"""Progress on the error stream: a bar on a terminal, elsewhere a line a minute, in one form for every command."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["LINE_EVERY", "Counting", "Sharing", "counted", "lines", "named", "shared"]

LINE_EVERY: Final = 60.0
Counting = Callable[[int, int | None, str], None]
"""Is told how many are done, of how many if that is known, and a remark."""
Sharing = Callable[[str, float], None]
"""Is told what is being done and which share of all is done, 0 to 1."""


def lines(every: float = LINE_EVERY) -> Sharing:
    """Say what comes before the work at once, and where the work stands when `every` seconds have passed.

    A line is `MINUTES min  PERCENT  WHAT`, as in `  3 min   40%  digits-pair: 4 of 10 shards`.
    """
    start = said = time.monotonic()

    def tell(what: str, share: float) -> None:
        nonlocal said
        if (now := time.monotonic()) - said >= every or (share == 0.0 and ": " in what):
            said = now
            print(f"{(now - start) / 60:3.0f} min  {share:4.0%}  {what}", file=sys.stderr, flush=True)

    return tell


@contextmanager
def shared(quiet: bool = False) -> Iterator[Sharing]:
    """Progress of work that knows its share, with the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield (lambda what, share: None) if quiet else lines(LINE_EVERY)
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task("", total=1.0)

        def tell(what: str, share: float) -> None:
            if share == 0.0 and ": " in what:
                console.print(what)
            else:
                bar.update(task, description=what, completed=share)

        yield tell


@contextmanager
def counted(title: str, unit: str) -> Iterator[Counting]:
    """Progress of work in equal pieces, with the time left.

    Args:
        title: What the work is about.
        unit: The pieces, in the plural.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        say = lines(LINE_EVERY)

        def tell_line(done: int, of: int | None, remark: str) -> None:
            what = f"{title}: {done} of {of} {unit}" if of else f"{title}: {done} {unit}"
            say(f"{what}, {remark}" if remark else what, done / of if of and done else 1e-9)

        yield tell_line
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[remark]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(f"{title}: {unit}", total=None, remark="")
        yield lambda done, of, remark: bar.update(task, completed=done, total=of, remark=remark)


@contextmanager
def named(first: str) -> Iterator[Callable[[str], None]]:
    """What is being done where nobody knows how long it takes."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        start = said = time.monotonic()

        def tell_line(what: str) -> None:
            nonlocal said
            if (now := time.monotonic()) - said >= LINE_EVERY:
                said = now
                print(f"{(now - start) / 60:3.0f} min        {what}", file=sys.stderr, flush=True)

        yield tell_line
        return
    with console.status(first) as status:
        yield lambda what: status.update(what)
