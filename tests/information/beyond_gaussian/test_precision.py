"""Values to a tolerance and within a budget: against dense grids of their own, closed forms, and each other."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
import scipy.special

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.averages.boxes import LEVELS, prior_nodes
from infoloom.information.beyond_gaussian.channel import Component
from infoloom.information.beyond_gaussian.cloud import Cloud, Term
from infoloom.information.beyond_gaussian.effort import Effort
from infoloom.information.beyond_gaussian.plane import plane_information
from infoloom.information.beyond_gaussian.quadrature import on_a_plane
from infoloom.information.quantity import Quantity
from infoloom.law.sources.distributions import make_distribution
from infoloom.law.sources.features import Features, feature_of
from infoloom.spec.equations.parser import parse_expression
from infoloom.story import Story, load

Array = np.ndarray[Any, np.dtype[np.float64]]
FUNCTIONS: dict[str, Any] = {
    "{c}": lambda c: c,
    "{c}**2": lambda c: c**2,
    "sin(2*{c})": lambda c: np.sin(2 * c),
    "tanh({c})": np.tanh,
    "abs({c})": np.abs,
}
LAWS = ("normal", "laplace", "uniform", "categorical(3)")


def story(causes: dict[str, str], targets: dict[str, str], **latents: str) -> Story:
    modalities = {name: {"flow": "vector(4)", "latent": text} for name, text in latents.items()}
    return load({"name": "test", "causes": causes, "targets": targets, "modalities": modalities})


def prior(law: str) -> tuple[Array, Array]:
    """A dense midpoint rule for a standardised law, written here."""
    if law.startswith("categorical"):
        return np.array([-1.0, 0.0, 1.0]) * math.sqrt(1.5), np.full(3, 1.0 / 3.0)
    low, high = (-math.sqrt(3.0), math.sqrt(3.0)) if law == "uniform" else (-13.0, 13.0)
    edges = np.linspace(low, high, 481)
    s = 0.5 * (edges[1:] + edges[:-1])
    density = {
        "normal": np.exp(-0.5 * s**2),
        "laplace": np.exp(-math.sqrt(2.0) * np.abs(s)),
        "uniform": np.ones_like(s),
    }[law]
    return s, density / density.sum()


def entropy(density: Array, cell: float) -> float:
    return -cell * float(np.sum(scipy.special.xlogy(density, density)))


def gauss(y: Array, centre: Array, width: float) -> Array:
    return np.exp(-0.5 * ((y[:, None] - centre) / width) ** 2) / (width * math.sqrt(2.0 * math.pi))


def test_the_value_that_a_tolerance_was_asked_for() -> None:
    """t = sin(2 c) + 0.5 noise and four components of 0.5 c + noise: I(m; t) by a sum over c, then over y and t."""
    made = story({"c": "normal"}, {"t": "sin(2*c) + 0.5*noise"}, m="0.5*c + noise")
    s, mass = prior("normal")
    y, t = np.linspace(-11.0, 11.0, 441), np.linspace(-5.0, 5.0, 401)
    of_y, of_t = gauss(y, s, 1.0), gauss(t, np.sin(2.0 * s), 0.5)
    joint = (of_y * mass) @ of_t.T
    dy, dt = y[1] - y[0], t[1] - t[0]
    wanted = entropy(of_y @ mass, dy) + entropy(of_t @ mass, dt) - entropy(joint, dy * dt)
    assert wanted == pytest.approx(0.0482510460, abs=2e-10)
    found = made.quantity("I(m; t)", tolerance=1e-6)
    assert found.method == "quadrature"
    assert abs(found.value - wanted) <= found.tolerance <= 1e-6
    default = made.quantity("I(m; t)")
    assert abs(default.value - wanted) <= default.error <= 1e-3


@pytest.mark.parametrize("noise", [0.3, 0.01])
def test_the_exclusive_or_of_two_signs(noise: float) -> None:
    """Neither sign tells of the product, both together tell all: log 2 less what the noise hides."""
    latents = {"x": f"a + {noise}*noise", "y": f"b + {noise}*noise", "z": f"a*b + {noise}*noise"}
    made = story({"a": "categorical(2)", "b": "categorical(2)"}, {}, **latents)
    assert abs(made.information("I(x; z)")) < 1e-6
    for query in ("I(x, y; z)", "I(x; y | z)", "TC(x, y, z)"):
        found = made.quantity(query)
        assert abs(found.value - math.log(2.0)) < found.error + 1e-6
        assert not found.exact


@pytest.mark.parametrize("seed", range(20))
def test_random_stories_are_within_their_error(seed: int) -> None:
    """t is a sum of functions of two causes, m shows one of them: all densities by sums over a dense grid."""
    generator = np.random.default_rng(seed)
    laws = [str(generator.choice(LAWS)) for _ in "cd"]
    f, g = generator.choice(list(FUNCTIONS), 2)
    w, product, noise = generator.uniform(0.2, 1.0), generator.uniform(-0.8, 0.8), generator.uniform(0.4, 1.0)
    text = f"{w:.3f}*{f.format(c='c')} {product:+.3f}*{g.format(c='c')}*d + {noise:.3f}*noise"
    made = story(dict(zip("cd", laws, strict=True)), {"t": text}, m="0.6*c + noise")
    (c, of_c), (d, of_d) = (prior(law) for law in laws)
    d, of_d = (d, of_d) if len(d) < 9 else (d.reshape(-1, 4).mean(axis=1), of_d.reshape(-1, 4).sum(axis=1))
    w, product, noise = round(w, 3), round(product, 3), round(noise, 3)
    centre = w * FUNCTIONS[f](c)[:, None] + product * FUNCTIONS[g](c)[:, None] * d
    spread = 12.0 * noise
    kept = (of_c[:, None] * of_d) > 1e-13
    t = np.arange(centre[kept].min() - spread, centre[kept].max() + spread, 0.25 * noise)
    given_c = np.zeros((len(t), len(c)))
    for value, odds in zip(centre.T, of_d, strict=True):
        given_c += odds * gauss(t, value, noise)
    y = np.arange(-30.0, 30.0, 0.25)
    of_y = gauss(y, 1.2 * c, 1.0)
    joint = (of_y * of_c) @ given_c.T
    dt = 0.25 * noise
    wanted = entropy(of_y @ of_c, 0.25) + entropy(given_c @ of_c, dt) - entropy(joint, 0.25 * dt)
    found = made.quantity("I(m; t)")
    slack = 5e-4  # of the midpoint rule at kinks and edges
    assert abs(found.value - wanted) <= 4.0 * (found.standard_error or 0.0) + found.tolerance + slack
    assert found.error <= max(1e-3, 0.01 * abs(found.value))


def component(texts: tuple[str, ...], weights: Any, **causes: str) -> Component:
    made = tuple(feature_of(parse_expression(text).terms[0].factors) for text in texts)
    weights = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    features = Features(made, {name: make_distribution(text) for name, text in causes.items()})
    return Component(features, weights.T @ weights, tuple(range(len(made))))


def by_rows(part: Component, effort: Effort) -> Quantity:
    values, vectors = np.linalg.eigh(part.gram)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    cloud = Cloud(part.features, np.eye(len(root)), effort.seed)
    found = cloud.estimate([Term(1.0, part, root)], effort.wanted, effort.purse())
    return Quantity(found.value, found.error, "Monte Carlo")


def test_normal_causes_forced_through_every_way_have_their_closed_form() -> None:
    weights = np.array([[0.9, 0.2, 0.0], [0.1, 1.4, -0.5], [0.3, 0.0, 0.7]])
    part = component(("a", "b", "c"), weights, a="normal", b="normal", c="normal")
    wanted = 0.5 * float(np.linalg.slogdet(np.eye(3) + part.gram)[1])
    effort = Effort(1e-5)
    plane = on_a_plane(part, 1e-4, effort.purse())
    assert plane is not None
    assert abs(plane.value - wanted) <= plane.tolerance <= 1e-4
    rows = by_rows(part, effort)
    assert abs(rows.value - wanted) < 1e-9  # the Gaussian control variate takes all of the variance


def test_both_ways_agree() -> None:
    part = component(("a", "b", "a*b"), [[1, 0, 0.5], [0, 1.2, 0.4]], a="laplace", b="uniform")
    plane = on_a_plane(part, 1e-5, Effort(1e-5, 60.0).purse())
    assert plane is not None
    assert plane.tolerance < 1e-5
    for seed in range(3):
        rows = by_rows(part, Effort(2e-3, seed=seed))
        assert rows.standard_error is not None
        assert rows.standard_error < 1e-3
        assert abs(rows.value - plane.value) < 4.0 * rows.standard_error + plane.tolerance


def test_the_step_of_the_grid_and_the_nodes_converge() -> None:
    part = component(("a", "a**2"), [[1.5, 0.0], [0.3, 1.0]], a="normal")
    values, axes = [], np.linalg.cholesky(part.gram).T
    for level in LEVELS:
        nodes = prior_nodes(part.features, axes, level, 10_000)
        assert nodes is not None
        assert nodes.mass.sum() == pytest.approx(1.0, abs=1e-12)
        values.append(plane_information(part.features.values(nodes.causes) @ axes.T, nodes.mass, 0.25)[0])
    changes = np.abs(np.diff(values))
    assert changes[1] < 1e-4
    assert changes[2] < 1e-6


def many() -> Story:
    """Six causes that meet: no quadrature for it."""
    causes = dict.fromkeys("abcdef", "laplace")
    t = " + ".join(f"0.5*{name}" for name in causes) + " + 0.5*noise"
    x = "0.5*a@patch(0, 2) + 0.5*b@patch(1, 2) + 0.4*c@patch(2, 2) + 0.3*d + 0.4*e@patch(0, 1) + noise"
    return story(causes, {"t": t}, x=x, y="0.5*f + 0.3*a@patch(0, 1) + noise")


@pytest.mark.slow
def test_many_causes_have_a_standard_error_that_the_tolerance_decides() -> None:
    made = many()
    loose = made.quantity("I(x; t)")
    assert loose.method == "Monte Carlo"
    assert loose.error <= max(1e-3, 0.01 * loose.value)
    other = made.quantity("I(x; t)", seed=5)
    assert other.value != loose.value
    assert abs(other.value - loose.value) < 4.0 * (loose.error + other.error)
    assert many().quantity("I(x; t)") == loose  # the same rows again
    whole, rest = made.quantity("I(x, y; t)"), made.quantity("I(y; t | x)")
    assert abs(whole.value - loose.value - rest.value) < 4.0 * (whole.error + loose.error + rest.error)
    assert whole.value > loose.value - 4.0 * (whole.error + loose.error)


def test_a_budget_is_obeyed_and_the_value_says_what_was_reached() -> None:
    made = many()
    start = time.monotonic()
    found = made.quantity("I(x; t)", tolerance=1e-9, budget=2.0)
    assert time.monotonic() - start < 10.0
    assert found.error > 1e-9
    assert "±" in found.text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 0.0}, "tolerance `0.0`: expected a positive number of nats"),
        ({"tolerance": math.nan}, "tolerance `nan`: expected a positive number of nats"),
        ({"budget": -1.0}, "budget `-1.0`: expected a positive number of seconds"),
        ({"tolerance": "a"}, "tolerance `a`: expected a positive number of nats"),
        ({"budget": True}, "budget `True`: expected a positive number of seconds"),
        ({"seed": -1}, "seed `-1`: expected a whole number that is not negative"),
        ({"seed": 1.5}, "seed `1.5`: expected a whole number that is not negative"),
    ],
)
def test_what_cannot_be_asked_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        many().quantity("I(x; t)", **options)
    with pytest.raises(QueryError, match=r"quantity `3`: expected a text such as `I\(x; theta\)`"):
        many().quantity(3)
