"""Make the page of the presets, `docs/gallery.md`, and its pictures: `python docs/make_gallery.py [NAME …]`.

Names are of presets whose pictures are drawn anew; all when none is given.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

import infoloom as loom
from infoloom.datasets.showing.preview import preview_figure
from infoloom.datasets.showing.strip import draw_strip
from infoloom.report import draw_templates
from infoloom.spec.load import preset_names, preset_text

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "images" / "gallery"
ROWS = 600
ROW_SHOWN = {"galaxies": 5}  # of a strip; here a galaxy is seen from above and one from the side
VALUES = 12  # of a truth table that are shown
SPREAD = "*(where causes act; weights and signs are left out)*"
ROUNDING = 1e-12
LINES = 40  # of a spec that are shown
TURNED = ("I(radio; theta)", "I(xray; theta)", "I(radio, xray; theta)", "I(radio; xray | theta)")
HEAD = """# Gallery of stories

Every story that comes with the package: its spec, its exact values in nats, and a picture.

- Stories with the flows of CIFAR-10 and of galaxies show one row. Its cause goes from −2 to 2, everything else stays.
- The others show rows sorted by the target; the numbers above them are the target. The lower pictures are means of
  40 rows with similar targets. In a mean of many rows, what does not depend on the target becomes small.
- Where causes enter by their own templates, the templates are drawn too.

Stories with `identity` flows look like noise, because a little information in each of 3072 components is invisible in
one row. An estimator or a learner sees all components at once.

*(Made by `python docs/make_gallery.py`; {rows} rows a story, seed 0.)*
"""


def main(names: list[str]) -> None:
    """Draw pictures, then write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in names or preset_names():
        draw(name)
        print(name, flush=True)  # noqa: T201
    draw_sweep()
    draw_turn()
    page = "\n".join([HEAD.format(rows=ROWS), *map(entry, preset_names()), sweep_entry(), turn_entry()])
    (DOCS / "gallery.md").write_text(page, encoding="utf-8")


def draw(name: str) -> None:
    """The pictures of a preset."""
    story = loom.preset(name)
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "picture.png"
        if slow(story):
            draw_strip(story, moved(story), drawn, row=ROW_SHOWN.get(name, 0))
        else:
            data = loom.generate(story, Path(folder) / name, rows=ROWS, seed=0, workers=1)
            preview_figure(data, "theta", panel=0.6).savefig(drawn, dpi=130)
        with Image.open(drawn) as picture:
            picture.thumbnail((1100, 1400))
            picture.convert("RGB").save(PICTURES / f"{name}.webp", quality=82, method=6)
    if patterned(story):
        draw_templates(story.templates(), PICTURES / f"{name}-templates.png")


