"""The commands about flows, as a user calls them."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from observations.adopted.models import Called
from observations.small import small_file
from PIL import Image
from typer.testing import CliRunner

from infoloom.cli.flow.commands import flow_app
from infoloom.errors import FlowError
from infoloom.observations import adopt
from infoloom.observations.flows.checking.certificate import MARGIN
from infoloom.observations.realism import quality, sides
from infoloom.observations.realism.two_sample import two_sample_test
from infoloom.spec.flows.flow import flow_header


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(flow_app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.output


def test_list_names_the_zoo() -> None:
    status, text = call("list")
    assert status == 0
    assert re.search(r"digits +1×8×8 +16 euler steps, margin 0\.\d\d, 10 classes \(0 … 9\)", text)
    listed = json.loads(call("list", "--json")[1])
    assert listed["digits"]["passes"] is True
    assert listed["digits"]["shape"] == [1, 8, 8]
    assert all(one["passes"] and one["licence"] and one["data"] for one in listed.values())
    assert all(one["certificate"]["margin"] == one["margin"] for one in listed.values())


def test_check_recomputes_the_certificate(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    status, text = call("check", str(path), "--rows", "32", "--eigen-rows", "32")
    assert status == 0
    assert "certified" in text
    assert "smallest eigenvalue of a step" in text
    assert re.search(r"\n  log-determinants of the map     -?\d+\.\d and -?\d+\.\d nats\n", text)
    found = json.loads(call("check", str(path), "--rows", "32", "--eigen-rows", "32", "--json")[1])
    assert found["passes"] is True
    assert found["margin"] > 0.05


def test_check_says_what_is_no_number_in_words(tmp_path: Path) -> None:
    """JSON has no NaN and no Infinity."""
    model = Called(lambda x, t: 0.1 * x * (x.square().mean(dim=1, keepdim=True) - 0.4).sqrt())
    path = adopt(model, (128,), grid=4, effort=None).save(tmp_path / "inside.safetensors")
    few = ("--rows", "64", "--wide-rows", "8", "--eigen-rows", "4", "--keep")
    found = json.loads(call("check", str(path), *few, "--json")[1], parse_constant=pytest.fail)
    assert found["smaller_latents"]["worst"] == "Infinity"
    assert flow_header(path)["card"]["certificate"]["smaller_latents"]["worst"] == "Infinity"


def test_check_without_float64_does_not_pass_and_is_not_kept(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    few = ("check", str(path), "--rows", "32", "--eigen-rows", "2", "--wide-rows", "0")
    status, text = call(*few)
    assert status == 1
    assert "NOT certified, float64 not checked" in text
    with pytest.raises(
        FlowError, match=r"certificate of `0` rows in float64: expected 1 or more where it is kept"
    ):
        call(*few, "--keep")


def test_check_of_a_map_that_is_not_injective_ends_with_one(tmp_path: Path) -> None:
    path = small_file(tmp_path / "wild.safetensors", strength=6.0)
    status, text = call("check", str(path), "--rows", "32", "--eigen-rows", "32")
    assert status == 1
    assert "NOT certified, smallest eigenvalue -" in text
    assert f"(must be {MARGIN:g} or more)" in text


def test_without_a_terminal_it_says_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_file(tmp_path / "small.safetensors")
    command = ["check", str(path), "--rows", "32", "--eigen-rows", "32"]
    for every, lines in ((0.0, True), (60.0, False)):
        monkeypatch.setattr("infoloom.cli.terminal.progress.LINE_EVERY", every)
        flow_app(command, standalone_mode=False)
        said = capsys.readouterr()
        assert ("0 min  100%  eigenvalues\n" in said.err) is lines
        assert said.out.startswith(f"{path}: certified")
    monkeypatch.setattr("infoloom.cli.terminal.progress.LINE_EVERY", 0.0)
    flow_app([*command, "--json"], standalone_mode=False)
    assert capsys.readouterr().err == ""


def test_quality_needs_data(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    with pytest.raises(
        FlowError, match=r"`--quality` expected real data to compare with\. Give `--data FILE`\."
    ):
        call("check", str(path), "--quality")


@pytest.mark.parametrize("options", [("--strong",), ("--inception", "weights.pth")])
def test_what_belongs_to_quality_needs_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = small_file(tmp_path / "small.safetensors")
    with pytest.raises(FlowError, match=r"`--inception` and `--strong` expected `--quality`\. Give it too\."):
        call("check", str(path), *options)


def test_quality_keeps_its_classifier_and_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (quality, sides):
        monkeypatch.setattr(module, "two_sample_test", partial(two_sample_test, epochs=2))
    rng = np.random.default_rng(0)
    label = np.arange(700) // 10 % 2  # every tenth row is held out: both classes among them
    np.savez(
        tmp_path / "rows.npz", x=2.0 + 3.0 * rng.standard_normal((700, 6)), label=np.array(["a", "b"])[label]
    )
    path, features = small_file(tmp_path / "small.safetensors"), tmp_path / "features.safetensors"
    command = ("check", str(path), "--data", str(tmp_path / "rows.npz"), "--rows", "32", "--wide-rows", "8")
    command += ("--eigen-rows", "8", "--quality", "--keep", "--features", str(features), "--json")
    status, text = call(*command, "--picture", str(tmp_path / "whitening.png"))
    assert status == 0
    assert features.is_file()
    assert (tmp_path / "whitening.png").is_file()
    card = flow_header(path)["card"]
    found = json.loads(text)
    assert card["quality"] == found["quality"]
    assert card["certificate"]["digest"] == found["digest"]
    assert card["certificate"]["round_trip"]["float64"]["sampled"]["rows"] == 8
    assert json.loads(call(*command)[1])["quality"] == found["quality"]


def test_train_writes_a_flow_that_can_be_used(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((300, 4)) * [1.0, 2.0, 0.5, 1.0]
    np.save(tmp_path / "rows.npy", rows)
    output, picture = tmp_path / "mine.safetensors", tmp_path / "mine.png"
    network = json.dumps({"name": "mlp", "hidden": 32, "blocks": 1, "width": 16})
    status, text = call(
        *("train", "mine", "--data", str(tmp_path / "rows.npy"), "-o", str(output), "--steps", "60"),
        *("--network", network, "--sigma", "0.2", "--flow-steps", "5", "--samples", str(picture)),
    )
    assert status == 0, text
    assert f'Use it in a spec as `flow: "{output}"`.' in text
    assert output.is_file()
    with Image.open(picture) as image:
        assert image.size[0] > 100


def test_a_network_that_is_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"network `mlp`: expected JSON such as"):
        call("train", "mine", "--data", "x.npy", "--network", "mlp")
    with pytest.raises(FlowError, match=r"network `3`: expected a JSON object"):
        call("train", "mine", "--data", "x.npy", "--network", "3")


def test_a_dry_run_says_what_was_read(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "x.npz", image=values, label=np.arange(40) % 4, star=np.arange(40) // 2)
    status, text = call("train", "x", "--data", str(tmp_path / "x.npz"), "--dry-run", "--group", "star")
    assert status == 0
    assert "shape of a row: 3 × 8 × 8; axes: rows, channels, height, width" in text
    assert "classes: 0 " in text
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--augment", "amplitude"),
            r"augmentation `amplitude`: expected signals or vectors, got shape \(3, 8, 8\)\.",
        ),
        (("--sigma", "2"), "training, sigma 2.0: expected a number between 0 and 1"),
        (("--batch", "0"), "training, batch 0: expected 1 or more"),
        (("--flow-steps", "0"), "expected"),
        (("--network", '{"name": "none"}'), "expected"),
        (("--solver", "rk4"), "solver `rk4`: expected euler or midpoint"),
        (("--samples", "x.txt"), "file `x.txt`: expected a picture's name"),
        (("-o", "x.pt"), r"file `x\.pt`: expected a name ending in `\.safetensors`"),
    ],
)
def test_a_dry_run_refuses_what_the_training_refuses(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 3, 8, 8), np.float32))
    for end in (("--dry-run",), ("--steps", "1", "--quick")):
        with pytest.raises(FlowError, match=message):
            call("train", "x", "--data", str(tmp_path / "x.npy"), *words, *end)


def test_frequencies_can_be_asked_for(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((64, 2, 32), np.float32))
    for word, sizes in (("--frequencies", (2, 32)), ("--one-deviation", ())):
        path = tmp_path / f"x{word}.safetensors"
        words = (
            "--data",
            str(tmp_path / "x.npy"),
            "-o",
            str(path),
            "--steps",
            "1",
            "--batch",
            "4",
            "--quick",
        )
        call("train", "x", *words, word)
        assert np.shape(flow_header(path)["spread"]) == sizes


def test_a_precision_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="precision `half`: expected auto, float32 or bfloat16"):
        call("train", "x", "--data", "sklearn:digits", "--precision", "half")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("A=1;A=2", r"classes `A=1;A=2`: expected each new class once, got `A` twice\. Join its old ones\."),
        ("A=", r"classes `A=`: expected `NEW=OLD,OLD; NEW=OLD`, got `A=`\."),
    ],
)
def test_classes_that_cannot_be_joined_are_named(tmp_path: Path, classes: str, message: str) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).standard_normal((60, 4)))
    with pytest.raises(FlowError, match=message):
        call("train", "mine", "--data", str(tmp_path / "rows.npy"), "--classes", classes, "--dry-run")


def test_a_first_look_leaves_other_files_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).standard_normal((60, 4)))
    mine = tmp_path / "mine.preview.safetensors"
    mine.write_bytes(b"of the user")
    network = json.dumps({"name": "mlp", "hidden": 8, "blocks": 1, "width": 8})
    given = ("--data", str(tmp_path / "rows.npy"), "--network", network, "--steps", "100", "--quick")
    assert call("train", "mine", *given, "-o", str(tmp_path / "mine.safetensors"))[0] == 0
    assert mine.read_bytes() == b"of the user"
