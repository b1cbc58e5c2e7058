"""Stories on observations whose parts have names: sprites, rings, spectra, rotation curves and sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from infoloom.design.designs import design
from infoloom.errors import BenchmarkError
from infoloom.spec.load import load_spec

__all__ = ["LEFT", "SCENES", "SPREADS", "TAKEN", "WORDS"]

Tree = dict[str, Any]
RING: Final = "ring(32)"
#: What becomes of training rows that lack a modality.
TAKEN: Final = "taken"
LEFT: Final = "left"
SPECTRUM: Final = "xray_spectrum(64)"
CURVE: Final = "rotation_curve(64)"
#: Slots of the caption in the order in which they are kept; those behind are dropped first.
WORDS: Final = ("hue", "y", "x", "size")
#: One cause, spread over factors of a ring and of a spectrum in ways that carry the same information.
SPREADS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "bright": (("diameter",), ("norm",)),
    "faint": (("width",), ("line",)),
    "three": (("diameter", "asymmetry", "flux"), ("norm", "index", "column")),
    "all": (
        ("diameter", "width", "asymmetry", "angle", "ellipticity", "flux"),
        ("norm", "index", "column", "line", "width", "strength"),
    ),
}
#: One cause, four ways to spread it over the samples of a heartbeat.
BEATS: Final[Mapping[str, str]] = {
    "ones": "ones",
    "frequency": "frequency(3)",
    "patch": "patch(48, 32)",
    "sparse": "sparse(8, seed=1)",
}
#: One cause, four ways to spread it over the values of a picture of 3 × 32 × 32.
PATTERNS: Final[Mapping[str, str]] = {
    "ones": "ones",
    "frequency": "frequency(2, 1)",
    "disk": "disk",
    "sparse": "sparse(8, seed=1)",
}
#: Weights of the second cause in the target of the black hole.
ETAS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


def captions(nats: float) -> Tree:
    """The preset `captions`, its pictures of 32 × 32: a picture and its caption share `nats`."""
    tree = load_spec("captions").to_dict()
    tree["modalities"]["picture"]["flow"] = "sprites[star](32)"
    tree["parameters"] = {"match": {"free": True, "min": 1e-3}}
    tree["require"] = {"I(text; picture)": float(nats)}
    return tree


def dropped(words: int, nats: float = 4.0) -> Tree:
    """The captions that share `nats` with their picture when they say four words; here they say the first `words`."""
    if not 1 <= words <= len(WORDS):
        raise BenchmarkError(f"words `{words}`: expected 1 to {len(WORDS)}.")
    tree = captions(nats)
    weight = design(tree).story.spec.parameters["match"].value
    del tree["require"]
    text = tree["modalities"]["text"]
    for slot in WORDS[words:]:
        text["flow"] = text["flow"].replace(f" {{{slot}}}", "")
        del text["words"][slot], text["latent"][slot]
    return {**tree, "parameters": {"match": weight}}


def mismatched(share: float, nats: float = 4.0) -> Tree:
    """The captions that share `nats`; the learner meets a share of pairs whose caption is that of another row.

    Args:
        share: Of mismatched pairs; the law of a matched pair does not depend on it.
        nats: I(text; picture) of a matched pair.
    """
    if not 0.0 <= share < 1.0:
        raise BenchmarkError(f"share `{share}`: expected a share of mismatched pairs, 0 or more and below 1.")
    return captions(nats)


def missing(absent: float, incomplete: str = TAKEN, nats: float = 0.7) -> Tree:
    """The black hole again; a share of the training rows lacks the ring or the spectrum.

    Args:
        absent: Of rows that lack one of the two, each as likely; the law does not depend on it.
        incomplete: `taken` to give a learner these rows as well, `left` to give it the complete ones alone.
        nats: As of `turning`.
    """
    if not 0.0 <= absent < 1.0:
        raise BenchmarkError(
            f"absent `{absent}`: expected a share of incomplete rows, 0 or more and below 1."
        )
    if incomplete not in (TAKEN, LEFT):
        raise BenchmarkError(f"incomplete `{incomplete}`: expected {TAKEN} or {LEFT}.")
    return turning(nats)


def plenty(rows: int, nats: float = 1.0) -> Tree:
    """The captions again; the run is given so many pairs to train on."""
    del rows
    return captions(nats)


def spread(how: str, nats: float = 0.7) -> Tree:
    """A ring and a spectrum that each know `nats` about one cause, which reaches one factor or several."""
    radio, xray = SPREADS[how]
    return _black_hole(
        ["mass"],
        dict.fromkeys(radio, "a*mass + noise"),
        dict.fromkeys(xray, "b*mass + noise"),
        {"I(x1; theta)": nats, "I(x2; theta)": nats},
    )


def kinds(kind: str, nats: float = 1.0) -> Tree:
    """A ring and a spectrum whose information about the target is redundant, unique, synergistic, an XOR, or mixed.

    A veil lies over the target: with the same sign in both neither helps the other (redundancy), with opposite signs
    their sum is clear and each alone is dark (synergy). The XOR is the product of two signs, one shown by each.
    """
    small = 0.05 * nats
    both = ["mass", "veil"]
    match kind:
        case "redundant":
            own = {"diameter": "a*mass + b*veil + noise"}, {"norm": "a*mass + b*veil + noise"}
            return _black_hole(both, *own, {"I(x1; theta)": nats - small, "I(x1, x2; theta)": nats})
        case "unique":
            own = {"diameter": "a*mass + noise"}, {"norm": "b*mass + noise"}
            return _black_hole(["mass"], *own, {"I(x2; theta)": small, "I(x1, x2; theta)": nats})
        case "synergistic":
            own = {"diameter": "a*mass + b*veil + noise"}, {"norm": "a*mass - b*veil + noise"}
            return _black_hole(both, *own, {"I(x1; theta)": small, "I(x1, x2; theta)": nats})
        case "xor":
            tree = _black_hole([], {"diameter": "2*first + noise"}, {"norm": "2*second + noise"}, {})
            tree["causes"] = {"first": "categorical(2)", "second": "categorical(2)"}
            del tree["require"]
            tree["targets"] = {"theta": "first*second + 0.3*noise"}
            return tree
        case "mixed":
            return _mixed(0.5 * nats)
    raise BenchmarkError(f"kind `{kind}`: expected redundant, unique, synergistic, xor or mixed.")


def turning(nats: float = 0.7) -> Tree:
    """Mass in ring and spectrum, spin in the ring only; targets from all mass to all spin."""
    tree = _black_hole(
        ["mass", "spin"],
        {"diameter": "a*mass + noise", "asymmetry": "b*spin + noise"},
        {"norm": "c*mass + noise"},
        {"I(x1; mass)": nats, "I(x1; spin)": nats, "I(x2; mass)": nats},
    )
    mixed = {eta: f"{(1.0 - eta**2) ** 0.5}*mass + {eta}*spin" for eta in ETAS}
    tree["targets"] = {f"theta{int(100 * eta)}": mixed[eta] for eta in ETAS if eta not in (0.0, 1.0)} | {
        "theta0": "mass",
        "theta100": "spin",
    }
    return tree


def clutter(nats: float, about: float = 0.4) -> Tree:
    """A ring and a spectrum that know `about` each of the target and share `nats` of other causes."""
    shared = nats > 0.0
    radio, xray = {"diameter": "a*mass + noise"}, {"norm": "a*mass + noise"}
    if shared:
        radio |= {"flux": "b*dust + noise", "angle": "b*tilt + noise"}
        xray |= {"index": "b*dust + noise", "column": "b*tilt + noise"}
    require = {"I(x1; theta)": about, **({"I(x1; x2 | theta)": nats} if shared else {})}
    return _black_hole(["mass", *(["dust", "tilt"] if shared else [])], radio, xray, require)


def many(count: int, nats: float = 0.5) -> Tree:
    """So many spectra of one cause, each of which knows `nats` about it."""
    return {
        "name": "many-spectra",
        "causes": {"mass": "normal"},
        "targets": {"theta": "mass"},
        "parameters": {"a": {"free": True, "min": 0.0}},
        "modalities": {
            f"x{i + 1}": {"flow": SPECTRUM, "latent": {"norm": "a*mass + noise"}} for i in range(count)
        },
        "require": {"I(x1; theta)": nats},
    }


def content(nats: float = 1.0) -> Tree:
    """Two sprites: four factors are content, of which they share `nats` each, and four are each picture's own style."""
    shared = {"hue": "warmth", "y": "height", "x": "side", "size": "bulk"}
    latent = {factor: f"a*{cause} + noise" for factor, cause in shared.items()}
    flows = {"x1": "sprites[star](32)", "x2": "sprites[heart](32)"}
    return {
        "name": "content",
        "causes": dict.fromkeys(shared.values(), "normal"),
        "targets": {"theta": "0.5*warmth + 0.5*height + 0.5*side + 0.5*bulk"},
        "parameters": {"a": {"free": True, "min": 0.0}},
        "modalities": {name: {"flow": flow, "latent": latent} for name, flow in flows.items()},
        "require": {"I(x1.hue; x2.hue)": nats},
    }


