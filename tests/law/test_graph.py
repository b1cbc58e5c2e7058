"""Names, sizes and order of a story, d-separation, and every error of an equation by its text and place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import stories

from infoloom.errors import SpecError
from infoloom.law.graph import build_graph
from infoloom.spec.model import build_spec


def graph(tree):
    return build_graph(build_spec({"name": "g", **tree}))


def story(latent="m + noise", target="m", flow="identity(1, 2, 2)", **more):
    return {
        "causes": {"m": "normal", "spin": "normal", "style": {"size": 3}},
        "fields": {"f": "normal"},
        "parameters": {"p": 0.5},
        "targets": {"t": target},
        "modalities": {
            "x": {"flow": flow, "latent": latent},
            "y": {"flow": "vector(4)", "latent": "f + noise"},
        },
        **more,
    }


def test_kinds_sizes_and_order():
    g = graph(story("m + t@disk + y + noise"))
    assert g.names("cause") == ("m", "spin", "style")
    assert g.names("modality", "target") == ("t", "x", "y")
    assert [g.nodes[n].shape for n in ("m", "style", "f", "t", "x", "y")] == [
        (),
        (3,),
        (4,),
        (),
        (1, 2, 2),
        (4,),
    ]
    assert [g.nodes[n].dim for n in ("m", "style", "f", "t", "x", "y")] == [1, 3, 4, 1, 4, 4]
    assert g.nodes["x"].parents == ("m", "t", "y")
    for name in g.order:
        assert all(g.order.index(parent) < g.order.index(name) for parent in g.nodes[name].parents)


def test_edges():
    (edge, noise) = graph(story("-2*p*m@disk + noise")).nodes["x"].edges
    assert (edge.source, edge.parameters, edge.coefficient, edge.linear) == ("m", ("p",), -2.0, True)
    assert edge.weight({"p": 3.0}) == -6.0
    assert (noise.source, noise.weight({})) == ("noise", 1.0)


@pytest.mark.parametrize(
    ("tree", "message", "character"),
    [
        (
            story("0.5*n + noise"),
            "modalities.x.latent: unknown name `n`. Add it to `causes`, `fields` or `parameters`.",
            5,
        ),
        (story("0.5*spim + noise"), "modalities.x.latent: unknown name `spim`; did you mean `spin`?", 5),
        (story("m + nois"), "modalities.x.latent: unknown name `nois`; did you mean `noise`?", 5),
        (story("m +"), "modalities.x.latent: expected a number or a name, got the end.", 4),
        (story(target="m m"), "targets.t: expected `+`, `-`, `*`, `@` or the end, got `m`.", 3),
        (
            story("m + 0.5"),
            "modalities.x.latent: expected a source in the term: a cause, a field, a target, a modality or `noise`.",
            5,
        ),
        (
            story("p + noise"),
            "modalities.x.latent: expected a source in the term: a cause, a field, a target",
            1,
        ),
        (story("p[0]*m"), "modalities.x.latent: the parameter `p` can only be a plain factor.", 1),
        (story("m*p**2"), "modalities.x.latent: the parameter `p` can only be a plain factor.", 3),
        (
            story("m[0]"),
            "modalities.x.latent: `m[0]`: only a cause with a size has components. Write `m`.",
            1,
        ),
        (
            story("y[1]"),
            "modalities.x.latent: `y[1]`: only a cause with a size has components. Write `y`.",
            1,
        ),
        (
            story("noise[1]"),
            "modalities.x.latent: `noise[1]`: only a cause with a size has components. Write `noise`.",
            1,
        ),
        (story("style[3]"), "modalities.x.latent: `style[3]`: expected a component from 0 to 2.", 1),
        (
            story(target="style"),
            "targets.t: `style` has 3 components. Name one of them, such as `style[0]`.",
            1,
        ),
        (
            story("m*f"),
            "modalities.x.latent: `f`: only causes can be multiplied or stand in a function or a power.",
            1,
        ),
        (
            story("m*noise"),
            "modalities.x.latent: `noise`: only causes can be multiplied or stand in a function or a power.",
            1,
        ),
        (
            story("y**2"),
            "modalities.x.latent: `y`: only causes can be multiplied or stand in a function or a power.",
            1,
        ),
        (
            story(target="m@ones"),
            "targets.t: a target is a scalar: only a field or a modality is read by a template. Remove the `@`.",
            1,
        ),
        (
            story(target="noise@ones"),
            "targets.t: a target is a scalar: only a field or a modality is read",
            1,
        ),
        (
            story("noise@ones"),
            "modalities.x.latent: noise enters as it is, without a template. Remove the `@`, or use a cause.",
            1,
        ),
        (
            story("f@ones"),
            "modalities.x.latent: the field `f` enters as it is, without a template. Remove the `@`, or use",
            1,
        ),
        (
            story("y@ones"),
            "modalities.x.latent: the modality `y` enters as it is, without a template. Remove the `@`, or",
            1,
        ),
    ],
)
def test_errors_of_equations(tree, message, character):
    with pytest.raises(SpecError) as caught:
        graph(tree)
    first, excerpt, pointer = caught.value.problems[0].split("\n")
    assert first.startswith(message)
    assert pointer.endswith(f"^ character {character}")
    assert pointer.index("^") == 4 + character - 1
    assert excerpt.startswith("    ")


def test_a_long_equation_is_cut_around_the_character():
    text = "m + " * 30 + "spim" + " + m" * 30
    with pytest.raises(SpecError) as caught:
        graph(story(text))
    _, excerpt, pointer = caught.value.problems[0].split("\n")
    assert excerpt[pointer.index("^") :].startswith("spim")
    assert len(excerpt) <= 64


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (
            story(None),
            "modalities.x.latent: this equation is missing. Add it, such as `0.7*cause + 0.2*noise`.",
        ),
        (story(target=None), "targets.t: this equation is missing. Add it, such as `0.7*cause + 0.2*noise`."),
        (
            story(flow="vectr(4)"),
            "modalities.x.flow: flow `vectr(4)`: expected a first step that fixes the shape, such as",
        ),
        (
            story(fields={"f": "normal", "g": "normal"}),
            "fields.g: no modality uses it, so its size is unknown. Use it in an equation or remove it.",
        ),
        (
            story("f + noise", flow="vector(5)"),
            "fields.f: expected modalities of one size, but `x` has 5 components and `y` has 4. Use one field a size.",
        ),
        (
            story("y + noise", flow="vector(5)"),
            "modalities.x.latent: `y` has 4 components and enters through the identity, but `x` has 5.",
        ),
        (
            story("x + noise"),
            "equations: a cycle `x` → `x`; expected a graph without one. Remove an edge of it.",
        ),
    ],
)
def test_other_errors(tree, message):
    with pytest.raises(SpecError) as caught:
        graph(tree)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(message)


def test_longer_cycles():
    with pytest.raises(
        SpecError, match=r"^equations: a cycle (`\w` → )+`\w`; expected a graph without one\."
    ) as caught:
        graph(
            story("t + noise", target="y@ones")
            | {
                "modalities": {
                    "x": {"flow": "vector(4)", "latent": "t + f + noise"},
                    "y": {"flow": "vector(4)", "latent": "x + noise"},
                }
            }
        )
    assert {"`t`", "`x`", "`y`"} <= set(str(caught.value).replace(";", " ").split())


def test_all_problems_at_once():
    with pytest.raises(SpecError) as caught:
        graph(
            story(
                "0.5*spim + style[7] + m@",
                target="m@ones + quark",
                flow="vector(0)",
                fields={"f": "normal", "g": "normal"},
            )
        )
    paths = [problem.split(": ")[0] for problem in caught.value.problems]
    assert paths == ["modalities.x.flow", "targets.t", "targets.t", "modalities.x.latent", "fields.g"]


def test_a_flow_without_a_shape_causes_no_other_problem():
    with pytest.raises(SpecError) as caught:
        graph({"fields": {"f": "normal"}, "modalities": {"x": {"flow": "vector(0)", "latent": "f + noise"}}})
    assert len(caught.value.problems) == 1


def test_ancestors():
    g = graph(story("m + t@ones + noise", target="0.5*spin + y@ones"))
    assert g.ancestors(["x"]) == {"x", "m", "t", "spin", "y", "f"}
    assert g.ancestors([]) == frozenset()


COLLIDER = {"causes": {"a": "normal", "b": "normal", "c": "normal"}, "targets": {"s": "a + b", "e": "s + c"}}


@pytest.mark.parametrize(
    ("a", "b", "given", "separated"),
    [
        ("a", "b", "", True),
        ("a", "b", "s", False),
        ("a", "b", "e", False),  # a descendant of the collider opens it too
        ("a", "e", "", False),
        ("a", "e", "s", True),
        ("a", "c", "e", False),
        ("a", "c", "es", True),
        ("a", "a", "", False),
        ("a", "a", "a", True),
    ],
)
def test_d_separation(a, b, given, separated):
    g = graph({**COLLIDER, "modalities": {"x": {"flow": "vector(1)", "latent": "e + noise"}}})
    assert g.d_separated(a, b, tuple(given)) is separated
    assert g.d_separated(b, a, tuple(given)) is separated


@given(stories(), st.data())
@settings(max_examples=60)
def test_d_separation_is_symmetric_and_blocked_paths_stay_as_in_the_definition(tree, data):
    """Against the definition: every path is followed, colliders opened by given descendants."""
    g = build_graph(build_spec(tree))
    names = data.draw(st.permutations(list(g.nodes)))
    if len(names) < 2:
        return
    a, b, *rest = names
    condition = frozenset(rest[: data.draw(st.integers(0, min(3, len(rest))))])
    children = {n: [m for m in g.nodes if n in g.nodes[m].parents] for n in g.nodes}
    opened = g.ancestors(condition)
    # Reachability over (node, arrived from a child?) as in Koller & Friedman, algorithm 3.1.
    todo, seen, reached = [(a, True)], set(), False
    while todo:
        node, upwards = todo.pop()
        if (node, upwards) in seen:
            continue
        seen.add((node, upwards))
        reached |= node == b and node not in condition
        if upwards and node not in condition:
            todo += [(p, True) for p in g.nodes[node].parents] + [(c, False) for c in children[node]]
        elif not upwards:
            if node not in condition:
                todo += [(c, False) for c in children[node]]
            if node in opened:
                todo += [(p, True) for p in g.nodes[node].parents]
    assert g.d_separated([a], [b], condition) is not reached
    assert g.d_separated([b], [a], condition) is not reached
