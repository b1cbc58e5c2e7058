"""Renderers by name: those of the package, registered ones, and those of other packages."""

from __future__ import annotations

from typing import Final

from infoloom.errors import FlowError
from infoloom.observations.renderers.base import Renderer
from infoloom.observations.renderers.chirp import Chirp
from infoloom.observations.renderers.ring import Ring
from infoloom.observations.renderers.rotation_curve import RotationCurve
from infoloom.observations.renderers.sprites import Sprites
from infoloom.observations.renderers.tone import Tone
from infoloom.observations.renderers.xray_spectrum import XraySpectrum
from infoloom.plugins import load
from infoloom.spec.flows.flow import FlowStep
from infoloom.spec.flows.renderers import register_form, renderer_form

__all__ = ["RENDERERS", "make_renderer", "register_renderer"]

RENDERERS: Final[dict[str, type[Renderer]]] = {
    kind.form.name: kind for kind in (Sprites, Ring, XraySpectrum, RotationCurve, Chirp, Tone)
}
"""Renderers by the name that they have in flow expressions."""


def register_renderer(kind: type[Renderer]) -> type[Renderer]:
    """Make a renderer of one's own known to flow expressions in this process; also as a decorator.

    Processes that make shards have to register it too: a package does so with an entry point of the group
    `infoloom.observations` that names the class.

    Raises:
        FlowError: No renderer, or its name is taken by the package.
    """
    if not (isinstance(kind, type) and issubclass(kind, Renderer)):
        raise FlowError(f"renderer `{kind!r}`: expected a class derived from `Renderer` with a `form`.")
    register_form(kind.form)
    RENDERERS[kind.form.name] = kind
    return kind


def make_renderer(step: FlowStep) -> Renderer:
    """The renderer of a step of a flow expression.

    Raises:
        FlowError: No such renderer, or arguments that do not fit.
    """
    form = renderer_form(step.name)
    if form is None:
        raise FlowError(
            f"flow step `{step.name}`: expected a renderer, one of {', '.join(sorted(RENDERERS))}."
        )
    kind = RENDERERS.get(step.name) or load("observations", step.name)
    made: Renderer = kind(form.setup(step.selector, step.args, dict(step.kwargs)))
    return made
