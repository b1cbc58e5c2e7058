"""Which preparation every trained estimator does best with: `python benchmarks/estimators/tuning.py [RESULTS]`.

Claim: `infoloom.benchmark.estimators.variants.TUNED` names the best preparation of every method on the problems below,
which are in no published set, with one budget for all: the training settings of each, and more time than any of them
takes, because seconds on a machine that others use would be another budget for each. About ten minutes of one core; a
run that is stopped goes on, and one that was lost is made again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infoloom.benchmark.estimators.drawing.draw import Plan, Setting, draw_set
from infoloom.benchmark.estimators.drawing.makers import gaussian, grid, seen
from infoloom.benchmark.estimators.entering.entrants import Entrant
from infoloom.benchmark.estimators.problem_sets import write_set
from infoloom.benchmark.estimators.scoring.tuning import METHODS, best
from infoloom.benchmark.estimators.suites import jobs
from infoloom.benchmark.estimators.variants import PREPARATIONS, TUNED, VARIANTS, names
from infoloom.benchmark.running.results import read_results
from infoloom.benchmark.running.runner import execute

NAME = "tuning/1"
RESULTS = Path(__file__).parents[1] / "results" / "estimators-tuning.jsonl"
LIMIT = 1800.0
ENTRANTS = [
    Entrant(names(method, how))
    for how in PREPARATIONS
    for method in METHODS
    if names(method, how) in (*METHODS, *VARIANTS)
]
PLANS = [
    Plan(
        "tuning", "?", "nonlinear", (),
        (
            Setting("linear, 16 columns", grid(16, 2), rows=2000, most=4.0, seeds=1),
            Setting("bent, 4 columns", gaussian("4v4", 2, "bent"), rows=2000, most=4.0, seeds=1),
            Setting("spectra", seen("xray-spectrum", "xray-spectrum"), rows=2000, most=4.0, seeds=1),
        ),
    )
]  # fmt: skip


def main(path: Path) -> None:
    """Run what is missing, and print the table."""
    board = write_set(draw_set(NAME, "preparations", LIMIT, PLANS, 7), path.with_suffix(".set.json"))
    execute(jobs(str(board), ENTRANTS), path, bench="estimators", suite=NAME, retry=True)
    board.unlink()
    for method, found in best(read_results(path)).items():
        shown = ", ".join(f"{how} {value:.2f}" for how, value in found.items())
        chosen = min(found, key=found.__getitem__)
        print(f"{method}: {shown}; best {chosen}, in the package {TUNED.get(method, 'published')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS)
