"""The card, `README.md`: for people on top, for `datasets.load_dataset` in its YAML header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import yaml

from infoloom.datasets.storage.bounds import standing
from infoloom.datasets.storage.channel_columns import channel_source
from infoloom.datasets.storage.columns import Column, row_bytes
from infoloom.datasets.storage.manifest import Manifest
from infoloom.spec.flows.choice import parse_choice
from infoloom.spec.flows.flow import parse_flow
from infoloom.spec.flows.renderers import renderer_form
from infoloom.units import to_bits

__all__ = ["MEANING", "card_text", "certificate_text", "value_text"]

MEANING: Final = {
    "id": "number of the row; row i depends on the spec, the seed and i only",
    "modality": "observation",
    "channel": "8-bit copy of an observation, for viewing; carries at most its information, see below",
    "target": "target",
    "label": "class of a target, cut where its classes are equally likely without interventions",
    "cause": "cause: independent, mean 0, variance 1",
    "latent": "latent of the modality, before whitening and flow",
    "pmi": "pointwise mutual information of the row, nats; its mean is the information",
    "text": "sentence; its words carry all of its information",
    "words": "numbers of the sentence's words, one a slot, see below",
    "tokens": "token ids of the sentence, see below; 0 fills up short ones",
    "prediction": "optimal prediction, E[target | modalities]: no learner has a smaller mean squared error",
}
_MAX_TRUTH: Final = 400


def card_text(manifest: Manifest) -> str:
    """The text of a dataset's card."""
    header = yaml.safe_dump(_header(manifest), sort_keys=False, allow_unicode=True, width=1000)
    parts = (
        _title(manifest),
        _truth(manifest),
        _reading(manifest),
        _columns(manifest),
        _provenance(manifest),
        *_captions(manifest),
        *_channels(manifest),
    )
    return f"---\n{header}---\n\n" + "\n\n".join(parts) + "\n"


def _header(manifest: Manifest) -> dict[str, Any]:
    files: list[dict[str, Any]] = [
        {"split": split, "path": _files(manifest, split)} for split, _ in manifest.splits
    ]
    return {
        "pretty_name": manifest.name,
        "tags": ["mutual-information", "multimodal", "synthetic", "infoloom"],
        "configs": [{"config_name": "default", "default": True, "data_files": files}],
        "dataset_info": {
            "config_name": "default",
            "features": [_feature(column) for column in manifest.columns],
            "splits": [
                {"name": split, "num_bytes": rows * row_bytes(manifest.columns), "num_examples": rows}
                for split, rows in manifest.splits
            ],
        },
    }


def _files(manifest: Manifest, split: str) -> str | list[str]:
    """Files of a split: all there are, but of a dataset that is not finished those of its part only."""
    if manifest.partial is None:
        return f"data/{split}-*.parquet"
    return [record.shard.file for record in manifest.shards if record.shard.split == split]


def _feature(column: Column) -> dict[str, Any]:
    if not column.shape:
        return {"name": column.name, "dtype": column.stored}
    if not column.nested:
        return {"name": column.name, "list": column.dtype, "length": column.size}
    array = {"shape": list(column.shape), "dtype": column.dtype}
    return {"name": column.name, "dtype": {f"array{len(column.shape)}_d": array}}


def _title(manifest: Manifest) -> str:
    names = [column.name for column in manifest.columns if column.kind in ("modality", "text")]
    splits = ", ".join(f"{split} {rows:,}" for split, rows in manifest.splits)
    known = (
        "is known: it follows from `spec.yaml` as accurately as the table says, and every observation is an "
        "invertible function of a latent, which leaves it unchanged."
        + (" Of a caption it is the information of its words." if manifest.captions else "")
        if manifest.notes or manifest.captions
        else "is known exactly: it follows from `spec.yaml` in closed form, and every "
        "observation is an invertible function of a Gaussian latent, which leaves it unchanged."
    )
    bounds = manifest.upper_bounds
    if bounds:
        known = (
            f"follows from `spec.yaml`; for {_listed(list(bounds))} **information is an upper bound**, because the map "
            f"to observations is not certified to be invertible ({'; '.join(dict.fromkeys(bounds.values()))}). Of "
            "values marked *at most* observations may carry less; those marked *of the latents* may be higher or "
            "lower for observations. Pointwise values and predictions are those of the latents."
        )
    text = (
        f"# {manifest.name}\n\n{manifest.rows:,} rows ({splits}) of {_listed(names)}, made by infoloom. The mutual "
        f"information between its variables {known}"
    )
    part = [manifest.partial.sentence(manifest.rows, manifest.splits)] if manifest.partial else []
    return "\n\n".join([text, *part, *manifest.notes, *_plugins(manifest)])


def _plugins(manifest: Manifest) -> list[str]:
    if not manifest.plugins:
        return []
    named = ", ".join(f"`{one.name}` ({one.kind}) of {one.package} {one.version}" for one in manifest.plugins)
    return [
        f"Made with plug-ins: {named}. Rows can be read without them; compiling the story and verifying need them."
    ]


