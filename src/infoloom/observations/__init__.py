"""Observation maps: what turns latents into observations and leaves every information value as it was."""

from infoloom.observations.base import Bijection
from infoloom.observations.build import REGISTRY, build, load_flow
from infoloom.observations.composition import Composition
from infoloom.observations.flows.certificate import certify
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.injection import Injection
from infoloom.observations.renderers.base import Renderer
from infoloom.observations.renderers.certificate import certify_renderer
from infoloom.observations.renderers.contract import check_renderer
from infoloom.observations.renderers.registry import RENDERERS, register_renderer

__all__ = [
    "REGISTRY",
    "RENDERERS",
    "Bijection",
    "Composition",
    "Injection",
    "Renderer",
    "SteppedFlow",
    "build",
    "certify",
    "certify_renderer",
    "check_renderer",
    "load_flow",
    "register_renderer",
]
