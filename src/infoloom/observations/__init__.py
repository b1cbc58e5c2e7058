"""Bijections: what turns latents into observations and leaves every information value as it was."""

from infoloom.observations.adopted.adopt import Adopted, adopt
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.adopted.grid_search import GridSearch
from infoloom.observations.adopted.packages import (
    from_diffusers,
    from_flow_matching,
    from_freia,
    from_nflows,
    from_normflows,
    from_torchcfm,
    from_zuko,
)
from infoloom.observations.base import Bijection
from infoloom.observations.build import REGISTRY, build, load_flow
from infoloom.observations.composition import Composition
from infoloom.observations.flows.certificate import Effort, certify
from infoloom.observations.flows.stepped import SteppedFlow

__all__ = [
    "REGISTRY",
    "Adopted",
    "Bijection",
    "Composition",
    "Effort",
    "ExactFlow",
    "GridSearch",
    "SteppedFlow",
    "adopt",
    "build",
    "certify",
    "from_diffusers",
    "from_flow_matching",
    "from_freia",
    "from_nflows",
    "from_normflows",
    "from_torchcfm",
    "from_zuko",
    "load_flow",
]
