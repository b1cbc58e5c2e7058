"""∂z/∂cause against counterfactual twins."""

from __future__ import annotations

import numpy as np
import pytest

from infoloom.effects import effect
from infoloom.errors import QueryError
from infoloom.story import load

TREE = {
    "name": "bent",
    "causes": {"mass": "laplace", "spin": "normal", "style": {"size": 2}},
    "fields": {"texture": "normal"},
    "targets": {"theta": "0.5*mass + spin"},
    "modalities": {
        "x": {
            "flow": "identity(1, 4, 4)",
            "latent": "0.4*mass@disk + 0.2*theta + 0.3*sin(2*spin)@ones + 0.1*spin**3*mass + style@random(3) + noise",
        },
        "y": {
            "flow": "identity(1, 4, 4)",
            "latent": "0.5*x + texture + 0.2*relu(spin) + 0.1*tanh(spin)**2 + 0.1*exp(0.2*spin) + 0.1*abs(spin) + "
            "0.1*cos(spin) + 0.1*sign(spin) + noise",
        },
    },
}


@pytest.mark.parametrize("cause", ["mass", "spin"])
@pytest.mark.parametrize("modality", ["x", "y"])
def test_it_is_the_slope_of_the_counterfactual(cause, modality):
    story = load(TREE)
    rows = story.sample(40, seed=3)
    step = 1e-2
    up, down = (story.twins(40, 3, node=cause, shift=sign * step)[1][modality] for sign in (1, -1))
    found = effect(story, cause, modality, rows)
    # A row whose cause crosses a kink of relu, abs or sign within the step has no derivative there.
    smooth = np.abs(rows[cause]) > step
    slopes = (up.astype(np.float64) - down) / (2 * step)
    curvature = 4e-3  # of the third derivatives, which the difference leaves out, in units of step²
    assert np.abs(found - slopes)[smooth].max() < curvature


def test_of_a_linear_story_it_is_the_loading_times_the_template():
    story = load("black-hole-templates")
    found = effect(story, "mass", "radio", story.sample(3))
    template = story.templates()["radio: mass@disk"].ravel()
    assert found == pytest.approx(np.tile(0.03 * template, (3, 1)), abs=1e-12)


def test_a_component_of_a_cause_has_an_effect_of_its_own():
    story = load(TREE)
    found = effect(story, "style[1]", "x", story.sample(1))
    up, none = (story.sample(1)["x"], story.intervene(style=[0.0, 0.0]).sample(1)["x"])
    values = story.sample(1)["style"][0]
    first = effect(story, "style[0]", "x", story.sample(1))
    assert values[0] * first + values[1] * found == pytest.approx((up - none).astype(float), abs=1e-5)


def test_an_intervention_ends_the_effect():
    story = load("black-hole-templates").intervene(mass=1.0)
    assert not effect(story, "mass", "xray", story.sample(2)).any()


def test_wrong_names():
    story = load(TREE)
    with pytest.raises(
        QueryError,
        match=r"effect of `theta`: expected a scalar cause, one of mass, spin, style\[0\], style\[1\]\.",
    ):
        effect(story, "theta", "x", story.sample(1))
    with pytest.raises(QueryError, match="unknown modality `z`"):
        effect(story, "mass", "z", story.sample(1))
