"""
Your own flow or model
======================

A flow turns noise into observations that look like your data. This notebook trains a very small one, makes it a
part of infoloom, and builds a story with it. The same steps work for a large pretrained model.
"""

import math
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

import infoloom as loom
from infoloom.estimators import build
from infoloom.observations import adopt

torch.set_num_threads(1)
_ = torch.manual_seed(0)

# %%
# Some data
# ---------
#
# Points on a curve like the letter S stand for your data.


def letters(count: int) -> torch.Tensor:
    """Rows on an S with noise, (count, 2)."""
    angle = 1.5 * math.pi * (2 * torch.rand(count) - 1)
    x, y = torch.sin(angle), torch.sign(angle) * (torch.cos(angle) - 1)
    return torch.stack([x, 0.8 * y], dim=1) + 0.08 * torch.randn(count, 2)


# %%
# A model
# -------
#
# Flow matching trains a network :math:`v(x, t)`: the velocity of a point on its way from noise (t = 0) to data (t
# = 1). This is a small network of plain PyTorch; nothing of it belongs to infoloom.


class Velocity(torch.nn.Module):
    """A velocity of points in the plane."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(3, width), torch.nn.SiLU(),
            torch.nn.Linear(width, width), torch.nn.SiLU(),
            torch.nn.Linear(width, width), torch.nn.SiLU(),
            torch.nn.Linear(width, 2),
        )  # fmt: skip

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """x (n, 2) and t (n,) to velocities (n, 2)."""
        return self.net(torch.cat([x, t[:, None]], dim=1))


model = Velocity()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=3000)
for _ in range(3000):
    data, noise, time = letters(256), torch.randn(256, 2), torch.rand(256)
    place = (1 - time[:, None]) * noise + time[:, None] * data
    loss = (model(place, time) - (data - noise)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()

# %%
# Adopt it
# --------
#
# `adopt` makes the model a flow of 32 steps. It measures on sampled rows that every step can be inverted, and how
# far it is from the limit (the *margin*, which must be at least 0.05). The result is the *certificate*. Without
# `grid`, `adopt` looks for the fewest steps that can be inverted; more steps follow the model more closely.

flow = adopt(model, shape=(2,), grid=32, name="letters", source="points on an S", licence="CC0-1.0")
print("passes:", flow.certificate["passes"], " margin:", round(flow.certificate["margin"], 2))
folder = Path(tempfile.mkdtemp())
_ = flow.save(folder / "letters.safetensors")

# %%
# Tell a story with it
# --------------------
#
# The flow gets a latent of two components. A cause called `age` moves the first one.

story = loom.load(
    {
        "name": "letters",
        "causes": {"age": "normal"},
        "targets": {"theta": "age"},
        "modalities": {
            "point": {"flow": str(folder / "letters.safetensors"), "latent": "1.0*age@patch(0, 1) + noise"},
            "curve": {"flow": "vector(4)", "latent": "0.5*age + noise"},
        },
    }
)
rows = story.sample(2000, seed=0)
seen = story.observe(rows)

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
whitened = rows["point"] / rows["point"].std(axis=0)
axes[0].scatter(*letters(2000).T, s=3, color="0.5")
axes[1].scatter(*whitened.T, s=3, c=rows["age"], cmap="viridis")
dots = axes[2].scatter(*seen["point"].T, s=3, c=rows["age"], cmap="viridis")
for axis, title in zip(axes, ("the data", "latents", "observations"), strict=True):
    axis.set(title=title, aspect="equal")
_ = figure.colorbar(dots, ax=axes[2], label="age")

# %%
# The observations look like the data. Their colour shows the cause: the flow carries it from the latent into the
# observation.
#
# The information stays
# ---------------------
#
# The exact value comes from the latents. A bijection does not change it. We check this with an estimator. It uses
# nearest neighbours and is a little too low where the rows are on a thin curve.

exact = story.information("I(point; theta)")
print(f"exact         {exact:.3f} nats")
for name, points in (("latents", rows["point"]), ("observations", seen["point"])):
    print(
        f"{name:13} {build('ksg').estimate(np.asarray(points, dtype=float), rows['theta']):.3f} nats (estimate)"
    )

# %%
# Next: :doc:`bring your model </howto/adopt>` has a table of packages (torchcfm, diffusers, nflows and others)
# with one call for each. :doc:`Bring your own flow </howto/flow>` trains a flow on your data with one command.
