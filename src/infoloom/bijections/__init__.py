"""Bijections: what turns latents into observations and leaves every information value as it was."""

from infoloom.bijections.base import Bijection
from infoloom.bijections.build import REGISTRY, build, load_flow
from infoloom.bijections.certificate import certify
from infoloom.bijections.composition import Composition
from infoloom.bijections.stepped import SteppedFlow

__all__ = ["REGISTRY", "Bijection", "Composition", "SteppedFlow", "build", "certify", "load_flow"]
