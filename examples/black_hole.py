"""
Which instrument tells about the target?
========================================

Turn the target from mass to spin and the two instruments change places: mass shows in X-rays, spin in radio, and their
weights stay as they are. The curves go to `black_hole.png`.
"""

import math

from matplotlib.figure import Figure

import infoloom as loom


def story(angle: float) -> loom.Story:
    """A target that is mass at angle 0 and spin at a right angle."""
    mass, spin = math.cos(angle), math.sin(angle)
    return loom.load(
        {
            "name": "black-hole-turned",
            "causes": {"mass": "normal", "spin": "normal"},
            "fields": {"texture": "normal"},
            "targets": {"theta": f"{mass!r}*mass + {spin!r}*spin"},
            "modalities": {
                "radio": {
                    "flow": "identity(3, 32, 32)",
                    "latent": "0.01*mass@disk + 0.05*spin@ring(0.3) + 0.1*texture + noise",
                },
                "xray": {
                    "flow": "identity(3, 32, 32)",
                    "latent": "0.05*mass@ones + 0.01*spin@disk - 0.1*texture + noise",
                },
            },
        }
    )


# %%
# What each instrument knows about the target, for every angle.
angles = [math.pi / 2 * step / 24 for step in range(25)]
curves = {"radio": [], "xray": []}
for angle in angles:
    turned = story(angle)
    for name, curve in curves.items():
        curve.append(turned.information(f"I({name}; theta)"))
    if angle in angles[::6]:
        radio, xray = (curve[-1] for curve in curves.values())
        print(f"{math.degrees(angle):5.1f}°  radio {radio:.4f}  xray {xray:.4f} nats")
assert curves["xray"][0] > curves["radio"][0]
assert curves["xray"][-1] < curves["radio"][-1]

figure = Figure(figsize=(5, 3.2), dpi=150, layout="constrained")
axes = figure.subplots()
for name, curve in curves.items():
    axes.plot([math.degrees(angle) for angle in angles], curve, label=f"I({name}; θ)")
axes.set_xlabel("angle of the target: 0° is mass, 90° is spin")
axes.set_ylabel("nats")
axes.legend()
figure.savefig("black_hole.png")
