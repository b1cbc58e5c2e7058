"""Argument files of the paper's code become specs with the same information, and their defects are reported."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from infoloom.cli.story import info
from infoloom.errors import InfoloomError, SpecError
from infoloom.presets import multimodal_decay, preset
from infoloom.spec.arguments import Imported, read_arguments
from infoloom.spec.load import parse_spec
from infoloom.story import compile_story

DIM = 3072


def imported(tmp_path: Path, **arguments: object) -> Imported:
    lines = ["# a comment", "", "# --alpha 7"]
    for name, value in arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        lines.append(f"--{name} {text}")
    path = tmp_path / "some arguments.txt"
    path.write_text("\n".join(lines))
    return read_arguments(path)


def test_figure_1(tmp_path: Path) -> None:
    found = imported(
        tmp_path, N_mod=2, N_u=2, rho_arg=[0.1, 0.2], DAG_ul=[[1.0, 0.0], [0.0, 1.0]], N_u_theta=1, eta_arg=[1.0],
        rho_theta_arg=[0.3], DAG_theta=[[1.0], [1.0]], alpha=1.0, beta=1.0, calculate_MI="",
    )  # fmt: skip
    assert found.spec.name == "some-arguments"
    assert found.spec.modalities["x2"].latent == "0.3*u1 + 0.2*noise"
    story, ours = compile_story(found.spec), preset("figure-1")
    assert list(story.truth_table().values()) == pytest.approx(list(ours.truth_table().values()), abs=1e-12)
    assert any(
        "no value is given, where the original parser stops with an error" in note for note in found.notes
    )
    assert any("which is its negative" in note for note in found.notes)


def test_multimodal_decay(tmp_path: Path) -> None:
    found = imported(
        tmp_path, N_mod=10, N_u=10, rho_arg=[1.0] * 10, DAG_ul=[[1.0] * 10] * 10, N_u_theta=1, eta_arg=[1.0],
        rho_theta_arg=[1.0], DAG_theta=[[1.0]] * 10, alpha=1.2, beta=1.2, labels=list(range(10)), sample_seed=42,
    )  # fmt: skip
    truth, ours = compile_story(found.spec).truth_table(), multimodal_decay().truth_table()
    assert list(truth.values()) == pytest.approx(list(ours.values()), abs=1e-9)
    assert any(
        "sample_seed 42: every job of the original with it writes the same rows" in note
        for note in found.notes
    )


@pytest.mark.parametrize("seed", range(5))
def test_any_weights_against_the_equations(tmp_path: Path, seed: int) -> None:
    """An independent evaluation: with templates of ones, one in-span coordinate and 3071 equal others."""
    generator = np.random.default_rng(seed)
    n, k, f = int(generator.integers(1, 4)), int(generator.integers(1, 4)), int(generator.integers(3, 6))
    eta, rho_theta, rho = (
        generator.uniform(0.2, 2, k),
        generator.uniform(-0.2, 0.2, k),
        generator.uniform(0.5, 2, f),
    )
    dag_theta = generator.integers(0, 2, (n, k)).astype(float)
    dag_fields = np.maximum(generator.integers(0, 2, (n, f)), np.eye(n, f)).astype(float)
    alpha, beta = generator.uniform(0.7, 1.5, 2)
    found = imported(
        tmp_path, N_mod=n, N_u=f, N_u_theta=k, eta_arg=list(eta), rho_theta_arg=list(rho_theta), rho_arg=list(rho),
        DAG_theta=dag_theta.tolist(), DAG_ul=dag_fields.tolist(), alpha=alpha, beta=beta,
    )  # fmt: skip
    i, j = np.arange(n)[:, None], np.arange(f)[None]
    causes = dag_theta * rho_theta * beta ** -i.astype(float) * math.sqrt(DIM)
    shared = dag_fields * rho * alpha ** -np.abs(i - j).astype(float)
    span = np.block([[eta[None], np.zeros((1, f))], [causes, shared]])
    joint, rest = span @ span.T, shared @ shared.T

    def log_volume(theta: bool, members: list[int]) -> float:
        rows = [0] * theta + [m + 1 for m in members]
        value = np.linalg.slogdet(joint[np.ix_(rows, rows)])[1] / 2
        return (
            value + (DIM - 1) * np.linalg.slogdet(rest[np.ix_(members, members)])[1] / 2 if members else value
        )

    truth = compile_story(found.spec).truth_table()
    everything = list(range(n))
    for m in everything:
        wanted = log_volume(True, []) + log_volume(False, [m]) - log_volume(True, [m])
        assert truth[f"I(x{m + 1}; theta)"] == pytest.approx(wanted, abs=1e-8)
    if n > 1:
        wanted = log_volume(True, []) + log_volume(False, everything) - log_volume(True, everything)
        names = ", ".join(f"x{m + 1}" for m in everything)
        assert compile_story(found.spec).information(f"I({names}; theta)") == pytest.approx(wanted, abs=1e-8)


def test_template_images(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (2, 2, 32, 32, 3), dtype=np.uint8)
    for k in range(2):
        for m in range(2):
            Image.fromarray(pictures[k, m]).save(folder / f"theta{k}_mod{m}.png")
    found = imported(
        tmp_path, N_u_theta=2, eta_arg=[0.0, 1.0], rho_theta_arg=[1.0, 1.0], rho_arg=[1.0, 1.0],
        DAG_theta=[[1.0, 1.0], [1.0, 0.0]], DAG_ul=[[1.0, 0.0], [0.0, 1.0]], T_vectors_method="./pictures",
    )  # fmt: skip
    assert found.spec.targets["theta"] == "u2"
    story = compile_story(found.spec)
    t = pictures.transpose(0, 1, 4, 2, 3).reshape(2, 2, DIM) / 255.0
    gram = np.array([[t[a, 0] @ t[b, 0] for b in range(2)] for a in range(2)])
    # I(x1; u2) = ½ log det(1 + gram) − ½ log(1 + gram of u1 alone): Bayes' rule for the two causes of x1.
    wanted = (np.linalg.slogdet(np.eye(2) + gram)[1] - math.log(1 + gram[0, 0])) / 2
    assert story.information("I(x1; theta)") == pytest.approx(wanted, abs=1e-9)
    assert story.information("I(x2; theta)") == pytest.approx(0.0, abs=1e-12)


def test_defaults_and_random_templates(tmp_path: Path) -> None:
    found = imported(
        tmp_path, T_vectors_method="random", DAG_ul=[[1, 0], [0, 1]], eta_arg="ones", percentile_to_align=0.95
    )
    assert found.spec.modalities["x2"].latent == "u1@random(1) + noise"
    for part in (
        "eta_arg: not given as a list",
        "drawn by this package",
        "whitened exactly",
    ):
        assert any(part in note for note in found.notes), part
    assert [m.flow for m in found.spec.modalities.values()] == ["cifar10[1]", "cifar10[6]"]
    assert parse_spec(found.to_yaml()) == found.spec
    assert found.to_yaml().startswith("# ")


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        imported(
            tmp_path,
            N_mod=0,
            N_u="two",
            alpha="-1",
            eta_arg=[1, 2, 3],
            DAG_theta=[[1]],
            T_vectors_method="t.npy",
        )
    text = "\n".join(caught.value.problems)
    for part in (
        "N_mod: expected a whole number from 1 to 1000, got `0`",
        "N_u: expected a whole number",
        "alpha: expected a positive number, got `-1`",
        "eta_arg: expected 1 finite numbers, got `[1, 2, 3]`",
        "T_vectors_method: expected ones, random or a folder of images, got `t.npy`",
    ):
        assert part in text
    with pytest.raises(SpecError, match=r"DAG_ul: expected 2 rows of 2 finite numbers"):
        imported(tmp_path, DAG_ul=[[1, None], [0, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stray --alpha 1", "expected `--name value`, got `stray`"),
        ("--generation_paradigm sampling", "generation_paradigm: expected `constructive`"),
        ("--DAG_ul " + "[" * 5000, "DAG_ul: expected 2 rows of 2 finite numbers"),
    ],
)
def test_texts_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(SpecError, match=message):
        read_arguments(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_arguments(tmp_path / "nothing.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="expected UTF-8 text, byte 0 is not"):
        read_arguments(tmp_path / "b.txt")


def test_the_command(tmp_path: Path) -> None:
    app = typer.Typer()
    info.register(app)
    (tmp_path / "a.txt").write_text("--DAG_ul [[1,0],[0,1]]")
    result = CliRunner().invoke(app, ["new", "--from-arguments", str(tmp_path / "a.txt")])
    assert compile_story(parse_spec(result.stdout)).modalities == ("x1", "x2")
    result = CliRunner().invoke(app, ["new"])
    assert isinstance(result.exception, InfoloomError)
    assert "expected the name of a preset, or `--from-arguments FILE`" in str(result.exception)


def test_labels_that_do_not_name_a_class_a_modality_are_left_out(tmp_path: Path) -> None:
    found = imported(tmp_path, labels=[1, 2, 3], DAG_ul=[[1, 0], [0, 1]])
    assert any(
        "labels `[1, 2, 3]`: left out, the observations are whitened latents" in note for note in found.notes
    )
    assert [m.flow for m in found.spec.modalities.values()] == ["identity(3, 32, 32)"] * 2
