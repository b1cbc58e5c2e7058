"""Every finding: on a story that has the ailment, on one that has not, and against dense numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from infoloom.information.diagnostics import Finding, collapse, condition, flow_input
from infoloom.story import Story, load


def story(*, whitening: str = "whiten", causes: dict[str, Any] | None = None, **latents: str) -> Story:
    return load(
        {
            "name": "diagnosed",
            "causes": causes or {"m": "normal", "s": "normal"},
            "fields": {"f": "normal"} if any("f" in text.split() for text in latents.values()) else {},
            "targets": {"theta": "m + 0.1*noise"},
            "modalities": {
                name: {"flow": "identity(1, 4, 4)", "latent": text, "whitening": whitening}
                for name, text in latents.items()
            },
        }
    )


def finding(made: Story, name: str, subject: str = "x") -> Finding:
    return next(f for f in made.diagnose() if (f.name, f.subject) == (name, subject))


def test_a_healthy_story_has_nothing_to_mend() -> None:
    made = story(x="0.4*m@ones + 0.3*s@random(1) + noise", y="0.5*m@random(2) + noise")
    assert [f.name for f in made.diagnose() if not f.healthy] == []
    assert {f.subject for f in made.diagnose()} == {"x", "y", "all modalities"}


def test_condition_numbers_are_dense_ones() -> None:
    made = story(x="3*m@ones + 0.5*s@random(1) + 0.2*noise", y="0.5*m@random(2) + noise")
    for names in (["x"], ["x", "y"]):
        worst, smallest = condition(made.covariance, names)
        values = np.linalg.eigvalsh(made.covariance.dense(names))
        assert worst == pytest.approx(values[-1] / values[0], rel=1e-9)
        assert smallest == pytest.approx(math.sqrt(values[0]), rel=1e-9)


def test_a_tiny_noise_is_found() -> None:
    made = story(x="m@ones + 1e-6*noise")
    assert not finding(made, "condition").healthy
    found = finding(made, "smallest spread")
    assert not found.healthy
    assert found.value == pytest.approx(1e-6)
    assert "smallest standard deviation 1e-06 of a direction of `x`" in found.detail
    assert found.remedy.startswith("Add noise to `x`, such as `+ 0.1*noise`.")


def test_modalities_that_nearly_determine_each_other_are_found() -> None:
    made = story(x="0.3*m + noise", y="x + 1e-5*noise")
    found = finding(made, "condition", "all modalities")
    assert not found.healthy
    assert found.remedy == "Modalities nearly determine each other: add noise to one of them."


def test_a_template_of_one_component_is_a_collapse() -> None:
    made = load(
        {
            "name": "point",
            "causes": {"m": "normal"},
            "modalities": {"x": {"flow": "identity(1, 32, 32)", "latent": "m@patch(3, 3, 1, 1) + noise"}},
        }
    )
    found = finding(made, "components")
    assert (found.value, found.healthy) == (1.0, False)
    assert found.detail == "1 of 1024 components of `x` carry 90 % of its signal about the causes"
    wide = story(x="0.4*m@ones + noise")
    assert finding(wide, "components").value == 15.0  # of 16 equal ones
    assert finding(wide, "components").healthy


def test_causes_on_one_template_have_one_direction() -> None:
    same = story(x="0.5*m@ones + 0.5*s@ones + noise")
    found = finding(same, "effective rank")
    assert found.value == pytest.approx(1.0)
    assert collapse(same.covariance, "x")[2] == 2
    apart = story(x="0.5*m@patch(0, 0, 2, 4) + 0.5*s@patch(2, 0, 2, 4) + noise")
    assert finding(apart, "effective rank").value == pytest.approx(2.0)
    four = dict.fromkeys("mstu", "normal")
    crowd = story(causes=four, x="m@ones + s@ones + t@ones + u@ones + noise")
    assert not finding(crowd, "effective rank").healthy


def test_only_causes_that_a_modality_sees_count_alone_or_in_functions() -> None:
    causes = {"m": "laplace", "s": "uniform", "t": "normal", "u": "student_t(9)"}
    made = story(causes=causes, x="0.5*m**2@ones + 0.2*m*s@patch(0, 0, 2, 4) + 0.3*t@ones + 0*u + noise")
    assert collapse(made.covariance, "x")[2] == 3


@pytest.mark.parametrize("whitening", ["none", "scale"])
def test_latents_off_the_manifold_are_found_when_whitening_is_off(whitening: str) -> None:
    made = story(whitening=whitening, x="0.8*m@ones + 2*noise")
    matrix = made.whitener("x").matrix()
    dense = matrix @ made.covariance.dense(["x"]) @ matrix
    found = finding(made, "flow input")
    assert found.value == pytest.approx(np.linalg.eigvalsh(dense)[-1])
    assert not found.healthy
    assert f"(whitening: {whitening}); trained flows expect 1 and 1" in found.detail
    square, _ = flow_input(made.covariance, "x", made.whitener("x"))
    assert square == pytest.approx(np.trace(dense) / 16)


def test_whitening_is_healthy_and_an_intervention_leads_away_from_it() -> None:
    made = story(x="0.8*m@ones + 0.5*noise")
    assert finding(made, "flow input").value == pytest.approx(1.0)
    assert finding(made, "flow input").healthy
    held = made.intervene(m=8.0)
    square, largest = flow_input(held.covariance, "x", held.whitener("x"))
    matrix = held.whitener("x").matrix()
    mean = matrix @ np.full(16, 0.8 * 8.0)
    expected = np.trace(matrix @ held.covariance.dense(["x"]) @ matrix) + mean @ mean
    assert square == pytest.approx(expected / 16)
    assert largest == pytest.approx(1.0)
    assert not finding(held, "flow input").healthy


def test_the_kurtosis_of_what_is_not_gaussian_is_measured() -> None:
    made = story(causes={"m": "laplace"}, x="m@ones + 0.5*noise")
    share = 16.0 / 16.25
    found = finding(made, "kurtosis")
    assert not found.healthy
    assert abs(found.value - 3.0 * share**2) < 5 * 0.45  # the spread of a Laplace kurtosis from 2048 rows
    assert not [f for f in story(x="m@ones + noise").diagnose() if f.name == "kurtosis"]


def test_findings_are_plain_values() -> None:
    tree = finding(story(x="0.4*m@ones + noise"), "components").to_json()
    assert list(tree) == ["name", "subject", "value", "healthy", "detail", "remedy"]
