"""The certificate that a flow's file keeps, and the digest that ties it to the map."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from infoloom.observations.flows.checkpoint import GRAPH, FlowDescription

__all__ = ["begun_digest", "kept_certificate"]


def begun_digest(description: FlowDescription) -> Any:
    """SHA-256 of all that fixes a map but its weights, to be gone on with."""
    parts: list[Any] = [
        description.shape,
        description.solver,
        description.grid,
        sorted(description.network.items()),
    ]
    parts += [description.sigma, description.spread, description.center, description.scale]
    return hashlib.sha256(repr(parts).encode())


def kept_certificate(description: FlowDescription, kind: str, digest: str, name: str) -> Mapping[str, Any]:
    """The certificate in a flow's card, if it belongs to the map of that digest.

    Args:
        description: The flow's description.
        kind: Kind of certificate that such a flow has.
        digest: Of the map as read.
        name: What the flow is called.
    """
    kept = description.card.get("certificate")
    if not isinstance(kept, Mapping):
        return {"kind": kind, "flow": name, "passes": False, "reason": "never certified"}
    if kept.get("digest") != digest:
        return {
            **kept,
            "flow": name,
            "passes": False,
            "reason": "the certificate belongs to other weights or another grid",
        }
    reason = _other_classes(kept.get("class_names"), description)
    return {**kept, "flow": name} | ({"passes": False, "reason": reason} if reason else {})


def _other_classes(said: Any, description: FlowDescription) -> str:
    """Why a certificate does not hold for the classes of a flow; empty where it does."""
    own = list(description.classes or ())
    if said is not None:
        return "" if said == own else "the certificate belongs to other classes"
    # Weights of a trained network fix how many classes it has; those of an adopted one do not.
    if own and description.network.get("name") == GRAPH:
        return (
            "the certificate does not say for which classes; `infoloom flow check --keep` makes one that does"
        )
    return ""
