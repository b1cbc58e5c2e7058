"""Observation maps: they turn latents into observations and change no information value."""

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
from infoloom.observations.flows.checking.certificate import Effort, certify
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.injection import Injection
from infoloom.observations.renderers.base import Renderer
from infoloom.observations.renderers.certificate import certify_renderer
from infoloom.observations.renderers.contract import check_renderer
from infoloom.observations.renderers.registry import RENDERERS, register_renderer

__all__ = [
    "REGISTRY",
    "RENDERERS",
    "Adopted",
    "Bijection",
    "Composition",
    "Effort",
    "ExactFlow",
    "GridSearch",
    "Injection",
    "Renderer",
    "SteppedFlow",
    "adopt",
    "build",
    "certify",
    "certify_renderer",
    "check_renderer",
    "from_diffusers",
    "from_flow_matching",
    "from_freia",
    "from_nflows",
    "from_normflows",
    "from_torchcfm",
    "from_zuko",
    "load_flow",
    "register_renderer",
]
