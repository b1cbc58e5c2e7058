"""Information of stories with special causes: reference points, closed forms, dense grids, named errors."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest

from infoloom.errors import InfiniteInformationError, QueryError, SpecError
from infoloom.information.beyond_gaussian.channel import Component, make_channel
from infoloom.information.beyond_gaussian.cloud import Cloud, Estimate, Term
from infoloom.information.beyond_gaussian.effort import DEFAULT, Effort
from infoloom.information.beyond_gaussian.line import linear_information
from infoloom.information.quantity import Quantity
from infoloom.law.sources.distributions import make_distribution
from infoloom.law.sources.features import Features, feature_of
from infoloom.spec.equations.parser import parse_expression
from infoloom.story import Story, load


def story(
    causes: dict[str, str], targets: dict[str, str] | None = None, dim: int = 8, **latents: str
) -> Story:
    modalities = {name: {"flow": f"vector({dim})", "latent": text} for name, text in latents.items()}
    tree: dict[str, Any] = {
        "name": "test",
        "causes": causes,
        "targets": targets or {},
        "modalities": modalities,
    }
    return load(tree)


def component(texts: tuple[str, ...], weights: Any, **causes: str) -> Component:
    made = tuple(feature_of(parse_expression(text).terms[0].factors) for text in texts)
    weights = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    features = Features(made, {name: make_distribution(text) for name, text in causes.items()})
    return Component(features, weights.T @ weights, tuple(range(len(made))))


def by_rows(part: Component, effort: Effort = DEFAULT) -> Estimate:
    """J of a component by Monte Carlo, whatever else there is for it."""
    values, vectors = np.linalg.eigh(part.gram)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    cloud = Cloud(part.features, np.eye(len(root)), effort.seed)
    return cloud.estimate([Term(1.0, part, root)], effort.wanted, effort.purse())


@pytest.fixture(scope="module")
def laplace() -> Story:
    """Signal to noise 2 and 1.5: the reference points of the theory."""
    weights = {"x1": 2.0 / math.sqrt(8.0), "x2": 1.5 / math.sqrt(8.0)}
    latents = {name: f"{weight!r}*mass + noise" for name, weight in weights.items()}
    return story({"mass": "laplace"}, {"theta": "mass"}, **latents)


def test_the_reference_points(laplace: Story) -> None:
    assert laplace.information("I(x1; x2)") == pytest.approx(0.39409, abs=1e-5)
    assert laplace.information("I(mass; x1)") == pytest.approx(0.77499, abs=1e-5)
    assert laplace.information("I(theta; x1)") == laplace.information("I(mass; x1)")
    assert laplace.quantity("I(x1; x2)").method == "quadrature"


def test_a_target_without_noise_is_its_cause(laplace: Story) -> None:
    assert laplace.information("I(x1; x2 | theta)") == pytest.approx(0.0, abs=1e-12)
    assert laplace.information("I(x1; x2; theta)") == pytest.approx(
        laplace.information("I(x1; x2)"), abs=1e-12
    )
    chain = laplace.information("I(x1; theta)") + laplace.information("I(x2; theta | x1)")
    assert laplace.information("I(x1, x2; theta)") == pytest.approx(chain, abs=1e-12)
    with pytest.raises(
        InfiniteInformationError, match=r"because both sides determine `mass` without noise. Add noise"
    ):
        laplace.information("I(theta; mass)")


QUERIES = (
    "I(x1; x2)",
    "I(x1; theta)",
    "I(x1; x2 | theta)",
    "I(x1, x2; theta)",
    "TC(x1, x2, theta)",
    "O(x1, x2, theta)",
)


@pytest.mark.parametrize("query", [*QUERIES, "H(x1)", "H(x1 | theta)", "DTC(x1, x2, theta)"])
def test_normal_causes_that_are_special_only_elsewhere_give_the_closed_form(query: str) -> None:
    latents = {"x1": "0.7*mass@disk + noise", "x2": "0.4*mass - 0.3*spin + 0.5*noise"}
    targets = {"theta": "0.8*mass + 0.5*spin + 0.2*noise"}
    causes = {"mass": "normal", "spin": "normal"}
    plain = load(
        {
            "name": "plain",
            "causes": causes,
            "targets": targets,
            "modalities": {n: {"flow": "identity(1, 4, 4)", "latent": text} for n, text in latents.items()},
        }
    )
    special = load(
        {
            "name": "special",
            "causes": causes,
            "targets": {**targets, "phi": "mass**2*spin + noise"},
            "modalities": {n: {"flow": "identity(1, 4, 4)", "latent": text} for n, text in latents.items()},
        }
    )
    assert not special.gaussian
    assert special.information(query) == pytest.approx(plain.information(query), abs=1e-9)
    assert special.quantity(query).exact


def grid_information(density: np.ndarray, cell: float) -> float:
    """I of two scalars from their joint density on a grid."""
    one, other = density.sum(axis=1) * math.sqrt(cell), density.sum(axis=0) * math.sqrt(cell)
    ratio = np.where(density > 1e-290, density / np.maximum(np.outer(one, other), 1e-300), 1.0)
    return float((density * np.log(np.maximum(ratio, 1e-300))).sum() * cell)


@pytest.mark.parametrize(
    ("law", "function"),
    [
        ("laplace", "m"),
        ("uniform", "m"),
        ("categorical(3)", "m"),
        ("normal", "sin(2*m)"),
        ("laplace", "relu(m)"),
    ],
)
def test_two_scalar_modalities_against_a_dense_grid(law: str, function: str) -> None:
    made = story({"m": law}, dim=1, x1=f"1.5*{function} + noise", x2="m + 0.5*noise")
    distribution = make_distribution(law)
    if distribution.discrete:
        s, mass = distribution.atoms
    else:
        s = np.linspace(*distribution.ends(4.3), 2001)
        mass = distribution.density(s) / distribution.density(s).sum()
    feature = feature_of(parse_expression(function).terms[0].factors)
    first, second = 1.5 * feature.values({"m": s}), s
    step = 0.08
    a, b = (np.arange(v.min() - 6, v.max() + 6, step) for v in (first, second))
    one = np.exp(-0.5 * (a[:, None] - first) ** 2) / math.sqrt(2 * math.pi)
    other = np.exp(-0.5 * ((b[:, None] - second) / 0.5) ** 2) / math.sqrt(2 * math.pi) / 0.5
    expected = grid_information((one * mass) @ other.T, step**2)
    found = made.quantity("I(x1; x2)")
    assert abs(found.value - expected) < 1.5e-3 + 4 * (found.standard_error or 0.0)


def test_a_discrete_cause_holds_at_most_the_logarithm_of_its_values() -> None:
    made = story({"m": "categorical(4)"}, {"theta": "m"}, x1="30*m + noise", x2="0.1*m + noise")
    assert made.information("I(x1; theta)") == pytest.approx(math.log(4), abs=1e-6)
    assert made.information("I(x1, x2; theta)") == pytest.approx(math.log(4), abs=1e-6)
    assert made.information("I(theta; m)") == pytest.approx(math.log(4), abs=1e-12)


def test_independent_special_causes_add_up() -> None:
    made = story(
        {"m": "laplace", "s": "uniform"},
        {"theta": "m + s + noise"},
        x1="0.5*m@patch(0, 4) + 0.3*s@patch(4, 4) + noise",
    )
    parts = (
        linear_information(make_distribution(law), w * math.sqrt(8))
        for law, w in (("laplace", 0.5), ("uniform", 0.3))
    )
    found = made.quantity("I(m, s; x1)")
    assert found.method == "quadrature"
    assert found.value == pytest.approx(sum(parts), abs=1e-9)


@pytest.mark.parametrize("weights", [[[1.0, 0.0], [0.0, 2.0]], [[30.0, 0.0], [0.0, 60.0]]])
@pytest.mark.parametrize("laws", [("laplace", "laplace"), ("student_t(3)", "uniform")])
def test_the_estimate_of_independent_parts_is_within_its_error(weights: Any, laws: tuple[str, str]) -> None:
    part = component(("m", "s"), weights, m=laws[0], s=laws[1])
    found = by_rows(part)
    expected = sum(linear_information(make_distribution(law), weights[i][i]) for i, law in enumerate(laws))
    assert abs(found.value - expected) < 4.5 * found.error  # of 32 replicates
    assert abs(found.bias) <= max(1e-3, 0.5 * found.standard_error)
    assert found.standard_error < 0.02


def test_the_estimate_of_a_gaussian_is_within_its_bias() -> None:
    part = component(("m", "m**2"), [[1.0, 0.0], [0.0, 1e-9]], m="normal")
    found = by_rows(part)
    assert abs(found.value - 0.5 * math.log(2.0)) < 4.5 * found.error + 1e-5


def test_a_curve_in_the_plane_against_plain_monte_carlo() -> None:
    part = component(("m", "m**2"), [[1.0, 0.0], [0.0, 2.0]], m="normal")
    found = by_rows(part)
    generator = np.random.default_rng(8)
    s, noise = generator.standard_normal(4000), generator.standard_normal((4000, 2))
    y = np.stack([s, 2 * s**2], axis=1) + noise
    nodes, mass = make_distribution("normal").nodes(finest=0.2, widest=0.2)
    centres = np.stack([nodes, 2 * nodes**2], axis=1)
    log_p = np.log(np.exp(-0.5 * ((y[:, None] - centres) ** 2).sum(axis=2)) @ mass)
    terms = -0.5 * (noise**2).sum(axis=1) - log_p
    error = math.hypot(terms.std() / math.sqrt(len(terms)), found.standard_error)
    assert abs(terms.mean() - found.value) < 4 * error


def test_quantities_of_several_causes_say_their_error_and_obey_the_chain_rule() -> None:
    made = story(
        {"m": "laplace", "s": "laplace"},
        {"theta": "0.8*m + 0.6*s + 0.3*noise"},
        x1="0.5*m + 0.2*s@patch(0, 4) + noise",
        x2="0.3*s + noise",
    )
    one, two, both = (made.quantity(q) for q in ("I(x1; theta)", "I(x2; theta | x1)", "I(x1, x2; theta)"))
    assert both.method == "quadrature"
    assert abs(both.value - one.value - two.value) <= both.error + one.error + two.error
    assert 0.0 < both.error < 1e-3
    gauss = story(
        {"m": "normal", "s": "normal"},
        {"theta": "0.8*m + 0.6*s + 0.3*noise"},
        x1="0.5*m + 0.2*s@patch(0, 4) + noise",
        x2="0.3*s + noise",
    )
    assert abs(both.value - gauss.information("I(x1, x2; theta)")) < 0.1
    assert both.value != gauss.information("I(x1, x2; theta)")


def test_a_function_of_a_cause_without_noise_that_can_be_turned_round_is_the_cause() -> None:
    made = story({"m": "normal"}, {"theta": "m**3", "phi": "m"}, x1="0.4*m + noise")
    assert made.information("I(theta; x1)") == pytest.approx(made.information("I(phi; x1)"), abs=1e-9)


@pytest.mark.parametrize(
    ("causes", "targets", "query", "message"),
    [
        (
            {"m": "laplace", "s": "laplace"},
            {"theta": "0.8*m + 0.6*s"},
            "I(theta; x1)",
            "`theta`: without noise of their own they fix a function of `m`, `s`, but not the value of each. Add noise",
        ),
        (
            {"m": "normal", "s": "normal"},
            {"theta": "m**2"},
            "I(theta; x1)",
            "`theta`: without noise of their own they fix a function of `m`, but not the value of each. Add noise",
        ),
        (
            {"m": "laplace", "s": "normal"},
            {"theta": "m + s", "phi": "s"},
            "I(theta; phi)",
            "variables without noise of their own share special causes, and this is not supported. Add noise",
        ),
    ],
)
def test_what_is_not_reached_is_an_error_with_a_remedy(
    causes: dict[str, str], targets: dict[str, str], query: str, message: str
) -> None:
    made = story(causes, targets, x1="0.4*m + 0.2*s + noise")
    with pytest.raises(QueryError, match=re.escape(message)):
        made.information(query)


def test_a_channel_that_no_average_resolves_is_an_error_with_a_remedy() -> None:
    texts = ("a*b", "c*d", "e*f", "a*c*e")
    part = component(texts, 1e4 * np.eye(4), **dict.fromkeys("abcdef", "normal"))
    with pytest.raises(
        QueryError, match=r"^information about a, b, c, d, e, f: averages over the causes are uncertain by"
    ):
        by_rows(part)
    signs = tuple(f"s{i}*n" for i in range(18))
    coins = {f"s{i}": "categorical(2)" for i in range(18)}
    with pytest.raises(
        QueryError, match=r"too many values of their causes meet for a sum over all of them\. Use"
    ):
        by_rows(component(signs, np.eye(18), n="normal", **coins))


def test_the_closed_form_refuses_other_laws(laplace: Story) -> None:
    from infoloom.information.measures import entropy, mutual_information

    for call in (
        lambda: mutual_information(laplace.covariance, ["x1"], ["x2"]),
        lambda: entropy(laplace.covariance, ["x1"]),
    ):
        with pytest.raises(
            QueryError, match="expected Gaussian causes and linear equations, because only they have"
        ):
            call()


def test_specs_without_a_variance_or_with_two_laws_are_refused() -> None:
    with pytest.raises(
        SpecError, match=re.escape("equations: `m**2` has no finite variance, because `m` is student_t(3)")
    ):
        story({"m": "student_t(3)"}, {"theta": "m**2 + noise"}, x1="m + noise")
    tree = {
        "name": "two",
        "scale": "student_t(5)",
        "causes": {"m": "laplace"},
        "modalities": {"x": {"flow": "vector(4)", "latent": "m + noise"}},
    }
    with pytest.raises(
        SpecError, match="scale: a common scale has a closed form for normal causes and linear equations only"
    ):
        load(tree)
    with pytest.raises(
        SpecError, match=r"causes\.m\.distribution: unknown distribution `laplas`; did you mean `laplace`\?$"
    ):
        story({"m": "laplas"}, x1="m + noise")


def test_second_moments_and_means_are_those_of_the_rows() -> None:
    made = story(
        {"m": "laplace", "s": "normal"},
        {"theta": "m**2 + 0.5*s + noise", "phi": "relu(s)"},
        x1="0.4*m + 0.5*relu(s)@patch(0, 4) + noise",
    )
    rows = made.sample(40_000, seed=2)
    names = ["m", "s", "theta", "phi", "x1"]
    values = np.concatenate([rows[n].astype(np.float64).reshape(40_000, -1) for n in names], axis=1)
    law = made.covariance.system.law
    basis = made.covariance.system.group("x1").basis
    mean = np.concatenate([law.mean.get(n, np.zeros(1)) for n in names[:-1]] + [law.mean["x1"] @ basis])
    error = values.std(axis=0) / math.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - mean) < 4.5 * error)
    centred = values - mean
    exact = made.covariance.dense(names)
    products = np.einsum("ni,nj->ij", centred, centred) / len(values)
    spread = np.sqrt(np.maximum((centred**2).T @ centred**2 / len(values) - products**2, 0) / len(values))
    assert np.all(np.abs(products - exact) < 4.5 * spread + 1e-6)


def test_whitening_takes_off_the_mean_and_gives_unit_covariance() -> None:
    made = story({"m": "normal"}, x1="0.8*m**2@patch(0, 4) + 0.3*m + noise")
    whitener = made.whitener("x1")
    matrix = whitener.matrix()
    np.testing.assert_allclose(matrix @ made.covariance.dense(["x1"]) @ matrix, np.eye(8), atol=1e-10)
    assert whitener.centre is not None
    centre = whitener.centre @ whitener.basis
    np.testing.assert_allclose(centre[4:], 0.0, atol=1e-12)
    assert np.all(centre[:4] > 0)


def test_channels_know_what_they_show(laplace: Story) -> None:
    channel = make_channel(laplace.covariance, ["theta", "x1"])
    assert channel.known == {"mass"}
    assert channel.components == ()
    seen = make_channel(laplace.covariance, ["x1", "x2"])
    assert seen.components[0].gram[0, 0] == pytest.approx(4.0 + 2.25)


def test_values_that_are_not_exact_never_look_exact() -> None:
    assert Quantity(1.5).text() == "1.500000000000"
    assert Quantity(0.394095, None, "quadrature", 1e-6).text() == "0.394095 ± 0.000001 (quadrature)"
    assert Quantity(1.2341, 0.0052, "Monte Carlo").text() == "1.234 ± 0.005 (Monte Carlo)"
    assert Quantity(12.0, 2.0, "Monte Carlo").text() == "12.0 ± 2.0 (Monte Carlo)"
    assert Quantity(1.5).to_json() == 1.5
    tree = Quantity(math.log(2), 0.1 * math.log(2), "Monte Carlo").to_json(bits=True)
    assert json.loads(json.dumps(tree)) == {
        "value": 1.0,
        "standard_error": pytest.approx(0.1),
        "method": "Monte Carlo",
    }
    assert Quantity(1.0, None, "quadrature", 1e-6).to_json() == {
        "value": 1.0,
        "tolerance": 1e-6,
        "method": "quadrature",
    }


def test_elementwise_monotone_flows_change_nothing(laplace: Story) -> None:
    tree = laplace.spec.to_dict()
    tree["modalities"]["x1"]["flow"] = "vector(8) | asinh"
    assert load(tree).truth() == laplace.truth()


def test_the_stress_presets_share_their_covariances_and_not_their_information() -> None:
    stories = [load(f"stress-{name}") for name in ("normal", "laplace", "student", "uniform")]
    names = ["mass", "theta", "x1", "x2"]
    first = stories[0].covariance.dense(names)
    for other in stories[1:]:
        np.testing.assert_allclose(other.covariance.dense(names), first, atol=1e-14)
    values = [made.information("I(x1, x2; theta)") for made in stories]
    assert values[0] == max(values)
    assert len({round(value, 3) for value in values}) == 4


def test_a_cause_that_is_known_while_its_product_is_seen() -> None:
    """I(m; x) of x = w m s + noise: h(x) − E h(x | m), both by quadrature."""
    weight = 1.5
    made = story({"m": "normal", "s": "normal"}, {"theta": "m"}, dim=4, x=f"{weight / 2}*m*s + noise")
    m, spacing = np.linspace(-9.0, 9.0, 4001, retstep=True)
    prior = np.exp(-0.5 * m**2) / math.sqrt(2.0 * math.pi) * spacing
    variance = 1.0 + (weight * m) ** 2
    y, step = np.linspace(-70.0, 70.0, 4001, retstep=True)
    density = np.exp(-0.5 * y[:, None] ** 2 / variance) / np.sqrt(2.0 * math.pi * variance) @ prior
    wanted = -step * np.sum(density * np.log(density)) - 0.5 * prior @ np.log(
        2.0 * math.pi * math.e * variance
    )
    for query in ("I(theta; x)", "I(m; x)"):
        found = made.quantity(query)
        assert found.standard_error is not None
        assert 0.0 < found.standard_error < 0.01
        assert abs(found.value - wanted) < 4.0 * found.standard_error
    assert made.information("I(theta; x | m)") == pytest.approx(0.0, abs=1e-9)


def test_known_causes_of_other_laws_keep_the_chain_rule() -> None:
    made = story({"m": "laplace", "s": "uniform"}, {"theta": "m"}, x="0.3*m*s + 0.4*s + noise")
    whole, first, second = (made.quantity(q) for q in ("I(m, s; x)", "I(m; x)", "I(s; x | m)"))
    assert abs(whole.value - first.value - second.value) <= 4.0 * (whole.error + first.error + second.error)
    assert second.value > 0.0


def test_a_product_seen_too_sharply_while_a_cause_is_known() -> None:
    made = story({"m": "normal", "s": "normal"}, {"theta": "m"}, x="1e7*m*s + noise")
    with pytest.raises(
        QueryError, match=r"^information about m\*s: they are seen too sharply for a sum over all"
    ):
        made.information("I(s; x | theta)")


def test_pointwise_information_with_a_known_cause_in_a_product() -> None:
    """Given m, x is Gaussian along its template: log N(x; 0, 1 + m²) less the density of x by a sum over m."""
    made = story({"m": "normal", "s": "normal"}, {"theta": "m"}, dim=4, x="0.5*m*s + noise")
    rows = made.sample(50, seed=4)
    along = rows["x"].astype(np.float64).sum(axis=1) / 2.0
    m, step = np.linspace(-9.0, 9.0, 20_001, retstep=True)

    def density(at: Any) -> Any:
        return np.exp(-0.5 * along[:, None] ** 2 / (1 + at**2)) / np.sqrt(2 * math.pi * (1 + at**2))

    whole = density(m) @ np.exp(-0.5 * m**2) * step / math.sqrt(2.0 * math.pi)
    wanted = np.log(density(rows["theta"].astype(np.float64)[:, None])[:, 0] / whole)
    np.testing.assert_allclose(made.pmi(rows, "x", "theta"), wanted, atol=1e-5)


@pytest.mark.parametrize("df", [2.1, 3.0, 5.0])
def test_quadrature_keeps_its_tolerance_in_heavy_tails(df: float) -> None:
    """Against a plain sum over s and y on stretched grids."""
    distribution, weight = make_distribution(f"student_t({df})"), 0.5
    u, v = np.linspace(-25.0, 25.0, 3001), np.linspace(-25.0, 25.0, 12001)
    y, s = np.sinh(u), 0.5 * np.sinh(v)
    mass = distribution.density(s) * 0.5 * np.cosh(v) * (v[1] - v[0])
    nodes, shares = np.polynomial.hermite_e.hermegauss(60)
    near = np.abs(y) < 30.0
    density = np.empty(len(y))
    density[near] = np.exp(-0.5 * (y[near, None] - weight * s) ** 2) @ mass / math.sqrt(2.0 * math.pi)
    density[~near] = distribution.density((y[~near, None] - nodes) / weight) @ shares / shares.sum() / weight
    terms = np.where(density > 0.0, density * np.log(np.maximum(density, 1e-300)), 0.0)
    entropy = -float(np.sum(terms * np.cosh(u)) * (u[1] - u[0]))
    wanted = entropy - 0.5 * math.log(2.0 * math.pi * math.e)
    assert linear_information(distribution, weight) == pytest.approx(wanted, abs=2e-7)


@pytest.mark.filterwarnings("error")
def test_a_function_that_overflows_is_refused() -> None:
    tree = {
        "name": "large",
        "causes": {"c": "normal"},
        "modalities": {"m": {"flow": "vector(2)", "latent": "exp(5*c) + noise"}},
    }
    with pytest.raises(
        QueryError, match=r"^information about c: functions of these causes are too large for float64"
    ):
        load(tree).quantity("I(m; c)")
