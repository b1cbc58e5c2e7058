"""Which plug-ins a story needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from infoloom.law.templates import TEMPLATES
from infoloom.plugins import Plugin, offered
from infoloom.spec.equations.distribution import DISTRIBUTIONS
from infoloom.spec.equations.parser import ExpressionError, parse_call, parse_expression
from infoloom.spec.flows.flow import SHAPE_KEEPING, parse_flow
from infoloom.spec.model import Spec

__all__ = ["used_plugins"]


def used_plugins(spec: Spec) -> tuple[Plugin, ...]:
    """The plug-ins that a spec names, sorted: steps of flows, templates and distributions; our own names come first."""
    own = {"observations": SHAPE_KEEPING, "templates": TEMPLATES, "distributions": DISTRIBUTIONS}
    found = {
        (kind, name): offered(kind)[name]
        for kind, name in _named(spec)
        if name not in own[kind] and name in offered(kind)
    }
    return tuple(found[key] for key in sorted(found))


def _named(spec: Spec) -> Iterator[tuple[str, str]]:
    """Kind and name of everything that could be a plug-in."""
    tree = spec.to_dict()
    for modality in tree["modalities"].values():
        yield from (("observations", step.name) for step in parse_flow(modality["flow"]))
    equations = [
        *tree.get("targets", {}).values(),
        *(one.get("latent") for one in tree["modalities"].values()),
    ]
    for equation in equations:
        if isinstance(equation, str):
            with suppress(ExpressionError):
                for term in parse_expression(equation).terms:
                    if term.template is not None:
                        yield "templates", term.template.name
    for cause in spec.causes.values():
        with suppress(ExpressionError):
            yield "distributions", parse_call(cause.distribution).name
