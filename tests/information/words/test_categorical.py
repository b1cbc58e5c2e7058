"""Entropies of categorical causes beside their own components, against sums over all their values."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest

from infoloom.information.notation import Query
from infoloom.story import load

TREE = {
    "name": "codes",
    "causes": {
        "a": {"distribution": "categorical(2)", "size": 3},
        "b": {"distribution": "categorical(3)", "size": 2},
    },
    "targets": {"theta": "a[0]*b[0] + 0.3*noise"},
    "modalities": {"x": {"flow": "vector(4)", "latent": "a[0] + b[1] + noise"}},
}


def entropy(names: tuple[str, ...]) -> float:
    """By counting what every combination of all values shows of some names."""
    found: Counter[tuple[object, ...]] = Counter()
    for code in itertools.product((0, 1), (0, 1), (0, 1), (0, 1, 2), (0, 1, 2)):
        values = {"a": code[:3], "b": code[3:]}
        found[tuple(values[n[0]] if len(n) == 1 else values[n[0]][int(n[2])] for n in names)] += 1
    return math.log(72) - sum(count * math.log(count) for count in found.values()) / 72


@pytest.mark.parametrize(
    ("part", "given"),
    [
        (("a", "a[0]"), ()),
        (("a[0]", "a"), ()),
        (("a[1]", "a[0]", "a", "b[1]"), ()),
        (("a", "b", "b[0]", "a[2]"), ()),
        (("a[0]", "a[2]"), ()),
        (("a", "a[0]"), ("a[1]",)),
        (("a", "a[0]", "b[0]"), ("b", "a[1]")),
        (("a[0]", "b[1]"), ("a",)),
    ],
)
def test_a_component_beside_its_cause_counts_once(part: tuple[str, ...], given: tuple[str, ...]) -> None:
    found = load(TREE).quantity(Query("H", (part,), given))
    assert found.value == pytest.approx(entropy((*part, *given)) - entropy(given), abs=1e-12)
    assert found.exact


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("I(a, a[0]; a[1], b)", entropy(("a[1]",))),
        ("I(a; a[0] | a[1])", entropy(("a[0]",))),
        ("TC(a, a[0], a[1])", entropy(("a[0]", "a[1]"))),
        ("I(a, a[0]; b)", 0.0),
    ],
)
def test_information_of_a_cause_and_its_components(query: str, wanted: float) -> None:
    assert load(TREE).information(query) == pytest.approx(wanted, abs=1e-12)
