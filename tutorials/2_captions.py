"""
Pictures with captions
======================

Models such as CLIP learn from pictures with captions. How much does a caption say about its picture? For real
data nobody knows. Here it is known, and you can choose it.
"""

import matplotlib.pyplot as plt
import numpy as np

import infoloom as loom

# %%
# The data
# --------
#
# This story comes with the package. Each picture shows a star, and each caption says something about it.

story = loom.preset("captions")
seen = story.observe(story.sample(8, seed=1))

figure, axes = plt.subplots(2, 4, figsize=(9, 5), layout="constrained")
for axis, picture, text in zip(axes.flat, seen["picture"], seen["text"], strict=True):
    axis.imshow((np.moveaxis(picture, 0, 2) + 1) / 2)
    half = text.find(" ", len(text) // 2)
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"{text[:half]}\n{text[half + 1 :]}", fontsize=8)

# %%
# The captions are often wrong, and this is on purpose. Picture and caption see the same four causes, each with
# noise of its own. The weight `match` says how strong the causes are compared with the noise.

text = story.spec.modalities["text"]
for factor, equation in text.latent.items():
    print(f"{factor:5} = {equation!s:28} says one of: {', '.join(text.words[factor])}")

# %%
# How much they share
# -------------------
#
# Picture and caption share exactly 1 nat. Each word has its part, and because the four causes are independent,
# the parts add up.

print(f"I(text; picture) = {story.information('I(text; picture)'):.4f} nats")
for word in text.words:
    print(f"    {word:5} {story.information(f'I(text[{word}]; picture)'):.4f} nats")

# %%
# What words cannot say
# ---------------------
#
# A word stands for a whole range of values, so it says less than the number behind it. The package knows both:
# the information of the words, and that of the numbers (the *factors*).

words = story.information("I(text; picture)")
numbers = story.information("I(text.hue, text.y, text.x, text.size; picture)")
print(f"words: {words:.4f} nats; numbers: {numbers:.4f} nats; lost in words: {numbers - words:.4f} nats")

# %%
# A word also cannot say more than its own entropy, however good the caption is. We change `match` and look.

strengths = np.geomspace(0.3, 10, 12)
curves = {"words": [], "numbers": []}
for strength in strengths:
    changed = loom.load(story.spec.to_dict() | {"parameters": {"match": float(strength)}, "require": {}})
    curves["words"].append(changed.information("I(text; picture)"))
    curves["numbers"].append(changed.information("I(text.hue, text.y, text.x, text.size; picture)"))
entropy = story.information("H(text)")

figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name, curve in curves.items():
    axes.semilogx(strengths, curve, label=f"the {name} about the picture")
axes.axhline(entropy, color="grey", linestyle=":", label="entropy of the words")
axes.set(xlabel="match: strength of the causes", ylabel="nats", title="What captions tell about pictures")
_ = axes.legend()

# %%
# Choose the information
# ----------------------
#
# You want captions that share 2 nats with their pictures? `loom.presets.captions` finds the weight.

better = loom.presets.captions(2.0)
print(f"I(text; picture) = {better.information('I(text; picture)'):.6f} nats")
print(*better.observe(better.sample(3, seed=1))["text"], sep="\n")
assert abs(better.information("I(text; picture)") - 2.0) < 1e-6

# %%
# What can a model reach?
# -----------------------
#
# With 1 nat between picture and caption, contrastive learning has a limit: its InfoNCE bound cannot exceed 1 nat,
# whatever the model. The caption also limits how well one can predict the target.

for ceiling in story.ceilings(batch=None).targets:
    print(f"{ceiling.target} from {' and '.join(ceiling.given):17} R² at most {ceiling.r_squared:.3f}")

# %%
# Next: :doc:`words and labels </words>` explains the syntax, and `infoloom generate captions out --rows 10000`
# writes such a dataset.
