"""
Write a dataset, open it, check it
==================================

The rows must carry the information that the story says.

Run: python examples/make_a_dataset.py
"""

import tempfile
from pathlib import Path

import numpy as np

import infoloom as loom

# %%
# Parquet files and a card, in a folder of their own.
if __name__ == "__main__":  # worker processes import this file
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pair"
        story = loom.load(
            {
                "name": "pair",
                "causes": {"mass": "normal"},
                "targets": {"theta": "0.9*mass + 0.4*noise"},
                "modalities": {
                    "left": {"flow": "identity(1, 8, 8) | asinh", "latent": "0.2*mass@disk + noise"},
                    "right": {"flow": "vector(32) | rotation(seed=1)", "latent": "0.2*mass + 0.5*noise"},
                },
            }
        )
        data = loom.generate(story, out, rows=2000, seed=0)
        print(sorted(path.name for path in out.iterdir() if not path.name.startswith(".")))
        print({name: data[name].shape for name in ("left", "right", "theta")})

        pmi = data["pmi(left;right)"]
        print(f"I(left; right) = {data.truth['I(left; right)']:.4f} nats")
        print(f"mean pmi       = {pmi.mean():.4f} ± {pmi.std() / np.sqrt(pmi.size):.4f}")
        assert loom.verify(out).passed
