"""The forty tasks of "Beyond Normal", rebuilt from their description under the ids that are in use, and their families.

Each is a law in closed form behind maps that change no information. A family takes any parameter:
`half_cube-1v1-normal:correlation=0.9`. Rows come as described; the paper's benchmark
also standardises every column, which `sklearn.preprocessing.scale` does and the estimators of infoloom do themselves.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
from scipy import stats

from infoloom.benchmark.tasks.base import Array, expect
from infoloom.benchmark.tasks.identifiers import Value
from infoloom.benchmark.tasks.laws.beyond_normal import LAWS, parameters
from infoloom.benchmark.tasks.laws.closed_form import AdditiveLaw, CanonicalLaw, DenseLaw, Law, StudentLaw
from infoloom.benchmark.tasks.vectors import maps as m
from infoloom.benchmark.tasks.vectors.base import VectorTask
from infoloom.benchmark.tasks.vectors.maps import Map

__all__ = ["BEYOND_NORMAL", "BeyondNormalTask", "is_beyond_normal"]

_NORMAL: Final = "1v1-normal-0.75"
_PAIRS: Final = tuple(f"multinormal-sparse-{d}-{d}-2-2.0" for d in (3, 5, 25))

#: Ids in the order of the paper's table.
BEYOND_NORMAL: Final = (
    _NORMAL,
    f"normal_cdf-{_NORMAL}",
    "1v1-additive-0.1",
    "1v1-additive-0.75",
    "1v1-bimodal-0.75",
    f"wiggly-{_NORMAL}",
    f"half_cube-{_NORMAL}",
    "student-identity-1-1-1",
    "asinh-student-identity-1-1-1",
    f"swissroll_x-normal_cdf-{_NORMAL}",
    *(f"multinormal-dense-{d}-{d}-0.5" for d in (2, 3, 5, 25, 50)),
    "multinormal-sparse-2-2-2-2.0",
    *_PAIRS,
    *(f"student-identity-{d}-{d}-{nu}" for d, nu in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3))),
    *(f"normal_cdf-{base}" for base in _PAIRS),
    *(f"half_cube-{base}" for base in _PAIRS),
    *(f"spiral-{base}" for base in _PAIRS),
    *(f"spiral-normal_cdf-{base}" for base in _PAIRS),
    *(f"asinh-student-identity-{d}-{d}-{nu}" for d, nu in ((2, 1), (3, 2), (5, 2))),
)

_MAPS: Final = r"(?P<maps>(?:(?:normal_cdf|wiggly|half_cube|asinh|spiral|swissroll_x)-)*)"
_FORM: Final = re.compile(rf"{_MAPS}(?P<law>{'|'.join(LAWS)})[-:](?P<numbers>.+)")
_RARE: Final = 1e-9
_OFF: Final = 1e-3  # what a value may be off once maps are undone, as a share of the noise
_TITLES: Final[Mapping[str, str]] = {
    "normal_cdf": "Normal CDF",
    "wiggly": "Wiggly",
    "half_cube": "Half-cube",
    "asinh": "Asinh",
    "spiral": "Spiral",
    "swissroll_x": "Swiss roll",
}


@dataclass(frozen=True)
class BeyondNormalTask(VectorTask):
    """One of the forty tasks, or of their families with any parameter.

    Args:
        label: Its id in that benchmark, such as `spiral-multinormal-sparse-3-3-2-2.0`, or a family with its
            parameters, such as `spiral-multinormal-sparse:dim_x=3,dim_y=3,pairs=2,strength=0.7`; it is the id here too.
            Families are maps, `spiral-`, `half_cube-` and so on, before a law: `1v1-normal`, `1v1-additive`,
            `1v1-bimodal`, `multinormal-dense`, `multinormal-sparse`, `student-identity`, `student-sparse`.

    Raises:
        TaskError: No such task, parameters that the law has not, or a map that the law does not go through.

    Source:
        Czyż, Grabowski, Vogt, Beerenwinkel and Marx 2023, "Beyond Normal: On the Evaluation of Mutual Information
        Estimators", NeurIPS.

    Example:
        >>> round(BeyondNormalTask("1v1-additive-0.1").mutual_information, 3)
        1.709
        >>> BeyondNormalTask("1v1-additive:epsilon=0.5").mutual_information
        0.5
    """

    label: str

    family: ClassVar[str] = "beyond-normal"
    source: ClassVar[str] = "Czyż et al. 2023, Beyond Normal, NeurIPS"

    def __post_init__(self) -> None:
        known = self.label in BEYOND_NORMAL or (":" in self.label and is_beyond_normal(self.label))
        expect(known, "label", self.label, "one of the forty, or a family with parameters", f"Use {_NORMAL}.")
        _fits(self._parts[0], self.law)
        if self.label not in BEYOND_NORMAL:
            _comes_back(self.maps, self.law, self._parts[0])

    @property
    def id(self) -> str:
        """The id that the benchmark gave it, or the family with its parameters."""
        return self.label

    @property
    def params(self) -> dict[str, Value]:
        """The law, its numbers, and the maps in the order in which they act."""
        steps, law, numbers = self._parts
        return {
            "law": law,
            "numbers": " ".join(f"{n:.12g}" for n in numbers.values()),
            "maps": " ".join(steps) or "none",
        }

    @property
    def name(self) -> str:
        """Name for people, as in the paper's table."""
        steps, law, numbers = self._parts
        title = " @ ".join([*(_TITLES[step] for step in reversed(steps)), _title(law, numbers)])
        if self.label not in BEYOND_NORMAL:
            return f"{title}, {', '.join(f'{name} {value:g}' for name, value in numbers.items())}"
        return "Swiss roll 2 × 1" if "swissroll_x" in steps else title

    @cached_property
    def law(self) -> Law:
        """The law behind the maps."""
        _, law, numbers = self._parts
        return LAWS[law].build(**numbers)

    @cached_property
    def maps(self) -> tuple[Map, Map]:
        """What x and y go through."""
        steps, law, _ = self._parts
        sides = [_step(step, self.law) for step in ((law, *steps) if law == "1v1-bimodal" else steps)]
        return m.chain(*(x for x, _ in sides)), m.chain(*(y for _, y in sides))

    @property
    def _parts(self) -> tuple[list[str], str, dict[str, float]]:
        """Maps in the order in which they act, law, and its parameters by name."""
        ((before, law, numbers),) = _FORM.findall(self.label)
        steps = [step for step in before.split("-") if step]
        return steps[::-1], law, parameters(law, numbers)


