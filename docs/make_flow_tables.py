"""Write the tables of docs/flows.md from the cards of the flows: `python docs/make_flow_tables.py`.

Between `<!-- numbers: NAME -->` and `<!-- end -->` nothing is written by hand; a test holds the page against the cards.
`infoloom flow check NAME --data FILE --rows 1024 --wide-rows 1024 --eigen-rows 64 --keep --quality` writes a card.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from infoloom.observations.flows.velocity import flop_count
from infoloom.observations.realism.sides import STRONG_PASSES
from infoloom.observations.realism.two_sample import PASSES
from infoloom.observations.training.packaging import all_classes
from infoloom.spec.flows.flow import flow_header, flow_path, zoo_names

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "flows.md"
BLOCK = re.compile(r"(<!-- numbers: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
KINDS = {
    "floor": "real, trained on",
    "samples": "samples",
    "story_whiten": "story, whitened",
    "story_scale": "story, divided by its norm",
    "story_none": "story, as it is",
}

Header = Mapping[str, Any]


def markdown(head: str, lines: list[list[str]]) -> str:
    """A table; the first column holds names."""
    names = head.split("; ")
    rows = [names, ["---"] * len(names), *lines]
    return "\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\n"


def shipped(headers: Mapping[str, Header]) -> str:
    """What comes with the package: shape, cost, size, certificate."""
    lines = []
    for name, header in headers.items():
        card, path = header["card"], flow_path(name)
        trips, singular = card["certificate"]["round_trip"], card["certificate"]["singular_values"]
        flow = all_classes(name)
        steps = len(header["grid"]) - 1
        calls = steps * (2 if header["solver"] == "midpoint" else 1)
        classes = header["classes"]
        lines.append(
            [
                f"`{name}`",
                "×".join(map(str, header["shape"])),
                str(len(classes)) if classes else "none",
                str(steps),
                f"{sum(value.numel() for value in flow.velocity.parameters()) / 1e6:.1f} M",
                f"{calls * flop_count(flow.velocity, bool(classes)) / 1e9:.2f}",
                f"{path.stat().st_size / 2**20:.1f} MiB",
                f"{card['certificate']['margin']:.2f}",
                " / ".join(f"{trips[kind]['worst']:.0e}" for kind in ("float32", "float64")),
                f"{singular[0]:.3f} to {singular[1]:.1f}",
            ]
        )
    head = "flow; shape; classes; steps; parameters; GFLOP a row; file; margin; worst round trip, float32 / float64"
    return markdown(f"{head}; singular values", lines)


def certificates(headers: Mapping[str, Header]) -> str:
    """Which rows the certificates looked at."""
    lines = []
    for name, header in headers.items():
        found = header["card"]["certificate"]
        rows = {
            kind: [trip[of]["rows"] if of in trip else 0 for of in ("sampled", "real")]
            for kind, trip in found["round_trip"].items()
        }
        both = [" and ".join(f"{count:,}" for count in rows[kind]) for kind in ("float32", "float64")]
        determinants = " and ".join(f"{value:.0f}".replace("-", "−") for value in found["log_determinants"])
        lines.append(
            [f"`{name}`", str(found["eigen_rows"]), *both, f"{found['held_out_rows']:,}", determinants]
        )
    return markdown("flow; eigenvalues; float32; float64; held-out rows at hand; log-determinant", lines)


def training(headers: Mapping[str, Header]) -> str:
    """How long the flows were trained, and what became of it."""
    lines = []
    for name, header in headers.items():
        card = header["card"]
        origin = card.get("distilled")
        trained = origin["trained"] if origin else card["trained"]
        held = trained.get("held_out_loss")
        lines.append(
            [
                f"`{name}`",
                f"{trained['rows']:,}",
                f"{trained['steps']:,}",
                "–" if held is None else f"{held:.3f}",
                f"{trained['loss']:.3f}",
                f"{card['trained']['steps']:,}, {origin['steps']} → {len(header['grid']) - 1}"
                if origin
                else "–",
            ]
        )
    head = "flow; training rows; training steps; loss on held-out rows; on training rows"
    return markdown(f"{head}; distilled: training steps, steps of the flow", lines)


def realism(headers: Mapping[str, Header]) -> str:
    """Can a network tell samples from real rows, and do their moments agree?"""
    lines = []
    for name, found in _measured(headers):
        changed = found.get("two_sample_augmented")
        tests = [found.get(f"two_sample{kind}") for kind in ("_story_whiten", "_floor")]
        lines.append(
            [
                f"`{name}`",
                f"{found['rows']:,}, {found['held_out_rows']:,}",
                _accuracy(found["two_sample"]),
                _accuracy(changed) if changed else "–",
                *(_accuracy(test) for test in tests),
                *(_percent(found["moments"], of) for of in ("mean", "deviation")),
                _percent(found["moments_floor"], "deviation"),
                f"{found['nearest_ratio']:.2f}",
            ]
        )
    head = "flow; samples, held-out rows; two-sample accuracy; real rows changed alike; whitened story; floor; mean"
    return markdown(f"{head}; deviation; that of training rows; nearest-neighbour ratio", lines)


def strong(headers: Mapping[str, Header]) -> str:
    """The same test by a larger network on more rows, of the flows that were tested so."""
    lines = []
    for name, found in _measured(headers):
        if test := found.get("two_sample_strong"):
            counts = (f"{count:,}" for count in test["rows"])
            lines.append([f"`{name}`", *counts, _accuracy(test, STRONG_PASSES)])
    return markdown("flow; rows of each kind to train; to choose the pass; to report; accuracy", lines)


def features(headers: Mapping[str, Header]) -> str:
    """Distances in a classifier's features, every flow's own table."""
    parts = []
    for name, found in _measured(headers):
        right, normal = found["classifier_accuracy"], found["gaussianity"]
        by = "principal components" if right is None else f"classifier right on {right:.1%} of held-out rows"
        table = markdown(
            "rows; Fréchet; kernel; precision; recall; class accuracy",
            [_distances(label, found[kind]) for kind, label in KINDS.items()],
        )
        said = (
            f"Inverted real rows: variance {normal['variance']:.2f}, excess kurtosis {normal['excess_kurtosis']:.2f}, "
            f"|z|²/d {normal['norm_mean']:.2f} with {normal['norm_spread']:.1f} times the spread of a normal's, at "
            f"most {normal['distribution_distance']:.3f} from the normal distribution function.\n"
        )
        parts.append(f"\n`{name}`, {found['rows']:,} samples, {by}:\n{table}{said}")
    return "".join(parts) + "\n"


BLOCKS: dict[str, Callable[[Mapping[str, Header]], str]] = {
    "flows": shipped,
    "certificates": certificates,
    "training": training,
    "realism": realism,
    "strong": strong,
    "features": features,
}


def written(page: str) -> str:
    """The page with its numbers."""
    headers = {name: flow_header(flow_path(name)) for name in zoo_names()}
    return BLOCK.sub(lambda match: f"{match[1]}{BLOCKS[match['name']](headers)}{match[3]}", page)


def _measured(headers: Mapping[str, Header]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Flows whose quality was measured with the classifiers that ship, which says errors of moments too."""
    for name, header in headers.items():
        found = header["card"].get("quality", {})
        if "mean_error" in found.get("moments", {}):
            yield name, found


def _distances(label: str, one: Mapping[str, float]) -> list[str]:
    accuracy = one.get("class_accuracy")
    return [
        label,
        f"{one['frechet']:.2f}",
        f"{one['kernel']:.3f}",
        f"{one['precision']:.2f}",
        f"{one['recall']:.2f}",
        "–" if accuracy is None else f"{accuracy:.2f}",
    ]


def _accuracy(test: Mapping[str, Any] | None, passes: int = PASSES) -> str:
    if test is None:
        return "too few"
    star = "*" if test["kept"] > 0.9 * passes else ""
    return f"{test['accuracy']:.2f} ± {test['standard_error']:.2f}{star}"


def _percent(moments: Mapping[str, float], of: str) -> str:
    value, error = (round(100.0 * moments[name], 1) for name in (of, f"{of}_error"))
    return f"{value:+.1f} ± {error:.1f} %".replace("-", "−")


def main() -> None:
    """Write the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
