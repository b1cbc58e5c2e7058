"""Problem sets: fixed, versioned lists of problems with their truths, against which results are scored.

A set is a file. Those of the package never change once published; a new version has a new name. A set of one's own,
never shown to anyone, is run and scored by the same commands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from infoloom.datasets.storage.files import aside
from infoloom.errors import BenchmarkError
from infoloom.foreign.files import read_bytes, require_regular
from infoloom.foreign.trees import Finite, Line, Tree, Word, checked, parse_json

__all__ = [
    "KINDS", "PUBLISHED", "Group", "Kind", "ProblemKey", "ProblemSet", "SetBlock", "SetProblem",
    "part_of", "problem_set", "write_set",
]  # fmt: skip

MAX_BYTES: Final = 2**27

Kind = Literal["linear", "nonlinear", "real", "null", "order"]
#: Kinds of blocks: `null` and `order` (where no truth can be met, only their order) are scored by themselves.
KINDS: Final[tuple[Kind, ...]] = ("linear", "nonlinear", "real", "null", "order")
#: The sets that come with the package.
PUBLISHED: Final = ("v2/quick", "v2/core", "v2/full")

#: Task, rows and seed.
ProblemKey = tuple[str, int, int]


class SetProblem(Tree):
    """One task of a group.

    Attributes:
        task: Its id.
        truth: Its information (nats).
        columns: Columns of x and of y together.
    """

    task: Line
    truth: Annotated[Finite, Field(ge=0.0)]
    columns: Annotated[int, Field(ge=2)]


class Group(Tree):
    """Problems that are alike but for their truth: who answers the same to all of them gets no credit.

    Attributes:
        label: What tells the setting from the others of its block.
        rows: Rows to draw.
        seed: Seed of the rows.
        problems: The tasks.
    """

    label: Line
    rows: Annotated[int, Field(ge=1, le=10**9)]
    seed: Annotated[int, Field(ge=0)]
    problems: Annotated[list[SetProblem], Field(min_length=1)]

    @property
    def keys(self) -> tuple[ProblemKey, ...]:
        """The problems by task, rows and seed."""
        return tuple((problem.task, self.rows, self.seed) for problem in self.problems)


class SetBlock(Tree):
    """Groups that ask one question.

    Attributes:
        name: Short name.
        question: What is asked.
        kind: One of `KINDS`.
        estimators: Names of those that run where a run names none.
        groups: The groups.
        kept: Why the block is there although nobody may be right in it; empty for all others.
    """

    name: Word
    question: Line
    kind: Kind
    estimators: list[Word]
    groups: Annotated[list[Group], Field(min_length=1)]
    kept: Line = ""


class ProblemSet(Tree):
    """A set.

    Attributes:
        format: 1.
        name: Such as `v2/quick`; results name it.
        purpose: For whom it is, and how long it takes.
        limit: Seconds that a run may take.
        blocks: The blocks.
    """

    format: Literal[1]
    name: Word
    purpose: Line
    limit: Annotated[Finite, Field(gt=0.0)]
    blocks: Annotated[list[SetBlock], Field(min_length=1)]

    @property
    def truths(self) -> dict[ProblemKey, float]:
        """Truths by problem (nats)."""
        return {
            key: problem.truth
            for _, group in self.groups()
            for key, problem in zip(group.keys, group.problems, strict=True)
        }

    def groups(self) -> Iterator[tuple[SetBlock, Group]]:
        """Every group with its block."""
        return ((block, group) for block in self.blocks for group in block.groups)


def problem_set(name: str | Path) -> ProblemSet:
    """A published set by its name, or one's own by its path.

    Raises:
        BenchmarkError: No such set, or a file that is none.
    """
    if str(name) in PUBLISHED:
        return _published(str(name))
    path = Path(name)
    if not path.is_file():
        raise BenchmarkError(
            f"problem set `{name}`: expected one of {', '.join(PUBLISHED)}, or the file of another set. Name one."
        )
    return _read(path)


def part_of(found: ProblemSet, seeds: int | None = None, columns: int | None = None) -> ProblemSet:
    """A part of a set by a rule, so that nobody chooses its problems: the first seeds of every setting, few columns.

    Args:
        found: The set.
        seeds: Seeds to keep of every setting of every block; all where left out.
        columns: Most columns of x and y together; any number where left out. Blocks that have none left are left out.

    Returns:
        The part, under the set's own name, so that the same results are scored against both.

    Raises:
        BenchmarkError: No seeds, or no problem of so few columns.

    Example:
        >>> whole = problem_set("v2/quick")
        >>> len(whole.truths), len(part_of(whole, seeds=1).truths), len(part_of(whole, columns=2).truths)
        (229, 47, 45)
    """
    if seeds is not None and seeds < 1:
        raise BenchmarkError(
            f"seeds `{seeds}`: expected 1 or more. Leave it out for all seeds of `{found.name}`."
        )
    blocks = [
        block.model_copy(update={"groups": groups})
        for block in found.blocks
        if (groups := _kept(block.groups, seeds, columns))
    ]
    if not blocks:
        least = min(_most(group) for _, group in found.groups())
        raise BenchmarkError(
            f"columns `{columns}`: expected {least} or more, because `{found.name}` has no problem of fewer. "
            "Raise it."
        )
    return found.model_copy(update={"blocks": blocks})


def _most(group: Group) -> int:
    return max(problem.columns for problem in group.problems)


def _kept(groups: list[Group], seeds: int | None, columns: int | None) -> list[Group]:
    """The first groups of every label, in their order, that have no more columns."""
    had: Counter[str] = Counter()
    kept = []
    for group in groups:
        had[group.label] += 1
        few = columns is None or _most(group) <= columns
        kept += [group] if few and (seeds is None or had[group.label] <= seeds) else []
    return kept


def write_set(found: ProblemSet, path: str | Path, *, new: bool = False) -> Path:
    """Write a set as a file, one group a line.

    Args:
        found: The set.
        path: The file.
        new: Whether a file that is there and holds anything else is refused instead of replaced.

    Returns:
        The path.

    Raises:
        BenchmarkError: There is another file, or it cannot be written.
    """
    path, text = Path(path), _text(found)
    try:
        if path.exists():
            require_regular(path)
            if new and path.read_text(encoding="utf-8", errors="replace") != text:
                raise BenchmarkError(
                    f"file `{path}`: expected none yet, or the same set, because results may be of what it holds. "
                    "Choose another name, or remove it."
                )
        with aside(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchmarkError(
            f"file `{path}`: expected one that can be written ({error.strerror}). Choose another place."
        ) from error
    return path


def _text(found: ProblemSet) -> str:
    tree = found.model_dump()
    blocks = []
    for block in tree.pop("blocks"):
        groups = ",\n   ".join(json.dumps(group, ensure_ascii=False) for group in block.pop("groups"))
        head = json.dumps(block, ensure_ascii=False)
        blocks.append(f'  {head[:-1]}, "groups": [\n   {groups}]}}')
    head = json.dumps(tree, ensure_ascii=False)
    body = ",\n".join(blocks)
    return f'{head[:-1]}, "blocks": [\n{body}]}}\n'


@cache
def _published(name: str) -> ProblemSet:
    place = files("infoloom.benchmark.estimators") / "published" / f"{name.replace('/', '-')}.json"
    return _checked(parse_json(place.read_bytes()), name)


def _read(path: Path) -> ProblemSet:
    try:
        tree = parse_json(read_bytes(path, MAX_BYTES))
    except (OSError, ValueError) as error:
        raise BenchmarkError(
            f"problem set `{path}`: expected JSON ({error}). Give the file of a set."
        ) from error
    found = _checked(tree, str(path))
    if found.name in PUBLISHED and found != _published(found.name):
        raise BenchmarkError(
            f"problem set `{path}`: expected a name of its own, because `{found.name}` is published and holds other "
            "problems. Rename it."
        )
    return found


def _checked(tree: Any, place: str) -> ProblemSet:
    try:
        found = checked(ProblemSet, tree)
    except ValueError as error:
        raise BenchmarkError(
            f"problem set `{place}`: expected a whole set ({error}). Write it again."
        ) from error
    keys = [key for _, group in found.groups() for key in group.keys]
    twice = next((key for key in keys if keys.count(key) > 1), None) if len(set(keys)) < len(keys) else None
    if twice is not None:
        raise BenchmarkError(
            f"problem set `{place}`, `{twice[0]}` of {twice[1]} rows, seed {twice[2]}: expected once. Remove it."
        )
    return found
