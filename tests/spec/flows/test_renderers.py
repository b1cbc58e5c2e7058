"""Renderers in flow expressions: ranges, kinds, names of factors, and errors."""

from __future__ import annotations

import math

import pytest

from infoloom.errors import FlowError
from infoloom.spec.flows.flow import FlowStep, flow_factors, flow_shape, latent_shape, parse_flow
from infoloom.spec.flows.renderers import FORMS, register_form


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("ring(64, diameter=[20, 44])", FlowStep("ring", None, (64,), (("diameter", (20.0, 44.0)),))),
        (
            "sprites[heart](32, angle=[-0.5,0.5])",
            FlowStep("sprites", "heart", (32,), (("angle", (-0.5, 0.5)),)),
        ),
        ("f([1, a])", FlowStep("f", None, ("[1, a]",))),
        (
            """caption("a, (b) | 'c' [d", k='e=f')""",
            FlowStep("caption", None, ("a, (b) | 'c' [d",), (("k", "e=f"),)),
        ),
        (r'f("say \"a\"")', FlowStep("f", None, ('say "a"',))),
    ],
)
def test_lists_and_quotes(text: str, step: FlowStep) -> None:
    assert parse_flow(text) == (step,)
    assert parse_flow(f"{text} | asinh") == (step, FlowStep("asinh"))


@pytest.mark.parametrize("name", FORMS)
def test_shapes_and_factors(name: str) -> None:
    form = FORMS[name]
    text = f"{name}[{form.kinds[0]}]" if form.kinds else name
    assert flow_shape(text) == form.shape(form.size)
    assert flow_factors(f"{text} | asinh") == form.names
    assert latent_shape(text) == (len(form.names),)
    low, high = form.levels(form.setup(form.kinds[0] if form.kinds else None).ranges)
    assert math.isfinite(low)
    assert low < high
    for factor in form.factors:
        assert factor.limits[0] <= factor.low < factor.high <= factor.limits[1]


def test_a_setup_is_written_as_it_is_asked_for() -> None:
    assert (
        str(FORMS["ring"].setup(args=(32,), kwargs={"diameter": (12.0, 13.0)}))
        == "ring(32, diameter=[12, 13])"
    )
    assert str(FORMS["sprites"].setup("star")) == "sprites[star](64)"
    assert latent_shape("vector(3) | asinh") == (3,)
    assert flow_factors("vector(3)") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ring(3)", "flow `ring(3)`: expected one size, a whole number from 16 to 1,024, as in `ring(64)`."),
        ("ring(64.5)", "flow `ring(64.5)`: expected one size"),
        ("ring(64, 64)", "flow `ring(64, 64)`: expected one size"),
        ("ring(64, diametr=[1, 2])", "flow `ring`: unknown factor `diametr`; did you mean `diameter`?"),
        ("ring(64, q=[1, 2])", "flow `ring`: unknown factor `q`; expected one of diameter, width,"),
        (
            "ring(64, diameter=20)",
            "flow `ring(diameter=20)`: expected two numbers, the lower first, as in `diameter=[20, 44]`.",
        ),
        ("ring(64, diameter=[20, 30, 40])", "flow `ring(diameter=(20.0, 30.0, 40.0))`: expected two numbers"),
        (
            "ring(64, angle=[-4, 4])",
            "flow `ring(angle=[-4, 4])`: expected a range within -3.1 to 3.1, the lower end first, because outside it "
            "the observation does not show the factor.",
        ),
        ("ring(64, diameter=[44, 20])", "flow `ring(diameter=[44, 20])`: expected a range within 8 to 56"),
        ("ring[a](64)", "flow `ring[a]`: it has no shapes. Write `ring(64)`."),
        (
            "sprites(64)",
            "flow `sprites`: expected a shape, one of square, ellipse, triangle, heart, star, ring. Write "
            "`sprites[square](64)`.",
        ),
        (
            "sprites[hart]",
            "flow `sprites[hart]`: expected one of square, ellipse, triangle, heart, star, ring.",
        ),
        (
            "vector(6) | ring(64)",
            "flow `vector(6) | ring(64)`: step `ring` after `vector`: expected a renderer as the first step and no "
            "trained flow behind it, because its factors are the latent. Use one modality each.",
        ),
        ("rng(64)", "Did you mean `ring`?"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(FlowError) as caught:
        flow_shape(text)
    assert message in str(caught.value)


def test_names_of_the_package_are_taken() -> None:
    with pytest.raises(
        FlowError, match=r"renderer `ring`: this name is taken by the package. Choose another one."
    ):
        register_form(FORMS["ring"])
