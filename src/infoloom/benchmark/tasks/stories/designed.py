"""Stories whose weights are solved so that a task holds the wanted information exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from scipy.optimize import brentq

from infoloom.benchmark.tasks.base import expect, whole
from infoloom.benchmark.tasks.stories.base import Names, StoryPairTask
from infoloom.design.designs import design
from infoloom.errors import TaskError
from infoloom.spec.model import build_spec
from infoloom.story import Story, compile_story

__all__ = ["WEIGHT", "SharedPairTask", "hold", "holdable", "shared_causes", "shared_pair", "solved"]

#: Name of the weight that is solved for.
WEIGHT: Final = "a"
_LARGEST: Final = 2.0**20
_MOST: Final = 12.0  # nats a pair


def shared_causes(
    name: str, flows: Mapping[str, str], templates: Sequence[Callable[[int], str]], cause: str = "normal"
) -> dict[str, Any]:
    """A spec in which every modality sees the same causes with one weight, each through a template of its own.

    Args:
        name: Name of the story.
        flows: Flow expression of every modality.
        templates: For every cause the template by which the modality of that number sees it.
        cause: Law of the causes.
    """
    latents = [
        " + ".join([*(f"{WEIGHT}*c{k}@{template(i)}" for k, template in enumerate(templates)), "noise"])
        for i in range(len(flows))
    ]
    return {
        "name": name,
        "causes": {f"c{k}": cause for k in range(len(templates))},
        "parameters": {WEIGHT: "free"},
        "modalities": {
            modality: {"flow": flow, "latent": latent}
            for (modality, flow), latent in zip(flows.items(), latents, strict=True)
        },
    }


def shared_pair(name: str, flows: Sequence[str], causes: int, nats: float) -> Story:
    """Two modalities, `x1` and `x2`, that see normal causes by random templates and share what is wanted.

    Args:
        name: Name of the story.
        flows: Their flow expressions.
        causes: How many causes.
        nats: I(x1; x2).
    """
    templates = [lambda modality, cause=k: f"random(seed={1000 * modality + cause})" for k in range(causes)]
    spec = shared_causes(name, dict(zip(("x1", "x2"), flows, strict=True)), templates)
    return hold(spec, "I(x1; x2)", nats)


def hold(spec: dict[str, Any], query: str, nats: float) -> Story:
    """The story whose weight makes a quantity what is wanted.

    Normal causes are left to the design solver, which holds it to 1e-9 nats. For others see `solved`.

    Args:
        spec: A spec with the free parameter `a`.
        query: Such as `I(x1; x2)`.
        nats: What it is to be; 0 is a weight of 0.

    Raises:
        TaskError: More than any weight gives.
        DesignError: The same, of normal causes.
    """
    if nats == 0.0:
        return _weighted(spec, 0.0)
    if set(spec["causes"].values()) == {"normal"}:
        return design({**spec, "require": {query: nats}}).story
    return solved(spec, query, nats)


def solved(spec: dict[str, Any], query: str, nats: float) -> Story:
    """The story whose weight makes a quantity what is wanted, by a root of the quantity, whatever it is.

    A quantity of words, or of causes that are not normal, is a quadrature, which the design solver does not know; the
    root is found to 1e-9 nats, and how exact the quadrature is, the story's value says.

    Args:
        spec: A spec with the free parameter `a`, of which the quantity grows.
        query: Such as `I(x1; text)`.
        nats: What it is to be; 0 is a weight of 0.

    Raises:
        TaskError: More than any weight gives.
    """
    if nats == 0.0:
        return _weighted(spec, 0.0)

    def excess(logarithm: float) -> float:
        return _weighted(spec, math.exp(logarithm)).information(query) - nats

    high = 0.0
    while excess(high) < 0.0:
        high += math.log(2.0)
        if high > math.log(_LARGEST):
            raise TaskError(
                f"task setting `nats={nats}`: expected less, because no weight gives as much. Lower it."
            )
    low = high - math.log(2.0)
    while excess(low) > 0.0:
        low -= math.log(4.0)
    return _weighted(spec, math.exp(brentq(excess, low, high, xtol=1e-13, rtol=1e-14)))


def _weighted(spec: Mapping[str, Any], weight: float) -> Story:
    return compile_story(build_spec({**spec, "parameters": {WEIGHT: weight}}))


class SharedPairTask(StoryPairTask):
    """A task on what `shared_pair` makes: two modalities, seen through their maps."""

    kinds = ("continuous", "continuous")

    @property
    def sides(self) -> tuple[Names, Names]:
        """The two modalities."""
        return ("x1",), ("x2",)

    @property
    def observed(self) -> bool:
        """Modalities are seen through their map."""
        return True

    def _accept(self, nats: float, usual_nats: str, pairs: int, most: int, usual_pairs: str) -> None:
        """Refuse settings that do not fit; keep the truth as a float."""
        fits = whole(pairs) and 1 <= pairs <= most
        expect(fits, "pairs", pairs, f"a whole number from 1 to {most}", f"Use {usual_pairs}.")
        holdable(nats, pairs, usual_nats)
        object.__setattr__(self, "nats", float(nats))


def holdable(nats: float, pairs: int, usual: str) -> None:
    """Refuse more information than so many causes can bring while rows still show it.

    Raises:
        TaskError: The same.
    """
    most = _MOST * pairs
    wanted = f"a number from 0 to {most:g}, {_MOST:g} a pair, which rows still show"
    expect(0.0 <= nats <= most, "nats", nats, wanted, f"Use {usual}, or more pairs.")
