"""
Your estimator on known truth
=============================

You have an estimator of mutual information and want to know how good it is. For this you need data whose
information is known. This notebook tests an estimator of our own against two others: on easy data, on harder
data, and on data without any information.
"""

import matplotlib.pyplot as plt
import numpy as np

from infoloom.benchmark import tasks
from infoloom.estimators import as_estimator, build

# %%
# An estimator
# ------------
#
# An estimator takes paired rows and returns a number of nats. A function is enough. This one looks at the best
# linear combination of each side and treats the two as normal variables.


def first_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Information of the first canonical correlation."""
    q, r = (np.linalg.qr(side - side.mean(axis=0))[0] for side in (x, y))
    largest = np.linalg.svd(q.T @ r, compute_uv=False)[0]
    return -0.5 * np.log(1 - largest**2)


estimators = {
    "ours": as_estimator(first_correlation),
    "gaussian": build("gaussian"),
    "ksg": build("ksg"),
}

# %%
# A task with a known answer
# --------------------------
#
# A *task* makes paired rows. Its id says everything about it: here three columns on each side, 1 nat, which is
# shared by one pair of columns.

task = tasks.build("gaussian:dims=3v3,nats=1.0,pairs=1,hidden=plain")
x, y = task.sample(2000, seed=0)
print(f"exact: {task.mutual_information:.3f} nats")
for name, estimator in estimators.items():
    print(f"{name:9} {estimator.estimate(x, y):.3f} nats")

# %%
# The first two come close. `ksg` looks at nearest neighbours and makes no assumption about the law; in six
# columns this makes it too low. A sample of 2000 rows is itself a little off: the mean pointwise information of
# these rows says by how much. No estimator can be expected to do better than this.

pointwise = task.pmi(x, y)
print(
    f"mean pointwise information: {pointwise.mean():.3f} ± {pointwise.std() / np.sqrt(pointwise.size):.3f} nats"
)

# %%
# Harder data
# -----------
#
# Now we change three things. `rotated` mixes the columns linearly. `bent` also bends them. And the information is
# shared by two pairs of columns, so our estimator, which sees only one, must miss half of it.

amounts = [0.0, 0.25, 0.5, 1.0, 1.5, 2.0]
settings = {
    "one pair, plain": "pairs=1,hidden=plain",
    "two pairs, rotated": "pairs=2,hidden=rotated",
    "two pairs, bent": "pairs=2,hidden=bent",
}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True, layout="constrained")
for axis, (title, setting) in zip(axes, settings.items(), strict=True):
    found: dict[str, list[float]] = {name: [] for name in estimators}
    for nats in amounts:
        full = setting if nats else "pairs=0," + setting.split(",")[1]  # nothing to share: a null task
        rows = tasks.build(f"gaussian:dims=3v3,nats={nats},{full}").sample(2000, seed=1)
        for name, estimator in estimators.items():
            found[name].append(estimator.estimate(*rows))
    axis.plot(amounts, amounts, color="grey", linestyle=":", label="exact")
    for name, values in found.items():
        axis.plot(amounts, values, marker="o", markersize=4, label=name)
    axis.set(title=title, xlabel="exact information (nats)")
axes[0].set_ylabel("estimate (nats)")
_ = axes[0].legend()

# %%
# Our estimator is right for one pair. For two pairs it is too low, as expected. On bent columns `gaussian` is too
# low as well, because it only sees what is linear. `ksg` is too low where the information is high.
#
# More rows
# ---------
#
# With more rows an estimate should come closer to the exact value. If it does not, it is biased.

bent = tasks.build("gaussian:dims=3v3,nats=1.0,pairs=2,hidden=bent")
for count in (250, 1000, 4000):
    rows = bent.sample(count, seed=2)
    values = "  ".join(f"{name} {estimator.estimate(*rows):.3f}" for name, estimator in estimators.items())
    print(f"{count:5} rows: {values}   (exact 1.000)")

# %%
# Only `ksg` comes closer. The other two stay where they are, because they look at the wrong thing.
#
# Nothing to find
# ---------------
#
# The most important test: shuffle one side. Now x and y are independent, and the answer must be 0.

x, y = bent.sample(1000, seed=3)
shuffled = y[np.random.default_rng(0).permutation(len(y))]
for name, estimator in estimators.items():
    print(f"{name:9} {estimator.estimate(x, shuffled):+.3f} nats")

# %%
# All three pass. An estimator that finds information here cannot be trusted anywhere.
#
# Next
# ----
#
# Any story is a test too, for example two pictures: see :doc:`bring your own estimator </howto/estimator>`.
# :doc:`Tasks </tasks>` lists all tasks, and `infoloom bench estimators` runs yours on whole suites of them.
