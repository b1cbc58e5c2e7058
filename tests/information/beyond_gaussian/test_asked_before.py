"""Values of rows do not depend on what a story was asked before: what is kept between questions fits all of them."""

from __future__ import annotations

import itertools

import numpy as np

import infoloom as loom
from infoloom.story import Story

QUERIES = (
    (("c1", "c0"), ("th0", "x"), ("th9", "y")),
    (("x", "k0"), ("c0", "th9"), ("th0", "y")),
    (("x",), ("y",), ()),
    (("th9",), ("x", "y"), ()),
    (("th0",), ("th9",), ("x",)),
)


def products() -> Story:
    """Products of a category and a cause: components with equal Gram matrices, but for rounding."""
    return loom.load(
        {
            "name": "products",
            "causes": {"c0": "normal", "c1": "normal", "k0": "categorical(2)"},
            "fields": {"F": "normal"},
            "targets": {
                "th0": "-1.044*k0*c0 - 0.578*k0 + 1.278*noise",
                "th9": "0.208*k0*c0 + 0.216*k0 + 0.4*y@patch(1, 1) + 1.317*noise",
            },
            "modalities": {
                "x": {
                    "flow": "vector(3)",
                    "latent": "-0.504*c0@patch(1, 1) + 0.649*c1@patch(0, 1) + 0.7*F + 0.861*noise",
                },
                "y": {"flow": "vector(3)", "latent": "-0.316*c0@patch(1, 2) - 0.9*F + 0.414*noise"},
            },
        }
    )


def test_pointwise_information_does_not_depend_on_what_was_asked_before() -> None:
    rows = products().sample(100, seed=3)
    alone = [products().pmi(rows, *query) for query in QUERIES]
    for first, then in itertools.permutations(range(len(QUERIES)), 2):
        story = products()
        story.pmi(rows, *QUERIES[first])
        np.testing.assert_allclose(story.pmi(rows, *QUERIES[then]), alone[then], atol=1e-6, rtol=0.0)
