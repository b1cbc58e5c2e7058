"""Bijections: what turns latents into observations and leaves every information value as it was."""

from infoloom.observations.base import Bijection
from infoloom.observations.build import REGISTRY, build, load_flow
from infoloom.observations.composition import Composition
from infoloom.observations.flows.certificate import certify
from infoloom.observations.flows.stepped import SteppedFlow

__all__ = ["REGISTRY", "Bijection", "Composition", "SteppedFlow", "build", "certify", "load_flow"]
