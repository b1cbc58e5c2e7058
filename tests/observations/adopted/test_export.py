"""What is traced is the model, and what cannot be stored is named."""

from __future__ import annotations

import pytest
import torch
from observations.adopted.models import Called, SmallVelocity
from torch import nn
from torch.nn import functional

from infoloom.errors import FlowError
from infoloom.observations.adopted.adopt import adopt
from infoloom.observations.adopted.graphs.export import export_graph
from infoloom.observations.adopted.graphs.graph import StoredGraph


def adopted(function, shape=(3,), **options):
    return adopt(Called(function), shape, grid=2, effort=None, **options)


def test_graph_is_the_module_in_evaluation_mode():
    model = SmallVelocity(classes=3).train()
    inputs = (torch.randn(3, 4), torch.rand(3), torch.arange(3))
    exported = export_graph(model, inputs, ["values", "time", "label"])
    assert model.training
    assert model.drop.training
    graph = StoredGraph(exported.tree, exported.tensors)
    model.eval()
    for rows in (1, 2, 7, 70):
        other = (torch.randn(rows, 4), torch.rand(rows), torch.arange(rows) % 3)
        assert torch.allclose(graph(*other)[0], model(*other), atol=1e-6)
    wide = StoredGraph(exported.tree, exported.tensors, torch.float64)
    model.double()
    other = (torch.randn(2, 4).double(), torch.rand(2).double(), torch.arange(2))
    assert torch.allclose(wide(*other)[0], model(*other), atol=1e-13)


class Attentive(nn.Module):
    """Attention, group norms and a time embedding that casts to float32, as the U-Nets of the packages have them."""

    def __init__(self):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1)
        self.norm, self.mix = nn.GroupNorm(4, 8), nn.Linear(8, 24)

    def forward(self, x, t):
        waves = torch.exp(torch.arange(4, dtype=torch.float32, device=x.device) * -0.5)
        embedded = torch.cat(
            [torch.sin(t[:, None].float() * waves), torch.cos(t[:, None].float() * waves)], 1
        )
        hidden = self.enter(x) + embedded[:, :, None, None]
        rows = hidden.flatten(2).transpose(1, 2)
        q, k, v = self.mix(rows).chunk(3, dim=-1)
        rows = rows + functional.scaled_dot_product_attention(q, k, v)
        hidden = rows.transpose(1, 2).reshape(hidden.shape)
        return self.leave(functional.silu(self.norm(functional.interpolate(hidden, scale_factor=2.0))))[
            ..., ::2, ::2
        ]


def test_attention_in_float64_with_forward_mode_derivatives():
    torch.manual_seed(0)
    model = Attentive()
    inputs = (torch.randn(3, 1, 4, 4), torch.rand(3))
    exported = export_graph(model, inputs, ["values", "time"])
    assert torch.allclose(StoredGraph(exported.tree, exported.tensors)(*inputs)[0], model(*inputs), atol=1e-5)
    wide = StoredGraph(exported.tree, exported.tensors, torch.float64)
    x, t = (one.double() for one in inputs)
    direction = torch.randn_like(x)
    step = 1e-5
    moved = torch.func.jvp(lambda y: wide(y, t)[0], (x,), (direction,))[1]
    wanted = (wide(x + step * direction, t)[0] - wide(x - step * direction, t)[0]) / (2 * step)
    assert float((moved - wanted).norm() / wanted.norm()) < 1e-8


def test_len_of_the_rows_is_no_constant():
    flow = adopted(lambda x, t: x + torch.ones(len(x), 1)).flow()
    z = torch.randn(5, 3)
    assert torch.allclose(flow.forward(z), z + 0.5 * (z + 1.0) + 0.5 * (1.5 * z + 0.5 + 1.0), atol=1e-6)


REFUSED = [
    (
        lambda x, t: x + torch.randn_like(x),
        "operators `aten.randn_like.default`: expected pure operators only",
    ),
    (lambda x, t: x.half().float(), "the model casts to torch.float16: expected float32 or float64"),
    (lambda x, t: x - x.mean(dim=0, keepdim=True), "rows: expected each to be computed on its own"),
    (lambda x, t: 0.0 * x + x[0:1], "rows: expected each to be computed on its own"),
    (lambda x, t: x.flip(0), "rows: expected each to be computed on its own"),
    (lambda x, t: x[:, :2], r"model: expected values of shape (3, 3), got (3, 2)"),
    (lambda x, t: x / 0.0, "model: expected finite values of normal noise"),
    (lambda x, t: x @ x, "cannot be called with values, time of shapes [(3, 4), (3,)]"),
    (
        lambda x, t: x if x.sum() > 0 else 2.0 * x,
        "expected a model whose path through its code does not depend",
    ),
]


@pytest.mark.parametrize(("function", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_refuses(function, message):
    with pytest.raises(FlowError) as error:
        adopted(function, (4,) if "cannot be called" in message else (3,))
    assert message in str(error.value)