def is_beyond_normal(task_id: str) -> bool:
    """Whether an id is one of the forty, or names one of their families."""
    return task_id in BEYOND_NORMAL or _FORM.fullmatch(task_id) is not None


def _fits(steps: list[str], law: Law) -> None:
    """Refuse maps that are not injective on a law's rows."""
    for number, step in enumerate(steps):
        before = steps[number - 1] if number else None
        bounded = before == "normal_cdf" or (before is None and isinstance(law, AdditiveLaw))
        checks = {
            "spiral": (law.dim_x >= 2 and law.dim_y >= 3, "2 columns of x and 3 of y or more"),
            "normal_cdf": (
                isinstance(law, CanonicalLaw | DenseLaw),
                "a normal law, whose columns it takes to (0, 1)",
            ),
            "swissroll_x": (
                bounded and law.dim_x == 1 and number + 1 == len(steps),
                "one column of x between 0 and 1, and no map after it",
            ),
        }
        holds, wanted = checks.get(step, (True, ""))
        expect(holds, "map", step, wanted, "Leave the map out, or take another law.")


def _comes_back(maps: tuple[Map, Map], law: Law, steps: list[str]) -> None:
    """Refuse maps that cannot be undone in floating point out to what one row in a billion has in a column."""
    with np.errstate(all="ignore"):
        for rows, one in zip(_far_rows(law), maps, strict=True):
            seen = one.forward(rows)
            off = np.abs(one.inverse(seen) - rows).max(axis=1) / np.maximum(1.0, np.abs(rows).max(axis=1))
            holds = bool(np.isfinite(seen).all() and (off <= _OFF * _noise(law)).all())
            wanted = "maps that floating point undoes, in the tails of the law too"
            expect(
                holds, "map", "-".join(steps[::-1]) or "none", wanted, "Leave one out, or take another law."
            )


def _far_rows(law: Law) -> tuple[Array, Array]:
    """Rows of x and of y, one of whose first columns lies out to where one row in a billion is."""
    sides = []
    for number, dim in enumerate((law.dim_x, law.dim_y)):
        if isinstance(law, AdditiveLaw):
            low, high = (-law.epsilon, 1.0 + law.epsilon) if number else (0.0, 1.0)
            places = low + (high - low) * np.array([_RARE, 0.01, 0.5, 0.99, 1.0 - _RARE])
        else:
            tail = stats.t(law.freedom) if isinstance(law, StudentLaw) else stats.norm()
            places = np.array([tail.isf(p) for p in (_RARE, 1e-5, 0.01, 0.3)])
            places = np.sort(np.concatenate([-places, places]))
        moved = min(dim, 3)
        rows = np.full((moved, len(places), dim), places[len(places) // 2])
        for column in range(moved):
            rows[column, :, column] = places
        sides.append(rows.reshape(-1, dim))
    return sides[0], sides[1]


def _noise(law: Law) -> float:
    """What the other side leaves open of a column, next to the column's own width."""
    if isinstance(law, AdditiveLaw):
        return min(1.0, law.epsilon) / (1.0 + law.epsilon)
    if isinstance(law, DenseLaw):
        return math.sqrt(1.0 - law.correlation)
    normal = law.normal if isinstance(law, StudentLaw) else law
    return math.exp(-max(getattr(normal, "nats", ()), default=0.0))


def _step(step: str, law: Law) -> tuple[Map, Map]:
    """A map of x and of y."""
    if step == "spiral":
        return m.spiral(law.dim_x, 0), m.spiral(law.dim_y, 1)
    return {
        "normal_cdf": (m.NORMAL_CDF, m.NORMAL_CDF),
        "half_cube": (m.HALF_CUBE, m.HALF_CUBE),
        "asinh": (m.ASINH, m.ASINH),
        "wiggly": (m.WIGGLY_X, m.WIGGLY_Y),
        "1v1-bimodal": (m.BIMODAL_X, m.BIMODAL_Y),
        "swissroll_x": (m.SWISS_ROLL, m.IDENTITY),
    }[step]


def _title(law: str, numbers: Mapping[str, float]) -> str:
    return LAWS[law].title.format(**numbers)
