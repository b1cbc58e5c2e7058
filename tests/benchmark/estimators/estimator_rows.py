"""Rows of the estimator benchmark as tests need them: small, and complete."""

from __future__ import annotations

VERSIONS = {"infoloom": "0", "python": "3", "numpy": "2", "scipy": "1", "torch": None}
MACHINE = {"system": "Linux", "processor": "x", "cores": 2}


def row(estimator, task="t", truth=1.0, estimate=1.0, seed=101, rows=100, status="ok", **fields):
    """A row; one that is not ok has what is known beforehand only."""
    common = {
        "format": 1,
        "bench": "estimators",
        "suite": "quick",
        "run": f"{task} rows={rows} seed={seed} {estimator}",
        "status": status,
        "message": None if status == "ok" else "no luck",
        "block": "one",
        "title": "A block",
        "vary": "task",
        "label": task,
        "task": task,
        "rows": rows,
        "seed": seed,
        "estimator": estimator,
        "seconds": 1.0,
        "versions": VERSIONS,
        "machine": MACHINE,
    }
    measured = {
        "family": "test",
        "task_params": {},
        "dim_x": 2,
        "dim_y": 3,
        "settings": {},
        "truth": truth,
        "estimate": estimate,
        "interval": None,
        "reliable": None,
        "error": estimate - truth,
        "estimator_seconds": 0.5,
        "estimator_processor_seconds": 0.25,
        "details": {},
    }
    return {**common, **(measured if status == "ok" else {}), **fields}