def galaxies(nats: float) -> Tree:
    """A picture of a galaxy that knows `nats` about the mass, by its weight, and its rotation curve, 0.7."""
    return _real("galaxy[spiral]", "a*mass@disk + noise", nats)


def pairs(rows: int, nats: float = 1.0) -> Tree:
    """The galaxies again; the run is given so many pairs to train on."""
    del rows
    return galaxies(nats)


def stories(name: str, nats: float = 1.0) -> Tree:
    """All observations by trained flows: two handwritten digits, or a story that comes with the package.

    Args:
        name: `digits` for a three and an eight of MNIST that know `nats` and 0.7 about one cause; else a preset.
        nats: See `name`; presets have their own information.
    """
    if name != "digits":
        return preset(name)
    tree = _real("mnist[3]", "a*mass@blob(0.3, 0.3, 0.2) + noise", nats)
    tree["modalities"]["x2"] = {"flow": "mnist[8]", "latent": "b*mass@patch(0, 7, 28, 7) + noise"}
    return tree


def automobiles(nats: float) -> Tree:
    """The same with a class of CIFAR-10 in place of the galaxy."""
    return _real("cifar10[automobile]", "a*mass@disk + noise", nats)


def patterns(template: str, nats: float = 0.7) -> Tree:
    """A galaxy's picture that shows the mass by a template, always with the same information, and a curve."""
    return _real("galaxy[spiral]", f"a*mass@{PATTERNS[template]} + noise", nats)


