"""The forty tasks of "Beyond Normal", rebuilt from their description under the ids that are in use.

Each is a law in closed form behind maps that change no information. Rows come as described; the paper's benchmark
also standardises every column, which `sklearn.preprocessing.scale` does and the estimators of infoloom do themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from infoloom.benchmark.tasks import maps as m
from infoloom.benchmark.tasks.base import expect
from infoloom.benchmark.tasks.identifiers import Value
from infoloom.benchmark.tasks.laws import AdditiveLaw, CanonicalLaw, DenseLaw, Law, StudentLaw, correlated
from infoloom.benchmark.tasks.maps import Map
from infoloom.benchmark.tasks.vectors import VectorTask

__all__ = ["BEYOND_NORMAL", "BeyondNormalTask"]

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

_FORM: Final = re.compile(
    r"(?P<maps>(?:(?:normal_cdf|wiggly|half_cube|asinh|spiral|swissroll_x)-)*)"
    r"(?P<law>1v1-normal|1v1-additive|1v1-bimodal|multinormal-dense|multinormal-sparse|student-identity)-"
    r"(?P<numbers>[\d.-]+)"
)
_TITLES: Final[Mapping[str, str]] = {
    "normal_cdf": "Normal CDF",
    "wiggly": "Wiggly",
    "half_cube": "Half-cube",
    "asinh": "Asinh",
    "spiral": "Spiral",
}


@dataclass(frozen=True)
class BeyondNormalTask(VectorTask):
    """One of the forty tasks.

    Args:
        label: Its id in that benchmark, such as `spiral-multinormal-sparse-3-3-2-2.0`; it is the id here too.

    Raises:
        TaskError: No such task.

    Source:
        Czyż, Grabowski, Vogt, Beerenwinkel and Marx 2023, "Beyond Normal: On the Evaluation of Mutual Information
        Estimators", NeurIPS.

    Example:
        >>> round(BeyondNormalTask("1v1-additive-0.1").mutual_information, 3)
        1.709
    """

    label: str

    family: ClassVar[str] = "beyond-normal"
    source: ClassVar[str] = "Czyż et al. 2023, Beyond Normal, NeurIPS"

    def __post_init__(self) -> None:
        expect(self.label in BEYOND_NORMAL, "label", self.label, "one of the forty", f"Use {_NORMAL}.")

    @property
    def id(self) -> str:
        """The id that the benchmark gave it."""
        return self.label

    @property
    def params(self) -> dict[str, Value]:
        """The law, its numbers, and the maps in the order in which they act."""
        steps, law, numbers = self._parts
        return {"law": law, "numbers": " ".join(f"{n:g}" for n in numbers), "maps": " ".join(steps) or "none"}

    @property
    def name(self) -> str:
        """Name for people, as in the paper's table."""
        steps, law, numbers = self._parts
        if "swissroll_x" in steps:
            return "Swiss roll 2 × 1"
        return " @ ".join([*(_TITLES[step] for step in reversed(steps)), _title(law, numbers)])

    @cached_property
    def law(self) -> Law:
        """The law behind the maps."""
        _, law, numbers = self._parts
        return _law(law, numbers)

    @cached_property
    def maps(self) -> tuple[Map, Map]:
        """What x and y go through."""
        steps, law, _ = self._parts
        sides = [_step(step, self.law) for step in ((law, *steps) if law == "1v1-bimodal" else steps)]
        return m.chain(*(x for x, _ in sides)), m.chain(*(y for _, y in sides))

    @property
    def _parts(self) -> tuple[list[str], str, list[float]]:
        """Maps in the order in which they act, law, and its numbers."""
        ((before, law, numbers),) = _FORM.findall(self.label)
        steps = [step for step in before.split("-") if step]
        return steps[::-1], law, [float(number) for number in numbers.split("-")]


def _law(law: str, numbers: list[float]) -> Law:
    if law == "1v1-additive":
        return AdditiveLaw(numbers[0])
    if law in ("1v1-normal", "1v1-bimodal"):
        return correlated(1, 1, numbers[0], 1)
    dim_x, dim_y = int(numbers[0]), int(numbers[1])
    if law == "multinormal-dense":
        return DenseLaw(dim_x, dim_y, numbers[2])
    if law == "multinormal-sparse":
        shared = numbers[3] ** 2  # a common factor of this weight beside noise of weight 1
        return correlated(dim_x, dim_y, shared / (1.0 + shared), int(numbers[2]))
    return StudentLaw(CanonicalLaw(dim_x, dim_y, ()), numbers[2])


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


def _title(law: str, numbers: list[float]) -> str:
    first, second, last = numbers[0], numbers[min(1, len(numbers) - 1)], numbers[-1]
    return {
        "1v1-normal": "Bivariate normal 1 × 1",
        "1v1-bimodal": "Bimodal 1 × 1",
        "1v1-additive": f"Uniform 1 × 1 (additive noise={first:g})",
        "multinormal-dense": f"Multinormal {first:g} × {second:g} (dense)",
        "multinormal-sparse": f"Multinormal {first:g} × {second:g} (2-pair)",
        "student-identity": f"Student-t {first:g} × {second:g} (dof={last:g})",
    }[law]
