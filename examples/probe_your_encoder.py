"""
Probe an encoder of your own
============================

Any torch module, function or mapping of modality → model can be probed: what do its features tell about the target,
and how much of that could anybody know? Here a small convolution, trained for a moment by regression.

Run: python examples/probe_your_encoder.py
"""

import torch

import infoloom as loom

torch.set_num_threads(1)
story = loom.load(
    {
        "name": "probe-your-encoder",
        "causes": {"mass": "normal"},
        "targets": {"theta": "0.9*mass + 0.3*noise"},
        "modalities": {
            "image": {"flow": "identity(1, 8, 8)", "latent": "0.2*mass@disk + noise"},
        },
    }
)
rows = story.sample(6000, seed=0)
picture, theta = torch.from_numpy(rows["image"]).reshape(-1, 1, 8, 8), torch.from_numpy(rows["theta"])

# %%
# A plain module, before and after 200 steps of regression on the first half of the rows.
generator = torch.Generator().manual_seed(0)
torch.manual_seed(0)
body = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 5), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(128, 16)
)
head = torch.nn.Linear(16, 1)


def r_squared() -> float:
    """Of a ridge probe on rows that the encoder has not seen; the table holds the ceiling beside it."""
    unseen = {"image": picture[3000:].numpy(), "theta": rows["theta"][3000:]}
    table = loom.ssl.probe({"image": body}, unseen, truth=story.truth_table(), probes=["ridge"], batch=None)
    print(table)
    return next(score.value for score in table.scores if score.of == "theta")


before = r_squared()
optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=3e-3)
for _ in range(200):
    chosen = torch.randint(3000, (128,), generator=generator)
    loss = (head(body(picture[chosen]))[:, 0] - theta[chosen]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
assert r_squared() > before
