"""What the published sets ask: blocks as questions, linear ones and others apart.

Names of sets and seeds are here; the files that were drawn from them lie beside, and are what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from infoloom.benchmark.estimators.drawing.draw import Plan, Setting, draw_set
from infoloom.benchmark.estimators.drawing.makers import (
    Maker,
    caption,
    copies,
    gaussian,
    grid,
    ladder,
    nothing,
    of_family,
    seen,
)
from infoloom.benchmark.estimators.names import SIGNS, is_name, shown
from infoloom.benchmark.estimators.problem_sets import ProblemSet
from infoloom.benchmark.estimators.variants import TUNED, names
from infoloom.benchmark.tasks import GaussianTask, GridTask, StoryTask
from infoloom.benchmark.tasks.stories.seen import SeenTask
from infoloom.errors import BenchmarkError

__all__ = ["DRAWN", "SEEDS", "draw"]

_NAME: Final = 200  # signs of a set's name

_CLASSICAL: Final = ("gaussian", "gaussianised", "ksg", "oracle")
_SCALAR: Final = (*_CLASSICAL, "histogram", "kernel")
_PUBLISHED: Final = (
    "infonce", "smile", "mine", "nwj", "flow-based", "difference-of-entropies", "minde", "latent",
)  # fmt: skip
#: All, as published and tuned.
_TRAINED: Final = (
    *_CLASSICAL, *_PUBLISHED, *(names(method, how) for method, how in TUNED.items() if how != "published"),
    "held-out",
)  # fmt: skip
#: One of each kind, where problems are many.
_SOME: Final = (
    *_CLASSICAL, "infonce", "mine", "flow-based", "difference-of-entropies",
    *(names(method, TUNED[method]) for method in ("infonce", "mine") if TUNED[method] != "published"),
)  # fmt: skip

_WIGGLY: Final = of_family("wiggly-1v1-normal:correlation={}", 0.01, 0.9999999)
_CUBE: Final = of_family("half_cube-1v1-normal:correlation={}", 0.01, 0.9999999)
_BIMODAL: Final = of_family("1v1-bimodal:correlation={}", 0.01, 0.9999999)
_ADDITIVE: Final = of_family("1v1-additive:epsilon={}", 1e-5, 20.0)
_ROLL: Final = of_family("swissroll_x-normal_cdf-1v1-normal:correlation={}", 0.01, 0.9999999)
_CROSS: Final = of_family("mixture-x:correlation={}", 0.01, 0.998)


def _pairs(maps: str, dim: int) -> Maker:
    form = f"{maps}multinormal-sparse:dim_x={dim},dim_y={dim},pairs=2,strength={{}}"
    return of_family(form, 0.01, 1000.0)


def _student(maps: str, dim: int, freedom: int) -> Maker:
    form = f"{maps}student-sparse:dim_x={dim},dim_y={dim},pairs=2,strength={{}},freedom={freedom}"
    return of_family(form, 0.0, 1000.0)


def _dense(dim: int) -> Maker:
    form = f"multinormal-dense:dim_x={dim},dim_y={dim},correlation={{}}"
    return of_family(form, 1e-4, 0.9999999)


def _inliers(dims: str, share: float) -> Maker:
    form = f"mixture-inliers:dims={dims},pairs=2,strength={{}},share={share}"
    return of_family(form, 0.1, 30.0)


def _quick() -> list[Plan]:
    """A thousand rows, few columns: what classical estimators may reach in twenty processor minutes."""
    return [*_quick_linear(), *_quick_nonlinear(), *_quick_observed()]


def _quick_linear() -> list[Plan]:
    """Relations in which `gaussian` is right by construction."""
    return [
        Plan(
            "information", "From little to much, among 16 columns", "linear", _CLASSICAL,
            (Setting("16 columns, 4 causes", grid(16, 4), truths=3),),
        ),
        Plan(
            "dimension", "Among fewer and more columns", "linear", _CLASSICAL,
            tuple(Setting(f"{dim} columns, 2 causes", grid(dim, 2)) for dim in (4, 100)),
        ),
        Plan(
            "rows", "With more rows", "linear", _CLASSICAL,
            (Setting("5,000 rows, 16 columns", grid(16, 2), rows=5000),),
        ),
        Plan(
            "template", "Wherever the cause acts", "linear", _CLASSICAL,
            tuple(Setting(name, grid(36, 1, name)) for name in ("ones", "sparse")),
        ),
        Plan(
            "relations", "One copy, and four side by side", "linear", _CLASSICAL,
            (Setting("4 columns a copy", copies(4, 2, "rotated"), most=2.5, truths=1),),
        ),
    ]  # fmt: skip


def _quick_nonlinear() -> list[Plan]:
    """Other laws, maps and families."""
    return [
        Plan(
            "law", "Causes that are not normal", "nonlinear", _CLASSICAL,
            (Setting("laplace", grid(9, 1, "ones", "laplace"), most=3.0),),
        ),
        Plan(
            "maps", "Behind bends of turned columns", "nonlinear", _CLASSICAL,
            (
                Setting("bent, 3 columns", gaussian("3v3", 2, "bent")),
                Setting("bent, 10 columns", gaussian("10v10", 2, "bent")),
            ),
        ),
        Plan(
            "scalar", "Pairs of single columns", "nonlinear", _SCALAR,
            (
                Setting("wiggly", _WIGGLY, most=5.0),
                Setting("half-cube", _CUBE, most=5.0),
                Setting("uniform noise", _ADDITIVE, most=5.0),
            ),
        ),
        Plan(
            "beyond-normal", "Families of Beyond Normal", "nonlinear", _CLASSICAL,
            (
                Setting("spiral 3 × 3", _pairs("spiral-", 3), most=5.0),
                Setting("asinh of Student-t 3 × 3", _student("asinh-", 3, 3), least=0.25, most=5.0),
                Setting("swiss roll", _ROLL, most=5.0),
            ),
        ),
        Plan(
            "mixtures", "Mixtures of normal laws", "nonlinear", _CLASSICAL,
            (
                Setting("X", _CROSS, most=2.0),
                Setting("inliers 5 × 5", _inliers("5v5", 0.2), most=4.0),
            ),
        ),
    ]  # fmt: skip


def _quick_observed() -> list[Plan]:
    """Real observations, and what is scored by itself."""
    return [
        Plan(
            "observations", "Spectra, curves, digits and words", "real", (*_CLASSICAL, "gao"),
            (
                Setting("rotation curve and X-ray spectrum", seen("rotation-curve", "xray-spectrum")),
                Setting("X-ray spectrum and caption", caption("xray-spectrum"), most=1.5),
                Setting("digits", ladder("digits", "flow", 2), seeds=2),
            ),
        ),
        Plan(
            "null", "Nothing to find", "null", _CLASSICAL,
            tuple(
                Setting(label, nothing(task), truths=1)
                for label, task in (
                    ("1 column", GaussianTask("1v1", 0.0, 0).id),
                    ("10 columns, bent", GaussianTask("10v10", 0.0, 0, "bent").id),
                    ("100 columns", GridTask(0.0, 100, 2).id),
                    ("rotation curve and X-ray spectrum", SeenTask("rotation-curve", "xray-spectrum", 0.0).id),
                )
            ),
        ),
    ]  # fmt: skip


def _core() -> list[Plan]:
    """What trained estimators may reach too: 16 to 3,072 columns, 1,000 to 20,000 rows."""
    return [*_core_linear(), *_core_nonlinear(), *_core_observed()]


def _core_linear() -> list[Plan]:
    """Relations in which `gaussian` is right by construction."""
    return [
        Plan(
            "information", "From little to much, among 16 columns", "linear", _TRAINED,
            (Setting("16 columns, 4 causes", grid(16, 4), rows=5000, truths=3),),
        ),
        Plan(
            "dimension", "Among more and more columns", "linear", _SOME,
            tuple(Setting(f"{dim:,} columns, 4 causes", grid(dim, 4), rows=5000) for dim in (64, 256, 1024)),
        ),
        Plan(
            "rows", "With more and more rows", "linear", _SOME,
            tuple(Setting(f"{rows:,} rows", grid(16, 2), rows=rows) for rows in (1000, 5000, 20_000)),
        ),
        Plan(
            "template", "Wherever the cause acts", "linear", _CLASSICAL,
            tuple(
                Setting(name, grid(64, 1, name))
                for name in ("ones", "random", "sparse", "disk", "ring", "blob", "frequency")
            ),
        ),
        Plan(
            "relations", "One copy, and four side by side", "linear", _SOME,
            (Setting("4 columns a copy", copies(4, 2, "rotated"), rows=5000, most=2.5, truths=1),),
        ),
    ]  # fmt: skip


def _core_nonlinear() -> list[Plan]:
    """Other laws, maps and families."""
    return [
        Plan(
            "law", "Causes that are not normal", "nonlinear", _CLASSICAL,
            tuple(
                Setting(law, grid(16, 1, "ones", law), rows=5000, most=2.0)
                for law in ("laplace", "student", "uniform")
            ),
        ),
        Plan(
            "maps", "The same latents behind maps of increasing difficulty", "nonlinear", _TRAINED,
            (
                Setting("bent, 3 columns", gaussian("3v3", 2, "bent"), rows=5000),
                Setting("bent, 16 columns", gaussian("16v16", 2, "bent"), rows=5000),
                Setting("warps, 64 columns", ladder("digits", "warps", 2), rows=5000),
                Setting("coupling layers, 64 columns", ladder("digits", "coupling", 2), rows=5000),
            ),
        ),
        Plan(
            "scalar", "Pairs of single columns", "nonlinear", (*_SCALAR, "infonce", "mine"),
            tuple(
                Setting(label, make, rows=5000, most=5.0)
                for label, make in (
                    ("wiggly", _WIGGLY), ("half-cube", _CUBE), ("bimodal", _BIMODAL), ("uniform noise", _ADDITIVE),
                )
            ),
        ),
        Plan(
            "beyond-normal", "Families of Beyond Normal", "nonlinear", _SOME,
            (
                Setting("spiral 3 × 3", _pairs("spiral-", 3), rows=5000, most=5.0),
                Setting("half-cube 25 × 25", _pairs("half_cube-", 25), rows=5000, most=5.0),
                Setting("dense 25 × 25", _dense(25), rows=5000, most=5.0),
                Setting("asinh of Student-t 3 × 3", _student("asinh-", 3, 3), rows=5000, least=0.25, most=5.0),
                Setting("swiss roll", _ROLL, rows=5000, most=5.0),
            ),
        ),
        Plan(
            "mixtures", "Mixtures of normal laws", "nonlinear", _SOME,
            (
                Setting("X", _CROSS, rows=5000, most=2.0),
                Setting("inliers 25 × 25", _inliers("25v25", 0.2), rows=5000, most=4.0),
            ),
        ),
    ]  # fmt: skip


def _core_observed() -> list[Plan]:
    """Real observations, and what is scored by itself."""
    flows = (("mnist", 1), ("galaxy", 1), ("cifar10", 1))
    return [
        Plan(
            "observations", "Spectra, curves, pictures and words by formula", "real", _TRAINED,
            (
                Setting("rotation curve and X-ray spectrum", seen("rotation-curve", "xray-spectrum"), rows=5000),
                Setting("ring and sprite", seen("ring", "sprites"), rows=5000),
                Setting("ring and caption", caption("ring"), rows=5000, most=1.5),
            ),
        ),
        Plan(
            "flows", "Behind trained flows", "real", _SOME,
            (
                Setting("digits", ladder("digits", "flow", 2), rows=5000),
                Setting("heartbeats", seen("heartbeat", "heartbeat"), seeds=3),
                Setting("supernova spectra", seen("supernova", "supernova"), seeds=3),
                *(Setting(name, seen(name, name, 4), seeds=seeds) for name, seeds in flows),
            ),
            kept="beyond 256 columns nobody was right in the first version but those who know the map",
        ),
        Plan(
            "ten", "Ten modalities whose common information decays", "order", ("gaussian", "ksg", "mine", "oracle"),
            (
                Setting(
                    "x0 and another one",
                    nothing(*(StoryTask("multimodal-decay", "x0", f"x{k}", "latent").id for k in range(1, 10))),
                    seeds=2, truths=1,
                ),
            ),
            kept="truths of hundreds of nats cannot be read from a thousand rows, but their order can",
        ),
        Plan(
            "null", "Nothing to find", "null", _TRAINED,
            tuple(
                Setting(label, nothing(task), truths=1, rows=5000)
                for label, task in (
                    ("1 column", GaussianTask("1v1", 0.0, 0).id),
                    ("16 columns, bent", GaussianTask("16v16", 0.0, 0, "bent").id),
                    ("256 columns", GridTask(0.0, 256, 4).id),
                    ("ring and sprite", SeenTask("ring", "sprites", 0.0).id),
                )
            ),
        ),
    ]  # fmt: skip


def _full() -> list[Plan]:
    """The blocks of `v2/core` with ten seeds, three truths a seed, and all estimators everywhere."""
    return [
        Plan(
            plan.name, plan.question, plan.kind, _TRAINED if plan.kind != "order" else plan.estimators,
            tuple(
                Setting(
                    one.label, one.make, one.rows, one.most, 10, one.truths if one.truths == 1 else 3, one.least
                )
                for one in plan.settings
            ),
            plan.kept,
        )
        for plan in _core()
    ]  # fmt: skip


#: Seeds of the published sets.
SEEDS: Final[Mapping[str, int]] = {"v2/quick": 20_261, "v2/core": 20_262, "v2/full": 20_263}
#: How they are drawn: purpose, seconds a run may take, blocks.
DRAWN: Final[Mapping[str, tuple[str, float, Callable[[], list[Plan]]]]] = {
    "v2/quick": ("classical estimators, at most 20 processor minutes", 60.0, _quick),
    "v2/core": ("every estimator as published and tuned, for two cores overnight", 300.0, _core),
    "v2/full": ("all of it with ten seeds and three truths a seed, for a cluster", 3600.0, _full),
}


def draw(like: str, seed: int | None = None, name: str | None = None) -> ProblemSet:
    """The blocks of a published set with truths and rows of another seed: a set that nobody has seen.

    Args:
        like: A published set.
        seed: The seed; that of the published set where left out.
        name: Name of the new set, with a `/`: names without one are suites of the first version.

    Raises:
        BenchmarkError: A name that results cannot bear, or a seed below 0.
    """
    if name is not None and ("/" not in name or not is_name(name, _NAME)):
        raise BenchmarkError(
            f"set `{shown(name[:_NAME])}`: expected a name with a `/`, of at most {_NAME} {SIGNS}. Use `mine/1`."
        )
    purpose, limit, plans = DRAWN[like]
    return draw_set(
        like if name is None else name, purpose, limit, plans(), SEEDS[like] if seed is None else seed
    )