def beats(template: str, nats: float = 0.7) -> Tree:
    """A heartbeat that shows the mass by a template, always with the same information, and a curve."""
    return _real("heartbeat-one", f"a*mass@{BEATS[template]} + noise", nats)


def tuning(rate: float) -> Tree:
    """What settings are chosen on: a rotation curve and a spectrum of two causes; no other experiment has this pair.

    Args:
        rate: The learning rate of the run; the story does not depend on it.
    """
    del rate
    tree = _black_hole(
        ["mass", "age"],
        {"halo": "a*mass + noise", "disc": "b*age + noise"},
        {"index": "c*mass + noise"},
        {"I(x1; mass)": 0.8, "I(x1; age)": 0.8, "I(x2; mass)": 0.8},
    )
    tree["modalities"]["x1"]["flow"] = CURVE
    tree["targets"] = {"theta": "0.8*mass + 0.6*age"}
    return tree


def preset(name: str) -> Tree:
    """A story that comes with the package."""
    return load_spec(name).to_dict()


#: Name → spec, from the parameters of one point.
SCENES: Final[Mapping[str, Callable[..., Tree]]] = {
    "captions": captions,
    "dropped": dropped,
    "mismatched": mismatched,
    "missing": missing,
    "plenty": plenty,
    "spread": spread,
    "kinds": kinds,
    "turning": turning,
    "clutter": clutter,
    "many": many,
    "content": content,
    "galaxies": galaxies,
    "pairs": pairs,
    "stories": stories,
    "automobiles": automobiles,
    "patterns": patterns,
    "beats": beats,
    "tuning": tuning,
    "preset": preset,
}


def _black_hole(
    causes: list[str], radio: Mapping[str, str], xray: Mapping[str, str], require: Mapping[str, float]
) -> Tree:
    used = " ".join((*radio.values(), *xray.values()))
    return {
        "name": "black-hole",
        "causes": dict.fromkeys(causes, "normal"),
        "targets": {"theta": "mass"},
        "parameters": {name: {"free": True, "min": 0.0} for name in "abcd" if f"{name}*" in used},
        "modalities": {
            "x1": {"flow": RING, "latent": dict(radio)},
            "x2": {"flow": SPECTRUM, "latent": dict(xray)},
        },
        "require": dict(require),
    }


def _mixed(nats: float) -> Tree:
    """A shared cause, one of each side's own, and one that only both together show, each in a factor of its own."""
    tree = _black_hole(
        ["shared", "own1", "own2", "hidden", "veil"],
        {"diameter": "a*shared + noise", "asymmetry": "b*own1 + noise", "flux": "c*hidden + d*veil + noise"},
        {"norm": "a*shared + noise", "width": "b*own2 + noise", "index": "c*hidden - d*veil + noise"},
        {
            "I(x1, x2; shared)": nats,
            "I(x1; own1)": nats,
            "I(x1; hidden)": 0.1 * nats,
            "I(x1, x2; hidden)": nats,
        },
    )
    tree["targets"] = {"theta": "0.5*shared + 0.5*own1 + 0.5*own2 + 0.5*hidden"}
    return tree


def _real(flow: str, latent: str, nats: float) -> Tree:
    return {
        "name": "real",
        "causes": {"mass": "normal"},
        "targets": {"theta": "mass"},
        "parameters": {"a": {"free": True, "min": 0.0}, "b": {"free": True, "min": 0.0}},
        "modalities": {
            "x1": {"flow": flow, "latent": latent},
            "x2": {"flow": CURVE, "latent": {"halo": "b*mass + noise"}},
        },
        "require": {"I(x1; theta)": nats, "I(x2; theta)": 0.7},
    }
