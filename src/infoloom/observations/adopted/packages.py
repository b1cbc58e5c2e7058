"""How the models of other packages are called; none of the packages is imported here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from infoloom.errors import FlowError
from infoloom.observations.adopted.adopt import Adopted, adopt
from infoloom.observations.adopted.graphs.tracing import class_name
from infoloom.observations.adopted.splines import branch_free

__all__ = [
    "from_diffusers",
    "from_flow_matching",
    "from_freia",
    "from_nflows",
    "from_normflows",
    "from_torchcfm",
    "from_zuko",
]

_PREDICTIONS = {"epsilon": "epsilon", "sample": "x0", "v_prediction": "v"}


def from_torchcfm(model: nn.Module, shape: Sequence[int], **options: Any) -> Adopted:
    """A velocity of torchcfm, called as model(t, x[, y]); its `MLP` takes x with t as one more column.

    Args:
        model: `UNetModelWrapper`, or `MLP` with `time_varying=True`.
        shape: Shape of one observation.
        options: See `adopt`.
    """
    joined = type(model).__name__ in ("MLP", "GradModel") or hasattr(model, "time_varying")
    return adopt(_Torchcfm(model, joined), shape, **{"name": "torchcfm", **options})


def from_flow_matching(
    model: nn.Module, shape: Sequence[int], *, label_name: str = "label", **options: Any
) -> Adopted:
    """A velocity of flow_matching, called as model(x, t, **extras) like its `ModelWrapper`.

    Args:
        model: The network or its wrapper.
        shape: Shape of one observation.
        label_name: Name under which it takes classes.
        options: See `adopt`.
    """
    return adopt(_FlowMatching(model, label_name), shape, **{"name": "flow-matching", **options})


def from_diffusers(model: nn.Module, scheduler: Any, **options: Any) -> Adopted:
    """A `UNet2DModel` of diffusers with its scheduler's configuration.

    Its sampler becomes DDIM with η = 0 and without clipping, which no bijection can have. With
    `FlowMatchEulerDiscreteScheduler` the model is a velocity. Where `classes` are left out and the model has them,
    they are called by their numbers.

    Args:
        model: Conditional or not; of a learned variance only the mean is used.
        scheduler: `DDPMScheduler`, `DDIMScheduler` or any other with `alphas_cumprod`.
        options: See `adopt`; `grid=K` takes K steps of the scheduler's `trailing` spacing.

    Raises:
        FlowError: A scheduler without a noise schedule that is known here.
    """
    config: Any = model.config
    plan = scheduler.config
    size = config["sample_size"]
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    channels = int(config["in_channels"])
    known = config.get("num_class_embeds")
    if known and "classes" not in options:
        options["classes"] = [str(number) for number in range(int(known))]
    common = {"name": "diffusers", **options}
    shape = (channels, height, width)
    if "FlowMatch" in type(scheduler).__name__:
        steps = float(plan["num_train_timesteps"])
        return adopt(_Diffusers(model, channels, steps), shape, **{"reverse": True, **common})
    alphas = getattr(scheduler, "alphas_cumprod", None)
    predicts = _PREDICTIONS.get(str(plan.get("prediction_type", "epsilon")))
    if alphas is None or predicts is None:
        raise FlowError(
            f"scheduler `{type(scheduler).__name__}`: expected one with `alphas_cumprod` that predicts "
            f"{', '.join(_PREDICTIONS)}. Load the model's configuration with `DDIMScheduler`."
        )
    wrapped = _Diffusers(model, channels, 1.0)
    return adopt(wrapped, shape, **{"kind": predicts, "schedule": alphas, **common})


def from_zuko(
    flow: nn.Module, shape: Sequence[int] | None = None, *, context: Tensor | None = None, **options: Any
) -> Adopted:
    """A flow of zuko, exact by construction where its transforms are.

    Args:
        flow: Such as `zuko.flows.NSF(features=2)`, with a standard normal base.
        shape: Shape of one observation; (features,) if left out.
        context: What it is conditioned on, one row a class, (classes, c); one-hot rows where classes are named
            without it.
        options: See `adopt`.
    """
    table = _table(context, options)
    base = flow(*(() if table is None else (table[0],))).base
    shape = tuple(shape) if shape is not None else tuple(base.event_shape)
    _require_standard(base.log_prob, math.prod(shape), type(base).__name__)
    return _bijection(_Zuko(flow, shape, table), shape, "zuko", options)


def from_nflows(
    flow: nn.Module, shape: Sequence[int], *, context: Tensor | None = None, **options: Any
) -> Adopted:
    """A flow of nflows, with `StandardNormal` as its base.

    Args:
        flow: `nflows.flows.Flow`.
        shape: Shape of one observation.
        context: See `from_zuko`.
        options: See `adopt`.
    """
    base: Any = flow._distribution
    _require_standard(base.log_prob, math.prod(shape), type(base).__name__)
    return _bijection(_Nflows(flow, tuple(shape), _table(context, options)), shape, "nflows", options)


def from_normflows(model: nn.Module, shape: Sequence[int], **options: Any) -> Adopted:
    """A flow of normflows, with a standard or diagonal normal as its base.

    Args:
        model: `normflows.NormalizingFlow`.
        shape: Shape of one observation.
        options: See `adopt`.
    """
    base: Any = model.q0
    if not hasattr(base, "loc") or not hasattr(base, "log_scale"):
        raise FlowError(f"base `{type(base).__name__}`: expected `DiagGaussian`, because latents are normal.")
    return _bijection(_Normflows(model, tuple(shape)), shape, "normflows", options)


def from_freia(
    model: nn.Module, shape: Sequence[int], *, context: Tensor | None = None, **options: Any
) -> Adopted:
    """A network of FrEIA, from observations to latents: model(x, c, rev=False) → z, log |det|.

    Args:
        model: `SequenceINN` or `GraphINN`.
        shape: Shape of one observation.
        context: See `from_zuko`.
        options: See `adopt`.
    """
    return _bijection(_Freia(model, tuple(shape), _table(context, options)), shape, "freia", options)


class _Wrapped(nn.Module):
    """A model of another package, called in this package's order."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.origin = class_name(model)


