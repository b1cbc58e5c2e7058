"""Flows that are not certified: refused before anything is written, or labelled wherever information is stated."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copyfile, copytree

import pytest
import typer
from observations.small import small_file
from typer.testing import CliRunner

from infoloom.cli.data import making, using
from infoloom.datasets import Dataset, generate, open_dataset, verify
from infoloom.datasets.storage.bounds import standing, uncertified
from infoloom.errors import DatasetError, FlowError
from infoloom.observations.flows.checking.certificate import Effort
from infoloom.observations.training.packaging import certify_file, update_card
from infoloom.spec.flows.flow import flow_header, flow_path
from infoloom.story import Story, compile_story

FEW = Effort(eigen_rows=8, trip_rows=8, wide_rows=8, rounds=6, singular_rows=1)
REASON = r"smallest eigenvalue -\d+\.\d+ below 0\.05"


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose flow is not injective, with a certificate that says so."""
    path = small_file(tmp_path_factory.mktemp("wild") / "wild.safetensors", strength=6.0)
    assert not certify_file(path, None, effort=FEW)["passes"]
    return path


def story(flow: Path) -> Story:
    return compile_story(
        {
            "name": "wild",
            "causes": {"u": "normal"},
            "targets": {"theta": "0.8*u + 0.6*noise"},
            "modalities": {
                "x": {"flow": f"{flow}[a]", "latent": "0.7*u + noise"},
                "y": {"flow": "vector(5)", "latent": "0.5*u + noise"},
            },
        }
    )


@pytest.fixture(scope="module")
def forced(wild: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    out = tmp_path_factory.mktemp("forced") / "out"
    return generate(story(wild), out, 60, rows_per_shard=20, allow_uncertified=True, also="uint8")


def test_it_is_refused_before_anything_is_written(wild: Path, tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=f"because a map that is not injective loses information; {REASON}"):
        generate(story(wild), tmp_path / "out", 10)
    assert not (tmp_path / "out").exists()


def test_the_manifest_holds_the_reason(forced: Dataset) -> None:
    tree = json.loads((forced.root / "manifest.json").read_text())
    assert list(tree["truth"]["upper_bounds"]) == ["x"]
    assert "smallest eigenvalue -" in forced.upper_bounds["x"]
    assert tree["bijections"]["x"]["certificate"]["passes"] is False


def test_a_dataset_of_certified_flows_has_no_bounds(small: Dataset) -> None:
    assert small.upper_bounds == {}
    assert "upper_bounds" not in json.loads((small.root / "manifest.json").read_text())["truth"]
    assert "at most" not in small.card


def test_the_card_marks_every_value(forced: Dataset) -> None:
    card = forced.card
    assert (
        "for `x` **information is an upper bound**, because the map to observations is not certified" in card
    )
    assert "(smallest eigenvalue -" in card
    truth = card.partition("## Ground truth\n")[2].partition("## Reading")[0]
    value = f"{forced.truth['I(x; theta)']:.9g}"
    assert f"| `I(x; theta)` | at most {value} | at most " in truth
    assert f"| `I(y; theta)` | {forced.truth['I(y; theta)']:.9g} | " in truth
    assert "| `I(x; y \\| theta)` | at most " in truth
    assert f"| `I(x; y; theta)` | {forced.truth['I(x; y; theta)']:.9g} of the latents | " in truth
    assert "NOT certified (smallest eigenvalue -" in card
    assert "- `x_uint8`: level 0 is -28" in card


def test_verify_says_so_and_makes_the_observations_again(forced: Dataset, tmp_path: Path) -> None:
    checks = {check.name: check for check in verify(forced.root).checks}
    assert all(check.passed for check in checks.values()), checks
    assert (
        "information is an upper bound, because the flow is not certified"
        in checks["observations of x"].detail
    )
    assert "round trip of x" not in checks
    assert "round trip of y" in checks
    own = copytree(forced.root, tmp_path / "own")
    tree = json.loads((own / "manifest.json").read_text())
    tree["bijections"]["x"]["certificate"]["passes"] = True  # a lie: the flow's own file does not say so
    (own / "manifest.json").write_text(json.dumps(tree))
    failed = {check.name: check.detail for check in verify(own).checks if not check.passed}
    assert list(failed) == ["round trip of x"]
    assert "expected a certificate that passes" in failed["round trip of x"]


def test_descriptions_for_other_tools_say_so(forced: Dataset, small: Dataset, tmp_path: Path) -> None:
    texts = [json.loads((one.root / "croissant.json").read_text())["description"] for one in (forced, small)]
    assert ["known upper bounds" in text for text in texts] == [True, False]
    h5py = pytest.importorskip("h5py", reason="h5py is an extra")
    for one, bounds in ((forced, forced.upper_bounds), (small, None)):
        with h5py.File(one.export(tmp_path / f"{one.manifest.name}.h5", "hdf5")) as file:
            assert (
                json.loads(file.attrs["upper_bounds"]) if "upper_bounds" in file.attrs else None
            ) == bounds


@pytest.mark.parametrize(
    "one",
    [[], {}, {"flow": 3}, {"flow": "a", "certificate": 1}, {"flow": "a", "certificate": {"parts": [1]}}],
)
def test_a_manifest_with_an_absurd_bijection_is_refused(forced: Dataset, tmp_path: Path, one: object) -> None:
    tree = json.loads((forced.root / "manifest.json").read_text())
    tree["bijections"]["x"] = one
    (tmp_path / "manifest.json").write_text(json.dumps(tree))
    with pytest.raises(DatasetError, match="expected a whole manifest"):
        open_dataset(tmp_path)


def test_the_report_says_so(forced: Dataset) -> None:
    from infoloom.report.dataset_report import sections

    truth = next(one for one in sections(forced, checks=False) if one.title == "Ground truth")
    said = "For x information is an upper bound, because the map to observations is not certified (sm"
    assert said in truth.text
    shown = {row[0].strip("`"): row[1].text for row in truth.tables[0].rows}
    assert shown["I(x; theta)"] == f"at most {forced.truth['I(x; theta)']:.9g}"
    assert shown["I(y; theta)"] == f"{forced.truth['I(y; theta)']:.9g}"


def test_resuming_asks_for_the_same(wild: Path, forced: Dataset, tmp_path: Path) -> None:
    own = copytree(forced.root, tmp_path / "own")
    (own / "data/train-00001-of-00003.parquet").unlink()
    again = generate(story(wild), own, 60, rows_per_shard=20, allow_uncertified=True, also="uint8")
    for record in forced.manifest.shards:
        assert (own / record.shard.file).read_bytes() == (forced.root / record.shard.file).read_bytes()
    assert again.upper_bounds == forced.upper_bounds


def test_the_command_line_forces_too(wild: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    making.register(app)
    using.register(app)
    spec = tmp_path / "wild.yaml"
    spec.write_text(story(wild).spec.to_yaml())
    arguments = ["generate", str(spec), str(tmp_path / "out"), "--rows", "8", "--workers", "1"]
    assert isinstance(CliRunner().invoke(app, arguments).exception, FlowError)
    assert CliRunner().invoke(app, [*arguments, "--force-uncertified"]).exit_code == 0
    printed = CliRunner().invoke(app, ["verify", str(tmp_path / "out")])
    assert (printed.exit_code, "information is an upper bound" in printed.stdout) == (0, True)
    job = ["emit-job", "slurm", str(spec), str(tmp_path / "jobs"), "--rows", "8", "--force-uncertified"]
    assert " --force-uncertified --workers 1 --shards" in CliRunner().invoke(app, job).stdout


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("I(a; b)", "at most"),
        ("I(b; t)", "exact"),
        ("I(a, b; t)", "at most"),
        ("I(a; b | t)", "at most"),
        ("I(b; t | a)", "of the latents"),
        ("I(a; b; t)", "of the latents"),
        ("TC(a, b, c)", "at most"),
        ("DTC(a, b, c)", "of the latents"),
        ("O(a, b, c)", "of the latents"),
    ],
)
def test_what_a_value_of_the_latents_is_for_observations(query: str, expected: str) -> None:
    assert standing(query, {"a"}) == expected


