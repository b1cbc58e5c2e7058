"""A Student scale that all sources share: closed forms against dense Student laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from infoloom.information.elliptical import rank
from infoloom.story import Story, load

DF = 5.0


def story(scale: str | None, dim: int = 3) -> Story:
    tree = {
        "name": "scaled",
        "causes": {"m": "normal", "s": "normal"},
        "targets": {"theta": "0.8*m + 0.6*s", "phi": "0.5*s + 0.3*noise"},
        "modalities": {
            "x1": {"flow": f"vector({dim})", "latent": "0.7*m + 0.2*s@patch(0, 1) + noise"},
            "x2": {"flow": f"vector({dim})", "latent": "0.5*s - 0.3*m + 0.4*noise"},
        },
    }
    return load(tree if scale is None else {**tree, "scale": scale})


@pytest.fixture(scope="module")
def scaled() -> Story:
    return story(f"student_t({DF})")


def entropy(made: Story, names: list[str]) -> float:
    """Of a dense multivariate Student law, by its textbook formula."""
    shape = made.covariance.dense(names) * (DF - 2) / DF
    p = len(shape)
    constant = math.lgamma(DF / 2) + 0.5 * p * math.log(DF * math.pi) - math.lgamma((DF + p) / 2)
    digammas = scipy.special.psi((DF + p) / 2) - scipy.special.psi(DF / 2)
    return 0.5 * np.linalg.slogdet(shape)[1] + constant + 0.5 * (DF + p) * digammas


def test_entropies_are_those_of_dense_student_laws(scaled: Story) -> None:
    for names in (["theta"], ["x1"], ["x1", "x2", "phi"]):
        assert scaled.information(f"H({', '.join(names)})") == pytest.approx(
            entropy(scaled, names), abs=1e-10
        )
    conditional = entropy(scaled, ["x1", "phi"]) - entropy(scaled, ["phi"])
    assert scaled.information("H(x1 | phi)") == pytest.approx(conditional, abs=1e-10)


def test_one_dimension_is_scipys(scaled: Story) -> None:
    reference = scipy.stats.t(DF, scale=math.sqrt((DF - 2) / DF)).entropy()
    assert scaled.information("H(m)") == pytest.approx(float(reference), abs=1e-12)


def test_every_measure_follows_from_entropies(scaled: Story) -> None:
    def h(*names: str) -> float:
        return entropy(scaled, list(names))

    expected = {
        "I(x1; x2)": h("x1") + h("x2") - h("x1", "x2"),
        "I(x1; x2 | phi)": h("x1", "phi") + h("x2", "phi") - h("x1", "x2", "phi") - h("phi"),
        "TC(x1, x2, phi)": h("x1") + h("x2") + h("phi") - h("x1", "x2", "phi"),
        "DTC(x1, x2, phi)": h("x1", "x2", "phi")
        - sum(h("x1", "x2", "phi") - h(*pair) for pair in (("x2", "phi"), ("x1", "phi"), ("x1", "x2"))),
    }
    expected["O(x1, x2, phi)"] = expected["TC(x1, x2, phi)"] - expected["DTC(x1, x2, phi)"]
    expected["I(x1; x2; phi)"] = expected["I(x1; x2)"] - expected["I(x1; x2 | phi)"]
    for query, value in expected.items():
        found = scaled.quantity(query)
        assert found.value == pytest.approx(value, abs=1e-9)
        assert found.exact


def test_components_that_others_determine_do_not_count(scaled: Story) -> None:
    assert rank(scaled.covariance, ["m", "s", "theta"]) == 2
    assert scaled.information("I(x1; theta | m, s)") == pytest.approx(0.0, abs=1e-10)
    joint = scaled.information("I(x1; m, s)")
    assert scaled.information("I(x1; m, s, theta)") == pytest.approx(joint, abs=1e-10)


def test_many_degrees_of_freedom_are_a_gaussian() -> None:
    wide, plain = story("student_t(1000000)"), story(None)
    assert wide.information("I(x1; x2)") == pytest.approx(plain.information("I(x1; x2)"), abs=1e-4)


def test_the_scale_alone_tells_2_93_nats_through_the_radius() -> None:
    latents = {name: {"flow": "vector(3072)", "latent": "noise"} for name in ("x1", "x2")}
    made = load({"name": "radius", "scale": "student_t(5)", "modalities": latents})
    assert made.information("I(x1; x2)") == pytest.approx(2.93, abs=0.005)


def test_pointwise_values_are_dense_student_densities(scaled: Story) -> None:
    rows = scaled.sample(50, seed=4)
    names = ["x1", "phi", "x2"]
    values = np.concatenate([rows[n].astype(np.float64).reshape(50, -1) for n in names], axis=1)
    shape = scaled.covariance.dense(names) * (DF - 2) / DF

    def log_density(at: slice | list[int]) -> np.ndarray:
        index = np.arange(7)[at]
        return scipy.stats.multivariate_t(shape=shape[np.ix_(index, index)], df=DF).logpdf(values[:, index])

    one, middle, other = slice(0, 3), [3], slice(4, 7)
    both = log_density([0, 1, 2, 4, 5, 6])
    np.testing.assert_allclose(
        scaled.pmi(rows, "x1", "x2"), both - log_density(one) - log_density(other), rtol=1e-5, atol=1e-6
    )
    given = (
        log_density(slice(0, 7)) + log_density(middle) - log_density([0, 1, 2, 3]) - log_density([3, 4, 5, 6])
    )
    np.testing.assert_allclose(scaled.pmi(rows, "x1", "x2", "phi"), given, rtol=1e-5, atol=1e-6)


def test_rows_have_the_covariance_and_the_pointwise_mean(scaled: Story) -> None:
    rows = scaled.sample(40_000, seed=1)
    pmi = scaled.pmi(rows, "x1", "x2")
    assert abs(pmi.mean() - scaled.information("I(x1; x2)")) < 4 * pmi.std() / math.sqrt(len(pmi))
    ratio = rows["theta"].astype(np.float64) / np.sqrt((DF - 2) / DF)
    assert scipy.stats.kstest(ratio, "t", args=(DF,)).pvalue > 1e-4
    parts = scaled.sample(100, seed=1, start=300)
    np.testing.assert_array_equal(parts["x1"], rows["x1"][300:400])
