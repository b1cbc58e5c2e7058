"""Where shards are made: in this process, in a few processes of this machine, or on a cluster."""

from infoloom.datasets.engines.base import Engine, Failure, attempt
from infoloom.datasets.engines.local import LocalEngine
from infoloom.datasets.engines.named import engine_named

__all__ = ["Engine", "Failure", "LocalEngine", "attempt", "engine_named"]
