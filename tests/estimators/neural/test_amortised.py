"""The learned estimator: features against slow ones, what changes nothing, and what its training reached."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
import torch
from scipy.special import digamma

from infoloom.benchmark.meta.stream import stream
from infoloom.errors import EstimatorError
from infoloom.estimators import build
from infoloom.estimators.neural.amortised import estimator as amortised
from infoloom.estimators.neural.amortised.estimator import AmortisedEstimator
from infoloom.estimators.neural.amortised.features import OF_ROWS, OF_SAMPLE, features
from infoloom.estimators.neural.amortised.neighbours import NEIGHBOURS, counts, estimates
from infoloom.estimators.neural.amortised.network import LEVELS, Quantiles, pinball


def pair(rows=120, dims=(2, 3), seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, dims[0]))
    y = rng.standard_normal((rows, dims[1]))
    y[:, 0] += x[:, 0]
    return x, y


def test_counts_are_those_of_every_pair_of_rows():
    u, v = pair()
    u[:20] = np.round(u[:20])  # some distances tie
    found = counts(u, v).reshape(len(u), len(NEIGHBOURS), 3)
    near_u, near_v = (((side[:, None] - side) ** 2).sum(axis=2) for side in (u, v))
    both = np.maximum(near_u, near_v)
    for i, (place, k) in itertools.product(range(len(u)), enumerate(NEIGHBOURS)):
        others = np.arange(len(u)) != i
        radius = np.sort(both[i, others])[k - 1] * (1.0 + 1e-9)
        slow = [int((side[i, others] <= radius).sum()) for side in (near_u, near_v, both)]
        assert found[i, place].tolist() == slow


def test_estimates_are_those_of_mesner_and_shalizi():
    found = counts(*pair())
    slow = [
        np.mean(
            [
                digamma(c) + digamma(len(found)) - digamma(a) - digamma(b)
                for a, b, c in found[:, 3 * k : 3 * k + 3]
            ]
        )
        for k in range(len(NEIGHBOURS))
    ]
    np.testing.assert_allclose(estimates(found), slow)


def test_features_ignore_increasing_functions_of_columns():
    x, y = pair()
    rows, sample = features(x, y)
    assert rows.shape == (120, OF_ROWS)
    assert sample.shape == (OF_SAMPLE,)
    bent = features(np.exp(x), np.arctan(5.0 * y) + y)
    np.testing.assert_allclose(bent[0], rows, atol=1e-6)
    np.testing.assert_allclose(bent[1], sample, atol=1e-5)


def test_features_of_labels_are_finite_and_tell_them_apart():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (80, 2)).astype(float)
    rows, sample = features(x, x[:, :1] + rng.integers(0, 2, (80, 1)))
    assert np.isfinite(rows).all()
    assert np.isfinite(sample).all()
    assert sample[7] < 0.1  # few different values


def test_features_count_canonical_correlations():
    """Of normal scores, against numpy's least squares."""
    x, y = pair(400, (1, 3))
    sample = features(x, y)[1]
    scores = [features_scores(side) for side in (x, y)]
    fit = scores[1] @ np.linalg.lstsq(scores[1], scores[0], rcond=None)[0]
    r = np.corrcoef(fit[:, 0], scores[0][:, 0])[0, 1]
    assert sample[11] == pytest.approx(r, abs=2e-3)
    assert sample[11 + 16] == pytest.approx(-0.5 * math.log1p(-(float(sample[11]) ** 2)), abs=1e-4)


def features_scores(side):
    from scipy.stats import norm, rankdata

    z = norm.ppf((rankdata(side, axis=0) - 0.5) / len(side))
    return z - z.mean(axis=0)


def test_the_network_gives_rising_quantiles_and_no_order_matters():
    torch.manual_seed(0)
    network = Quantiles()
    rows, owner = torch.randn(30, OF_ROWS), torch.arange(3).repeat_interleave(10)
    sample = torch.randn(3, OF_SAMPLE)
    quantiles = network(rows, owner, sample)
    assert quantiles.shape == (3, len(LEVELS))
    assert (quantiles.diff(dim=1) > 0).all()
    order = torch.randperm(30)
    torch.testing.assert_close(network(rows[order], owner[order], sample), quantiles)
    alone = network(rows[10:20], torch.zeros(10, dtype=torch.long), sample[1:2])
    torch.testing.assert_close(alone, quantiles[1:2])
    assert sum(p.numel() for p in network.parameters()) < 2_000_000


def test_the_loss_is_least_at_the_quantiles():
    truth = torch.distributions.Exponential(1.0).icdf((torch.arange(20_000) + 0.5) / 20_000)
    best = torch.tensor([-math.log1p(-level) for level in LEVELS]).expand(20_000, -1)
    least = pinball(best, truth)
    for shift in (-0.05, 0.05):
        assert pinball(best + shift, truth) > least


@pytest.fixture(scope="module")
def learned():
    """Without pairings, which cost ten times as much and change no estimate."""
    return build("amortised", shuffles=0)


INDEPENDENT = r"pairs made at random read up to \d.* nats: the rows do not differ from independent ones$"
FRESH = {"dims": (1, 16), "rows": (50, 500), "nats": (0.0, 6.0)}


