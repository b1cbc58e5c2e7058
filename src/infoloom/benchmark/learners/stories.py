"""The stories of the experiments on self-supervised learning, designed so that their information is what is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from infoloom.benchmark.learners.scenes import SCENES
from infoloom.design.designs import design
from infoloom.errors import BenchmarkError
from infoloom.story import Story, compile_story

__all__ = ["EXPERIMENTS", "FLOWS", "TEMPLATES", "make_story"]

Tree = dict[str, Any]
#: Latents meet a bijection that bends every pixel, so that the best prediction is not linear in the pixels.
LOOK: Final = "identity(1, {side}, {side}) | half_cube"
#: One cause, four ways to spread it over the picture. All have ‖t‖² = d, so all carry the same information.
TEMPLATES: Final[Mapping[str, str]] = {
    "ones": "ones",
    "frequency": "frequency(3, 2)",
    "patch": "patch({quarter}, {quarter}, {quarter}, {quarter})",
    "sparse": "sparse(8, seed=1)",
}
#: Angles of the target between two causes, as the weight of the second.
ETAS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


#: Short name → the flows of two pictures or signals of one kind.
FLOWS: Final[Mapping[str, tuple[str, str]]] = {
    "mnist": ("mnist[3]", "mnist[8]"),
    "digits": ("digits[3]", "digits[8]"),
    "cifar10": ("cifar10[frog]", "cifar10[ship]"),
    "galaxy": ("galaxy[spiral]", "galaxy[elliptical]"),
    "sprites": ("sprites[heart](32)", "sprites[star](32)"),
}


def make_story(experiment: str, **params: Any) -> Story:
    """The story of one point of an experiment.

    Args:
        experiment: A name of `EXPERIMENTS`.
        params: What its function takes; `side` is that of the pictures.

    Raises:
        BenchmarkError: An unknown experiment.
    """
    if experiment not in EXPERIMENTS:
        raise BenchmarkError(f"experiment `{experiment}`: expected one of {', '.join(EXPERIMENTS)}.")
    tree = EXPERIMENTS[experiment](**params)
    free = any(isinstance(one, str | dict) for one in tree.get("parameters", {}).values())
    return design(tree).story if free else compile_story(tree)


def information(nats: float, side: int = 16) -> Tree:
    """Two pictures of one cause, each of which knows `nats` about it."""
    return _pair(
        side,
        causes=["mass"],
        latents=("a*mass@disk + noise", "b*mass@ones + noise"),
        require={"I(x1; theta)": nats, "I(x2; theta)": nats},
    )


def observed(flow: str, nats: float = 0.7, side: int = 0) -> Tree:
    """Two real observations of one cause, each of which knows `nats` about it.

    Args:
        flow: A name of `FLOWS`, one flow expression for both, or two that `;` parts.
        nats: About the cause, in each.
        side: Not used: flows have sizes of their own.
    """
    flows = FLOWS.get(flow) or tuple(one.strip() for one in flow.split(";"))
    if len(flows) > 2:
        raise BenchmarkError(f"flow `{flow}`: expected one or two. Name fewer.")
    names, weights = ("x1", "x2"), ("a", "b")
    return {
        "name": "observed",
        "causes": {"mass": "normal"},
        "targets": {"theta": "mass"},
        "parameters": {weight: {"free": True, "min": 0.0} for weight in weights},
        "modalities": {
            name: {"flow": one, "latent": f"{weight}*mass + noise"}
            for name, one, weight in zip(names, (flows[0], flows[-1]), weights, strict=True)
        },
        "require": {f"I({name}; theta)": nats for name in names},
    }


def templates(template: str, nats: float = 0.7, side: int = 16) -> Tree:
    """Two pictures that show one cause by the same template; the total information is that of every other template."""
    spread = TEMPLATES[template].format(quarter=side // 4)
    return _pair(
        side,
        causes=["mass"],
        latents=(f"a*mass@{spread} + noise", f"b*mass@{spread} + noise"),
        require={"I(x1; theta)": nats, "I(x2; theta)": nats},
    )


def modalities(count: int, decay: float = 1.0, nats: float = 0.5, side: int = 8) -> Tree:
    """Pictures of one cause; picture i knows nats · decay^i about it."""
    names = [f"x{i + 1}" for i in range(count)]
    parameters = [f"a{i + 1}" for i in range(count)]
    return {
        "name": "modalities",
        "causes": {"mass": "normal"},
        "targets": {"theta": "mass"},
        "parameters": dict.fromkeys(parameters, "free"),
        "modalities": {
            name: {"flow": LOOK.format(side=side), "latent": f"{weight}*mass@disk + noise"}
            for name, weight in zip(names, parameters, strict=True)
        },
        "require": {f"I({name}; theta)": nats * decay**i for i, name in enumerate(names)},
    }


def parts(kind: str, nats: float = 1.0, side: int = 16) -> Tree:
    """Pictures whose information about the target is shared, unique or synergistic, or one cause of each kind.

    A veil lies over the target: with the same sign in both pictures neither helps the other (redundancy), with
    opposite signs their sum is clear and each alone is dark (synergy).
    """
    small = 0.05 * nats
    match kind:
        case "redundant":
            latents = ("a*mass@disk + b*veil@disk + noise", "a*mass@disk + b*veil@disk + noise")
            require = {"I(x1; theta)": nats - small, "I(x1, x2; theta)": nats}
        case "unique":
            latents = ("a*mass@disk + noise", "b*mass@disk + noise")
            require = {"I(x2; theta)": small, "I(x1, x2; theta)": nats}
        case "synergistic":
            latents = ("a*mass@disk + b*veil@disk + noise", "a*mass@disk - b*veil@disk + noise")
            require = {"I(x1; theta)": small, "I(x1, x2; theta)": nats}
        case "mixed":
            return _mixed(side, 0.5 * nats)
        case _:
            raise BenchmarkError(f"kind `{kind}`: expected redundant, unique, synergistic or mixed.")
    causes = ["mass"] if kind == "unique" else ["mass", "veil"]
    return _pair(side, causes, latents, require)


def black_hole(nats: float = 0.7, side: int = 16) -> Tree:
    """Mass in radio and X-rays, spin in radio only; targets from all mass to all spin."""
    tree = _pair(
        side,
        causes=["mass", "spin"],
        latents=("a*mass@disk + b*spin@ring(0.35) + noise", "c*mass@ones + noise"),
        require={"I(x1; mass)": nats, "I(x1; spin)": nats, "I(x2; mass)": nats},
    )
    tree["targets"] = {
        f"theta{int(100 * eta)}": f"{(1.0 - eta**2) ** 0.5}*mass + {eta}*spin"
        if 0.0 < eta < 1.0
        else ("mass" if eta == 0.0 else "spin")
        for eta in ETAS
    }
    return tree


def nuisance(nats: float, about: float = 0.7, side: int = 16) -> Tree:
    """Pictures that know `about` each of the target and share `nats` that are not about it: a common texture."""
    texture = " + b*texture" if nats > 0.0 else ""
    require = {"I(x1; theta)": about, "I(x2; theta)": about}
    if texture:
        require["I(x1; x2 | theta)"] = nats
    tree = _pair(
        side,
        causes=["mass"],
        latents=(f"a*mass@disk{texture} + noise", f"a*mass@disk{texture} + noise"),
        require=require if texture else {"I(x1; theta)": about},
    )
    if texture:
        tree["fields"] = {"texture": "normal"}
    return tree


#: Name → spec with free weights and requirements, from the parameters of one point.
EXPERIMENTS: Final[Mapping[str, Callable[..., Tree]]] = {
    "information": information,
    "observed": observed,
    "templates": templates,
    "modalities": modalities,
    "parts": parts,
    "black-hole": black_hole,
    "nuisance": nuisance,
    **SCENES,
}


def _pair(side: int, causes: list[str], latents: tuple[str, str], require: Mapping[str, float]) -> Tree:
    used = "".join(latents)
    return {
        "name": "pair",
        "causes": dict.fromkeys(causes, "normal"),
        "targets": {"theta": "mass"},
        "parameters": {name: {"free": True, "min": 0.0} for name in "abcd" if f"{name}*" in used},
        "modalities": {
            f"x{i}": {"flow": LOOK.format(side=side), "latent": latent} for i, latent in enumerate(latents, 1)
        },
        "require": dict(require),
    }


def _mixed(side: int, nats: float) -> Tree:
    """A shared cause, one of each picture's own, and one that only both together show."""
    half = side // 2
    own = (f"patch(0, 0, {half}, {half})", f"patch({half}, {half}, {half}, {half})")
    tree = _pair(
        side,
        causes=["shared", "own1", "own2", "hidden", "veil"],
        latents=(
            f"a*shared@ones + b*own1@{own[0]} + c*hidden@frequency(2, 1) + d*veil@frequency(2, 1) + noise",
            f"a*shared@ones + b*own2@{own[1]} + c*hidden@frequency(2, 1) - d*veil@frequency(2, 1) + noise",
        ),
        require={
            "I(x1, x2; shared)": nats,
            "I(x1, x2; own1)": nats,
            "I(x1; hidden)": 0.1 * nats,
            "I(x1, x2; hidden)": nats,
        },
    )
    tree["targets"] = {"theta": "0.5*shared + 0.5*own1 + 0.5*own2 + 0.5*hidden"}
    return tree