def _truth(manifest: Manifest) -> str:
    lines = [
        f"| {_cell(name)} | {value_text(manifest, name)} | {value_text(manifest, name, True)} |"
        for name in manifest.truth
    ]
    shown = "\n".join(lines[:_MAX_TRUTH])
    more = (
        f"\n\n{len(lines) - _MAX_TRUTH} more values are in `manifest.json`."
        if len(lines) > _MAX_TRUTH
        else ""
    )
    return f"## Ground truth\n\n| information | nats | bits |\n|---|---|---|\n{shown}{more}"


def _cell(name: str) -> str:
    """A name in a table: a bar would end the cell, in code too."""
    return "`" + name.replace("|", "\\|") + "`"


def value_text(manifest: Manifest, name: str, bits: bool = False) -> str:
    """An information value as far as it is known, and what it is for observations through maps not certified."""
    kind = standing(name, manifest.upper_bounds)
    before, after = ("at most ", "") if kind == "at most" else ("", "" if kind == "exact" else f" {kind}")
    if name in manifest.accuracy:
        return before + manifest.quantity(name).text(bits) + after
    return f"{before}{to_bits(manifest.truth[name]) if bits else manifest.truth[name]:.9g}{after}"


def _reading(manifest: Manifest) -> str:
    name = next(column.name for column in manifest.columns if column.kind != "id")
    split = manifest.splits[0][0]
    return f"""## Reading it

```python
import infoloom as loom
data = loom.open("path/to/this/folder")
data["{name}"]        # a numpy array
data.truth            # information in nats

from datasets import load_dataset
rows = load_dataset("path/to/this/folder", split="{split}").with_format("numpy")
```

The Parquet files in `data/` open in polars, DuckDB and pandas too. `infoloom verify path/to/this/folder`
checks checksums, recomputes the truth from `spec.yaml` and compares it with the rows."""


def _captions(manifest: Manifest) -> list[str]:
    """Words and vocabulary of captions."""
    parts = []
    for name, one in manifest.captions.items():
        lines = [
            f"- {slot}: " + ", ".join(f"{i} {word}" for i, word in enumerate(said))
            for slot, said in one["words"].items()
        ]
        tokens = " ".join(f"{i + 1} {token}" for i, token in enumerate(one["vocabulary"]))
        parts.append(
            f"## Words of `{name}`\n\nSentences: `{one['flow']}`. Each word is a class of a standardised factor, from "
            "its smallest values to its largest; information values of the name mean these words, and noise chooses "
            "synonyms.\n\n" + "\n".join(lines) + f"\n\nVocabulary by token id: `{tokens}`"
        )
    return parts


def _columns(manifest: Manifest) -> str:
    lines = [
        f"| {_cell(c.name)} | {c.stored}{list(c.shape) if c.shape else ''} | {MEANING[c.kind]} |"
        for c in manifest.columns
    ]
    return "## Columns\n\n| column | type | meaning |\n|---|---|---|\n" + "\n".join(lines)


def _provenance(manifest: Manifest) -> str:
    made = [
        f"- made with {', '.join(f'{name} {number}' for name, number in one['versions'].items())} "
        f"on {one['device']} ({one['machine']})"
        for one in manifest.made_with
    ]
    flows = [
        f"- `{name}`: flow `{b['flow']}`, {certificate_text(b['certificate'])}{_factors(b['flow'])}"
        f"{_origins(b.get('trained_on', ()))}"
        for name, b in manifest.bijections.items()
    ]
    facts = [f"- spec `spec.yaml`, digest `{manifest.digest}`", f"- seed {manifest.seed}", *made]
    return "## Provenance\n\n" + "\n".join(facts) + "\n\n## Bijections\n\n" + "\n".join(flows)


def _channels(manifest: Manifest) -> list[str]:
    """What 8-bit columns are and what they lose, if there are any."""
    columns = [column for column in manifest.columns if column.levels is not None]
    lines = [
        f"- `{c.name}`: level 0 is {c.levels[0]:g}, level 255 is {c.levels[1]:g}, values outside are clipped. It "
        f"carries at most the information of `{channel_source(c.name)}`. "
        + _loss(manifest, channel_source(c.name), manifest.losses.get(c.name, {}))
        for c in columns
        if c.levels is not None
    ]
    return ["## 8-bit columns\n\n" + "\n".join(lines)] if lines else []


def _loss(manifest: Manifest, modality: str, loss: dict[str, Any]) -> str:
    if "error" not in loss:
        return "What it loses was not measured."
    kept = [
        f"of the {manifest.truth[f'I({modality}; {target})']:.3g} nats of I({modality}; {target}) a cause along an "
        f"average direction keeps about {nats:.3g}"
        for target, nats in loss.get("information", {}).items()
        if f"I({modality}; {target})" in manifest.truth
    ]
    rows = f"{loss['rows']} row{'s' if loss['rows'] > 1 else ''}"
    found = (
        f"Measured on {rows}, linearised through the Jacobian: the latent comes back with an error of "
        f"{loss['error']:.3g} of its standard deviation, correlation {loss['correlation']:.3g}"
    )
    return "; ".join([found, *kept]) + "."


