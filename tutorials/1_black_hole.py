"""
A black hole and two telescopes
===============================

A radio telescope takes a picture of the ring around a black hole. An X-ray telescope takes its spectrum. Which of
the two tells more about the mass? Which about the spin? What does the second telescope add to the first?

With real data nobody knows the answers. Here a *story* produces the data, so the answers are exact numbers.
"""

import matplotlib.pyplot as plt
import numpy as np

import infoloom as loom

# %%
# The story
# ---------
#
# A story has *causes* (here mass and spin), *modalities* (here a picture and a spectrum) and a *target* (what one
# wants to know). Each modality and the target have linear equations. All causes and noises are independent normal
# variables of mean 0 and variance 1.
#
# This story comes with the package. Its target is :math:`\theta = 0.8\,\mathrm{mass} + 0.6\,\mathrm{spin}`.

story = loom.preset("black-hole")
for name, modality in story.spec.modalities.items():
    print(f"{name}: {modality.flow}")
    for factor, equation in modality.latent.items():
        print(f"    {factor:12} = {equation}")

# %%
# The observations
# ----------------
#
# `ring(64)` and `xray_spectrum(128)` are formulas. They turn a few numbers into a picture or a spectrum. We take
# one black hole and change its mass, then its spin. Everything else stays as it is.


def change(cause: str, values: list[float]) -> list[dict[str, np.ndarray]]:
    """The same black hole, once for each value of one cause."""
    rows = [story.twins(1, seed=4, node=cause, value=value)[1] for value in values]
    return [story.observe(row) for row in rows]


values = [-2.0, -1.0, 0.0, 1.0, 2.0]
energy = np.geomspace(0.5, 10, 128)
figure, axes = plt.subplots(4, 5, figsize=(9, 7), layout="constrained", sharey="row")
for pair, cause in zip((axes[:2], axes[2:]), ("mass", "spin"), strict=True):
    for column, (value, seen) in enumerate(zip(values, change(cause, values), strict=True)):
        pair[0, column].imshow(seen["radio"][0, 0], cmap="inferno", vmin=0)
        pair[0, column].set(title=f"{cause} = {value:g}", xticks=[], yticks=[])
        pair[1, column].semilogx(energy, seen["xray"].reshape(-1), color="C0")
        pair[1, column].set_xticks([1, 10], ["1", "10 keV"])
_ = figure.suptitle("One black hole, five masses (above) and five spins (below)")

# %%
# Mass changes the diameter of the ring and the level of the spectrum. Spin makes the ring brighter on one side,
# and it moves and widens the iron line.
#
# What each telescope knows
# -------------------------
#
# Information is measured in nats; 1 nat is 1.44 bits. From the information :math:`I` about a normal target
# follows the highest R² that any method can reach: :math:`R^2 = 1 - e^{-2I}`.

for query in ("I(radio; theta)", "I(xray; theta)", "I(radio, xray; theta)"):
    nats = story.information(query)
    print(f"{query:22} = {nats:.4f} nats, R² at most {1 - np.exp(-2 * nats):.3f}")
extra = story.information("I(xray; theta | radio)")
print(f"X-rays add {extra:.4f} nats to the radio picture.")

# %%
# The two telescopes together know less than the sum of both, because they partly say the same.
#
# Which part of the picture says it
# ---------------------------------
#
# A factor has a name, so we can ask for each factor alone. We ask about mass and about spin.

factors = [f"{name}.{factor}" for name, m in story.spec.modalities.items() for factor in m.latent]
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
place = np.arange(len(factors))
for shift, cause in ((-0.2, "mass"), (0.2, "spin")):
    nats = [story.information(f"I({factor}; {cause})") for factor in factors]
    axes.barh(place + shift, nats, height=0.4, label=f"about {cause}")
axes.set_yticks(place, factors)
axes.invert_yaxis()
axes.set(xlabel="information of one factor (nats)", title="What each factor tells")
_ = axes.legend()

# %%
# Another question, another telescope
# -----------------------------------
#
# Now the target changes from mass (0°) to spin (90°). The data stay the same; only the question changes.

angles = np.linspace(0, 90, 19)
turned = [
    loom.load(
        story.spec.to_dict()
        | {"parameters": {"eta_mass": float(np.cos(a)), "eta_spin": float(np.sin(a))}, "name": "turned"}
    )
    for a in np.radians(angles)
]
figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
for query in ("I(radio; theta)", "I(xray; theta)", "I(radio, xray; theta)", "I(xray; theta | radio)"):
    axes.plot(angles, [one.information(query) for one in turned], label=query)
axes.set(xlabel="angle of the target: 0° is mass, 90° is spin", ylabel="nats", ylim=(0, None))
axes.set_title("The best telescope depends on the question")
_ = axes.legend()

# %%
# Radio is better for mass and X-rays are better for spin. The lowest curve is what X-rays add to radio.
#
# Is it true of the data?
# -----------------------
#
# The exact values belong to the law of the data. Finite rows must agree with it. The mean *pointwise information*
# of the rows is an unbiased estimate of the information, and its standard error is known.

rows = story.sample(20_000, seed=0)
pointwise = story.pmi(rows, "radio", "theta")
mean, error = pointwise.mean(), pointwise.std() / np.sqrt(pointwise.size)
exact = story.information("I(radio; theta)")
print(f"mean of 20,000 rows: {mean:.4f} ± {error:.4f} nats; exact: {exact:.4f} nats")
assert abs(mean - exact) < 4 * error

# %%
# Next: change the weights by hand in :doc:`the explorer </explorer>` (`infoloom explore black-hole`), or
# ask for the information that you want and :doc:`let the weights follow </howto/information>`.
