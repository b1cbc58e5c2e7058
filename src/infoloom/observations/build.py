"""From a flow expression to a bijection."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from infoloom.errors import FlowError, PluginError
from infoloom.observations import chain
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.adopted.files import flow_of, read_model
from infoloom.observations.base import Bijection
from infoloom.observations.choosing import Choosing
from infoloom.observations.composition import Composition
from infoloom.observations.flows.checkpoint import GRAPH, FlowDescription, load_checkpoint
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.formulas.coupling import Coupling
from infoloom.observations.formulas.elementwise import Affine, Asinh, Cdf, Identity, Power
from infoloom.observations.formulas.linear import Permutation, Rotation, WhitenerLike, Whitening
from infoloom.observations.injection import Injection
from infoloom.observations.renderers.base import Renderer
from infoloom.observations.renderers.registry import make_renderer
from infoloom.observations.rendering import Rendering
from infoloom.plugins import load, offered
from infoloom.spec.flows.choice import replace_choice
from infoloom.spec.flows.flow import (
    FlowStep,
    flow_caption,
    flow_choice,
    flow_header,
    flow_path,
    flow_shape,
    parse_flow,
    zoo_names,
)
from infoloom.spec.flows.norms import KEEP_NORM, SMALLER_LOST

__all__ = ["REGISTRY", "build", "load_flow"]

REGISTRY: dict[str, Callable[..., Bijection]] = {
    "affine": Affine,
    "asinh": Asinh,
    "cdf": Cdf,
    "coupling": Coupling,
    "cube": functools.partial(Power, exponent=3.0),
    "half_cube": functools.partial(Power, exponent=1.5),
    "permutation": Permutation,
    "power": Power,
    "rotation": Rotation,
}
"""Steps that keep the shape, by the name they have in a flow expression; each is called with the shape and its
arguments."""


def build(
    expression: str,
    whitener: WhitenerLike | None = None,
    dtype: torch.dtype = torch.float32,
    *,
    device: str = "cpu",
    directory: Path | None = None,
    allow_uncertified: bool = False,
    whitened: bool = True,
) -> Injection:
    """Build a modality's observation map: whitening, then the steps of its flow expression.

    It is a `Bijection`, unless the expression begins with a renderer, or a cause chooses the class: then the number of
    the category stands behind the latent.

    Args:
        expression: Such as `digits[3]`, `vector(16) | rotation(seed=1) | asinh`, `my.safetensors[cat]`.
        whitener: Makes the latents N(0, I) first; None leaves them as they are.
        dtype: Precision of latents and observations.
        device: Where trained flows compute.
        directory: Folder that a relative path of a user's flow is relative to.
        allow_uncertified: Build a trained flow although its certificate fails; its dataset then holds at most the
            information that its card states.
        whitened: Whether latents are N(0, I), by `whitener` or of themselves; others may be smaller than some flows
            keep apart.

    Raises:
        FlowError: Not a flow expression, unknown names or classes, shapes that do not fit, a certificate that fails.

    Example:
        >>> build("vector(2) | affine(scale=3)").forward(torch.ones(1, 2))
        tensor([[3., 3.]])
    """
    flow_shape(expression, directory)  # checks names, classes and sizes with messages that need no torch
    if flow_caption(expression) is not None:
        raise FlowError(
            f"flow `{expression}`: expected a map of numbers; a caption says words. Generate a dataset to have them."
        )
    options: dict[str, Any] = {"dtype": dtype, "device": device, "directory": directory}
    choice = flow_choice(expression, directory)
    if choice is not None:
        options |= {"whitener": whitener, "allow_uncertified": allow_uncertified, "whitened": whitened}
        flows = {name: replace_choice(expression, name) for name in choice.names}
        made = Choosing({name: build(flow, **options) for name, flow in flows.items()})
        if made.rendered:
            _require_certificate(made, allow_uncertified)
        return made
    renderer, parts = _parts(expression, allow_uncertified, whitened, **options)
    size = parts[0].dim if renderer is None else renderer.dim
    before = None if whitener is None else Whitening(whitener)
    if before is not None and before.dim != size:
        raise FlowError(f"flow `{expression}`: expected a whitener of {size} components, got {before.dim}.")
    whole = [*([] if before is None else [before]), *([] if renderer is None else [renderer]), *parts]
    if not allow_uncertified and not chain.resolves(whole):
        raise FlowError(
            f"flow `{expression}`: expected steps behind `{parse_flow(expression)[0].name}` that float32 resolves; "
            "numbers run together, and information is lost. Use a smaller shift, or one that fits the scale."
        )
    if renderer is not None:
        after = Composition(parts[1:]) if len(parts) > 1 else None
        plain = before is None and after is None
        return renderer if plain else Rendering(renderer, before=before, after=after)
    parts = parts if before is None else [before, *parts]
    return Composition(parts) if len(parts) > 1 else parts[0]


def _parts(
    expression: str, allow_uncertified: bool, whitened: bool, **options: Any
) -> tuple[Renderer | None, list[Bijection]]:
    """The renderer of a flow expression, if it begins with one, and its other steps, with certificates that pass."""
    parts: list[Bijection] = []
    first, *others = steps = parse_flow(expression)
    renderer = make_renderer(first) if first.rendered else None
    if renderer is not None:
        _require_certificate(renderer, allow_uncertified)
        steps, parts = tuple(others), [Identity(renderer.shape_out, renderer.shape_out)]
    for step in steps:
        parts.append(_part(step, parts[-1].shape_out if parts else None, **options))
    usual = whitened and renderer is None
    for step, part in zip(steps, parts[len(parts) - len(steps) :], strict=True):
        _require_certificate(part, allow_uncertified, usual)
        usual = usual and step.name in KEEP_NORM
    return renderer, parts


def load_flow(
    name: str,
    label: str | None = None,
    dtype: torch.dtype = torch.float32,
    *,
    device: str = "cpu",
    directory: Path | None = None,
) -> SteppedFlow | ExactFlow:
    """A trained or adopted flow by name or path, whatever its certificate says.

    Args:
        name: One of the zoo, or a path ending in `.safetensors`.
        label: Class by name or number; None for an unconditional flow.
        dtype: Precision to compute in.
        device: Where to compute.
        directory: Folder that a relative path is relative to.

    Raises:
        FlowError: No such flow or class.
    """
    path = flow_path(name, directory)
    if not path.is_file():
        raise FlowError(
            f"flow `{name}`: unknown; expected one of {', '.join(zoo_names())} or a path to a .safetensors file."
        )
    description, parts = _cached(path, path.stat().st_mtime_ns, dtype, device)
    return flow_of(description, parts, _class_number(name, label, description.classes), name)


@functools.lru_cache(maxsize=8)
def _cached(path: Path, modified: int, dtype: torch.dtype, device: str) -> tuple[FlowDescription, Any]:
    network = flow_header(path).get("network")
    if isinstance(network, dict) and network.get("name") == GRAPH:
        model = read_model(path)
        return model.description, model.parts(dtype, device)
    description, velocity = load_checkpoint(path, dtype)
    return description, velocity.to(device)


def _class_number(name: str, label: str | None, classes: tuple[str, ...] | None) -> int | None:
    if not classes:
        if label is not None:
            raise FlowError(f"flow `{name}[{label}]`: this flow has no classes. Write `{name}`.")
        return None
    if label in classes:
        return classes.index(label)
    if label is not None and label.isdecimal() and int(label) < len(classes):
        return int(label)
    raise FlowError(f"flow `{name}[{label or ''}]`: expected a class, one of {', '.join(classes)}.")


def _part(
    step: FlowStep, shape: tuple[int, ...] | None, dtype: torch.dtype, device: str, directory: Path | None
) -> Bijection:
    if step.trained:
        flow = load_flow(step.name, step.selector, dtype, device=device, directory=directory)
        if shape is None or shape == flow.shape_in:
            return flow
        return Composition([Identity(shape, flow.shape_in), flow])
    if step.name in ("identity", "vector"):
        target = tuple(size for size in step.args if isinstance(size, int))
        return Identity(shape or (math.prod(target),), target)
    if shape is None or (step.name not in REGISTRY and step.name not in offered("observations")):
        raise FlowError(
            f"flow step `{step.name}`: unknown; expected one of {', '.join([*sorted(REGISTRY), *zoo_names()])}."
        )
    if step.selector is not None:
        raise FlowError(
            f"flow step `{step.name}[{step.selector}]`: this step has no classes. Write `{step.name}`."
        )
    return _registered(step, shape)


def _registered(step: FlowStep, shape: tuple[int, ...]) -> Bijection:
    options: dict[str, Any] = dict(step.kwargs)
    own = step.name in REGISTRY
    constructor = REGISTRY[step.name] if own else load("observations", step.name)
    try:
        made = constructor(shape, *step.args, **options)
    except TypeError as error:
        raise FlowError(
            f"flow step `{step.name}`: cannot take {[*step.args, *options]} ({error})."
        ) from error
    if not own and not (isinstance(made, Bijection) and made.shape_in == made.shape_out == shape):
        raise PluginError(
            f"flow step `{step.name}`: expected a `Bijection` that keeps the shape {shape}. Check the plug-in with "
            "`infoloom.testing.check_observation`."
        )
    return made


def _require_certificate(part: Injection, allowed: bool, whitened: bool = True) -> None:
    if allowed:
        return
    certificate = part.certificate()
    if not certificate.get("passes", False):
        raise FlowError(
            f"flow `{certificate.get('flow', '?')}`: expected a certificate that passes, because a map that is "
            f"not injective loses information; {certificate.get('reason', 'it fails')}. Run `infoloom flow check`, or "
            "force it and read every information value as an upper bound."
        )
    lost = float(certificate.get("smaller_latents", {}).get("worst", 0.0))  # "Infinity" in a file
    if not whitened and not lost <= SMALLER_LOST:
        raise FlowError(
            f"flow `{getattr(part, 'name', '?')}`: expected whitened latents, because latents of less than the usual "
            f"norm come back only to {lost:.1g}. Leave `whitening` out, or force it and read every information value "
            "as an upper bound."
        )
