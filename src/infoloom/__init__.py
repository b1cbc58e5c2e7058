"""Multimodal datasets whose mutual information is known exactly, and can be chosen.

A story names causes, targets and modalities and says by linear structural equations how the causes reach
them. It compiles to an exact joint Gaussian over named variables, so every information value is known in
closed form before a single row exists. Rows are drawn from it shard by shard, and each modality's latent goes
through a bijection, which makes it look real and leaves every information value as it was.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infoloom import observations as observations
    from infoloom import presets as presets
    from infoloom import ssl as ssl
    from infoloom.benchmark import tasks as tasks
    from infoloom.datasets import Dataset as Dataset
    from infoloom.datasets import generate as generate
    from infoloom.datasets import open_dataset as open  # noqa: A004, F401
    from infoloom.datasets import verify as verify
    from infoloom.design.designs import design as design
    from infoloom.design.designs import sweep as sweep
    from infoloom.errors import InfoloomError as InfoloomError
    from infoloom.errors import SpecError as SpecError
    from infoloom.presets import preset as preset
    from infoloom.spec.equations.expression import noise as noise
    from infoloom.spec.equations.expression import symbols as symbols
    from infoloom.spec.equations.expression import template as template
    from infoloom.spec.model import Spec as Spec
    from infoloom.story import Story as Story
    from infoloom.story import load as load

_PLACES = {
    "Dataset": "datasets:Dataset",
    "InfoloomError": "errors:InfoloomError",
    "Spec": "spec.model:Spec",
    "SpecError": "errors:SpecError",
    "Story": "story:Story",
    "design": "design.designs:design",
    "generate": "datasets:generate",
    "load": "story:load",
    "noise": "spec.equations.expression:noise",
    "observations": "observations",
    "open": "datasets:open_dataset",
    "preset": "presets:preset",
    "presets": "presets",
    "ssl": "ssl",
    "sweep": "design.designs:sweep",
    "symbols": "spec.equations.expression:symbols",
    "tasks": "benchmark.tasks",
    "template": "spec.equations.expression:template",
    "verify": "datasets:verify",
}

# `design` is a function and a package. The package is imported here, once, so that importing one of its modules
# later does not put it in the place of the function.
import_module("infoloom.design")
del globals()["design"]

__all__ = sorted([*_PLACES, "__version__"])  # noqa: PLE0605
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: importing the package itself costs next to nothing."""
    if name not in _PLACES:
        raise AttributeError(f"module `infoloom` has no attribute `{name}`")
    module, _, attribute = _PLACES[name].partition(":")
    loaded = import_module(f"infoloom.{module}")
    return getattr(loaded, attribute) if attribute else loaded


def __dir__() -> list[str]:
    return list(__all__)
