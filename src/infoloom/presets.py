"""Stories by name, and families of stories by their parameters."""

from __future__ import annotations

import math

from infoloom.design.designs import design
from infoloom.spec.load import load_spec
from infoloom.spec.load import preset_names as names
from infoloom.story import Story, compile_story

__all__ = ["DECAYS", "black_hole_sweep", "captions", "decay_sweep", "multimodal_decay", "names", "preset"]

#: Decays of the paper's figure, for both of its bases.
DECAYS = (1.2, 1.4, 1.6)


def preset(name: str) -> Story:
    """Compile a story that comes with the package.

    Raises:
        SpecError: No preset of that name.

    Example:
        >>> round(preset("figure-1").information("I(x1; x2)"), 9)
        4.309011329
    """
    return compile_story(name)


def black_hole_sweep(steps: int = 5) -> dict[float, Story]:
    """The preset `black-hole`, its target turned from the mass to the spin: θ = cos(t) mass + sin(t) spin.

    Args:
        steps: How many angles t from 0 to 90 degrees, 2 or more.

    Returns:
        Stories by angle in degrees.

    Raises:
        ValueError: Fewer than two steps.

    Example:
        >>> stories = black_hole_sweep(3)
        >>> [(angle, round(one.information("I(radio.diameter; theta)"), 6)) for angle, one in stories.items()]
        [(0.0, 0.804719), (45.0, 0.255413), (90.0, 0.0)]
    """
    if steps < 2:
        raise ValueError(f"steps `{steps}`: expected 2 or more. Take `preset` for one story.")
    tree = load_spec("black-hole").to_dict()
    angles = [90.0 * i / (steps - 1) for i in range(steps)]
    weights = {angle: (math.cos(math.radians(angle)), math.sin(math.radians(angle))) for angle in angles}
    # Exact where the target is one of the two: cos 90° is 6e-17 in floating point.
    weights |= {0.0: (1.0, 0.0), 90.0: (0.0, 1.0)}
    return {
        angle: compile_story(
            {**tree, "parameters": {"eta_mass": weights[angle][0], "eta_spin": weights[angle][1]}}
        )
        for angle in angles
    }


def captions(nats: float = 1.0) -> Story:
    """Pictures and captions that share so much information, for contrastive learning: the preset of that name, solved.

    Args:
        nats: I(text; picture), above 0 and below the entropy of the words, log 180 or 5.19; close to it weights
            are so large that values have standard errors.

    Raises:
        DesignError: Another value.

    Example:
        >>> round(captions(0.5).information("I(text; picture)"), 6)
        0.5
    """
    tree = load_spec("captions").to_dict()
    tree["parameters"] = {"match": {"free": True, "min": 1e-3}}
    tree["require"] = {"I(text; picture)": float(nats)}
    return design(tree).story


def multimodal_decay(
    modalities: int = 10, alpha: float = 1.2, beta: float = 1.2, dim: int = 3072, weight: float = 1.0
) -> Story:
    """Many modalities whose shared information decays with their distance (the paper's multimodal example).

    Modality i mixes one field per modality with weights α^−|i−j|, and sees one cause, the target, with
    weight·β^−i.

    Args:
        modalities: Number of modalities.
        alpha: Base of the decay between modalities, > 0; the larger, the less neighbours share.
        beta: Base of the decay of the target's weight, > 0.
        dim: Components of a modality; with 3072 each shows another class of the CIFAR-10 flow, else plain latents.
        weight: The target's weight in the first modality.

    Source:
        Hashmani et al., arXiv 2510.21686, multimodal example.
    """
    count = range(modalities)
    latents = {
        f"x{i}": f"{weight * beta**-i!r}*cause + "
        + " + ".join(f"{alpha ** -abs(i - j)!r}*field{j}" for j in count)
        for i in count
    }
    return compile_story(
        {
            "name": "multimodal-decay",
            "description": f"{modalities} modalities, decays alpha={alpha} and beta={beta}",
            "causes": {"cause": "normal"},
            "fields": {f"field{j}": "normal" for j in count},
            "targets": {"theta": "cause"},
            "modalities": {
                name: {"flow": f"cifar10[{i % 10}]" if dim == 3072 else f"vector({dim})", "latent": latent}
                for i, (name, latent) in enumerate(latents.items())
            },
        }
    )


def decay_sweep(modalities: int = 10, dim: int = 3072) -> dict[tuple[float, float], Story]:
    """The multimodal decay over both bases, as in the paper's figure.

    Args:
        modalities: Number of modalities.
        dim: Components of a modality.

    Returns:
        Stories by (alpha, beta), each of 1.2, 1.4 and 1.6.

    Example:
        >>> stories = decay_sweep(modalities=3, dim=16)
        >>> len(stories), stories[1.2, 1.6].modalities
        (9, ('x0', 'x1', 'x2'))

    Source:
        Hashmani et al., arXiv 2510.21686, multimodal example.
    """
    return {(a, b): multimodal_decay(modalities, a, b, dim) for a in DECAYS for b in DECAYS}