class _Torchcfm(_Wrapped):
    def __init__(self, model: nn.Module, joined: bool) -> None:
        super().__init__(model)
        self.joined = joined

    def forward(self, values: Tensor, time: Tensor, *label: Tensor) -> Tensor:
        found: Tensor = (
            self.model(torch.cat([values, time[:, None]], dim=1))
            if self.joined
            else self.model(time, values, *label)
        )
        return found


class _FlowMatching(_Wrapped):
    def __init__(self, model: nn.Module, label_name: str) -> None:
        super().__init__(model)
        self.label_name = label_name

    def forward(self, values: Tensor, time: Tensor, *label: Tensor) -> Tensor:
        extras = {self.label_name: label[0]} if label else {}
        found: Tensor = self.model(values, time, **extras)
        return found


class _Diffusers(_Wrapped):
    def __init__(self, model: nn.Module, channels: int, steps: float) -> None:
        super().__init__(model)
        self.channels, self.steps = channels, steps

    def forward(self, values: Tensor, time: Tensor, *label: Tensor) -> Tensor:
        found: Tensor = self.model(values, self.steps * time, *label).sample
        return found[:, : self.channels]


class _Conditioned(_Wrapped):
    """A flow that may be conditioned on a row of a table."""

    table: Tensor | None

    def __init__(self, model: nn.Module, shape: tuple[int, ...], table: Tensor | None) -> None:
        super().__init__(model)
        self.shape = shape
        self.register_buffer("table", table)

    def given(self, label: tuple[Tensor, ...]) -> Tensor | None:
        """What the rows are conditioned on."""
        return None if self.table is None or not label else self.table[label[0]]


class _Zuko(_Conditioned):
    def _transform(self, label: tuple[Tensor, ...]) -> Any:
        given = self.given(label)
        return self.model(*(() if given is None else (given,))).transform

    def forward_and_log_det(self, latents: Tensor, *label: Tensor) -> tuple[Tensor, Tensor]:
        values, log_det = self._transform(label).inv.call_and_ladj(latents)
        return values.reshape(-1, *self.shape), log_det

    def inverse(self, values: Tensor, *label: Tensor) -> Tensor:
        found: Tensor = self._transform(label)(values.flatten(1))
        return found


