"""The report of a dataset shows the manifest's values, and says so when something is wrong."""

from __future__ import annotations

import re
from shutil import copytree

import pytest
from html_checks import self_contained

from infoloom.datasets import generate, open_dataset
from infoloom.errors import DatasetError
from infoloom.information.quantity import Quantity
from infoloom.report.contents import read_contents
from infoloom.report.dataset_report import checks_section, information_figures, sections
from infoloom.report.page import Number, page_html
from infoloom.story import load

SPEC = {
    "name": "tiny",
    "description": "A <tiny> story",
    "causes": {"u": "normal"},
    "parameters": {"a": 1.0},
    "targets": {"theta": "0.9*u + 0.4*noise"},
    "labels": {"grade": {"target": "theta", "classes": 3}},
    "modalities": {
        "left": {"flow": "identity(1, 4, 4)", "latent": "a*u@ones + noise"},
        "right": {"flow": "vector(5)", "latent": "0.5*u + noise"},
    },
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "tiny"
    generate(load(SPEC), path, 600, 3, splits="train=0.5,test=0.5")
    return path


@pytest.fixture(scope="module")
def contents(root):
    return read_contents([root])


def section(contents, title):
    return next(one for one in contents.sections if one.title == title)


def test_the_page_shows_the_values_of_the_manifest(root, contents):
    manifest = open_dataset(root).manifest
    page = self_contained(page_html(contents.title, contents.sections, lead=contents.lead))
    assert set(manifest.truth.values()) <= set(page.values)
    for name, value in manifest.truth.items():
        assert name in page.text
        assert f"{value:.9g}".replace("-", "−") in page.text
    table = section(contents, "Ground truth").tables[0]
    assert {row[0].strip("`"): row[1].value for row in table.rows} == manifest.truth


def test_the_page_has_all_its_parts(contents):
    assert [one.title for one in contents.sections] == [
        "Story",
        "Ground truth",
        "Shared, unique, synergistic",
        "Ceilings",
        "Rows",
        "Columns",
        "Diagnostics",
        "Checks",
        "Provenance",
    ]
    assert contents.title == "tiny"
    assert contents.lead == "A <tiny> story. 600 rows (train 300, test 300), seed 3."
    assert [len(one.figures) for one in contents.sections] == [0, 2, 1, 1, 1, 0, 0, 0, 0]
    equations = {row[0]: row[2:] for row in section(contents, "Story").tables[0].rows}
    assert equations["left"] == ("`a*u@ones + noise`", "`identity(1, 4, 4)`")
    assert equations["a"] == ("`1.0`", "")
    assert equations["grade"] == ("`theta` cut into 3 classes", "")


def test_ceilings_and_decomposition_are_those_of_the_story(root, contents):
    story = open_dataset(root).story
    targets, labels, pairs = section(contents, "Ceilings").tables
    found = story.ceilings(batch=64)
    assert [row[3] for row in targets.rows] == [one.r_squared for one in found.targets]
    assert [row[4] for row in labels.rows] == [one.accuracy for one in found.classes]
    assert pairs.rows[0][2] == found.pairs[0].limit
    assert pairs.rows[0][3] == Number(found.pairs[0].bound.value, found.pairs[0].bound.text())
    part, row = story.decompose("theta"), section(contents, "Shared, unique, synergistic").tables[0].rows[0]
    assert row[1:] == (
        part.redundancy,
        "left",
        part.unique["left"],
        part.information["left"],
        part.synergy,
        part.total,
    )


def test_the_same_dataset_is_the_same_page(root):
    first, second = (page_html("T", read_contents([root], checks=False).sections) for _ in range(2))
    assert first == second


def test_a_damaged_dataset_is_reported_as_damaged(root, tmp_path):
    own = copytree(root, tmp_path / "own")
    shard = next((own / "data").glob("train-*.parquet"))
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    assert re.fullmatch(r"All \d+ checks passed\.", checks_section(root).text)
    broken = checks_section(own)
    assert re.fullmatch(r"\d+ of \d+ checks FAILED\.", broken.text)
    assert broken.tables[0].rows[0][:2] == ("FAILED", "files")


def test_checks_and_order_can_be_chosen(root):
    data = open_dataset(root)
    shown = sections(data, sort_by="u", checks=False)
    assert "Checks" not in [one.title for one in shown]
    rows = next(one for one in shown if one.title == "Rows")
    assert rows.command == f"infoloom preview {root} --sort-by u -o preview.png"
    with pytest.raises(DatasetError, match=r"^column `nobody`: expected one of sample_id, left"):
        sections(data, sort_by="nobody", checks=False)


def test_a_story_that_is_not_gaussian(tmp_path):
    spec = {**SPEC, "causes": {"u": "laplace"}, "labels": {}}
    generate(load(spec), tmp_path / "bent", 40, 0, pmi="none")
    found = read_contents([tmp_path / "bent"], checks=False)
    assert not {"Ceilings", "Shared, unique, synergistic"} & {one.title for one in found.sections}
    truth = section(found, "Ground truth")
    assert truth.text.startswith("From the story; a value after ± is a tolerance")
    assert "(quadrature)" in truth.tables[0].rows[0][1].text


def test_without_a_scalar_there_is_no_order(tmp_path):
    spec = {
        "name": "bare",
        "causes": {"u": {"size": 2}},
        "modalities": {"a": {"flow": "vector(3)", "latent": "u@random(1) + noise"}},
    }
    generate(load(spec), tmp_path / "bare", 10, 0)
    found = read_contents([tmp_path / "bare"], checks=False)
    assert [one.title for one in found.sections] == [
        "Story",
        "Ground truth",
        "Columns",
        "Diagnostics",
        "Provenance",
    ]
    self_contained(page_html(found.title, found.sections))


def test_many_values_are_a_map_only():
    few = {"I(a; b)": Quantity(1.0), "I(a; theta)": Quantity(0.5), "I(a; b | theta)": Quantity(0.25)}
    assert len(information_figures(few, ("theta",), ("a", "b"))) == 2
    many = few | {f"I(a; b{i})": Quantity(1.0) for i in range(30)}
    assert len(information_figures(many, ("theta",), ("a", "b", *(f"b{i}" for i in range(30))))) == 1
