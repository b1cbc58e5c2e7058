"""Contract tests for the authors of plug-ins: each raises `PluginError` with what is wrong, and returns nothing.

from infoloom.testing import check_observation

def test_my_step():
    check_observation(MyStep, (3, 8, 8), 0.5)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from infoloom.errors import PluginError

__all__ = [
    "check_distribution",
    "check_estimator",
    "check_export",
    "check_learner",
    "check_observation",
    "check_template",
]

Triple = tuple[Any, Any, Any]  # x, what depends on it, what does not


def check_observation(step: Callable[..., Any], shape: tuple[int, ...], *args: Any, **options: Any) -> None:
    """A step of flow expressions: a bijection of rows that keeps their shape.

    Args:
        step: What the entry point of `infoloom.observations` names, called with the shape and the step's arguments.
        shape: Of one row, at most 64 components.
        args: Arguments of the step.
        options: Named ones.

    Raises:
        PluginError: It does not invert, its log-determinant is not that of its Jacobian, or rows depend on each other.
    """
    import torch

    from infoloom.errors import FlowError
    from infoloom.observations.base import Bijection

    made = step(shape, *args, **options)
    _require(isinstance(made, Bijection), f"step `{step}`: expected an `infoloom.observations.Bijection`")
    _require(made.shape_in == made.shape_out == shape, f"step `{step}`: expected shapes {shape}")
    z = torch.randn((5, *shape), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = made.forward(z)
    _require(
        x.shape == z.shape and x.dtype == z.dtype,
        f"step `{step}`: expected rows of {tuple(z.shape)} in float64",
    )
    error = float((made.inverse(x) - z).abs().max())
    _require(error < 1e-9, f"step `{step}`: expected the inverse to undo it, got a difference of {error:.1e}")
    alone = torch.cat([made.forward(row[None]) for row in z])
    _require(
        torch.allclose(alone, x, atol=1e-12), f"step `{step}`: expected each row to be mapped on its own"
    )
    dense = torch.func.vmap(torch.func.jacrev(lambda row: made.forward(row[None])[0]))(z)
    wanted = torch.linalg.slogdet(dense.reshape(len(z), z[0].numel(), -1)).logabsdet
    error = float((made.log_det(z) - wanted).abs().max())
    _require(
        made.log_det(z).shape == (5,) and error < 1e-8,
        f"step `{step}`: expected the log-determinant of its Jacobian, (n,), got a difference of {error:.1e}",
    )
    try:
        made.forward(torch.zeros((2, *shape, 1)))
    except FlowError:
        return
    raise PluginError(
        f"step `{step}`: expected `check_input` to refuse rows of another shape. Call it in `forward`."
    )


def check_template(template: Any, shape: tuple[int, ...], *args: Any, **options: Any) -> None:
    """A template: the same pattern every time, finite, not zero everywhere.

    Args:
        template: What the entry point of `infoloom.templates` names: a function of a place, or a `Template`.
        shape: Of an observation.
        args: Arguments of the template.
        options: Named ones.

    Raises:
        PluginError: Another shape, or a pattern that no cause can enter by.
    """
    from infoloom.law.templates import Template
    from infoloom.law.templates.patterns import Place

    draw = template
    if isinstance(template, Template):
        draw = template.image if len(shape) == 3 else template.line
    _require(callable(draw), f"template `{template}`: expected a function for shape {shape}")
    place = Place(shape, None)
    rows, again = (np.asarray(draw(place, *args, **options)) for _ in range(2))
    try:
        rows = np.broadcast_to(rows, shape)
    except ValueError as error:
        raise PluginError(
            f"template `{template}`: expected a pattern that spreads over {shape}, got {rows.shape}."
        ) from error
    _require(
        np.array_equal(rows, np.broadcast_to(again, shape)),
        f"template `{template}`: expected the same pattern again",
    )
    _require(
        bool(np.isfinite(rows).all() and rows.any()),
        f"template `{template}`: expected finite numbers, not all 0",
    )


def check_distribution(distribution: Any, *args: float) -> None:
    """A standardised continuous distribution: mean 0, variance 1, and a density that is that of its draws.

    Args:
        distribution: What the entry point of `infoloom.distributions` names: `usage`, a text; `fits(args)`;
            `from_normal(values, args)`, the rising map from standard normal values; `density(values, args)`;
            `centres(args)`, where the density has kinks; `width(args)`, over what length it is smooth; `moments(args)`,
            up to which order they exist.
        args: Its numbers.

    Raises:
        PluginError: Another mean, variance or density, or a map that does not rise.
    """
    import scipy.special

    name = type(distribution).__name__
    needed = ("usage", "fits", "from_normal", "density", "centres", "width", "moments")
    missing = [one for one in needed if not hasattr(distribution, one)]
    _require(not missing, f"distribution `{name}`: expected {', '.join(missing)}")
    _require(bool(distribution.fits(args)), f"distribution `{name}`: expected `fits` to accept {args}")
    normal = np.linspace(-8.0, 8.0, 200_001)
    values = np.asarray(distribution.from_normal(normal, args))
    _require(bool((np.diff(values) >= 0.0).all()), f"distribution `{name}`: expected `from_normal` to rise")
    weights = np.exp(-0.5 * normal**2) / np.sqrt(2.0 * np.pi) * (normal[1] - normal[0])
    mean = float(weights @ values)
    variance = float(weights @ values**2) - mean**2
    _require(abs(mean) < 1e-4, f"distribution `{name}`: expected mean 0, got {mean:.3g}")
    _require(abs(variance - 1.0) < 1e-3, f"distribution `{name}`: expected variance 1, got {variance:.4g}")
    inner = slice(20_000, -20_000, 500)
    ends = values[inner]
    fine = np.linspace(ends[:-1], ends[1:], 41)
    mass = np.trapezoid(distribution.density(fine, args), fine, axis=0)
    wanted = np.diff(scipy.special.ndtr(normal[inner]))
    error = float(np.abs(mass - wanted).max())
    _require(
        error < 1e-5,
        f"distribution `{name}`: expected the density of its draws, got a difference of {error:.1e}",
    )


def check_export(write: Callable[[Any, Path], None]) -> None:
    """An exporter: writes a small dataset to a new path, and leaves the dataset as it was.

    Args:
        write: What the entry point of `infoloom.exports` names, called with an open dataset and a path.

    Raises:
        PluginError: It writes nothing, or changes the dataset.
    """
    from infoloom.datasets import generate, open_dataset, verify
    from infoloom.story import load

    story = load(
        {
            "name": "contract",
            "causes": {"mass": "normal"},
            "modalities": {"curve": {"flow": "vector(4)", "latent": "mass + noise"}},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / "dataset", Path(folder) / "exported"
        generate(story, root, rows=20, seed=0)
        write(open_dataset(root), out)
        _require(out.exists(), f"export `{write}`: expected something at the path that it is given")
        _require(verify(root).passed, f"export `{write}`: expected the dataset to be left as it was")


def check_learner(plugin: Any, settings: Mapping[str, Any] | None = None) -> None:
    """A learner: a finite loss that depends on the batch's rows, and features of every modality.

    Args:
        plugin: What the entry point of `infoloom.learners` names: `Settings`, a dataclass, and
            `learner(shapes, settings)`.
        settings: Of the learner.

    Raises:
        PluginError: It is no learner, its loss is no number, or features have other numbers of rows.
    """
    import torch

    from infoloom.ssl.learner import Learner

    shapes = {"a": (6,), "b": (1, 8, 8)}
    made = plugin.learner(shapes, plugin.Settings(**(settings or {})))
    _require(isinstance(made, Learner), f"learner `{plugin}`: expected an `infoloom.ssl.learner.Learner`")
    draw = torch.Generator().manual_seed(0)
    batch = {name: torch.randn((16, *shape), generator=draw) for name, shape in shapes.items()}
    made.prepare({name: values.numpy() for name, values in batch.items()})
    loss = made.loss(batch, torch.Generator().manual_seed(0))
    _require(
        loss.shape == () and bool(loss.isfinite()),
        f"learner `{plugin}`: expected a loss that is one finite number",
    )
    features = made.encode(batch)
    _require(set(shapes) <= set(features), f"learner `{plugin}`: expected features of {', '.join(shapes)}")
    fit = all(len(one) == 16 and one.dim() == 2 for one in features.values())
    _require(fit, f"learner `{plugin}`: expected features (n, f)")


def check_estimator(estimator: Any) -> None:
    """An estimator: answers near the truth for 4,000 rows of a pair with 0.5 nats, and near 0 without any.

    The pair is of the first kind that the estimator's `kinds` names, if it has such a method: a normal pair, a binary
    class beside an overlapping uniform number, or the two ends of a binary channel. Else it is a normal pair.

    Args:
        estimator: What the entry point of `infoloom.estimators` gives when it is called.

    Raises:
        PluginError: It is off by more than 0.25 nats.
    """
    kinds = estimator.kinds() if callable(getattr(estimator, "kinds", None)) else ("continuous",)
    x, dependent, independent = _PAIRS[kinds[0]](np.random.default_rng(0))
    for truth, y in ((0.5, dependent), (0.0, independent)):
        found = float(estimator.estimate(x, y))
        _require(
            abs(found - truth) < 0.25,
            f"estimator `{estimator}`: expected about {truth} nats, got {found:.3f}",
        )


def _normal_pair(draw: np.random.Generator) -> Triple:
    x, noise = draw.normal(size=(2, 4000, 1))
    return x, np.sqrt(1.0 - np.exp(-1.0)) * x + np.exp(-0.5) * noise, noise


def _class_beside_number(draw: np.random.Generator) -> Triple:
    """Uniform on (x, x + w), w = log 2 / 0.5: what lies in one of the intervals only, a share 1 / w, tells one bit."""
    x, other = draw.integers(0, 2, (2, 4000, 1))
    width = 2.0 * np.log(2.0)
    return x, x + width * draw.uniform(size=(4000, 1)), other + width * draw.uniform(size=(4000, 1))


def _channel(draw: np.random.Generator) -> Triple:
    """A binary channel with an error of 0.0485: log 2 less its entropy, 0.4991 nats."""
    x, other = draw.integers(0, 2, (2, 4000, 1))
    return x, x ^ (draw.uniform(size=(4000, 1)) < 0.0485), other


_PAIRS: Final[Mapping[str, Callable[[np.random.Generator], Triple]]] = {
    "continuous": _normal_pair,
    "mixed": _class_beside_number,
    "discrete": _channel,
}


def _require(right: bool, what: str) -> None:
    if not right:
        raise PluginError(f"{what}.")
