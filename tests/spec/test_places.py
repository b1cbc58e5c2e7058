"""Lines of problems, and texts with other numbers that keep their comments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoloom.errors import SpecError
from infoloom.spec.load import parse_spec, preset_names, preset_text
from infoloom.spec.places import Place, place_of, rewritten
from infoloom.spec.weights import weights, with_weights

WRONG = """\
infoloom: 1
name: wrong   # a comment
causes: {mass: norml}
modalities:
  a:
    flow: vectr(3)
    latent: >-
      0.5*mass
      + 0.2*noize
  b: {flow: vector(4), latent: "0.1*mass +* noise", whitenin: none}
"""


def test_each_problem_has_its_line_and_an_equation_its_character():
    with pytest.raises(SpecError) as caught:
        parse_spec(WRONG)
    places = {problem.split(":")[0]: place_of(WRONG, problem) for problem in caught.value.problems}
    lines = WRONG.split("\n")
    assert places["causes.mass.distribution"] == Place(3, lines[2].index("mass") + 1)
    assert places["modalities.a.flow"] == Place(6, 5)
    assert places["modalities.a.latent"] == Place(9, lines[8].index("noize") + 1)
    assert places["modalities.b.latent"] == Place(10, lines[9].index("* noise") + 1)
    assert places["modalities.b.whitenin"] == Place(10, lines[9].index("whitenin") + 1)


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ("name: [\n  a", "spec: line 2, column 3: not valid YAML: wrong.", Place(2, 3)),
        ("name: a\n", "modalities: this key is missing. Add it.", Place(1, 1)),
        ("name: a\ncauses: {}\n", "equations: a cycle.", Place(1, 1)),
        ("name: [", "causes.mass: wrong.", Place(1, 1)),
        ("a: 1\nrequire: {I(x; y): 2, 'I(x; y | z)': 3}", "require.I(x; y | z): no.", Place(2, 23)),
        ("", "spec: expected a mapping.", Place(1, 1)),
    ],
)
def test_a_problem_stands_as_near_as_its_path_leads(text, problem, place):
    assert place_of(text, problem) == place


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("factor", [1.25, -1.0, 0.0])
def test_presets_with_other_numbers_keep_their_comments_and_layout(name, factor):
    text = preset_text(name)
    spec = parse_spec(text)
    values = {one.path: one.value * factor for one in weights(spec)}
    edited = rewritten(text, values)
    assert [one.value for one in weights(parse_spec(edited))] == [
        one.value for one in weights(with_weights(spec, values))
    ]
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in edited.splitlines() if line.startswith("#")] == comments
    assert len(edited.splitlines()) == len(text.splitlines())


@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_any_number_is_found_again(value, number):
    text = (
        "name: a\ncauses: {c: normal, d: normal}\nmodalities:\n"
        '  x: {flow: vector(4), latent: "-c + 2 * d@ones - .5*c@sparse(2)\n    + noise"}  # end\n'
    )
    edited = rewritten(text, {f"modalities.x.latent[{number}]": value})
    found = {one.path: one.value for one in weights(parse_spec(edited))}
    assert found[f"modalities.x.latent[{number}]"] == value
    assert edited.endswith("# end\n")


def test_numbers_that_stand_in_no_simple_place_are_written_canonically():
    text = (
        "name: a  # gone\ncauses: {c: normal}\nparameters: {p: 2.0}\n"
        "modalities: {x: {flow: vector(4), latent: c*0.5*3*p + noise}}\n"
    )
    edited = rewritten(text, {"modalities.x.latent[0]": 4.0})
    assert parse_spec(edited).modalities["x"].latent == "4*c*p + noise"
    assert "# gone" not in edited


def test_a_parameter_with_bounds_is_found_inside_its_mapping():
    text = (
        "name: a\ncauses: {c: normal}\nparameters:\n  p: {max: 4, value: 2.0, min: 1}  # kept\n"
        "modalities: {x: {flow: vector(4), latent: p*c + noise}}\n"
    )
    assert "p: {max: 4, value: 3.5, min: 1}  # kept" in rewritten(text, {"parameters.p": 3.5})
