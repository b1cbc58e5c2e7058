"""What checking a dataset comes out with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Check", "Report"]


@dataclass(frozen=True)
class Check:
    """One thing that was checked; `value` and `expected` are numbers where the check compares numbers."""

    name: str
    passed: bool
    detail: str
    value: float | None = None
    expected: float | None = None
    standard_error: float | None = None


@dataclass(frozen=True)
class Report:
    """All checks of a dataset; `counted` says what its `rows` are."""

    path: str
    rows: int
    checks: tuple[Check, ...]
    counted: str = "rows"

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "path": self.path,
            "rows": self.rows,
            "passed": self.passed,
            "unit": "nats",
            "checks": [asdict(check) for check in self.checks],
        }
