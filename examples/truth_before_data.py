"""
The truth before the data
=========================

Every information value is known before a single row exists; this shows what moves it.

Run: python examples/truth_before_data.py
"""

import infoloom as loom


def story(overlap: str) -> loom.Story:
    """Two images of one galaxy: both see the mass; only one sees the halo, spread by the given template."""
    mass, halo = loom.symbols("mass halo")
    pattern = loom.template("patch", 0, 0, 16, 32)
    return loom.load(
        {
            "name": "galaxy",
            "causes": {"mass": "normal", "halo": "normal"},
            "targets": {"theta": mass},
            "modalities": {
                "optical": {"flow": "identity(1, 32, 32)", "latent": 0.05 * mass @ pattern + loom.noise},
                "radio": {
                    "flow": "identity(1, 32, 32)",
                    "latent": 0.05 * mass @ pattern + 0.05 * halo @ overlap + loom.noise,
                },
            },
        }
    )


# %%
# The same weights, and the halo in three places.
for name, template in {
    "halo on the other half": loom.template("patch", 16, 0, 16, 32),
    "halo everywhere": loom.template("ones"),
    "halo on top of the mass": loom.template("patch", 0, 0, 16, 32),
}.items():
    galaxy = story(template)
    print(name)
    for query in ("I(optical; theta)", "I(radio; theta)", "I(radio; theta | halo)", "I(optical; radio)"):
        print(f"    {query:26} {galaxy.information(query):.6f} nats")
