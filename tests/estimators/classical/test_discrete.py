"""Counting and nearest neighbours of discrete and mixed pairs: dense oracles, scikit-learn, easy truths, nulls."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np
import pytest
from gaussian_tasks import canonical
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import mutual_info_score

from infoloom.errors import EstimatorError
from infoloom.estimators import GaoEstimator, KSGEstimator, PlugInEstimator, RossEstimator
from infoloom.estimators.cells import indicators, joint_cells, plug_in_entropy

SEEDS = range(12)


def draws(seed):
    return np.random.default_rng(seed)


def steps(rows, seed, values=5):
    """x uniform on 0 … m − 1, y uniform on (x, x + 2): log m − (m − 1) / m log 2 nats."""
    rng = draws(seed)
    x = rng.integers(0, values, rows)
    return x, x + 2.0 * rng.random(rows)


def steps_truth(values=5):
    return math.log(values) - (values - 1) / values * math.log(2.0)


def channel(rows, seed, symbols=4, error=0.3):
    """y is x, or with a probability one of the other symbols."""
    rng = draws(seed)
    x = rng.integers(0, symbols, rows)
    return x, (x + (rng.random(rows) < error) * rng.integers(1, symbols, rows)) % symbols


def channel_truth(symbols=4, error=0.3):
    rest = 1.0 - error
    return math.log(symbols) + rest * math.log(rest) + error * math.log(error / (symbols - 1))


def within(found, truth):
    """Whether the mean of estimates is the truth within four standard errors."""
    return abs(np.mean(found) - truth) < 4.0 * np.std(found, ddof=1) / math.sqrt(len(found))


# Counting


def counted(x, y, corrected):
    """The sum over cells, one by one."""
    rows = len(x)
    pairs, left, right = (
        Counter(map(tuple, part)) for part in (np.column_stack([x, y]).tolist(), x.tolist(), y.tolist())
    )
    width = x.shape[1]
    total = math.fsum(
        c / rows * math.log(rows * c / (left[pair[:width]] * right[pair[width:]]))
        for pair, c in pairs.items()
    )
    return total - corrected * (len(pairs) - len(left) - len(right) + 1) / (2 * rows)


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize(("dim_x", "dim_y"), [(1, 1), (2, 1), (3, 2)])
def test_plug_in_against_cells_one_by_one(corrected, dim_x, dim_y):
    rng = draws(dim_x)
    x = rng.integers(-3, 3, (700, dim_x)) * 7
    y = np.abs(x[:, :1]) + rng.integers(0, 2, (700, dim_y))
    found = PlugInEstimator(corrected=corrected).estimate(x, y)
    assert found == pytest.approx(counted(x, y, corrected), abs=1e-12)


def test_plug_in_against_scikit_learn():
    x, y = channel(1000, 0)
    assert PlugInEstimator(corrected=False).estimate(x, y) == pytest.approx(
        mutual_info_score(x, y), abs=1e-12
    )


def test_the_correction_takes_the_bias_of_independent_variables():
    plain, corrected = [], []
    for seed in range(40):
        x, y = draws(seed).integers(0, 6, (2, 500))
        plain.append(PlugInEstimator(corrected=False).estimate(x, y))
        corrected.append(PlugInEstimator().estimate(x, y))
    assert not within(plain, 0.0)
    assert within(plain, 25 / 1000)
    assert within(corrected, 0.0)


def test_plug_in_intervals_hold_a_known_value():
    """The coverage of 200 intervals of 95 % is binomial."""
    found = [PlugInEstimator().estimate_with_info(*channel(500, seed)).interval for seed in range(200)]
    held = sum(low < channel_truth() < high for low, high in found)
    assert abs(held - 190) < 4.0 * math.sqrt(200 * 0.95 * 0.05)


def test_few_rows_a_cell_are_doubted():
    x, y = draws(0).integers(0, 30, (2, 500))
    found = PlugInEstimator().estimate_with_info(x, y)
    assert found.reliable is False
    assert re.fullmatch(r"1\.\d rows a joint cell", found.details["doubts"][0])
    assert PlugInEstimator().estimate_with_info(*channel(500, 0)).reliable is None


def test_names_of_categories_play_no_part():
    x, y = channel(600, 1)
    name = draws(2).permutation(4) * 1000 - 7
    for estimator in (PlugInEstimator(), PlugInEstimator(corrected=False)):
        assert estimator.estimate(name[x], y) == pytest.approx(estimator.estimate(x, y), abs=1e-12)
    value = y + draws(3).standard_normal(600)
    assert RossEstimator().estimate(name[x], value) == pytest.approx(
        RossEstimator().estimate(x, value), abs=1e-12
    )


def test_joint_cells_number_rows():
    rows = draws(0).integers(-2, 3, (400, 4))
    names = {row: number for number, row in enumerate(sorted(set(map(tuple, rows.tolist()))))}
    assert joint_cells(rows).tolist() == [names[row] for row in map(tuple, rows.tolist())]
    wide = draws(1).integers(0, 2**62, (300, 40))  # products of the numbers of values would not fit
    assert len(set(joint_cells(wide).tolist())) == 300
    entropy, excess = plug_in_entropy(joint_cells(wide))
    assert entropy == pytest.approx(math.log(300))
    assert excess == 299 / 600


def test_indicators_of_many_values_are_refused():
    with pytest.raises(
        EstimatorError, match=r"`y` `2000 values in a column of whole numbers`: expected at most 1024"
    ):
        indicators(np.arange(2000)[:, None], "y")
    real = draws(0).standard_normal((5, 2))
    assert indicators(real) is real


# Ross


def ross(cells, values, neighbors):
    """The published formula, row by row, over all distances."""
    kept = np.array([np.sum(cells == cell) > 1 for cell in cells])
    cells, values = cells[kept], values[kept]
    terms = []
    for i in range(len(cells)):
        far = np.abs(values - values[i]).max(axis=1)
        same = np.sort([far[j] for j in range(len(cells)) if cells[j] == cells[i] and j != i])
        k = min(neighbors, len(same))
        m = sum(far[j] < same[k - 1] for j in range(len(cells)))
        terms.append(digamma(k) - digamma(len(same) + 1) - digamma(m))
    return digamma(len(cells)) + np.mean(terms)


@pytest.mark.parametrize("columns", [1, 2, 12])
@pytest.mark.parametrize("neighbors", [1, 3, 8])
def test_ross_against_the_dense_oracle(columns, neighbors):
    rng = draws(columns)
    cells = np.repeat(np.arange(7), [1, 2, 3, 9, 40, 60, 45])
    values = cells[:, None] % 3 + rng.standard_normal((160, columns))
    estimator = RossEstimator(neighbors=neighbors, standardise=False)
    expected = ross(cells, values, neighbors)
    assert estimator.estimate(cells, values) == pytest.approx(expected, abs=1e-12)
    assert estimator.estimate(values, cells) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("neighbors", [2, 3, 7])
def test_ross_against_scikit_learn(neighbors):
    """scikit-learn adds a jitter of 1e-10, which moves no rank here, and cuts at 0."""
    cells = draws(0).integers(0, 6, 800)
    value = np.sin(cells) + 0.7 * draws(1).standard_normal(800)
    theirs = mutual_info_classif(value[:, None], cells, n_neighbors=neighbors, random_state=0)[0]
    assert RossEstimator(neighbors=neighbors).estimate(cells, value) == pytest.approx(theirs, abs=1e-9)


def test_several_columns_are_joint_categories():
    words = draws(0).integers(0, 3, (600, 2))
    value = words.sum(axis=1) + draws(1).standard_normal(600)
    joint = 3 * words[:, 0] + words[:, 1]
    assert RossEstimator().estimate(words, value) == RossEstimator().estimate(joint, value)


def test_ross_says_what_it_leaves_out():
    cells = np.concatenate([np.arange(300) % 3, [7, 8]])
    found = RossEstimator().estimate_with_info(cells, draws(0).standard_normal(302))
    assert found.reliable is False
    assert found.details["single_rows"] == 2
    assert found.details["doubts"] == ["2 rows are the only ones of their category and are left out"]


def test_ross_refuses_what_has_no_neighbours():
    value = draws(0).standard_normal(40)
    with pytest.raises(
        EstimatorError, match=r"`x, y` `40 categories of one row each`: expected categories with several"
    ):
        RossEstimator().estimate(np.arange(40), value)
    message = "`x, y` `40 rows with k or more exact copies`: expected continuous values beside the categories"
    with pytest.raises(EstimatorError, match=re.escape(message)):
        RossEstimator().estimate(np.arange(40) % 2, np.repeat([1.0, 2.0], 20))
    rounded = np.round(draws(0).standard_normal(4000) + np.arange(4000) % 2, 3)
    assert (
        "rounded or discrete"
        in RossEstimator(neighbors=20).estimate_with_info(np.arange(4000) % 2, rounded).details["doubts"][0]
    )


# Gao


def gao(x, y, neighbors):
    """The cases of the docstring, row by row, over all distances; grids in exact steps."""
    far_x, far_y = (distances(side) for side in (x, y))
    far = np.maximum(far_x, far_y)
    terms = []
    for i in range(len(x)):
        others = np.sort(np.delete(far[i], i))
        k = min(neighbors, int(np.sum(np.isfinite(others))))
        radius = others[k - 1] if k else 0.0 if both_whole(x, y) else np.inf
        joint = np.sum(np.isfinite(far[i]) & (far[i] <= radius))
        if k == 0 or radius == 0.0 or joint > k + 1:
            near_x, near_y = (row[np.isfinite(row)] <= radius for row in (far_x[i], far_y[i]))
            counts = joint, np.sum(near_x), np.sum(near_y)
        else:
            counts = k, np.sum(far_x[i] < radius), np.sum(far_y[i] < radius)
        terms.append(digamma(counts[0]) + math.log(len(x)) - digamma(counts[1]) - digamma(counts[2]))
    return np.mean(terms)


def distances(side):
    """Chebyshev between real rows; 0 or infinite between whole numbers."""
    side = side.reshape(len(side), -1)
    far = np.abs(side[:, None] - side[None]).max(axis=2)
    return np.where(far > 0, np.inf, 0.0) if side.dtype.kind == "i" else far


def both_whole(x, y):
    return x.dtype.kind == y.dtype.kind == "i"


def mixtures():
    rng = draws(7)
    x, y = steps(300, 7)
    half = rng.random(300) < 0.5
    cloud = rng.standard_normal((2, 300))
    atoms = np.where(half, cloud, np.sign(cloud[::-1]))
    counts = rng.poisson(2.0, 300)
    return {
        "steps": (x, y),
        "atoms": (atoms[0], atoms[0] + atoms[1]),
        "counts": (counts, counts + rng.poisson(1.0, 300)),
        "counts by distance": (1.0 * counts, 1.0 * counts + rng.poisson(1.0, 300)),
        "counts and reals": (rng.exponential(size=300), counts),
        "counts by distance and reals": (rng.exponential(size=300), 1.0 * counts),
        "categories and atoms": (rng.integers(0, 3, 300), np.where(half, cloud[0], counts)),
        "columns": (rng.integers(0, 3, (300, 2)), np.column_stack([counts, cloud[0]])),
        "many columns": (cloud[0], rng.integers(0, 2, (300, 14))),
    }


@pytest.mark.parametrize("name", mixtures())
@pytest.mark.parametrize("neighbors", [1, 4])
def test_gao_against_the_dense_oracle(name, neighbors):
    x, y = mixtures()[name]
    found = GaoEstimator(neighbors=neighbors, standardise=False).estimate(x, y)
    assert found == pytest.approx(gao(x, y, neighbors), abs=1e-12)


@pytest.mark.parametrize("name", ["atoms", "counts by distance", "counts by distance and reals"])
def test_scales_of_columns_move_no_tie(name):
    """Division by a deviation rounds; the steps of a grid stay equal all the same."""
    x, y = mixtures()[name]
    found = GaoEstimator(standardise=False).estimate_with_info(x, y)
    moved = GaoEstimator(standardise=False).estimate_with_info(x / 0.37 + 0.1, y / 0.37 - 5.1)
    assert moved.nats == pytest.approx(found.nats, abs=1e-12)
    assert moved.details["tied"] == found.details["tied"]


@pytest.mark.parametrize(
    ("law", "neighbors", "golden"),
    [
        ("steps", 3, 1.0443415219520182),
        ("steps", 5, 1.0346173099003069),
        ("discrete", 3, 0.6395850835768271),
        ("columns", 5, 0.3478021333007161),
    ],
)
def test_values_of_the_authors_program(law, neighbors, golden):
    """Of Mixed_KSG(x, y, k) in github.com/wgao9/mixed_KSG at its only version, on the same rows."""
    rng, n = draws(7), 400
    x = rng.integers(0, 5, n)
    found = {"steps": (x, x + 2 * rng.random(n))}
    rng.random(n), rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], n), rng.random(n), rng.random(n)
    rate = rng.exponential(size=n)
    rng.random(n), rng.poisson(rate)
    x = rng.integers(0, 3, n)
    found["discrete"] = (x, x + rng.integers(0, 2, n))
    x = rng.standard_normal((n, 2))
    found["columns"] = (x, (x[:, :1] > 0) + 0.5 * rng.standard_normal((n, 1)))
    estimator = GaoEstimator(neighbors=neighbors, standardise=False)
    assert estimator.estimate(*found[law]) == pytest.approx(golden, abs=1e-9)


def test_continuous_and_discrete_rows_are_the_known_estimates():
    """The first form of Kraskov et al. but for ψ(n), here log n, and corrected counting but for 1 / 2n."""
    x, y = canonical(1, 1).sample(500, 0)
    known = KSGEstimator(neighbors=5).estimate(x, y) - digamma(500) + math.log(500)
    assert GaoEstimator(neighbors=5).estimate(x, y) == pytest.approx(known, abs=1e-12)
    x, y = channel(4000, 0)
    counts = [np.bincount(joint_cells(*sides)) for sides in ((x, y), (x,), (y,))]
    rest = sum(np.sum(1 / (12 * count)) for count in counts) / 4000  # |ψ(c) − log c + 1 / 2c| < 1 / 12 c²
    assert GaoEstimator().estimate(x, y) == pytest.approx(
        PlugInEstimator().estimate(x, y) + 1 / 8000, abs=rest
    )


# All of them


@pytest.mark.parametrize(
    ("estimator", "sample", "truth"),
    [
        (PlugInEstimator(), channel, channel_truth()),
        (GaoEstimator(), channel, channel_truth()),
        (RossEstimator(), steps, steps_truth()),
        (GaoEstimator(), steps, steps_truth()),
    ],
    ids=["counting", "gao, discrete", "ross", "gao, mixed"],
)
def test_known_values(estimator, sample, truth):
    found = [estimator.estimate(*sample(4000, seed)) for seed in SEEDS]
    assert within(found, truth)


@pytest.mark.parametrize(
    "estimator", [RossEstimator(), GaoEstimator(), PlugInEstimator()], ids=["ross", "gao", "counts"]
)
def test_nothing_is_found_in_shuffled_pairs(estimator):
    x, y = channel(600, 0) if isinstance(estimator, PlugInEstimator) else steps(600, 0)
    found = [estimator.estimate(x, draws(seed).permutation(y)) for seed in range(30)]
    assert within(found, 0.0)


@pytest.mark.parametrize("estimator", [RossEstimator(), GaoEstimator()], ids=["ross", "gao"])
def test_nothing_is_found_beside_many_categories(estimator):
    """Ten categories of fifty rows beside four columns: neighbours of another category would be found by distance."""
    found = []
    for seed in range(40):
        rng = draws(seed)
        found.append(estimator.estimate(rng.integers(0, 10, 500), rng.standard_normal((500, 4))))
    assert within(found, 0.0)


def test_gao_beside_categories_is_the_estimate_of_ross():
    x, y = steps(700, 0)
    known = RossEstimator(neighbors=5).estimate(x, y) - digamma(700) + math.log(700)
    assert GaoEstimator(neighbors=5).estimate(x, y) == pytest.approx(known, abs=1e-12)
    alone = np.arange(300)
    assert abs(GaoEstimator().estimate(alone, draws(0).standard_normal(300))) < 1 / 300


@pytest.mark.parametrize("estimator", [RossEstimator, GaoEstimator])
def test_settings(estimator):
    with pytest.raises(EstimatorError, match=r"`neighbors` `0`: expected 1 or more\."):
        estimator(neighbors=0)


@pytest.mark.parametrize("estimator", [PlugInEstimator(), GaoEstimator()], ids=["counts", "gao"])
def test_a_word_that_all_sentences_begin_with_changes_nothing(estimator):
    x, y = channel(300, 0)
    assert estimator.estimate(np.column_stack([np.ones_like(x), x]), y) == pytest.approx(
        estimator.estimate(x, y)
    )


def test_gao_needs_more_rows_than_neighbours():
    with pytest.raises(
        EstimatorError, match=r"`neighbors` `9`: expected fewer than the rows, 9\. Lower it or draw"
    ):
        GaoEstimator(neighbors=9).estimate(*steps(9, 3))
