"""
A linear probe against the ceiling
==================================

For a Gaussian target the highest R² that anything can reach from x is 1 - exp(-2 I(x; theta)). A bijection
keeps the information but hides it; this probe sees the latents, where the best predictor is linear, so it must
reach the ceiling.

Run: python examples/probe_against_ceiling.py
"""

import numpy as np

import infoloom as loom

ROWS = 40_000

story = loom.load(
    {
        "name": "probe",
        "causes": {"mass": "normal", "spin": "normal"},
        "targets": {"theta": "0.8*mass + 0.6*spin"},
        "modalities": {
            "image": {"flow": "identity(1, 8, 8)", "latent": "0.1*mass@disk + 0.1*spin@ring(0.3) + noise"},
            "curve": {"flow": "vector(16)", "latent": "0.3*mass + noise"},
        },
    }
)
# %%
# From one modality, from the other, from both.
train, test = story.sample(ROWS, seed=0), story.sample(ROWS, seed=0, start=ROWS)

for names in (["image"], ["curve"], ["image", "curve"]):
    x, held_out = (np.hstack([rows[name] for name in names]).astype(float) for rows in (train, test))
    weights = np.linalg.lstsq(x, train["theta"], rcond=None)[0]
    residual = (test["theta"] - held_out @ weights) ** 2
    r2 = 1 - residual.mean() / test["theta"].var()
    ceiling = 1 - np.exp(-2 * story.information(f"I({', '.join(names)}; theta)"))
    error = residual.std() / np.sqrt(ROWS) / test["theta"].var()
    print(f"{' + '.join(names):14} R² {r2:.4f} ± {error:.4f}   ceiling {ceiling:.4f}")
    assert abs(r2 - ceiling) < 4 * error
