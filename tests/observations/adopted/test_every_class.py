"""No class of an adopted flow has a certificate that was not looked at."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from infoloom.observations import Effort, adopt
from infoloom.observations.realism.pictures import sample_picture
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.packaging import all_classes, real_rows

LETTERS = list("abcdefghij")
FEW = Effort(eigen_rows=1, trip_rows=1, wide_rows=1, rounds=4, singular_rows=0)


class OneBad(torch.nn.Module):
    """A velocity that is harmless in all classes but one."""

    def __init__(self, bad, number):
        super().__init__()
        self.gain, self.bad, self.number = torch.nn.Parameter(torch.ones(1)), bad, number

    def forward(self, x, t, y):
        chosen = (y == self.number).view(-1, 1)
        return torch.where(chosen, self.bad(self.gain * x), 0.1 * torch.tanh(x))


class OneFold(torch.nn.Module):
    """The identity, but |z| in one class."""

    def __init__(self, number):
        super().__init__()
        self.gain, self.number = torch.nn.Parameter(torch.ones(1)), number

    def forward_and_log_det(self, z, y):
        x = self.gain * torch.where((y == self.number).view(-1, 1), z.abs(), z)
        return x, 0.0 * x.sum(dim=1)

    def inverse(self, x, y):
        return x / self.gain


def folding(x):
    return x.abs() - x


def weak(x):
    return -0.99 * x


@pytest.mark.parametrize(("number", "batch"), [(1, 1), (9, 1), (8, 2), (9, 8), (9, 32)])
def test_a_velocity_that_folds_in_one_class_is_found_whatever_the_batch(number, batch):
    classes = LETTERS[: max(2, number + 1)]
    made = adopt(OneBad(folding, number), (8,), classes=classes, grid=1, batch=batch, effort=FEW)
    assert not made.certificate["passes"]
    assert "below 0.05; round trip in float32 too coarse; round trip in float64" in made.certificate["reason"]


@pytest.mark.parametrize(("number", "batch"), [(32, 32), (39, 32), (39, 4), (99, 32)])
@pytest.mark.parametrize("kind", ["velocity", "bijection"])
def test_no_class_is_left_out_however_many_there_are(kind, number, batch):
    names = [f"c{one}" for one in range(number + 1)]
    model = OneBad(folding, number) if kind == "velocity" else OneFold(number)
    settings = {"grid": 1} if kind == "velocity" else {"kind": "bijection"}
    made = adopt(model, (4,), classes=names, batch=batch, effort=FEW, **settings)
    assert not made.certificate["passes"]
    harmless = OneBad(folding, number + 1) if kind == "velocity" else OneFold(number + 1)
    assert adopt(harmless, (4,), classes=names, batch=batch, effort=FEW, **settings).certificate["passes"]


@pytest.mark.parametrize(("classes", "rows"), [(3, 32), (40, 64), (64, 64)])
def test_real_rows_lie_in_rounds_of_all_classes(classes, rows, tmp_path):
    """Row i of a round has class i mod the number of classes; the values here say the class."""
    labels = np.random.default_rng(0).permutation(np.arange(4 * rows) % classes)
    values = np.repeat(labels[:, None], 4, axis=1).astype(np.float32)
    names = tuple(f"c{one}" for one in range(classes))
    data = TrainingData(values, labels, values[:0], labels[:0], names, "none")
    made = adopt(OneBad(folding, classes), (4,), classes=list(names), grid=1, effort=None)
    flow = all_classes(str(made.save(tmp_path / "a.safetensors")))
    found = real_rows(data, flow, held_out=False)[:, 0].round().long()
    assert len(found) >= 2 * rows
    assert found.tolist() == [place % rows % classes for place in range(len(found))]


@pytest.mark.parametrize("number", [7, 8, 9])
def test_the_quick_effort_looks_at_the_margin_of_every_class(number):
    made = adopt(OneBad(weak, number), (8,), classes=LETTERS, grid=1)
    assert made.certificate["margin"] == pytest.approx(0.01, abs=1e-5)
    assert made.certificate["eigen_rows"] == 10
    assert made.certificate["round_trip"]["float64"]["sampled"]["rows"] >= 10
    assert not made.certificate["passes"]


@pytest.mark.parametrize("batch", [1, 4, 32])
def test_a_bijection_that_folds_in_one_class_is_found_whatever_the_batch(batch):
    made = adopt(OneFold(7), (8,), kind="bijection", classes=LETTERS, batch=batch, effort=FEW)
    assert not made.certificate["passes"]
    assert made.certificate["jacobian_rows"] == 10
    assert "round trip in float32 too coarse (" in made.certificate["reason"]
    assert "round trip in float64 too coarse (" in made.certificate["reason"]


def test_whole_jacobians_are_of_every_class():
    """A wrong log-determinant in the last class only."""

    class Wrong(OneFold):
        def forward_and_log_det(self, z, y):
            return self.gain * z, 0.01 * (y == self.number).to(z.dtype) * self.gain

    made = adopt(Wrong(9), (3,), kind="bijection", classes=LETTERS, batch=4, effort=FEW)
    assert made.certificate["reason"] == (
        "log-determinant off by 1.0e-02 nats from that of the dense Jacobian"
    )
    right = adopt(Wrong(10), (3,), kind="bijection", classes=LETTERS, batch=4, effort=FEW)
    assert right.certificate["passes"], right.certificate


class Lifted(torch.nn.Module):
    """A velocity that lifts each class by its number."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, t, y):
        return 0.1 * self.gain * x + y.to(x.dtype).view(-1, 1, 1, 1)


@pytest.mark.parametrize("classes", [10, 20, 40])
def test_pictures_show_every_class_whatever_the_batch(classes, tmp_path):
    """Of more than 32 classes the first 32."""
    names = [f"c{number}" for number in range(classes)]
    drawn = []
    for batch in (2, 32):
        made = adopt(Lifted(), (1, 4, 4), classes=names, grid=1, batch=batch, effort=None)
        path = made.save(tmp_path / f"lifted{batch}.safetensors")
        sample_picture(str(path), tmp_path / "a.png", rows=6)
        with Image.open(tmp_path / "a.png") as picture:
            drawn.append(np.asarray(picture.convert("L")).astype(float))
    assert np.abs(drawn[0] - drawn[1]).max() <= 1.0
    assert drawn[0].std() > 10.0


def test_rows_that_mix_in_one_class_are_found():
    """The tenth class mixes rows from the third batch of four on."""

    class Mixing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = torch.nn.Parameter(torch.ones(1))

        def forward(self, x, t, y):
            seen = 1e-3 * torch.where((y == 9).view(-1, 1), x.flip(0), torch.zeros_like(x))
            return 0.1 * self.gain * x + seen

    made = adopt(Mixing(), (4,), classes=LETTERS, grid=1, batch=4, effort=FEW)
    assert "a row changes with the rows beside it" in made.certificate["reason"]
