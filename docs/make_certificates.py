"""Make certificates that come with the package: `python docs/make_certificates.py [EXPRESSION …]`.

Needed when a renderer or what certifies it changes; minutes of one core. Those of code that is gone are left out.
Without expressions every renderer is looked at with its usual size and ranges.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

import infoloom.observations.renderers as home
from infoloom.observations.renderers.certificate import certify_renderer, digest_of
from infoloom.observations.renderers.registry import RENDERERS, make_renderer
from infoloom.spec.flow import parse_flow

FILE = Path(home.__file__).parent / "certificates.json"


def main(expressions: list[str]) -> None:
    """Write the file after every renderer, without those of code that is gone."""
    torch.set_num_threads(1)
    renderers = [make_renderer(parse_flow(one)[0]) for one in expressions or usual()]
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    current = {digest_of(make_renderer(parse_flow(one)[0])) for one in usual()}
    for renderer in renderers:
        digest = digest_of(renderer)
        known = {key: value for key, value in known.items() if key in current | {digest}}
        known[digest] = known.get(digest) or certify_renderer(renderer)
        FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        print(renderer.setup, known[digest]["passes"], flush=True)  # noqa: T201


def usual() -> list[str]:
    """Every renderer, with every shape, as it is without arguments."""
    return [
        f"{name}[{kind}]" if kind else name
        for name, renderer in RENDERERS.items()
        for kind in renderer.form.kinds or (None,)
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
