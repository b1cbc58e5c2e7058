"""Arrays of every kind that people have, through every door: the same numbers, or a refusal that says what to do."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse
import torch

import infoloom as loom
from infoloom.arrays import by_slices, plain_array, real_array
from infoloom.effects import effect
from infoloom.errors import InfoloomError, LearnerError
from infoloom.estimators import build as build_estimator
from infoloom.ssl import Training, build, features, probe, train

#: torch says of nested, compressed and quantised tensors that they are new or old.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

ROWS = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
CAUSE = ROWS[:, 0] + 0.3 * np.random.default_rng(1).standard_normal(60)
STORY = loom.load(
    {
        "name": "doors",
        "causes": {"c": "normal"},
        "modalities": {"x": {"flow": "vector(4)", "latent": "0.5*c + noise"}},
        "targets": {"theta": "c"},
    }
)
#: Kinds that hold the very same numbers.
SAME = {
    "gradient": lambda rows: torch.from_numpy(rows.copy()).requires_grad_(),
    "sparse": lambda rows: torch.from_numpy(rows).to_sparse(),
    "compressed": lambda rows: torch.from_numpy(rows).to_sparse_csr(),
    "negative bit": lambda rows: torch.complex(torch.from_numpy(rows), torch.from_numpy(-rows)).conj().imag,
    "nested": lambda rows: torch.nested.nested_tensor(list(torch.from_numpy(rows))),
    "jagged": lambda rows: torch.nested.nested_tensor(list(torch.from_numpy(rows)), layout=torch.jagged),
    "scipy": scipy.sparse.csr_matrix,
    "nothing masked": lambda rows: np.ma.masked_array(rows, False),
}
#: Kinds that hold rounded numbers.
ROUNDED = {
    "bfloat16": lambda rows: torch.from_numpy(rows).bfloat16(),
    "float8": lambda rows: torch.from_numpy(rows).to(torch.float8_e4m3fn),
    "quantised": lambda rows: torch.quantize_per_tensor(torch.from_numpy(rows), 0.05, 0, torch.qint8),
}
#: Lists of such arrays, which the learners do not take.
LISTS = {
    "list of tensors": lambda rows: [torch.from_numpy(row.copy()).requires_grad_() for row in rows],
    "list of masked": lambda rows: [np.ma.masked_array(row, False) for row in rows],
}
REFUSED = {
    "masked": (
        lambda rows: np.ma.masked_array(rows, rows > 1.0),
        "masked values`: expected values everywhere",
    ),
    "meta": (
        lambda rows: torch.from_numpy(rows).to("meta"),
        "`tensor on the device meta`: expected values, because",
    ),
    "complex": (lambda rows: rows + 1j, "real numbers"),
    "conjugate": (lambda rows: torch.from_numpy(rows + 1j).conj(), "real numbers"),
    "text": (lambda rows: rows.astype(str), "numbers"),
    "objects": (lambda rows: rows.astype(object), "real numbers"),
}


def trained(rows):
    learner = build("clip", {"x": (4,), "y": (4,)}, seed=0)
    arrays = {"x": rows, "y": ROWS}
    train(learner, arrays, Training(steps=2, batch=32))
    return features(learner, arrays)["x"]


def of_probe(rows, cause=CAUSE):
    table = probe(lambda batch: batch["x"], {"x": rows, "c": cause}, of=["c"], probes=["ridge"], batch=None)
    return table.scores[0].value


def sampled(rows):
    return {**STORY.sample(60), "x": rows}


DOORS = {
    "estimator": lambda rows: build_estimator("gaussian").estimate(rows, CAUSE),
    "probe": of_probe,
    "target of a probe": lambda rows: (
        probe(
            lambda batch: batch["x"],
            {"x": ROWS, "c": rows},
            inputs=["x"],
            of=["c"],
            probes=["ridge"],
            batch=None,
        )
        .scores[0]
        .value
    ),
    "features of a probe": lambda rows: (
        probe(
            lambda batch: {"x": {len(batch["x"]): rows}[60]},
            {"x": ROWS, "c": CAUSE},
            probes=["ridge"],
            batch=None,
        )
        .scores[0]
        .value
    ),
    "training": trained,
    "pointwise": lambda rows: STORY.pmi(sampled(rows), "x", "theta"),
    "prediction": lambda rows: STORY.predict(sampled(rows), "theta", "x"),
    "observation": lambda rows: STORY.observe(sampled(rows))["x"],
}


@pytest.mark.parametrize("door", DOORS)
def test_every_kind_gives_the_same_through_every_door(door):
    expected = DOORS[door](ROWS)
    kinds = SAME | ROUNDED | ({} if door in ("training", "features of a probe") else LISTS)
    for kind, make in kinds.items():
        found = DOORS[door](make(ROWS))
        rounded = plain_array(make(ROWS), "x", InfoloomError) if kind in ROUNDED else None
        np.testing.assert_array_equal(
            found, expected if rounded is None else DOORS[door](rounded), err_msg=kind
        )


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_array_of_numbers_is_refused_at_every_door(door, kind):
    make, message = REFUSED[kind]
    with pytest.raises(InfoloomError, match=re.escape(message)):
        DOORS[door](make(ROWS))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            [np.ma.masked_array([1.0, 2.0], [False, True])] * 3,
            "`x` `1 masked values`: expected values everywhere",
        ),
        ([1.0, np.ma.masked], "`x` `1 masked values`"),
        (
            [[1.0], [1.0, 2.0]],
            "`x` `rows of different shapes`: expected an array, in which all rows have one shape",
        ),
        (
            torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
            "`x` `rows of different shapes`: expected an array, in which all rows have one shape. Cut or fill",
        ),
        (
            np.zeros(2, "datetime64[s]"),
            "`x` `dtype datetime64[s]`: expected an array of real numbers. Convert the values to floats, or encode",
        ),
        (["a"], "`x` `text`: expected an array of real numbers."),
        (
            torch.zeros(3, device="meta"),
            "because such a tensor has a shape only. Compute it on the device cpu.",
        ),
        (
            np.ma.masked_array(np.zeros(2, [("a", "f4")]), [(True,), (False,)]),
            "`x` `1 masked values`: expected values everywhere",
        ),
    ],
)
def test_refusals(given, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        real_array(given, "x", LearnerError)


def test_a_tensor_that_numpy_cannot_hold_is_refused():
    message = "`x` `tensor of torch.complex32`: expected a tensor that numpy can hold ("
    with pytest.raises(LearnerError, match=re.escape(message)):
        plain_array(torch.zeros(2, dtype=torch.complex32), "x", LearnerError)


def test_rows_can_be_taken_out_of_every_kind():
    """Of ordinary arrays and tensors without a copy, so that memory maps stay maps."""
    tensor = torch.from_numpy(ROWS)
    assert by_slices(ROWS, "x", InfoloomError) is ROWS
    assert by_slices(tensor, "x", InfoloomError) is tensor
    for kind, make in SAME.items():
        part = by_slices(make(ROWS), "x", InfoloomError)[3:5]
        np.testing.assert_array_equal(plain_array(part, "x", InfoloomError), ROWS[3:5], err_msg=kind)


def test_masked_columns_beside_the_latents_are_refused_too():
    rows = STORY.sample(60)
    for name in ("c", "theta"):
        hidden = np.ma.masked_array(rows[name], np.arange(60) < 3)
        with pytest.raises(InfoloomError, match=re.escape(f"`{name}` `3 masked values`")):
            STORY.observe({**rows, name: hidden})
    with pytest.raises(InfoloomError, match="`c` `3 masked values`"):
        effect(STORY, "c", "x", {"c": np.ma.masked_array(rows["c"], np.arange(60) < 3)})
    with pytest.raises(InfoloomError, match="effect: the rows have no values of `c`"):
        effect(STORY, "c", "x", {})


def test_masks_of_missing_rows_may_be_tensors():
    learner = build("clip", {"x": (4,), "y": (4,)}, seed=0)
    arrays, lost = {"x": ROWS, "y": ROWS}, torch.arange(60) < 20
    train(learner, arrays, Training(steps=1, batch=16), missing={"x": lost})
    with pytest.raises(LearnerError, match="`missing of x` `3 masked values`"):
        train(
            learner,
            arrays,
            Training(steps=1),
            missing={"x": np.ma.masked_array(lost.numpy(), np.arange(60) < 3)},
        )
