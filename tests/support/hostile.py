"""Files as an attacker or a bad disk would make them: changed at random, kind by kind, and read by the package.

Whatever is in a file, reading it gives a value or one of our own errors. `benchmarks/datasets/fuzz.py` takes any number
of inputs a kind.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infoloom.errors import InfoloomError

RAW = {
    "<huge>": "1" + "0" * 400,
    "<digits>": "1" + "0" * 5000,
    "<over>": "1e400",
    "<nan>": "NaN",
    "<infinity>": "-Infinity",
    "<deep>": "[" * 100_000 + "]" * 100_000,
    "<forty>": '{"a":' * 40 + "1" + "}" * 40,
    "<half>": '"\\ud800"',
    "<zero>": '"\\u0000"',
}
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 10**12, 10**15, 2**63 - 1, -(2**63), 0.0, -0.0, 0.5, -1.5, 1e308, 5e-324, "",
    "a",    "x" * 5000, "../../etc/passwd", "/dev/zero", "ok", "failed",
    "train", "nan", "\u202e\u0301", [], {}, [[]], [0] * 50,
    {"a": 1}, ["a", None], {"": {}}, {"rows": 10**12}, *RAW,
]  # fmt: skip


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values of a tree."""
    found = [path] if path else []
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return found + [place for key, value in inner for place in places(value, (*path, key))]


def changed(tree: Any, chance: random.Random) -> Any:
    """The tree with one to three values replaced, removed, doubled, renamed or made of another kind."""
    tree = copy.deepcopy(tree)
    for _ in range(chance.randint(1, 3)):
        found = places(tree)
        if not found:
            break
        *above, last = chance.choice(found)
        holder = tree
        for key in above:
            holder = holder[key]
        old = holder[last]
        match chance.randrange(6):
            case 0:
                del holder[last]
            case 1 if isinstance(holder, list):
                holder.append(copy.deepcopy(chance.choice(holder)))
            case 1:
                holder[chance.choice(["extra", "", "format", "rows"])] = old
            case 2 if isinstance(old, int | float) and not isinstance(old, bool):
                holder[last] = chance.choice([-old, old + 1, old * 10**6, str(old), [old], old / 3])
            case 3:
                holder[last] = copy.deepcopy(tree if chance.random() < 0.2 else [old])
            case _:
                holder[last] = copy.deepcopy(chance.choice(VALUES))
    return tree


def written(tree: Any) -> bytes:
    """JSON of a tree, with what JSON cannot say in place of its name."""
    text = json.dumps(tree, ensure_ascii=False, default=str)
    for name, raw in RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode("utf-8", "surrogatepass")


def scrambled(content: bytes, chance: random.Random) -> bytes:
    """Bytes with something flipped, cut, doubled or put in."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0 if data:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            case 1:
                del data[at : at + chance.choice([1, 2, 10, 1000])]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 200)]
            case 3:
                data[at:at] = chance.choice(
                    [b"\xff", b"\x00", b"[" * 3000, b'{"', b"\xed\xa0\x80", b",", b"9" * 40]
                )
            case 4:
                del data[at:]
            case _:
                data[at:at] = bytes([chance.randrange(256)])
    return bytes(data)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """JSON changed as a tree or as bytes, now and then nothing at all."""
    if chance.random() < 0.002:
        return b""
    if chance.random() < 0.7:
        tree = json.loads(content)
        out = written(changed(tree, chance))
        return out if chance.random() < 0.9 else twice(out, chance)
    return scrambled(content, chance)


def twice(content: bytes, chance: random.Random) -> bytes:
    """An object with one of its keys there twice."""
    at = content.find(b"{")
    key = chance.choice([b'"rows": 1, "rows": 2, ', b'"format": 1, ', b'"name": "b", "name": "c", '])
    return content[: at + 1] + key + content[at + 1 :]


@dataclass(frozen=True)
class Kind:
    """A kind of file: whole ones, how they are changed, and everything that is done with one that is read."""

    samples: list[bytes]
    change: Callable[[bytes, random.Random], bytes]
    read: Callable[[bytes], object]


def fuzz(kind: Kind, count: int, seed: int = 0) -> Counter[str]:
    """Read changed files; how many were read, and how many were refused by which error.

    Raises:
        AssertionError: Any other exception, with the file that raised it.
    """
    chance, outcomes = random.Random(seed), Counter[str]()
    for sample in kind.samples:
        kind.read(sample)  # whole files are read, or nothing is shown by refusing others
    for _ in range(count):
        content = kind.change(chance.choice(kind.samples), chance)
        try:
            kind.read(content)
            outcomes["read"] += 1
        except InfoloomError as error:
            str(error).encode()
            if not str(error).strip():
                raise AssertionError(f"an error without a word: {error!r}") from error
            outcomes[type(error).__name__] += 1
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}\n{content[:3000]!r}") from error
    return outcomes
