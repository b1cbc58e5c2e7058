"""Probes against closed forms and against scikit-learn; what they take and what they refuse."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import infoloom as loom
from infoloom.errors import ProbeError
from infoloom.ssl.probes.knn import nearest
from infoloom.ssl.probes.linear import ALPHAS, ridge, softmax_classes, standardise
from infoloom.ssl.probes.probe import REGRESSIONS, Setting, classify, pair_up, probe, regress
from infoloom.ssl.probes.splits import Split, named_split, random_split

ROWS = 5000
STORY = loom.load(
    {
        "name": "two-causes",
        "causes": {"mass": "normal", "spin": "normal"},
        "targets": {"theta": "0.8*mass + 0.6*spin"},
        "modalities": {
            "image": {
                "flow": "identity(1, 4, 4)",
                "latent": "0.3*mass@disk + 0.3*spin@patch(0, 0, 2, 2) + noise",
            },
            "curve": {"flow": "vector(8)", "latent": "0.5*mass + noise"},
        },
    }
)
TRUTH = {
    f"I({given}; {of})": STORY.information(f"I({given}; {of})")
    for given in ("image", "curve", "image, curve")
    for of in ("theta", "mass", "spin")
} | {"I(image; curve)": STORY.information("I(image; curve)")}


def rows(seed=0):
    return STORY.sample(ROWS, seed=seed)


def optimal(sample):
    """Features that say E[theta | modality], the best that there are."""
    both = {name: STORY.predict(sample, "theta", name)[:, None] for name in ("image", "curve")}
    return {**both, "fused": STORY.predict(sample, "theta", ("image", "curve"))[:, None]}


def setting(seed=0):
    from infoloom.ssl.probes.known import look_up

    return Setting(("image", "curve"), random_split(ROWS, seed), look_up(TRUTH), seed)


class Data(dict):
    """A dict that says what an opened dataset says."""


def query(inputs):
    return f"I({'image, curve' if inputs == 'fused' else inputs}; theta)"


def within(score, errors=4.0):
    assert score.ceiling is not None
    assert abs(score.value - score.ceiling) < errors * score.standard_error, score


@pytest.mark.parametrize("name", ["ridge", "mlp"])
def test_oracle_features_reach_the_ceiling(name):
    sample = rows()
    scores = list(regress(optimal(sample), {"theta": sample["theta"].astype(float)}, setting(), [name]))
    assert [score.inputs for score in scores] == ["image", "curve", "fused"]
    for score in scores:
        within(score)
        assert score.truth == TRUTH[query(score.inputs)]
        assert score.nats == pytest.approx(-0.5 * math.log(1.0 - score.value))
        assert score.reachable == pytest.approx(score.nats / score.truth)


def test_nearest_neighbours_of_an_oracle_come_close_to_the_ceiling():
    # A mean over k neighbours keeps 1/k of the noise that the ceiling leaves; here at least 16 serve best.
    sample = rows()
    for score in regress(optimal(sample), {"theta": sample["theta"].astype(float)}, setting(), ["knn"]):
        most = 1.0 - (1.0 - score.ceiling) * (1.0 + 1.0 / 16.0)
        assert most - 4.0 * score.standard_error < score.value < score.ceiling + 4.0 * score.standard_error


def test_latents_reach_the_ceiling_of_targets_and_causes():
    sample = rows(1)
    table = probe(lambda block: block, sample, inputs=("image", "curve"), probes=["ridge"], truth=TRUTH)
    asked = [score for score in table if score.measure == "r_squared"]
    assert {score.of for score in asked} == {"mass", "spin", "theta"}
    for score in asked:
        within(score)
    assert table.best("fused", "mass").value > table.best("image", "mass").value
    assert "reached" in str(table).splitlines()[0]


@pytest.mark.parametrize("name", sorted(REGRESSIONS))
def test_features_without_information_score_about_zero(name):
    noise = np.random.default_rng(0).standard_normal((ROWS, 4))
    target = {"theta": rows()["theta"].astype(float)}
    score = next(regress({"image": noise}, target, setting(), [name]))
    # Fitted coefficients, neighbours and epochs cost a little: nothing is clipped at zero.
    assert -0.05 < score.value < 4.0 * score.standard_error
    assert score.nats is not None
    assert (score.nats < 0.0) is (score.value < 0.0)


def test_ridge_is_that_of_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(1)
    for shape in [(300, 7), (60, 90)]:
        x = random.standard_normal(shape)
        y = x[:, :2] @ [1.0, -0.5] + random.standard_normal(len(x))
        split = random_split(len(x), 3)
        found = ridge(x, {"y": y, "both": np.stack([y, 2.0 * y], axis=1)}, split)
        scaled, fitted = standardise(x, split.train), standardise(x, split.fit)
        errors = [
            np.square(
                y[split.validation]
                - linear.Ridge(alpha=alpha * len(split.train))
                .fit(scaled[split.train], y[split.train])
                .predict(scaled[split.validation])
            ).mean()
            for alpha in ALPHAS
        ]
        model = linear.Ridge(alpha=ALPHAS[int(np.argmin(errors))] * len(split.fit))
        expected = model.fit(fitted[split.fit], y[split.fit]).predict(fitted[split.test])
        np.testing.assert_allclose(found["y"], expected, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found["both"], np.stack([expected, 2.0 * expected], axis=1), atol=1e-6)


def test_neighbours_are_those_of_scikit_learn():
    neighbours = pytest.importorskip("sklearn.neighbors")
    random = np.random.default_rng(2)
    known, asked = random.standard_normal((500, 3)), random.standard_normal((300, 3))
    expected = neighbours.NearestNeighbors(n_neighbors=9).fit(known).kneighbors(asked, return_distance=False)
    np.testing.assert_array_equal(nearest(known, asked, 9), expected)


def test_softmax_regression_is_that_of_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(3)
    x = random.standard_normal((900, 3))
    classes = np.digitize(x[:, 0] + 0.5 * random.standard_normal(900), [-0.5, 0.5]).astype(np.int64)
    split = random_split(900, 0)
    found = softmax_classes(x, classes, 3, split)
    fitted = standardise(x, split.fit)
    model = linear.LogisticRegression(C=1e6, max_iter=1000).fit(fitted[split.fit], classes[split.fit])
    same = (found == model.predict(fitted[split.test])).mean()
    assert same > 0.97  # the penalties differ


def test_classes_of_an_oracle_reach_the_bayes_accuracy():
    from infoloom.information.ceilings.ceilings import bayes_accuracy

    sample = rows(2)
    scores = list(classify(optimal(sample), {"theta": sample["theta"].astype(float)}, 4, setting()))
    assert [score.of for score in scores] == ["theta in 4"] * 3
    for score in scores:
        best = bayes_accuracy(TRUTH[query(score.inputs)], 4)
        assert abs(score.value - best) < 4.0 * score.standard_error


def test_pairs_of_latents_reach_the_bayes_bound_and_retrieval():
    sample = rows(3)
    found = {
        s.measure: s for s in pair_up({n: sample[n].astype(float) for n in ("image", "curve")}, setting(), 32)
    }
    ceiling = STORY.ceilings(batch=32, seed=1).pairs[0]
    for measure, best in (("bound", ceiling.bound), ("retrieval", ceiling.retrieval)):
        error = math.hypot(found[measure].standard_error, best.error)
        assert abs(found[measure].value - best.value) < 4.0 * error
    assert found["bound"].nats == found["bound"].value
    assert found["bound"].truth == TRUTH["I(image; curve)"]


def test_a_vector_is_scored_by_its_total_variance():
    sample = rows()
    targets = {"curve": sample["curve"].astype(float)}
    own = next(regress({"curve": targets["curve"]}, targets, setting(), ["ridge"]))
    assert own.value > 0.9999
    assert own.truth is None
    assert own.ceiling is None
    other = next(regress({"image": sample["image"].astype(float)}, targets, setting(), ["ridge"]))
    assert 0.0 < other.value < 0.2


def test_a_dataset_tells_kinds_splits_truth_and_optimal_predictions():
    sample = rows()
    kinds = {"image": "modality", "curve": "modality", "theta": "target", "mass": "cause"}
    arrays = {name: sample[name] for name in kinds}
    arrays["prediction(theta|image)"] = STORY.predict(sample, "theta", "image")

    def data(gaussian):
        found = Data(arrays)
        found.columns = [SimpleNamespace(name=n, kind=kinds.get(n, "prediction")) for n in arrays]
        found.splits = {"train": 3000, "validation": 1000, "test": 1000}
        found.truth = TRUTH
        found.story = SimpleNamespace(gaussian=gaussian)
        return found

    table = probe(lambda block: block, data(True), probes=["ridge"], batch=None)
    assert {(s.inputs, s.of) for s in table.select(probe="ridge")} == {
        (inputs, of) for inputs in ("image", "curve", "fused") for of in ("theta", "mass")
    }
    best = table.select(probe="optimal").scores
    assert [(s.inputs, s.of, s.ceiling) for s in best] == [
        ("image", "theta", pytest.approx(1.0 - math.exp(-2.0 * TRUTH["I(image; theta)"])))
    ]
    within(best[0])
    unknown = probe(lambda block: block, data(False), probes=["ridge"], batch=None)
    assert all(score.ceiling is None for score in unknown)


def test_splits():
    split = random_split(100, 1)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [60, 20, 20]
    assert sorted(np.concatenate([split.fit, split.test])) == list(range(100))
    assert named_split({"train": 5, "test": 5}) is None
    named = named_split({"train": 5, "val": 2, "extra": 1, "test": 2})
    assert [part.tolist() for part in (named.validation, named.test)] == [[5, 6], [8, 9]]
    with pytest.raises(
        ProbeError, match=r"^rows `9`: expected at least 10, for training, validation and test\."
    ):
        random_split(9)


def test_refusals():
    sample = {name: values[:40] for name, values in rows().items()}
    with pytest.raises(
        ProbeError, match=r"^inputs: expected at least one array to encode\. Name it with `inputs`\.$"
    ):
        probe(lambda block: block, {"theta": sample["theta"]})
    with pytest.raises(
        ProbeError, match=r"^probe `svm`: expected one of ridge, knn, mlp\. Name one of them\.$"
    ):
        probe(lambda block: block, sample, probes=["svm"])
    with pytest.raises(
        ProbeError, match=r"^array `x9`: expected to be in the dataset\. Name one that is there\.$"
    ):
        probe(lambda block: block, sample, inputs=["x9"])
    with pytest.raises(
        ProbeError, match=r"^array `theta` of shape \(39,\): expected 40 rows, as many as the first"
    ):
        probe(lambda block: block, {**sample, "theta": sample["theta"][:39]})
    with pytest.raises(
        ProbeError,
        match=r"^batch `128`: expected a whole number, 2 or more, and two batches among 8 test rows\.",
    ):
        probe(lambda block: block, sample, probes=["ridge"])
    with pytest.raises(
        ProbeError,
        match=r"^classes `1`: expected a whole number, at least 2\. Use 10, or None for no classes\.$",
    ):
        probe(lambda block: block, sample, probes=["ridge"], batch=None, classes=1)


FEW = Split(np.arange(20), np.arange(20, 30), np.arange(30, 40))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"probes": "ridge"}, '`probes` `ridge`: expected a list of names, got one name. Write ["ridge"].'),
        ({"inputs": "image"}, '`inputs` `image`: expected a list of names, got one name. Write ["image"].'),
        ({"of": "theta"}, '`of` `theta`: expected a list of names, got one name. Write ["theta"].'),
        ({"classes": 10**5}, "classes `100000`: expected at most 1000, and no more than the 30 rows that they are cut"),
        ({"classes": 31}, "classes `31`: expected at most 1000, and no more than the 30 rows that they are cut by."),
        ({"classes": 2.5}, "classes `2.5`: expected a whole number, at least 2. Use 10, or None for no classes."),
        ({"batch": 2.5}, "batch `2.5`: expected a whole number, 2 or more, and two batches among 10 test rows."),
        ({"seed": -1}, "seed `-1`: expected a whole number from 0. Use 0."),
        ({"ceilings": 5}, "ceilings `int`: expected what `story.ceilings` returns. Give that, or leave it out."),
        ({"ceilings": {}}, "ceilings `dict`: expected what `story.ceilings` returns."),
        (
            {"split": Split(np.arange(20), np.arange(20, 30), np.arange(30, 41))},
            "split with row `40`: expected row numbers below 40, the number of rows. Split these rows.",
        ),
    ],
)  # fmt: skip
def test_arguments_are_checked_before_anything_is_encoded(given, message):
    sample = {name: values[:40] for name, values in rows().items()}
    with pytest.raises(ProbeError, match=f"^{re.escape(message)}"):
        probe(None, sample, **{"inputs": ("image", "curve"), "batch": None, "split": FEW, **given})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            (np.arange(9), np.arange(9, 12), np.arange(9)),
            "split `train` and `test`: expected disjoint rows, got 9 rows in both, because rows that a probe was",
        ),
        ((np.arange(9), np.arange(8, 12), np.arange(12, 14)), "split `train` and `validation`: expected disjoint rows"),
        (
            ([-1, 0], [1, 2], [3, 4]),
            "split `train` of int64 and shape (2,): expected row numbers from 0, two or more. Give some, such as",
        ),
        (([0, 1], [2, 3], [4]), "split `test` of int64 and shape (1,): expected row numbers from 0, two or more."),
        (([0, 1], [True, False], [4, 5]), "split `validation` of bool and shape (2,): expected row numbers"),
    ],
)  # fmt: skip
def test_parts_of_a_split_are_disjoint_row_numbers(parts, message):
    with pytest.raises(ProbeError, match=f"^{re.escape(message)}"):
        Split(*parts)
    assert Split([0, 1], [2, 3], [4, 5]).fit.tolist() == [0, 1, 2, 3]


def test_targets_that_cannot_be_scored_are_refused():
    sample = {name: values[:40] for name, values in rows().items()}
    constant = {**sample, "theta": np.ones(40)}
    with pytest.raises(
        ProbeError, match=r"^array `theta`: expected values that vary, because R² compares with their"
    ):
        probe(lambda block: block, constant)
    broken = {**sample, "mass": np.where(np.arange(40) == 3, np.nan, 1.0)}
    with pytest.raises(
        ProbeError, match=r"^array `mass`: expected finite numbers\. Remove the other rows from all"
    ):
        probe(lambda block: block, broken)


def test_a_collapsed_encoder_knows_nothing():
    sample = {name: values[:600] for name, values in rows().items()}

    def collapsed(block):
        return {name: np.ones((len(values), 4)) for name, values in block.items()}

    for score in probe(collapsed, sample, inputs=("image", "curve"), classes=3, batch=32):
        chance = {"r_squared": 0.0, "bound": 0.0, "accuracy": 1.0 / 3.0, "retrieval": 1.0 / 32.0}
        assert abs(score.value - chance[score.measure]) < max(4.0 * score.standard_error, 0.02), score


def test_probes_never_load_the_truth():
    code = (
        "import sys\nimport infoloom as loom\nloom.ssl.probe\n"
        "print(*[m for m in sys.modules if m.startswith('infoloom.') and m.split('.')[1] not in ('ssl', 'errors')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {
        "infoloom.arrays",
        "infoloom.flags",
        "infoloom.design",
    }  # the last is an empty package


def test_the_whole_split_is_used_once():
    whole = Split(np.arange(3), np.arange(3, 5), np.arange(5, 7))
    assert whole.fit.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("factor", [2.0**-700, 2.0**700])
def test_the_scale_of_a_target_does_not_matter(factor):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((60, 3))
    values = rows[:, 0] + rng.standard_normal(60)
    plain, scaled = (
        probe(lambda batch: batch["x"], {"x": rows, "t": unit * values}, batch=None) for unit in (1.0, factor)
    )
    for one, other in zip(plain, scaled, strict=True):
        assert other.value == pytest.approx(one.value, abs=1e-6)


def test_inputs_of_which_float32_keeps_few_digits_are_refused():
    rows = np.random.default_rng(0).standard_normal((60, 3))
    message = r"^`array x` `component 0 from .*`: expected values that float32 tells apart, because encoders compute"
    with pytest.raises(ProbeError, match=message):
        probe(lambda batch: batch["x"], {"x": rows + 1e8, "t": rows[:, 0]}, batch=None)