@pytest.mark.parametrize(
    ("families", "measured"),
    [(("story", "gaussian", "additive", "discrete", "mixed"), 0.93), (("student", "mixture"), 0.87)],
)
def test_it_beats_a_constant_and_its_intervals_cover(learned, families, measured):
    """150 new tasks of families that training saw, and of those that it never saw, where intervals cover less."""
    tasks = list(itertools.islice(stream(77, families=families, **FRESH), 150))
    found = [learned.estimate_with_info(task.x, task.y) for task in tasks]
    truth = np.array([task.mutual_information for task in tasks])
    errors = np.abs([one.nats for one in found] - truth)
    constant = np.abs(np.median(truth) - truth)
    gain = constant - errors
    assert gain.mean() > 4.0 * gain.std(ddof=1) / math.sqrt(len(gain))
    covered = np.mean(
        [one.interval[0] <= nats <= one.interval[1] for one, nats in zip(found, truth, strict=True)]
    )
    assert covered > measured - 4.0 * math.sqrt(measured * (1.0 - measured) / len(tasks))


def test_quantiles_rise_and_hold_the_estimate(learned):
    found = learned.estimate_with_info(*pair(200))
    quantiles = found.details["quantiles"]
    assert found.details["levels"] == list(LEVELS)
    assert quantiles == sorted(quantiles)
    assert (found.nats, found.interval) == (quantiles[3], (quantiles[0], quantiles[-1]))
    assert found.reliable is True
    assert found.details["outside"] == 0


def test_increasing_functions_change_nothing(learned):
    x, y = pair(200)
    assert learned.estimate(np.exp(x), np.arctan(y)) == pytest.approx(learned.estimate(x, y), abs=1e-4)


def test_independent_rows_read_little(learned):
    """It promises no 0, but no estimate of twenty may reach 0.3 nats, and every interval must come near 0."""
    rng = np.random.default_rng(0)
    found = [learned.estimate_with_info(*rng.standard_normal((2, 400, 2))) for _ in range(20)]
    assert max(one.nats for one in found) < 0.3
    assert max(one.interval[0] for one in found) < 0.05
    assert learned.null_safe is False


def test_independent_rows_are_doubted_as_often_as_ranks_say():
    """An estimate is above nine others of the same law in one case of ten; without pairings nothing is doubted."""
    rng = np.random.default_rng(3)
    pairs = rng.standard_normal((40, 2, 60, 2))
    found = [AmortisedEstimator().estimate_with_info(*pair) for pair in pairs]
    doubted = np.mean([one.reliable is False for one in found])
    assert abs(doubted - 0.9) < 4.0 * math.sqrt(0.09 / len(pairs))
    assert abs(np.mean([one.nats - one.details["shuffled"] for one in found])) < 4.0 * np.std(
        [one.nats - one.details["shuffled"] for one in found], ddof=1
    ) / math.sqrt(len(pairs))
    told = [doubt for one in found for doubt in one.details.get("doubts", ())]
    assert all(re.match(INDEPENDENT, doubt) for doubt in told)
    bare = [AmortisedEstimator(shuffles=0).estimate_with_info(*pair) for pair in pairs[:5]]
    assert [one.nats for one in bare] == [one.nats for one in found[:5]]
    assert {one.reliable for one in bare} == {True}
    with pytest.raises(EstimatorError, match=r"`shuffles` `-1`: expected 0 or more\. Use 9\."):
        AmortisedEstimator(shuffles=-1)


def test_many_rows_are_cut_into_parts(learned):
    x, y = pair(1300)
    found = learned.estimate_with_info(x, y)
    assert found.details["parts"] == 3
    parts = amortised._parts(1300, 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(1300))
    alone = [learned.estimate(x[part], y[part]) for part in parts]
    assert found.nats == pytest.approx(np.mean(alone), abs=1e-5)
    assert len(amortised._parts(50_000, 0)) == 16
    assert max(map(len, amortised._parts(50_000, 0))) == 500
    assert amortised._parts(70, 5)[0].tolist() == list(range(70))


def test_what_training_did_not_see_is_doubted(learned):
    """More than six nats, and every point of a lattice once, which no random rows are."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 3))
    found = learned.estimate_with_info(x, x + 1e-4 * rng.standard_normal((400, 3)))
    assert found.reliable is False
    assert any(
        doubt.startswith("the interval reaches 6 nats, where training ended")
        for doubt in found.details["doubts"]
    )
    lattice = np.array(list(itertools.product(range(20), range(20))), dtype=float)
    found = learned.estimate_with_info(lattice[:, 0], lattice[:, 1])
    assert found.details["outside"] > 0
    reason = f"{found.details['outside']} of {OF_SAMPLE} features of the rows lie outside what training saw"
    assert reason in found.details["doubts"]


def test_sizes_that_training_did_not_have_are_refused(learned):
    rng = np.random.default_rng(0)
    with pytest.raises(
        EstimatorError, match=r"`y` `17 columns`: expected at most 16, because the network was trained"
    ):
        learned.estimate(rng.standard_normal((60, 2)), rng.standard_normal((60, 17)))
    with pytest.raises(EstimatorError, match=r"`x` `49 rows`: expected at least 50 rows"):
        learned.estimate(*rng.standard_normal((2, 49, 2)))


def test_the_weights_are_small():
    assert amortised.WEIGHTS.stat().st_size < 8 * 2**20
