"""Observations without torch: the maps that only whiten a latent and give it another shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.errors import DatasetError
from infoloom.spec.flows.flow import flow_caption, flow_shape, parse_flow

if TYPE_CHECKING:
    from infoloom.law.covariance import Whitener
    from infoloom.story import Story

__all__ = [
    "CERTIFICATE",
    "PlainMap",
    "has_torch",
    "is_plain",
    "numpy_path",
    "plain_map",
    "plain_only",
    "whitened",
]

Array = np.ndarray[Any, Any]
BATCH: Final = 4096
CERTIFICATE: Final[Mapping[str, Any]] = {"kind": "exact", "passes": True}


def has_torch() -> bool:
    """Whether torch is installed; nothing is imported."""
    return find_spec("torch") is not None


def is_plain(flow: str) -> bool:
    """Whether a flow expression only gives the latent another shape.

    Example:
        >>> is_plain("identity(1, 8, 8)"), is_plain("vector(4) | asinh")
        (True, False)
    """
    return flow_caption(flow) is None and all(
        step.name in ("identity", "vector") for step in parse_flow(flow)
    )


def plain_only(story: Story) -> bool:
    """Whether no modality of a story needs torch: neither a flow that computes nor a caption."""
    return all(is_plain(story.flow(name)) for name in story.modalities)


@dataclass(frozen=True)
class PlainMap:
    """Whitening in float64, then another shape: `Whitening` and `Identity` of the observations, with numpy.

    Attributes:
        whitener: The map W of a latent (theory, section 4).
        shape: Shape of one observation.
    """

    whitener: Whitener
    shape: tuple[int, ...]

    def forward(self, latents: Array) -> Array:
        """Observations (n, *shape), float32, of latents (n, d)."""
        w = self.whitener
        inside = np.zeros(len(w.basis)) if w.centre is None else np.asarray(w.centre)
        constant = -(w.in_span @ inside @ w.basis)
        moved = w.in_span - w.complement * np.eye(len(w.basis))
        return self._map(latents, w.complement, moved, constant).reshape(-1, *self.shape)

    def inverse(self, observed: Array) -> Array:
        """Latents (n, d), float32, of observations (n, *shape)."""
        w = self.whitener
        inside = np.zeros(len(w.basis)) if w.centre is None else np.asarray(w.centre)
        moved = np.linalg.inv(w.in_span) - np.eye(len(w.basis)) / w.complement
        return self._map(observed.reshape(len(observed), -1), 1.0 / w.complement, moved, inside @ w.basis)

    def _map(self, rows: Array, factor: float, moved: Array, constant: Array) -> Array:
        """In batches of one size, so that a row does not depend on how many are asked for."""
        basis = self.whitener.basis
        made = np.empty(rows.shape, dtype=np.float32)
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            wide = np.zeros((BATCH, rows.shape[1]))
            wide[: len(part)] = part
            made[start : start + BATCH] = (factor * wide + wide @ basis.T @ moved.T @ basis + constant)[
                : len(part)
            ]
        return made


def whitened(story: Story, modality: str, latents: Array) -> Array:
    """What a modality's flow is given, (n, d), float32, of latents as the story draws them, (n, d)."""
    return PlainMap(story.whitener(modality), latents.shape[1:]).forward(latents)


def plain_map(story: Story, modality: str) -> PlainMap:
    """The map of a modality whose flow is plain.

    Raises:
        DatasetError: It is not, and torch is not installed.
    """
    flow = story.flow(modality)
    if not is_plain(flow):
        raise DatasetError(
            f"package `torch`: expected it, because the flow `{flow}` computes with it; without torch there is only "
            "`identity` and `vector`. Install it: pip install 'infoloom[torch]'."
        )
    return PlainMap(story.whitener(modality), flow_shape(flow, story.spec.directory))


def numpy_path() -> dict[str, Any]:
    """What the last digits of observations depend on where numpy makes them: its library of linear algebra."""
    found: Any = np.show_config(mode="dicts")
    blas = found.get("Build Dependencies", {}).get("blas", {})
    return {"blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()}