def draw_sweep() -> None:
    """The paper's figure of the decay: information of the first modality with each other, and of each with theta."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for number, ((alpha, beta), story) in enumerate(loom.presets.decay_sweep().items()):
        names, colour = story.modalities, f"C{number // 3}"
        style = {
            "color": colour,
            "alpha": 1.0 - 0.3 * (number % 3),
            "marker": "osD"[number % 3],
            "markersize": 4,
        }
        pairs = [story.information(f"I({names[0]}; {name})") for name in names[1:]]
        left.semilogy(range(1, len(names)), pairs, **style)
        about = [story.information(f"I({name}; theta)") for name in names]
        right.semilogy(range(len(names)), about, label=f"α {alpha}, β {beta}", **style)
    left.set(xlabel="distance j", ylabel="I(x0; xj), nats")
    right.set(xlabel="modality j", ylabel="I(xj; theta), nats")
    right.legend(fontsize=7, ncols=3)
    figure.savefig(PICTURES / "decay-sweep.png", dpi=130)


def sweep_entry() -> str:
    """The section of the sweep: its figure and the ends of its curves."""
    rows = [
        "| α | β | `I(x0; x1)` | `I(x0; x9)` | `I(x0; theta)` | `I(x9; theta)` |",
        "|---|---|---|---|---|---|",
    ]
    for (alpha, beta), story in loom.presets.decay_sweep().items():
        queries = ("I(x0; x1)", "I(x0; x9)", "I(x0; theta)", "I(x9; theta)")
        rows.append(
            f"| {alpha} | {beta} | {' | '.join(number(story.quantity(query)) for query in queries)} |"
        )
    told = "`loom.presets.decay_sweep()` gives the multimodal decay for nine pairs of bases, as in the paper's figure."
    picture = "![information against distance for nine decays](images/gallery/decay-sweep.png)"
    return "\n\n".join(["## The decay over its bases", told, picture, "\n".join(rows)]) + "\n"


def draw_turn() -> None:
    """What the two instruments of the black hole know about a target that turns from its mass to its spin."""
    import matplotlib.pyplot as plt

    stories = loom.presets.black_hole_sweep(31)
    figure, axes = plt.subplots(figsize=(6, 3.4), constrained_layout=True)
    for query in TURNED:
        axes.plot(list(stories), [story.information(query) for story in stories.values()], label=query)
    axes.set(
        xlabel="angle of the target, degrees: 0 is the mass, 90 the spin", ylabel="nats", ylim=(0.0, None)
    )
    axes.legend(fontsize=8)
    figure.savefig(PICTURES / "black-hole-turned.png", dpi=130)
    plt.close(figure)


def turn_entry() -> str:
    """The section of the turned target: its figure and five angles."""
    rows = [
        f"| angle | {' | '.join(f'`{query}`'.replace('|', chr(92) + '|') for query in TURNED)} |",
        "|" + "---|" * (len(TURNED) + 1),
    ]
    for angle, story in loom.presets.black_hole_sweep(5).items():
        rows.append(f"| {angle:g}° | {' | '.join(number(story.quantity(query)) for query in TURNED)} |")
    told = (
        "`loom.presets.black_hole_sweep()` turns the target of `black-hole` from its mass to its spin, as the paper "
        "does with η: θ = cos(t) mass + sin(t) spin. What the instruments see stays as it is; what it says about the "
        "target does not."
    )
    picture = "![information against the angle of the target](images/gallery/black-hole-turned.png)"
    return "\n\n".join(["## The black hole, its target turned", told, picture, "\n".join(rows)]) + "\n"


def moved(story: loom.Story) -> str:
    """The cause that is the target, or the first one."""
    return next(
        (name for name in story.causes if name == story.spec.targets["theta"]), next(iter(story.causes))
    )


def slow(story: loom.Story) -> bool:
    """Whether hundreds of rows would take minutes."""
    return any(story.flow(name).startswith(("cifar10", "galaxy")) for name in story.modalities)


def patterned(story: loom.Story) -> bool:
    """Whether some cause enters by another template than `ones`."""
    return any("@" in term and "@ones" not in term for term in story.templates())


def entry(name: str) -> str:
    """A preset's part of the page."""
    story = loom.preset(name)
    lines = preset_text(name).splitlines()
    told = " ".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
    spec = "\n".join(line for line in lines if not line.startswith(("#", "description:")))
    shown = f"```yaml\n{spec}\n```" if len(lines) <= LINES else f"`infoloom new {name}` prints its spec."
    values = list(story.truth().items())
    table = ["| information | nats |", "|---|---|"]
    table += [
        f"| `{query.replace('|', chr(92) + '|')}` | {number(value)} |" for query, value in values[:VALUES]
    ]
    more = len(values) - VALUES
    rest = f"\n\n{more} more values: `infoloom info {name}`." if more > 0 else ""
    shows = f"{moved(story)} moved, the rest held" if slow(story) else "rows sorted by theta"
    picture = f"![{name}: {shows}](images/gallery/{name}.webp)\n\n*({shows})*"
    spread = (
        f"![templates of {name}](images/gallery/{name}-templates.png)\n\n{SPREAD}" if patterned(story) else ""
    )
    parts = [f"## {name}", told, shown, picture, spread, "\n".join(table) + rest]
    return "\n\n".join(filter(None, parts)) + "\n"


def number(value: object) -> str:
    """As many digits as are known, nine at most; what float64 leaves of a zero is a zero."""
    if not value.exact:
        return value.text()
    return "0" if abs(value.value) < ROUNDING else f"{value.value:.9g}"


if __name__ == "__main__":
    main(sys.argv[1:])