def certificate_text(certificate: dict[str, Any]) -> str:
    """What is known of a bijection's inverse, in words."""
    if certificate.get("kind") == "exact":
        return "invertible in closed form"
    if certificate.get("parts"):
        return "; then ".join(certificate_text(part) for part in certificate["parts"])
    passes = certificate.get("passes", False)
    if certificate.get("kind") == "choice":
        return _choice_text(certificate)
    parts = [
        f"{certificate.get('kind', 'trained')}, certified "
        f"{'injective' if certificate.get('kind') == 'injection' else 'invertible'}"
        if passes
        else f"NOT certified ({certificate.get('reason', 'its certificate fails')}): information is an upper bound"
    ]
    if isinstance(certificate.get("margin"), float):
        kinds = ", ".join(certificate.get("eigenvalues") or ())
        looked = f" over {certificate['eigen_rows']} rows of each kind ({kinds})" if kinds else ""
        parts.append(f"smallest eigenvalue of a step {certificate['margin']:.3g}{looked}")
    for precision, trip in (certificate.get("round_trip") or {}).items():
        looked = " and ".join(
            f"{trip[kind]['rows']} {kind}" for kind in ("sampled", "real") if trip.get(kind)
        )
        parts.append(f"round trip in {precision} to {_digits(trip['worst'], '.1e')} over {looked} rows")
    if certificate.get("kind") == "injection" and certificate.get("singular_values"):
        parts += _injection_text(certificate)
    elif certificate.get("singular_values"):
        low, high = certificate["singular_values"]
        parts.append(f"singular values of the map {_digits(low, '.2g')} to {_digits(high, '.2g')}")
    if certificate.get("log_determinants"):
        found = " and ".join(_digits(value, ".1f") for value in certificate["log_determinants"])
        parts.append(f"log-determinants of the map {found} nats")
    if certificate.get("log_det_error") is not None:
        error = _digits(certificate["log_det_error"], ".1e")
        parts.append(f"log-determinant within {error} nats of the dense Jacobian's")
    if certificate.get("digest"):
        parts.append(f"digest of weights and grid `{certificate['digest']}`")
    return "; ".join(parts)


def _digits(value: float | str, form: str) -> str:
    """A measured number; one that came out as none is a word in the files."""
    return value if isinstance(value, str) else format(value, form)


def _factors(flow: str) -> str:
    """What the factors of a renderer are and where they lie; empty for other flows."""
    step = parse_flow(flow)[0]
    choice = parse_choice(step.selector)
    form = renderer_form(step.name)
    if form is None:
        return ""
    selector = step.selector if choice is None else (*choice.names, *form.kinds)[0]
    ranges = form.setup(selector, step.args, dict(step.kwargs)).ranges
    told = []
    for one in form.factors:
        low, high = ranges[one.name]
        told.append(f"`{one.name}` {low:g} to {high:g}{f' {one.unit}' if one.unit else ''} ({one.meaning})")
    return f"; factors, each Φ of its standardised latent into its range: {', '.join(told)}"


def _choice_text(certificate: dict[str, Any]) -> str:
    """What is known of maps among which a cause chooses: whether an observation tells which one made it."""
    classes = certificate.get("classes", {})
    first: dict[str, Any] = next(iter(classes.values()), {})
    if not certificate.get("passes", False):
        gap = certificate.get("gap")
        lost = ""
        if gap is not None:
            lost = (
                f"; H(category | observation) is at most {gap['value']:.3g} ± {gap['standard_error']:.2g} nats, the "
                f"cross-entropy of a classifier on {gap['rows']:,} rows that it did not see, and so much of an "
                "information value may be missing"
            )
        return f"information is an upper bound: {certificate.get('reason', 'the class is not told')}{lost}"
    found = certificate["collisions"]
    return (
        f"one of {', '.join(classes)} by category, certified injective together with the category: the images of "
        f"`{found['pair'][0]}` and `{found['pair'][1]}` come closest, {found['closest']:.2g} of the size of an "
        f"observation in {found['fitted']:,} fits; of `{next(iter(classes), '')}`: {certificate_text(first)}"
    )


def _injection_text(certificate: dict[str, Any]) -> list[str]:
    """What is known of a renderer: how little the weakest factors show, the closest pair, what 8 bits take."""
    low, high = certificate["singular_values"]
    pair, eight = certificate["closest_pair"], certificate["eight_bits"]
    closest = min(one for one in (pair["random"], pair["fitted_closest"]) if one is not None)
    worst = max(eight, key=eight.__getitem__)
    return [
        f"singular values of the Jacobian {low:.2g} to {high:.2g} of the size of an observation over "
        f"{certificate['rows']} rows",
        f"no collision among {pair['pairs']:,} random and {pair['fitted']} fitted pairs, the closest {closest:.2g} of "
        "that size apart",
        f"8 bits would move `{worst}` most, by {eight[worst]:.2g} of its standard deviation in the median",
    ]


def _origins(origins: Sequence[dict[str, str]]) -> str:
    found = [f"trained on {one['data']} (licence: {one['licence']})" for one in origins]
    return "".join(f"; {text}" for text in dict.fromkeys(found))


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