def test_reasons_of_compositions_are_those_of_their_parts() -> None:
    bad = {"passes": False, "reason": "never certified"}
    found = uncertified(
        {
            "x": {"certificate": {"passes": False, "parts": [{"passes": True}, bad, bad]}},
            "y": {"certificate": {"passes": True}},
        }
    )
    assert found == {"x": "never certified"}


@pytest.fixture
def narrow(tmp_path: Path) -> str:
    """A flow of 8×8 digits whose certificate says that small latents come back to 3e-4 only."""
    path = tmp_path / "narrow.safetensors"
    copyfile(flow_path("digits"), path)
    certificate = flow_header(path)["card"]["certificate"]
    smaller = {**certificate["smaller_latents"], "worst": 3e-4}
    update_card(path, certificate={**certificate, "smaller_latents": smaller})
    return str(path)


def test_latents_that_are_not_whitened_want_a_flow_that_keeps_small_ones(narrow: str) -> None:
    tree = {
        "name": "small",
        "causes": {"c": "normal"},
        "targets": {"theta": "c"},
        "modalities": {"curve": {"flow": f"{narrow}[0]", "latent": "0.1*c + 0.2*noise"}},
    }
    for whitening, refused in (("whiten", False), ("scale", True), ("none", True)):
        modality = {**tree["modalities"]["curve"], "flow": f"{narrow}[0]", "whitening": whitening}
        story = compile_story({**tree, "modalities": {"curve": modality}})
        rows = story.sample(2)
        if not refused:
            assert story.observe(rows)["curve"].shape == (2, 1, 8, 8)
            continue
        with pytest.raises(
            FlowError,
            match=r"^flow `.*narrow.safetensors`: expected whitened latents, because latents of less",
        ):
            story.observe(rows)
        assert story.observe(rows, allow_uncertified=True)["curve"].shape == (2, 1, 8, 8)


def test_a_flow_for_whitened_latents_is_refused_before_anything_is_made(tmp_path: Path, narrow: str) -> None:
    """Also where a common scale or an intervention makes latents smaller, or a step before the flow."""
    plain = {
        "name": "small",
        "causes": {"c": "normal"},
        "targets": {"theta": "c"},
        "modalities": {"curve": {"flow": f"{narrow}[0]", "latent": "0.1*c + 0.2*noise"}},
    }
    curve = plain["modalities"]["curve"]
    none = {**plain, "modalities": {"curve": {**curve, "whitening": "none"}}}
    before = {**plain, "modalities": {"curve": {**curve, "flow": f"vector(64) | asinh | {narrow}[0]"}}}
    told = f"`curve`: the flow `{narrow}` brings latents of less than the usual norm back only to"
    assert compile_story(plain).notes == ()
    for story, noted in (
        (compile_story(none), True),
        (compile_story({**plain, "scale": "student_t(4)"}), True),
        (compile_story(plain).intervene(curve=0.0), True),
        (compile_story(before), False),
    ):
        assert any(note.startswith(told) for note in story.notes) == noted
        with pytest.raises(FlowError, match=r"^flow `.*narrow.safetensors`: expected whitened latents"):
            generate(story, tmp_path / "rows", 4)
        assert not (tmp_path / "rows").exists()
