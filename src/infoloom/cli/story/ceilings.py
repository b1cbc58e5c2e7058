"""Tables and JSON of `infoloom info --ceilings` and `--decompose`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infoloom.cli.terminal.tables import Row, screen, table
from infoloom.information.quantity import MONTE_CARLO, Quantity
from infoloom.units import NATS_PER_BIT

if TYPE_CHECKING:
    from infoloom.information.ceilings.table import Ceilings
    from infoloom.information.decomposition import Decomposition
    from infoloom.story import Story

__all__ = ["print_ceilings", "print_decomposition"]


def print_ceilings(story: Story, classes: int | None, batch: int, bits: bool, as_json: bool) -> None:
    """Print what the best possible learner reaches."""
    found = story.ceilings(classes=classes, batch=batch)
    print(_ceilings_json(found, bits) if as_json else _ceilings_text(story.name, found, bits))


def print_decomposition(story: Story, bits: bool, as_json: bool) -> None:
    """Print the decomposition of every target."""
    parts = [story.decompose(target) for target in story.targets]
    print(_decomposition_json(parts, bits) if as_json else _decomposition_text(story.name, parts, bits))


def _ceilings_text(name: str, found: Ceilings, bits: bool = False) -> str:
    """Three tables: targets, classes, pairs of modalities."""
    unit, scale = _unit(bits)
    lines = [f"{name}, ceilings, information in {unit}"]
    for rows in (_targets(found, scale), _classes(found, scale), _pairs(found, bits)):
        if len(rows) > 1:
            lines += ["", *table(rows, screen(), names=32)]
    return "\n".join(lines)


def _targets(found: Ceilings, scale: float) -> list[Row]:
    rows: list[Row] = [("target from", (f"{'information':>16}", f"{'R²':>10}", f"{'MMSE':>12}"))]
    for one in found.targets:
        if one.information_error:
            cells = (
                f"{_off(one.information / scale, one.information_error / scale):>16}",
                f"{_off(one.r_squared, one.r_squared_error):>10}",
                f"{_off(one.mmse, one.mmse_error):>12}",
            )
        else:
            cells = (f"{one.information / scale:>16.9f}", f"{one.r_squared:>10.6f}", f"{one.mmse:>12.6g}")
        mark = ("  at most; MMSE at least",) if one.at_most else ()
        rows.append((_from(one.target, one.given), (*cells, *mark)))
    return rows


def _classes(found: Ceilings, scale: float) -> list[Row]:
    rows: list[Row] = [("class from", (f"{'classes':>7}", f"{'information':>16}", f"{'accuracy':>10}"))]
    for one in found.classes:
        if one.information_error:
            known = f"{_off(one.information / scale, one.information_error / scale):>16}"
            accuracy = f"{_off(one.accuracy, one.accuracy_error):>10}"
        else:
            known, accuracy = f"{one.information / scale:>16.8f}", f"{one.accuracy:>10.6f}"
        mark = ("  at most",) if one.at_most else ()
        rows.append((_from(one.label, one.given), (f"{one.classes:>7}", known, accuracy, *mark)))
    return rows


def _pairs(found: Ceilings, bits: bool) -> list[Row]:
    if not found.pairs:
        return []
    _, scale = _unit(bits)
    heads = (f"{'information':>16}", f"{'limit':>14}", "  InfoNCE bound, top-1 retrieval")
    rows: list[Row] = [
        (f"pairs, batches of {found.pairs[0].batch}", heads),
        ("", (" " * 16, f"{'min(I, log n)':>14}")),
    ]
    for one in found.pairs:
        cells = (f"{one.information / scale:>16.9f}", f"{one.limit / scale:>14.9f}")
        said = f"  {one.bound.text(bits)}, {one.retrieval.text()}{'; all at most' if one.at_most else ''}"
        rows.append((" and ".join(one.pair), (*cells, said)))
    return rows


def _ceilings_json(found: Ceilings, bits: bool = False) -> str:
    """One object; Monte Carlo values with their standard errors."""
    unit, scale = _unit(bits)
    return json.dumps({"unit": unit, **found.to_json(scale)}, indent=2)


def _decomposition_text(name: str, parts: list[Decomposition], bits: bool = False) -> str:
    """One table a target."""
    unit, scale = _unit(bits)
    lines = [f"{name}, decomposition by minimal mutual information, in {unit}"]
    for one in parts:
        rows = {
            f"redundancy of {', '.join(one.modalities)}": one.redundancy,
            **{f"unique to {modality}": value for modality, value in one.unique.items()},
            "synergy": one.synergy,
            "all together": one.total,
        }
        lines += ["", f"  about {one.target}"]
        cells = [(label, [f"{round(value / scale, 12) + 0.0:>16.12f}"]) for label, value in rows.items()]
        lines += table(cells, screen(), names=40)
    return "\n".join(lines)


def _decomposition_json(parts: list[Decomposition], bits: bool = False) -> str:
    """One object, by target."""
    unit, scale = _unit(bits)
    tree = {one.target: one.to_json(scale) for one in parts}
    return json.dumps({"unit": unit, "method": "minimal mutual information", "decomposition": tree}, indent=2)


def _unit(bits: bool) -> tuple[str, float]:
    return ("bits", NATS_PER_BIT) if bits else ("nats", 1.0)


def _off(value: float, error: float) -> str:
    """A value that is not exact with its error: `0.394 ± 0.001`."""
    text = Quantity(value, max(error, 1e-9), MONTE_CARLO).text()
    return text.removesuffix(f" ({MONTE_CARLO})")


def _from(name: str, given: tuple[str, ...]) -> str:
    text = f"{name} from {', '.join(given)}"
    return text if len(text) <= 32 else f"{name} from all {len(given)}" if len(given) > 1 else text