class _Nflows(_Conditioned):
    def forward_and_log_det(self, latents: Tensor, *label: Tensor) -> tuple[Tensor, Tensor]:
        with branch_free():
            values, log_det = self._part.inverse(latents, context=self._embedded(label))
        return values.reshape(-1, *self.shape), log_det

    def inverse(self, values: Tensor, *label: Tensor) -> Tensor:
        with branch_free():
            found: Tensor = self._part(values.flatten(1), context=self._embedded(label))[0]
        return found

    @property
    def _part(self) -> Any:
        return self.model._transform

    def _embedded(self, label: tuple[Tensor, ...]) -> Any:
        given = self.given(label)
        return None if given is None else self.model._embedding_net(given)  # type: ignore[operator]


class _Normflows(_Wrapped):
    def __init__(self, model: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__(model)
        self.shape = shape

    def forward_and_log_det(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        base: Any = self.model.q0
        log_scale = base.log_scale.reshape(1, -1)
        values, log_det = base.loc.reshape(1, -1) + log_scale.exp() * latents, log_scale.sum()
        with branch_free():
            for flow in self._flows:
                values, part = flow(values)
                log_det = log_det + part
        return values.reshape(-1, *self.shape), log_det

    def inverse(self, values: Tensor) -> Tensor:
        base: Any = self.model.q0
        noise = values.flatten(1)
        with branch_free():
            for flow in reversed(self._flows):
                noise = flow.inverse(noise)[0]
        found: Tensor = (noise - base.loc.reshape(1, -1)) * (-base.log_scale.reshape(1, -1)).exp()
        return found

    @property
    def _flows(self) -> list[Any]:
        flows: Any = self.model.flows
        return list(flows)


class _Freia(_Conditioned):
    def forward_and_log_det(self, latents: Tensor, *label: Tensor) -> tuple[Tensor, Tensor]:
        values, log_det = self.model(latents, *self._conditions(label), rev=True)
        return _only(values).reshape(-1, *self.shape), log_det

    def inverse(self, values: Tensor, *label: Tensor) -> Tensor:
        found = self.model(values.flatten(1), *self._conditions(label), rev=False, jac=False)[0]
        return _only(found)

    def _conditions(self, label: tuple[Tensor, ...]) -> tuple[Any, ...]:
        given = self.given(label)
        return () if given is None else ([given],)


def _only(values: Any) -> Tensor:
    found: Tensor = values[0] if isinstance(values, (list, tuple)) else values
    return found


def _bijection(model: nn.Module, shape: Sequence[int], name: str, options: dict[str, Any]) -> Adopted:
    return adopt(model, shape, kind="bijection", **{"name": name, **options})


def _table(context: Tensor | None, options: dict[str, Any]) -> Tensor | None:
    classes = options.get("classes")
    if context is None:
        return torch.eye(len(classes)) if classes else None
    if not classes or len(classes) != len(context):
        raise FlowError(
            f"context of {len(context)} rows: expected one row a class, {len(classes or ())} classes are "
            "named. Give "
            "`classes` and `context` of one length."
        )
    return context


def _require_standard(log_prob: Any, size: int, name: str) -> None:
    """Refuse a base that is not N(0, I): latents are."""
    points = torch.linspace(-2.0, 2.0, 5 * size).reshape(size, 5).T.contiguous()
    wanted = -0.5 * (points**2).sum(dim=1) - 0.5 * size * math.log(2.0 * math.pi)
    try:
        with torch.no_grad():
            found = log_prob(points)
        right = found.shape == wanted.shape and bool(((found - wanted).abs() < 1e-3 * size).all())
    except (RuntimeError, ValueError):
        right = False
    if not right:
        raise FlowError(
            f"base distribution `{name}`: expected a standard normal, because a story's latents are N(0, "
            "I). Train the flow "
            "with a standard normal base."
        )
