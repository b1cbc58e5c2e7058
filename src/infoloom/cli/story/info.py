"""`infoloom presets`, `new` and `info`: parse, one call, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infoloom.cli.terminal.output import write_new
from infoloom.cli.terminal.tables import paragraph, screen, table
from infoloom.errors import InfoloomError, QueryError

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["register"]

SpecArgument = Annotated[str, typer.Argument(metavar="SPEC", help="A spec file, or the name of a preset.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, full precision.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to an application."""
    for command in (presets, new, info):
        app.command()(command)


def presets(as_json: AsJson = False) -> None:
    """List the stories that come with the package."""
    from infoloom.spec.load import load_spec, preset_names

    listed = {name: load_spec(name).description for name in preset_names()}
    if as_json:
        print(json.dumps(listed, indent=2))
        return
    width = max(map(len, listed))
    for name, description in listed.items():
        print(paragraph(description, screen(), first=f"{name:<{width}}  "))


def new(
    preset: Annotated[str | None, typer.Argument(metavar="PRESET", help="Name of a preset.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write; an existing file is not overwritten."),
    ] = None,
    from_arguments: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An argument file of the paper's own code, in place of a preset."),
    ] = None,
) -> None:
    """Write a preset's spec, comments included, as a start for your own."""
    from infoloom.spec.arguments import read_arguments
    from infoloom.spec.load import preset_text

    if (preset is None) == (from_arguments is None):
        raise InfoloomError(
            "new: expected the name of a preset, or `--from-arguments FILE`. `infoloom presets` lists them."
        )
    text = read_arguments(from_arguments).to_yaml() if from_arguments else preset_text(preset or "")
    if output is None:
        print(text, end="")
        return
    write_new(output, text)


def info(
    spec: SpecArgument,
    queries: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUERY", help="Quantities such as 'I(a; b | c)'; default: all main values."),
    ] = None,
    as_json: AsJson = False,
    bits: Annotated[bool, typer.Option("--bits", help="Print bits instead of nats.")] = False,
    templates: Annotated[
        Path | None, typer.Option(help="Draw the story's templates into this picture.")
    ] = None,
    ceilings: Annotated[
        bool, typer.Option("--ceilings", help="Print what the best possible learner reaches.")
    ] = False,
    decompose: Annotated[
        bool, typer.Option("--decompose", help="Print redundant, unique and synergistic information.")
    ] = False,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="Print warnings about problems of the story.")
    ] = False,
    classes: Annotated[
        int | None, typer.Option(help="Ceilings: also cut targets into so many classes.")
    ] = None,
    batch: Annotated[int, typer.Option(min=2, help="Ceilings: pairs in a contrastive batch.")] = 256,
    tolerance: Annotated[
        float | None, typer.Option(help="Largest error of values without a closed form, in nats.")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Seconds that such a value may take.")] = None,
) -> None:
    """Print the information of a story: its truth table, the asked quantities, ceilings or a decomposition."""
    from infoloom.cli.story.ceilings import print_ceilings, print_decomposition
    from infoloom.story import load

    if (ceilings or decompose or diagnose) and (tolerance is not None or budget is not None):
        raise QueryError(
            "`--tolerance` and `--budget`: expected with the truth table or quantities. Leave them out."
        )
    story = load(spec)
    if templates is not None:
        from infoloom.report.figures import draw_templates

        draw_templates(story.templates(), templates)
    if ceilings:
        print_ceilings(story, classes, batch, bits, as_json)
        return
    if decompose:
        print_decomposition(story, bits, as_json)
        return
    if diagnose:
        _print_findings(story, as_json)
        return
    values = (
        {q: story.quantity(q, tolerance=tolerance, budget=budget) for q in queries}
        if queries
        else story.truth(tolerance=tolerance, budget=budget)
    )
    unit = "bits" if bits else "nats"
    if as_json:
        tree = {"unit": unit, "values": {name: value.to_json(bits) for name, value in values.items()}}
        print(json.dumps(tree, indent=2))
        return
    exact = all(value.exact for value in values.values())
    _print_table(
        f"{story.name}, exact" if exact else story.name, {n: v.text(bits) for n, v in values.items()}, unit
    )
    if not queries:
        _print_unsaid(story, bits)
    for note in story.notes:
        print("\n" + paragraph(note, screen()))
    missed = [name for name, value in values.items() if tolerance is not None and value.error > tolerance]
    if missed:
        print(
            f"\nNot within {tolerance:g} nats: {', '.join(missed)}. The errors say what was reached; "
            "give a larger `--budget`."
        )


def _print_unsaid(story: Story, bits: bool) -> None:
    """What the words of captions lose of their factors' information."""
    from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE, Quantity

    gaps = {}
    for pair, (whole, words) in story.unsaid().items():
        method = (
            MONTE_CARLO
            if words.standard_error is not None
            else QUADRATURE
            if words.tolerance
            else CLOSED_FORM
        )
        gap = Quantity(
            whole.value - words.value, words.standard_error, method, whole.tolerance + words.tolerance
        )
        gaps[f"I({pair})"] = gap.text(bits)
    if gaps:
        print()
        _print_table("What words cannot say, I(factors; y) − I(words; y)", gaps, "bits" if bits else "nats")


def _print_table(title: str, values: dict[str, str], unit: str) -> None:
    before = max((len(text.partition(".")[0]) for text in values.values()), default=0)
    print(f"{title}, in {unit}")
    rows = [
        (f"{name} ", [" " * (before - len(text.partition(".")[0])) + text]) for name, text in values.items()
    ]
    for line in table(rows, screen()):
        print(line)


def _print_findings(story: Story, as_json: bool) -> None:
    findings = story.diagnose()
    if as_json:
        print(json.dumps({"findings": [finding.to_json() for finding in findings]}, indent=2))
        return
    print(
        f"{story.name}: {sum(not finding.healthy for finding in findings)} of {len(findings)} need attention"
    )
    for finding in findings:
        mark = "  ok   " if finding.healthy else "  LOOK "
        print(paragraph(f"{finding.name}: {finding.detail}", screen(), first=mark))
        if not finding.healthy:
            print(paragraph(finding.remedy, screen(), first=" " * 7))
