"""Suites on observations that mean something: what settings are chosen on, and what is reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["RATES", "REAL_GRIDS", "SCENE_GRIDS", "SCENE_SIZE", "TRIED", "TUNED", "scene_size"]

Params = Mapping[str, Any]
Entry = tuple[str, tuple[Params, ...], tuple[str, ...], Params]

#: Learning rates that every objective is tried with on the suite `tuning`, all the same.
RATES: Final = (1e-3, 3e-3)
#: The best of them by R² about the target of that suite's story; a test compares with the log of the search.
TUNED: Final[Mapping[str, float]] = {
    "clip": 3e-3,
    "vicreg": 1e-3,
    "symile": 3e-3,
    "jepa": 1e-3,
    "masked": 3e-3,
    "mvae": 3e-3,
    "comm": 3e-3,
    "supervised": 1e-3,
}
SCENE_SIZE: Final[Params] = {
    "rows": 2048,
    "batch": 256,
    "epochs": 240,
    "stopping": {"floor": 8, "patience": 4, "drops": 1},
    "held_out": 512,
    "probe": [768, 256, 1024],
}
_CONVOLUTIONS: Final = {"features": 16, "channels": 8, "hidden": 64}
_SETTINGS: Final[Mapping[str, Params]] = {
    "masked": {"features": 16, "patch": 8, "width": 32, "hidden": 64},
    "pixels": {},
}
_FLOORS: Final = ("supervised", "random")
#: Objectives that are tuned.
TRIED: Final = ("clip", "vicreg", "symile", "jepa", "masked", "mvae", "comm", "supervised")
_MOST: Final = ("clip", "vicreg", "jepa", "masked", "mvae", "comm")
_FEW: Final = ("clip", "masked", "mvae")
_BENT: Final[Params] = {"probes": ["ridge", "mlp"]}


def _points(name: str, *values: Any, **fixed: Any) -> tuple[Params, ...]:
    return tuple({name: value, **fixed} for value in values)


def _missing() -> tuple[Entry, ...]:
    """Rows that lack a modality. Who gets complete rows alone has fewer steps in an epoch, and as many more epochs."""
    entries: list[Entry] = []
    for absent, more in ((0.0, 1), (0.5, 2), (0.9, 10)):
        at = {"absent": absent}
        entries.append(("missing", (at,), ("clip", *_FLOORS), _longer(more)))
        entries.append(("missing", (at,), ("mvae", "masked"), _longer(3, patience=1)))
        if absent > 0.0:
            left = {**at, "incomplete": "left"}
            entries.append(("missing", (left,), ("mvae", "masked"), _longer(3 * more, patience=more)))
    return tuple(entries)


def _longer(times: int, *, patience: int | None = None) -> Params:
    """A cap so many times as late, and as much more patience unless told otherwise."""
    rules = SCENE_SIZE["stopping"]
    waits = times if patience is None else patience
    stopping = {**rules, "floor": waits * rules["floor"], "patience": waits * rules["patience"]}
    return {"epochs": times * SCENE_SIZE["epochs"], "stopping": stopping}


#: Experiment, points, objectives, and what differs of the size; the most wanted first.
SCENE_GRIDS: Final[tuple[Entry, ...]] = (
    ("captions", _points("nats", 0.2, 1.0, 4.0), ("clip", *_FLOORS), {}),
    ("kinds", _points("kind", "mixed"), ("clip", "vicreg", "jepa", "mvae", *_FLOORS), {}),
    ("mismatched", _points("share", 0.5, 0.8), ("clip",), {}),
    *(("plenty", ({"rows": rows},), ("clip",), {"rows": rows}) for rows in (4096, 8192, 12_288)),
    ("spread", _points("how", "bright", "faint", "all"), ("clip", *_FLOORS), {}),
    ("kinds", _points("kind", "xor"), ("clip", "vicreg", *_FLOORS), _BENT),
    ("content", ({},), ("clip", "vicreg", *_FLOORS), {}),
    ("kinds", _points("kind", "mixed"), ("masked", "comm"), {}),
    ("turning", ({},), ("clip", "vicreg", "jepa", "mvae", *_FLOORS), {}),
    ("many", _points("count", 2, 5, 10), ("clip", *_FLOORS), {}),
    ("preset", _points("name", "symile-xor"), ("clip", "symile", *_FLOORS), _BENT),
    ("captions", _points("nats", 0.2, 1.0, 4.0), ("vicreg",), {}),
    ("captions", _points("nats", 1.0), ("masked", "jepa", "pixels"), {}),
    ("spread", _points("how", "bright", "faint", "all"), ("vicreg", "mvae", "masked"), {}),
    ("preset", _points("name", "trifeature"), ("clip", "vicreg", *_FLOORS), _BENT),
    ("preset", _points("name", "factorcl-synthetic"), ("clip", "vicreg", *_FLOORS), _BENT),
    ("dropped", _points("words", 1, 2), ("clip",), {}),
    ("clutter", _points("nats", 0.0, 1.0, 3.0), ("clip", "vicreg", *_FLOORS), {}),
    *_missing(),
    *(("plenty", ({"rows": rows},), ("supervised",), {"rows": rows}) for rows in (4096, 8192, 12_288)),
    ("many", _points("count", 5, 10), ("symile", "mvae"), {}),
    ("content", ({},), ("masked", "mvae"), {}),
    ("kinds", _points("kind", "xor"), ("masked", "mvae", "comm"), _BENT),
    ("kinds", _points("kind", "redundant", "unique", "synergistic"), (*_MOST, *_FLOORS), {}),
    ("mismatched", _points("share", 0.5, 0.8), ("vicreg",), {}),
    ("kinds", _points("kind", "mixed"), ("pixels",), {}),
)
#: The same on trained flows, whose rows are made once.
REAL_GRIDS: Final[tuple[Entry, ...]] = (
    ("galaxies", _points("nats", 0.3, 1.0, 2.0), (*_FEW, *_FLOORS, "pixels"), {}),
    ("beats", _points("template", "ones", "frequency", "patch", "sparse"), (*_FEW, *_FLOORS, "pixels"), {}),
    ("automobiles", _points("nats", 0.3, 1.0, 2.0), ("clip", *_FLOORS), {}),
    (
        "patterns",
        _points("template", "ones", "frequency", "disk", "sparse"),
        (*_MOST, *_FLOORS, "pixels"),
        {},
    ),
    *(
        ("pairs", ({"rows": rows},), (*_FEW, *_FLOORS, "pixels"), {"rows": rows})
        for rows in (12_288, 4096, 8192)
    ),
    (
        "stories",
        _points("name", "digits", "galaxies", "supernova", "heart"),
        ("clip", "vicreg", *_FLOORS, "pixels"),
        {"rows": 12_288},
    ),
    ("stories", _points("name", "galaxies", "heart"), ("masked",), {"rows": 12_288}),
)


def scene_size(objective: str, size: Params) -> dict[str, Any]:
    """Settings and learning rate of an objective on these suites, but what a grid fixes."""
    found: dict[str, Any] = {"settings": dict(_SETTINGS.get(objective, _CONVOLUTIONS))}
    if "learning_rate" not in size:
        found["learning_rate"] = TUNED.get(objective, 3e-3)
    return found
