"""Quality: distances against closed forms, latents as they are, scaled and whitened, and a whole report."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from observations.small import small_file
from PIL import Image

from infoloom.errors import FlowError
from infoloom.observations import workflow
from infoloom.observations.realism import quality, sides
from infoloom.observations.realism.distances import (
    frechet_distance,
    kernel_distance,
    nearest_ratio,
    precision_recall,
)
from infoloom.observations.realism.feature_training import train_classifier
from infoloom.observations.realism.features import CLASSIFIERS, load_features, save_features, train_features
from infoloom.observations.realism.pictures import whitening_picture
from infoloom.observations.realism.quality import (
    gaussianity,
    measure_quality,
    moments,
    story_latents,
)
from infoloom.observations.realism.sides import sampled
from infoloom.observations.realism.two_sample import TwoSample, two_sample_test
from infoloom.observations.training.data.training_data import TrainingData, load_training_data
from infoloom.observations.training.packaging import all_classes

RNG = np.random.default_rng(0)


def test_frechet_distance_of_normals() -> None:
    first, second = RNG.standard_normal((40_000, 2)), 2.0 * RNG.standard_normal((40_000, 2)) + [3.0, 0.0]
    assert frechet_distance(first, second) == pytest.approx(9.0 + 2.0, rel=0.03)  # ‖μ‖² + Σ (1 − 2)²
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)


def test_kernel_distance_vanishes_for_equal_distributions_only() -> None:
    same = [kernel_distance(RNG.standard_normal((300, 4)), RNG.standard_normal((300, 4))) for _ in range(20)]
    error = 4.0 * np.std(same) / np.sqrt(20)
    assert np.mean(same) == pytest.approx(0.0, abs=error)
    assert kernel_distance(RNG.standard_normal((300, 4)), RNG.standard_normal((300, 4)) + 1.0) > 4.0 * np.std(
        same
    )


def test_precision_and_recall_tell_missing_from_wrong() -> None:
    real = np.concatenate([RNG.standard_normal((200, 2)), RNG.standard_normal((200, 2)) + 20.0])
    half = RNG.standard_normal((400, 2))
    precision, recall = precision_recall(real, half)
    assert precision > 0.8
    assert 0.3 < recall < 0.6
    assert precision_recall(real, half + 100.0) == (0.0, 0.0)


def test_memorised_rows_have_a_small_nearest_ratio() -> None:
    trained, held = RNG.standard_normal((500, 6)), RNG.standard_normal((200, 6))
    assert nearest_ratio(trained[:100] + 1e-3, held, trained) < 0.05
    assert nearest_ratio(RNG.standard_normal((400, 6)), held, trained) == pytest.approx(1.0, abs=0.2)


def test_gaussianity_of_normal_and_of_other_latents() -> None:
    normal = gaussianity(RNG.standard_normal((500, 100)))
    assert normal["variance"] == pytest.approx(1.0, abs=4.0 * np.sqrt(2 / 50_000))
    assert normal["excess_kurtosis"] == pytest.approx(0.0, abs=4.0 * np.sqrt(24 / 50_000))
    assert normal["norm_mean"] == pytest.approx(1.0, abs=4.0 * np.sqrt(2 / 50_000))
    assert normal["norm_spread"] == pytest.approx(1.0, abs=4.0 / np.sqrt(2 * 500))
    assert normal["distribution_distance"] < 2.2 / np.sqrt(50_000)
    assert gaussianity(RNG.laplace(size=(500, 100)))["excess_kurtosis"] > 2.0


def test_story_latents_are_white_only_when_whitened() -> None:
    latents = story_latents(40, 4000, 0)
    covariances = {kind: torch.cov(z.double().T) for kind, z in latents.items()}
    off = {kind: float((c - torch.eye(40).double()).abs().max()) for kind, c in covariances.items()}
    assert off["whiten"] < 5.0 * np.sqrt(2 / 4000)
    assert off["none"] > 0.9
    assert off["scale"] > 0.3
    assert torch.allclose(latents["scale"].square().mean(dim=1), torch.ones(4000), atol=1e-5)


def pictures() -> TrainingData:
    """Dark and bright 8×8 pictures."""
    label = RNG.integers(0, 2, 600)
    values = (0.3 * RNG.standard_normal((600, 1, 8, 8)) + (2.0 * label - 1.0)[:, None, None, None]).astype(
        np.float32
    )
    return TrainingData(values[:500], label[:500], values[500:], label[500:], ("dark", "bright"), "grey")


def test_the_classifier_learns_and_gives_features() -> None:
    data = pictures()
    features = train_features(data, epochs=[12], precision="float32")
    assert features.accuracy is not None
    assert features.accuracy > 0.95
    assert features.embed(data.held_out).shape == (100, 128)
    again = train_features(data, epochs=[12], precision="float32")
    np.testing.assert_array_equal(features.embed(data.held_out), again.embed(data.held_out))


def test_a_classifier_goes_on_as_if_it_had_not_stopped() -> None:
    data = pictures()
    options = {"sizes": (8, 8), "augmentation": "mirror", "precision": "float32"}
    whole = train_classifier(data, data.labels, epochs=[1, 2], **options)
    first = train_classifier(data, data.labels, epochs=[1], **options)
    second = train_classifier(data, data.labels, epochs=[1, 2], begun=first, **options)
    assert all(torch.equal(whole[name], second[name]) for name in whole)
    assert any(not torch.equal(first[name], second[name]) for name in whole)
    again = train_features(data, epochs=[1, 2], begun=train_features(data, epochs=[1], **options), **options)
    assert again.accuracy is not None


def test_features_survive_their_file(tmp_path: Path) -> None:
    data, path = pictures(), tmp_path / "features.safetensors"
    curves = replace(data, values=data.values[:, 0, 0], held_out=data.held_out[:, 0, 0], labels=None)
    for real in (data, curves):
        features = train_features(real, epochs=[8])
        save_features(path, features)
        again = load_features(path)
        np.testing.assert_array_equal(again.embed(real.held_out), features.embed(real.held_out))
        assert (again.shape, again.classes, again.accuracy) == (
            features.shape,
            features.classes,
            features.accuracy,
        )


def test_a_file_that_holds_no_features_is_named(tmp_path: Path) -> None:
    flow = small_file(tmp_path / "small.safetensors")
    for path in (flow, tmp_path / "missing.safetensors"):
        with pytest.raises(
            FlowError, match=rf"features `{path}`: expected a file that .* Remove it to train"
        ):
            load_features(path)


@pytest.mark.parametrize("path", sorted(CLASSIFIERS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_every_shipped_classifier_is_read(path: Path) -> None:
    features, flow = load_features(path), all_classes(path.stem)
    assert features.shape == flow.shape_out
    assert features.classes == len(flow.description.classes)
    assert 0.5 < features.accuracy <= 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (4096,) * 8}, "`patches.weight`|`layers.0.weight`: expected the shape"),
        ({"classes": 9}, "`out.weight`: expected the shape"),
        ({"shape": (1, 9)}, "expected the shape"),
        ({"center": (0.0,) * 5}, "center"),
        ({"classes": 0}, "expected the shape"),
    ],
)
def test_a_file_of_features_that_does_not_fit_itself_is_refused(
    tmp_path: Path, changes, message: str
) -> None:
    """With a network that would take 10 GiB too: nothing is made before the shapes agree."""
    path = tmp_path / "features.safetensors"
    save_features(path, replace(train_features(pictures(), epochs=[0.1], sizes=(8,)), **changes))
    with pytest.raises(FlowError, match=message):
        load_features(path)


def test_a_shipped_classifier_is_used_where_rows_and_classes_are_its_own(tmp_path: Path, monkeypatch) -> None:
    data = pictures()
    save_features(tmp_path / "grey.safetensors", train_features(data, epochs=[1]))
    monkeypatch.setattr(workflow, "CLASSIFIERS", tmp_path)
    found = workflow._features(None, data, "grey")
    assert found is not None
    assert found.sizes == (32, 64, 128)
    assert workflow._features(None, data, "other") is None
    assert workflow._features(None, data, "../grey") is None
    assert workflow._features(None, replace(data, classes=("a", "b", "c")), "grey") is None


@pytest.mark.parametrize(
    ("name", "right"),
    [("digits", 0.95), ("mnist", 0.98), ("spoken", 0.8), ("cifar10", 0.85), ("galaxy", 0.8)],
)
def test_a_shipped_classifier_knows_the_classes_of_samples(name: str, right: float) -> None:
    features, flow = load_features(CLASSIFIERS / f"{name}.safetensors"), all_classes(name)
    with torch.no_grad():
        made = flow.forward(torch.randn((64, flow.dim), generator=torch.Generator().manual_seed(5))).numpy()
    wanted = np.arange(64) % 32 % len(flow.description.classes)
    assert features.accuracy is not None
    assert features.accuracy > right
    least = KNOWN[name]
    error = np.sqrt(least * (1.0 - least) / 64)
    assert (features.classify(made) == wanted).mean() > least - 4.0 * error
    chance = 1.0 / len(flow.description.classes)
    shuffled = made[RNG.permutation(64)]
    assert (features.classify(shuffled) == wanted).mean() < chance + 4.0 * np.sqrt(chance * (1 - chance) / 64)


# Share of samples that show the class they were asked for, as the page of flows says.
KNOWN = {"digits": 0.98, "mnist": 0.9, "spoken": 0.7, "cifar10": 0.3, "galaxy": 0.7}


def test_whitening_is_drawn_beside_its_alternatives(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    whitening_picture(str(path), tmp_path / "whitening.png", rows=2)
    with Image.open(tmp_path / "whitening.png") as picture:
        height, pixels = picture.size[1], np.asarray(picture)
    blocks = [
        pixels[start : start + (height - 12) // 3] for start in range(0, height, (height - 12) // 3 + 6)
    ]
    assert len(blocks) == 3
    assert not np.array_equal(blocks[0], blocks[2])


def test_a_report_needs_training_and_held_out_rows() -> None:
    data = pictures()
    few = replace(data, values=data.values[:90], held_out=data.held_out[:10])
    message = "quality `100 rows`: expected at least 40 training rows and 40 held-out rows, got 90 and 10. "
    for one_in, advice in (
        (None, "Give both files of the data."),
        (10, "One row in 10 is held out here, so give about 400 rows or more."),
    ):
        with pytest.raises(FlowError, match=f"^{re.escape(message + advice)}$"):
            measure_quality("digits", replace(few, one_in=one_in))


def test_data_say_how_many_rows_were_held_out_where_the_source_does_not(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", RNG.normal(size=(400, 4)).astype(np.float32))
    image, label = RNG.integers(0, 256, (20, 8, 8), np.uint8), np.arange(20) % 2
    np.savez(tmp_path / "parts.npz", train_image=image, test_image=image, train_label=label, test_label=label)
    whole = load_training_data(str(tmp_path / "rows.npy"))
    assert (whole.one_in, len(whole.held_out)) == (10, 40)
    assert load_training_data(str(tmp_path / "parts.npz")).one_in is None


def test_samples_have_the_classes_of_the_held_out_rows(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    flow = all_classes(str(path))
    latents = torch.randn((40, flow.dim), generator=torch.Generator().manual_seed(0))
    labels = RNG.integers(0, 2, 40)
    found = sampled(flow, latents, 40, 0, labels)
    for row, (z, label) in enumerate(zip(latents, labels, strict=True)):
        alone = flow.with_label(torch.full((flow.batch,), int(label))).forward(z.expand(flow.batch, -1))[0]
        assert np.allclose(found[row], alone.detach().numpy(), atol=1e-5)


def test_both_sides_of_the_two_sample_test_have_the_same_classes(tmp_path: Path, monkeypatch) -> None:
    """Held-out rows of one class only and training rows of both: the samples follow."""
    path = small_file(tmp_path / "small.safetensors")
    values, label = RNG.standard_normal((700, 6)).astype(np.float32), np.arange(700) % 2
    data = TrainingData(values[:500], label[:500], values[500:600], 0 * label[500:600], ("a", "b"), "metre")
    asked: list[int] = []

    def watched(flow, latents, rows, seed, labels):
        asked.append(int(labels.sum()))
        return sampled(flow, latents, rows, seed, labels)

    for module in (quality, sides):
        monkeypatch.setattr(module, "sampled", watched)
        monkeypatch.setattr(
            module, "two_sample_test", lambda real, made, seed: TwoSample(0.5, 0.1, (1, 1, 1), len(made))
        )
    found = measure_quality(
        str(path), data, rows=160, features=train_features(data, epochs=[1], sizes=(8, 8))
    )
    assert found["two_sample"]["kept"] == found["two_sample_story_whiten"]["kept"] == 160
    assert asked[0] == 0  # compared with held-out rows alone
    assert asked[1] == asked[3] > 0  # told from held-out and training rows


def test_real_rows_are_changed_as_in_training(tmp_path: Path, monkeypatch) -> None:
    """A flow of rows of random amplitude is compared with such rows too; the file has its center at 2, not at 0."""
    card = {"name": "small", "recipe": {"augment": "amplitude"}}
    path = small_file(tmp_path / "small.safetensors", card=card)
    values = (2.0 + 3.0 * RNG.standard_normal((700, 6))).astype(np.float32)
    data = TrainingData(values[:500], None, values[500:], None, None, "metre", 2.0, 3.0)
    seen: list[np.ndarray] = []

    def watched(real, made, seed):
        seen.append(real)
        return TwoSample(0.5, 0.1, (1, 1, 1), 1)

    for module in (quality, sides):
        monkeypatch.setattr(module, "two_sample_test", watched)
    found = measure_quality(str(path), data, rows=64, features=train_features(data, epochs=[1], sizes=(8, 8)))
    assert found["two_sample_augmented"]["augment"] == "amplitude"
    description = all_classes(str(path)).description
    order = np.random.default_rng(0)  # as the rows are drawn
    held = data.held_out[order.permutation(200)[:64]]
    noise = description.sigma * description.scale * order.standard_normal((64, 6), dtype=np.float32)
    plain, changed = (rows[:64] - noise - description.center for rows in seen[1:3])  # the floor comes first
    assert np.allclose(plain, held - description.center, atol=1e-5)
    factors = changed / plain
    assert np.allclose(factors, factors[:, :1], rtol=1e-3)
    assert factors[:, 0].std() > 0.01


class Means:
    """Stands for the features of the Inception network."""

    def embed(self, rows):
        return rows.reshape(len(rows), -1)[:, :3].astype(np.float64)


def test_a_whole_report(tmp_path: Path, monkeypatch) -> None:
    path = small_file(tmp_path / "small.safetensors")
    values = (2.0 + 3.0 * RNG.standard_normal((700, 6))).astype(np.float32)
    label = np.arange(700) % 2
    data = TrainingData(values[:500], label[:500], values[500:], label[500:], ("a", "b"), "metre", 2.0, 3.0)
    told: list[str] = []
    monkeypatch.setattr(sides, "_STRONG_ROWS", 300)
    monkeypatch.setattr(sides, "STRONG_PASSES", 2)
    for module in (quality, sides):
        monkeypatch.setattr(module, "two_sample_test", partial(two_sample_test, epochs=3))
    found = measure_quality(
        str(path),
        data,
        rows=64,
        features=train_features(data, epochs=[4], sizes=(8, 8)),
        strong=True,
        inception=Means(),
        report=lambda what, share: told.append(what),
    )
    for kind in ("floor", "samples", "story_whiten", "story_scale", "story_none"):
        assert {"frechet", "kernel", "precision", "recall"} <= found[kind].keys()
        assert found[kind]["frechet"] > 0.0
    assert found["floor"]["frechet"] < found["story_none"]["frechet"]
    assert found["gaussianity"]["variance"] > 0.0
    assert found["held_out_rows"] == 64
    assert found["two_sample"]["rows"] == [44, 7, 65]
    assert found["two_sample_floor"]["rows"] == [44, 7, 65]
    assert found["two_sample_strong"]["rows"] == [210, 30, 300]  # held-out rows, then training rows
    assert min(found["inception"].values()) > 0.0
    of = {"mean", "mean_error", "deviation", "deviation_error", "component_mean", "component_deviation"}
    assert set(found["moments"]) == set(found["moments_floor"]) == of
    assert abs(found["moments_floor"]["deviation"]) < 4.0 * found["moments_floor"]["deviation_error"]
    assert found["nearest_ratio"] > 0.0
    assert told[-1] == "done"


def test_the_errors_of_moments_are_those_of_repeats():
    """Rows of one amplitude each, so that their components are not independent."""
    generator = np.random.default_rng(0)

    def rows() -> np.ndarray:
        return (generator.lognormal(0.0, 0.4, (200, 1)) * generator.normal(0.2, 1.0, (200, 6))).astype(
            np.float32
        )

    found = [moments(rows(), rows()) for _ in range(600)]
    for name in ("mean", "deviation"):
        scatter = np.std([one[name] for one in found])
        said = np.sqrt(np.mean([one[f"{name}_error"] ** 2 for one in found]))
        assert scatter == pytest.approx(said, rel=4.0 * (2.0 * 600) ** -0.5)
        assert (
            abs(np.mean([one[name] for one in found])) < 4.0 * scatter / 600**0.5 + 0.005
        )  # a ratio has a small bias
