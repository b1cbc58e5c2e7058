"""A value with what is known about its accuracy: a value that is not exact never looks exact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from infoloom.units import NATS_PER_BIT

__all__ = ["CLOSED_FORM", "MONTE_CARLO", "QUADRATURE", "Method", "Quantity"]

Method = Literal["closed form", "quadrature", "Monte Carlo"]
CLOSED_FORM: Final[Method] = "closed form"
QUADRATURE: Final[Method] = "quadrature"
MONTE_CARLO: Final[Method] = "Monte Carlo"


@dataclass(frozen=True)
class Quantity:
    """An information value.

    Attributes:
        value: In nats.
        standard_error: Of a Monte Carlo value, in nats.
        method: How it was found.
        tolerance: Bound on the numerical error of a value by quadrature, or of a closed form of weights so far apart
            that rounding errors of the templates decide some digits, in nats.
        at_most: Whether only an upper bound is known: the observation tells at most this.
    """

    value: float
    standard_error: float | None = None
    method: Method = CLOSED_FORM
    tolerance: float = 0.0
    at_most: bool = False

    @property
    def exact(self) -> bool:
        """Whether the value is exact up to rounding, to 1e-9 nats."""
        return self.method == CLOSED_FORM and self.tolerance == 0.0 and not self.at_most

    @property
    def error(self) -> float:
        """What the value may be away by: the standard error and the tolerance, in nats."""
        return self.tolerance + (self.standard_error or 0.0)

    def to_json(self, bits: bool = False) -> float | dict[str, Any]:
        """A number if it is exact, else an object that says how far it may be off."""
        unit = NATS_PER_BIT if bits else 1.0
        if self.exact:
            return self.value / unit
        name = "tolerance" if self.standard_error is None else "standard_error"
        bound = {"at_most": True} if self.at_most else {}
        return {"value": self.value / unit, name: self.error / unit, "method": self.method, **bound}

    def text(self, bits: bool = False) -> str:
        """As many digits as are known: `1.234567890123`, `0.394 ± 0.001 (quadrature)`, `1.2 ± 0.1 (Monte Carlo)`.

        An upper bound begins with `at most`.
        """
        unit = NATS_PER_BIT if bits else 1.0
        if self.at_most:
            return f"at most {replace(self, at_most=False).text(bits)}"
        if self.exact:
            return f"{round(self.value / unit, 12) + 0.0:.12f}"
        digits = max(1, min(9, _first_digit(self.error / unit)))
        value = f"{round(self.value / unit, digits) + 0.0:.{digits}f}"
        return f"{value} ± {self.error / unit:.{digits}f} ({self.method})"


def _first_digit(error: float) -> int:
    """Decimal place of the first digit of an error; nine for none, as where all draws agree."""
    if error == 0.0:
        return 9
    return int(f"{error:.0e}".partition("e-")[2] or 1) if error < 1.0 else 1
