"""Make certificates that come with the package: `python docs/make_certificates.py [EXPRESSION …]`.

Needed when a renderer or what certifies it changes; minutes of one core. Those of code that is gone are left out.
Without expressions every renderer is looked at with its usual size and ranges, a few at smaller sizes, and all shapes
together, as a cause chooses among them in `sprites[{kind}]`. Expressions may be such choices too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

import infoloom.observations.renderers as home
from infoloom.observations.renderers.base import Renderer
from infoloom.observations.renderers.certificate import certify_renderer, digest_of
from infoloom.observations.renderers.collisions import collisions_digest, find_collisions
from infoloom.observations.renderers.registry import RENDERERS, make_renderer
from infoloom.spec.flows.choice import replace_choice
from infoloom.spec.flows.flow import flow_choice, parse_flow

SMALLER = (
    "ring(32)",
    "xray_spectrum(64)",
    "sprites[star](32)",
    "sprites[heart](32)",
)  # of the learners' benchmark
FILE = Path(home.__file__).parent / "certificates.json"


def main(expressions: list[str]) -> None:
    """Write the file after every renderer, without those of code that is gone."""
    torch.set_num_threads(1)
    choices = [one for one in expressions or chosen() if flow_choice(one) is not None]
    renderers = [make_renderer(parse_flow(one)[0]) for one in expressions or usual() if one not in choices]
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    current = {digest_of(make_renderer(parse_flow(one)[0])) for one in usual()}
    current |= {collisions_digest(among(one)) for one in chosen()}
    for renderer in renderers:
        digest = digest_of(renderer)
        known = {key: value for key, value in known.items() if key in current | {digest}}
        known[digest] = known.get(digest) or certify_renderer(renderer)
        FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        print(renderer.setup, known[digest]["passes"], flush=True)  # noqa: T201
    for one in choices:
        digest = collisions_digest(among(one))
        known = {key: value for key, value in known.items() if key in current | {digest}}
        known[digest] = known.get(digest) or find_collisions(among(one))
        FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        print(one, known[digest]["passes"], flush=True)  # noqa: T201


def chosen() -> list[str]:
    """Every renderer with shapes, as a cause chooses among all of them."""
    return [f"{name}[{{kind}}]" for name, renderer in RENDERERS.items() if renderer.form.kinds]


def among(expression: str) -> dict[str, Renderer]:
    """The renderers among which an expression chooses."""
    choice = flow_choice(expression)
    names = () if choice is None else choice.names
    return {name: make_renderer(parse_flow(replace_choice(expression, name))[0]) for name in names}


def usual() -> list[str]:
    """Every renderer, with every shape, as it is without arguments, and the smaller ones."""
    plain = [
        f"{name}[{kind}]" if kind else name
        for name, renderer in RENDERERS.items()
        for kind in renderer.form.kinds or (None,)
    ]
    return [*plain, *SMALLER]


if __name__ == "__main__":
    main(sys.argv[1:])
