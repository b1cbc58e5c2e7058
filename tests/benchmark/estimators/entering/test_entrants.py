"""Entrants: every name that is taken or unknown is refused before a run, with a free one."""

from __future__ import annotations

import pytest

from infoloom.benchmark.estimators.entering.entrants import Entrant, check_entrants, known_names
from infoloom.errors import BenchmarkError

PROGRAM = "sh estimate.sh"


@pytest.mark.parametrize(
    ("entrants", "rows", "message"),
    [
        (
            [Entrant("gausian")],
            [],
            r"^estimator `gausian`: expected one of .*oracle.*\. Choose one of them, or give a program by `--command` "
            r"and its name by `--label`\.$",
        ),
        (
            [Entrant("mine", PROGRAM)],
            [],
            r"^label `mine`: expected a name of its own, because an estimator of infoloom has it\. Use `mine-2`\.$",
        ),
        (
            [Entrant("mine", PROGRAM)],
            [{"estimator": "mine-2", "command": "x"}],
            r"^label `mine`: .* Use `mine-3`\.$",
        ),
        ([Entrant("infonce@whiten", PROGRAM)], [], r"Use `infonce@whiten-2`\.$"),
        ([Entrant("oracle", PROGRAM)], [], r"^label `oracle`: .* Use `oracle-2`\.$"),
        ([Entrant("always-0", PROGRAM)], [], r"^label `always-0`: .* Use `always-0-2`\.$"),
        (
            [Entrant("own", PROGRAM), Entrant("own", "sh other.sh")],
            [],
            r"^label `own`: expected once, got two entrants of it\. Use `own-2`\.$",
        ),
        (
            [Entrant("own", PROGRAM)],
            [{"estimator": "own", "command": "sh old.sh"}],
            r"^label `own`: expected `sh estimate\.sh`, but the results are of `sh old\.sh`\. Use `own-2`, or write to "
            r"another file\.$",
        ),
        (
            [Entrant("ksg")],
            [{"estimator": "ksg", "command": "sh old.sh"}],
            r"^estimator `ksg`: expected results of it, but those in the file are of `sh old\.sh`\. Write to",
        ),
        (
            [Entrant("a b", PROGRAM)],
            [],
            r"^label `a b`: expected 1 to 100 signs without spaces, control characters and `\|`\. Use `entrant`\.$",
        ),
        ([Entrant("a|b", PROGRAM)], [], r"^label `a\|b`: expected 1 to 100 signs without"),
        ([Entrant("a\x1b[31m", PROGRAM)], [], r"^label `a�\[31m`: expected 1 to 100 signs without"),
        ([Entrant("\udcff", PROGRAM)], [], r"^label `�`: expected 1 to 100 signs without"),
        ([Entrant("", PROGRAM)], [], r"^label ``: expected 1 to 100 signs without"),
        (
            [Entrant("own", "sh \udcff.sh")],
            [],
            r"^command `sh �\.sh`: expected a text without halves of characters\. Rename the program\.$",
        ),
        ([Entrant("own", "  ")], [], r"^command ``: expected a program and its arguments\. Give one\.$"),
        ([Entrant("own", "sh 'x")], [], r"^command `sh 'x`: expected words of a shell \(No closing quotation\)\."),
        (
            [Entrant("own", "nowhere/estimate x")],
            [],
            r"^command `nowhere/estimate x`: expected a program that may be run, got `nowhere/estimate`\. Check",
        ),
    ],
)  # fmt: skip
def test_who_may_not_enter(entrants, rows, message):
    with pytest.raises(BenchmarkError, match=message):
        check_entrants(entrants, rows)


def test_who_may():
    check_entrants([Entrant(name) for name in known_names()])
    check_entrants(
        [Entrant("own", PROGRAM)], [{"estimator": "own", "command": PROGRAM}, {"estimator": "ksg"}]
    )
