"""The report of a dataset: its story, its truth, its rows, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infoloom.datasets import verify
from infoloom.datasets.showing.card import MEANING, certificate_text, value_text
from infoloom.datasets.showing.preview import default_order, preview_figure
from infoloom.errors import DatasetError
from infoloom.information.notation import parse_query
from infoloom.report.page import Number, Section, Table
from infoloom.report.story_figures import draw_bars, draw_ceilings, draw_decomposition, draw_map
from infoloom.units import to_bits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from infoloom.datasets import Dataset
    from infoloom.datasets.storage.manifest import Manifest
    from infoloom.information.ceilings.table import Ceilings
    from infoloom.information.quantity import Quantity
    from infoloom.story import Story

__all__ = ["checks_section", "information_figures", "lead", "sections"]

MAX_BARS: Final = 24
MAX_PAIRS: Final = 6  # pairs of modalities whose contrastive ceilings are drawn: each takes seconds
BATCH: Final = 64
CHECKED_ROWS: Final = 20_000
SENT_BACK: Final = 8  # observations of every modality that the checks send back through its bijection


def lead(data: Dataset) -> str:
    """What the page says under its heading."""
    splits = ", ".join(f"{name} {rows:,}" for name, rows in data.splits.items())
    told = data.story.spec.description.strip()
    told += " " if told.endswith((".", "!", "?")) else ". " if told else ""
    return f"{told}{data.manifest.rows:,} rows ({splits}), seed {data.manifest.seed}."


def sections(data: Dataset, *, sort_by: str | None = None, checks: bool = True) -> list[Section]:
    """What there is to see in a dataset; every information value is the manifest's.

    Args:
        data: An open dataset.
        sort_by: The target or cause that rows are sorted by; the first scalar one when left out.
        checks: Whether to verify the dataset.

    Returns:
        The sections of the page, in order.

    Raises:
        DatasetError: A name that cannot be sorted by, or a spec that is not the manifest's.
    """
    parts = [_story(data), _truth(data)]
    story = data.story
    if story.gaussian and not story.held:
        parts += [*_decomposition(story, data.root), *_ceilings(story, data.root)]
    parts += [*_rows(data, sort_by), _columns(data.manifest), _diagnostics(story, data.root)]
    parts += [checks_section(data.root)] if checks else []
    return [*parts, _provenance(data.manifest)]


def information_figures(
    truth: Mapping[str, Quantity], targets: tuple[str, ...], modalities: tuple[str, ...]
) -> dict[str, Figure]:
    """Figures of a truth table by caption: a map of pairs, and bars where they are few.

    Args:
        truth: Information by query.
        targets: Names of the targets.
        modalities: Names of the modalities.
    """
    queries = {name: parse_query(name) for name in truth}
    pairs = {
        (query.parts[0][0], query.parts[1][0]): truth[name].value
        for name, query in queries.items()
        if query.measure == "I" and not query.given and [len(part) for part in query.parts] == [1, 1]
    }
    figures: dict[str, Figure] = {}
    if pairs:
        caption = "Information between two variables, in nats. Pairs with a target have their own scale."
        figures[caption] = draw_map(targets, modalities, pairs)
    if 0 < len(truth) <= MAX_BARS:
        figures["Every value of the truth table, in nats; each panel has its own scale."] = draw_bars(
            _groups(truth, targets)
        )
    return figures


def _groups(truth: Mapping[str, Quantity], targets: tuple[str, ...]) -> dict[str, dict[str, Quantity]]:
    """The values of a truth table by what they are about."""
    groups: dict[str, dict[str, Quantity]] = {}
    for name, value in truth.items():
        query = parse_query(name)
        if query.measure != "I":
            title = "All modalities together"
        elif len(query.parts) > 2:
            title = "Co-information: positive means more redundancy, negative more synergy"
        elif query.given:
            title = "Between modalities, given a target"
        else:
            about = query.parts[-1][0]
            title = f"About {about}" if about in targets else "Between modalities"
        groups.setdefault(title, {})[name] = value
    return groups


def _latent_text(latent: str | dict[str, str] | None) -> str:
    """One equation, or one for each factor."""
    if isinstance(latent, dict):
        return "; ".join(f"{factor}: `{text}`" for factor, text in latent.items()) or "noise"
    return f"`{latent or 'covariance'}`"


def _story(data: Dataset) -> Section:
    spec = data.story.spec
    rows = [
        *((name, "cause", f"`{one.distribution}`", "") for name, one in spec.causes.items()),
        *((name, "field", f"`{one}`", "") for name, one in spec.fields.items()),
        *((name, "parameter", f"`{one.value!r}`", "") for name, one in spec.parameters.items()),
        *((name, "target", f"`{equation or 'covariance'}`", "") for name, equation in spec.targets.items()),
        *(
            (name, "modality", _latent_text(one.latent), f"`{one.flow}`")
            for name, one in spec.modalities.items()
        ),
        *(
            (name, "label", f"`{one.target}` cut into {one.classes} classes", "")
            for name, one in spec.labels.items()
        ),
    ]
    notes = "\n\n".join(data.manifest.notes)
    text = "Causes, fields and noise are independent. What is observed is an invertible function of a latent."
    table = Table(["name", "is a", "law, value or equation", "flow"], rows)
    held = ", ".join(f"{name} = {value}" for name, value in spec.do.items())
    text += f" Held by intervention: {held}." if held else ""
    return Section("Story", f"{text}\n\n{notes}", tables=[table], command=f"cat {_spec(data.root)}")


def _truth(data: Dataset) -> Section:
    truth = {name: data.manifest.quantity(name) for name in data.manifest.truth}
    exact = all(quantity.exact for quantity in truth.values())
    text = (
        "In closed form from the story, exact to the rounding of float64."
        if exact
        else "From the story; a value after ± is a tolerance (quadrature) or a standard error (Monte Carlo)."
    )
    text += _bounds(data)
    rows = [
        (
            f"`{name}`",
            Number(one.value, value_text(data.manifest, name)),
            Number(to_bits(one.value), value_text(data.manifest, name, bits=True)),
        )
        for name, one in truth.items()
    ]
    figures = information_figures(truth, data.story.targets, data.story.modalities)
    table = Table(["information", "nats", "bits"], rows)
    return Section("Ground truth", text, figures, [table], f"infoloom info {_spec(data.root)} --json")


def _bounds(data: Dataset) -> str:
    """What values are for observations, where a map is not certified to be invertible."""
    bounds = data.upper_bounds
    if not bounds:
        return ""
    return (
        f" For {', '.join(bounds)} information is an upper bound, because the map to observations is not certified "
        f"({'; '.join(dict.fromkeys(bounds.values()))}); co-information, decomposition and "
        "ceilings are those of the latents."
    )


def _decomposition(story: Story, root: Path) -> Iterator[Section]:
    scalar = [target for target in story.targets if story.dim(target) == 1]
    if not scalar or len(story.mapped) < 2:
        return
    parts = [story.decompose(target) for target in scalar]
    rows = [
        (one.target, one.redundancy, name, one.unique[name], one.information[name], one.synergy, one.total)
        for one in parts
        for name in one.modalities
    ]
    head = [
        "target",
        "redundancy",
        "modality",
        "unique to it",
        "all that it knows",
        "synergy",
        "all together",
    ]
    text = (
        "By minimal mutual information: redundancy is what the least informed modality knows, synergy what only "
        "all of them together know."
    )
    figures = {"Where the information about each target is, in nats.": draw_decomposition(parts)}
    table = Table(head, rows, "nats")
    yield Section(
        "Shared, unique, synergistic",
        text,
        figures,
        [table],
        f"infoloom info {_spec(root)} --decompose",
    )


def _ceilings(story: Story, root: Path) -> Iterator[Section]:
    if not story.targets:
        return
    count = len(story.modalities)
    few = count * (count - 1) // 2 <= MAX_PAIRS
    found = story.ceilings(batch=BATCH if few else None)
    tables = [
        Table(
            ["target", "from", "information", "largest R²", "smallest mean squared error"],
            [
                (one.target, ", ".join(one.given), one.information, one.r_squared, one.mmse)
                for one in found.targets
            ],
        ),
        *_other_ceilings(found),
    ]
    figures = {"The largest R² that any predictor can reach.": draw_ceilings(found.targets)}
    text = "No learner can exceed these values, with any size and any number of rows."
    command = f"infoloom info {_spec(root)} --ceilings --batch {BATCH}"
    yield Section("Ceilings", text, figures, tables, command)


def _other_ceilings(found: Ceilings) -> Iterator[Table]:
    if found.classes:
        rows = [
            (one.label, one.classes, ", ".join(one.given), one.information, one.accuracy)
            for one in found.classes
        ]
        yield Table(["label", "classes", "from", "information", "largest accuracy"], rows)
    if found.pairs:
        pairs = [
            (", ".join(one.pair), one.information, one.limit, _estimate(one.bound), _estimate(one.retrieval))
            for one in found.pairs
        ]
        head = ["pair", "information", "min(I, log n)", "InfoNCE bound", "top-1 retrieval"]
        yield Table(head, pairs, f"Contrastive learning in batches of {found.pairs[0].batch}, by Monte Carlo")


def _estimate(quantity: Quantity) -> Number:
    return Number(quantity.value, quantity.text())


def _rows(data: Dataset, sort_by: str | None) -> Iterator[Section]:
    try:
        by = sort_by or default_order(data)
    except DatasetError:
        return  # it keeps no scalar to sort by
    text = f"Each column is a row of the dataset, sorted by `{by}`; its value is above it."
    caption = (
        f"Observations sorted by `{by}`; below them, with enough rows, means of 40 rows with similar values."
    )
    command = f"infoloom preview {data.root} --sort-by {by} -o preview.png"
    yield Section("Rows", text, {caption: preview_figure(data, by, panel=0.72)}, command=command)


def _columns(manifest: Manifest) -> Section:
    rows = [
        (f"`{one.name}`", f"{one.dtype}{list(one.shape) if one.shape else ''}", MEANING[one.kind])
        for one in manifest.columns
    ]
    return Section("Columns", tables=[Table(["column", "type", "meaning"], rows)])


def _diagnostics(story: Story, root: Path) -> Section:
    findings = sorted(story.diagnose(), key=lambda one: one.healthy)  # what needs attention comes first
    bad = sum(not one.healthy for one in findings)
    rows = [(one.name, one.detail, "ok" if one.healthy else f"look: {one.remedy}") for one in findings]
    text = f"The story was looked at in {len(findings)} ways. {bad} of them need attention."
    table = Table(["looked at", "found", "verdict"], rows)
    return Section("Diagnostics", text, tables=[table], command=f"infoloom info {_spec(root)} --diagnose")


def checks_section(root: Path) -> Section:
    """What `verify` finds, with fewer rows than it would take by itself.

    Args:
        root: The dataset's folder.
    """
    report = verify(root, rows=CHECKED_ROWS, round_trip_rows=SENT_BACK)
    rows = [("ok" if one.passed else "FAILED", one.name, one.detail) for one in report.checks]
    failed = sum(not one.passed for one in report.checks)
    text = f"All {len(rows)} checks passed." if not failed else f"{failed} of {len(rows)} checks FAILED."
    return Section(
        "Checks", text, tables=[Table(["verdict", "check", "found"], rows)], command=f"infoloom verify {root}"
    )


def _spec(root: Path) -> Path:
    return root / "spec.yaml"


def _provenance(manifest: Manifest) -> Section:
    rows = [
        ("spec", f"digest `{manifest.digest}`"),
        ("seed", str(manifest.seed)),
        (
            "shards",
            f"{len(manifest.shards):,} files, {sum(one.bytes for one in manifest.shards) / 2**20:,.1f} MiB",
        ),
        *(
            ("made with", f"{', '.join(f'{k} {v}' for k, v in one['versions'].items())} on {one['device']}")
            for one in manifest.made_with
        ),
    ]
    flows = [
        (name, f"`{one['flow']}`", certificate_text(one["certificate"]))
        for name, one in manifest.bijections.items()
    ]
    tables = [Table(["", ""], rows), Table(["modality", "flow", "its inverse"], flows)]
    return Section("Provenance", tables=tables)
