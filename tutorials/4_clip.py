"""
A CLIP against its ceiling
==========================

CLIP learns from pairs: it pulls the two sides of a pair together and pushes other pairs apart. What do its
features know afterwards? In this story we know what they *could* know, so we can say which part of it was
learned.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import infoloom as loom

torch.set_num_threads(1)

# %%
# A story with shared and unique causes
# -------------------------------------
#
# Two modalities see one `shared` cause. Each also sees a cause of its own. The equations are linear; then
# `rotation` and `asinh` bend the observations, so that the causes cannot simply be read off. They are invertible
# and change no information.

bend = "rotation(seed=1) | asinh(scale=0.5) | rotation(seed=2)"
story = loom.load(
    {
        "name": "shared-and-unique",
        "causes": {"shared": "normal", "own_a": "normal", "own_b": "normal"},
        "targets": {"theta": "shared + own_a + own_b"},
        "modalities": {
            "a": {"flow": f"vector(16) | {bend}", "latent": "0.5*shared + 0.5*own_a@random(1) + noise"},
            "b": {"flow": f"vector(16) | {bend}", "latent": "0.5*shared + 0.5*own_b@random(2) + noise"},
        },
    }
)
causes = ("shared", "own_a", "own_b")
for cause in causes:
    nats = story.information(f"I(a, b; {cause})")
    print(f"{cause:7} {nats:.3f} nats in a and b together, R² at most {1 - np.exp(-2 * nats):.3f}")
print(f"I(a; b) = {story.information('I(a; b)'):.3f} nats")

# %%
# Train
# -----
#
# A learner gets arrays and never sees the truth. We train CLIP for a few seconds. A second learner, `random`, has
# the same encoders and is not trained at all.

shapes = {name: story.shape(name) for name in story.modalities}
rows = story.observe(story.sample(12_000, seed=0))
train = {name: rows[name][:8000] for name in shapes}
held_out = {name: values[8000:] for name, values in rows.items()}

learners = {name: loom.ssl.build(name, shapes, features=8, seed=0) for name in ("clip", "random")}
history = loom.ssl.train(learners["clip"], train, loom.ssl.Training(batch=128, epochs=8, learning_rate=3e-3))

# %%
# The contrastive bound
# ---------------------
#
# The loss of CLIP gives a lower bound on I(a; b): the logarithm of the batch size minus the loss. It never exceeds
# log 128 = 4.85 nats, and on new pairs, in the mean, not I(a; b) either. These are the pairs that it is trained on,
# each seen eight times, so the end of the curve may lie a little above. A single batch scatters, so we draw a running
# mean.

bound = np.log(128) - np.asarray(history.losses)
mean = np.convolve(bound, np.ones(25) / 25, mode="valid")
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(np.arange(len(mean)) + 25, mean, label="log 128 − loss, mean of 25 steps")
axes.axhline(story.information("I(a; b)"), color="grey", linestyle=":", label="I(a; b), exact")
axes.set(xlabel="step", ylabel="nats", ylim=(0, None), title="The bound rises towards the exact value")
_ = axes.legend()

# %%
# What the features know
# ----------------------
#
# A *probe* is a simple regression from frozen features to a cause, tested on rows that were not trained on. We
# compare its R² with the highest possible R².

found = {}
for name, learner in learners.items():
    table = loom.ssl.probe(
        learner, held_out, inputs=story.modalities, of=causes, probes=["ridge"], batch=None,
        truth={f"I(a, b; {cause})": story.information(f"I(a, b; {cause})") for cause in causes},
    )  # fmt: skip
    found[name] = [table.best("fused", cause).value for cause in causes]
    print(name)
    print(table.select(inputs="fused"), end="\n\n")

# %%
ceilings = [1 - np.exp(-2 * story.information(f"I(a, b; {cause})")) for cause in causes]
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
place = np.arange(len(causes))
axes.bar(place, ceilings, width=0.8, color="0.88", label="ceiling")
for shift, (name, values) in zip((-0.2, 0.2), found.items(), strict=True):
    axes.bar(place + shift, values, width=0.36, label=name)
axes.set_xticks(place, causes)
axes.set(ylabel="R² on held-out rows", title="CLIP keeps what both sides share")
_ = axes.legend()

# %%
# CLIP reaches the ceiling for the shared cause. About the causes of one side alone it knows no more than an
# encoder that was not trained, although the data show them clearly: nothing in its loss asks for them. With real
# data one could not tell whether such information is missing from the features or from the data. Here the ceiling
# shows that the data have it.
#
# Next: :doc:`learners against their ceilings </ssl>` compares many objectives, and any module of yours can stand
# in the place of the learner.
