"""The bounds of the three autoencoders: the papers' sums as loops, and a linear model whose evidence is known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from embeddings import embeddings
from torch.distributions import Normal, kl_divergence

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.models.experts import Experts
from infoloom.ssl.objectives.generative.mmvae import mmvae_bound
from infoloom.ssl.objectives.generative.mopoe import mopoe_bound, random_subsets
from infoloom.ssl.objectives.generative.mvae import Annealed, mvae_bound

NAMES = ("mvae", "mmvae", "mopoe")


class AtOrigin(torch.nn.Module):
    """A bound that is the likelihood at one place."""

    def __init__(self, origin):
        super().__init__()
        self.origin = origin

    def forward(self, given, decode, generator):
        return decode(0, self.origin) + decode(1, self.origin)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def experts(count=3):
    return Experts(torch.stack(embeddings(count=count)), torch.stack(embeddings(count=count, seed=1)))


def likelihood(modality, latent):
    """Any function of a modality and its latent variables."""
    return -(latent - modality).square().sum(dim=1) - 0.3 * latent[:, 0]


def normal(given, modality):
    return Normal(given.means[modality], (0.5 * given.log_variances[modality]).exp())


def multiplied(normals):
    precision = sum(1.0 / each.variance for each in normals)
    return Normal(sum(each.mean / each.variance for each in normals) / precision, precision**-0.5)


PRIOR = Normal(torch.zeros(7, 4, dtype=torch.float64), torch.ones(7, 4, dtype=torch.float64))


def noise(generator):
    return torch.randn(7, 4, generator=generator, dtype=torch.float64)


def mvae_listing(given, generator):
    """Equation 5 of the paper, without random subsets: the joint term, then one of each modality."""
    total = 0.0
    for kept in ((0, 1, 2), (0,), (1,), (2,)):
        q = multiplied([PRIOR, *(normal(given, m) for m in kept)])
        z = q.mean + q.stddev * noise(generator)
        total = total + sum(likelihood(m, z) for m in kept) - kl_divergence(q, PRIOR).sum(1)
    return total


def mmvae_listing(given, generator):
    """Equation 3 of the paper for one sample of one expert a row."""
    e = noise(generator)
    bounds = []
    for i in range(7):
        q = normal(given, i % 3)
        z = (q.mean + q.stddev * e)[i : i + 1]
        densities = [normal(given, m).log_prob(z).sum(1)[i].exp() for m in range(3)]
        log_p = sum(likelihood(m, z)[0] for m in range(3)) + PRIOR.log_prob(z).sum(1)[i]
        bounds.append(log_p - torch.log(sum(densities) / 3))
    return torch.stack(bounds)


def mopoe_listing(given, generator):
    """Equation 7 of the paper for one subset a row."""
    subsets = random_subsets(3, 7, generator)
    e = noise(generator)
    bounds = []
    for i in range(7):
        q = multiplied([normal(given, m) for m in range(3) if subsets[m, i]])
        z = q.mean + q.stddev * e
        bounds.append((sum(likelihood(m, z) for m in range(3)) - kl_divergence(q, PRIOR).sum(1))[i])
    return torch.stack(bounds)


def mvae(given, decode, generator):
    return mvae_bound(given, decode, generator, subsets=0)


BOUNDS = {"mvae": mvae, "mmvae": mmvae_bound, "mopoe": mopoe_bound}
LISTINGS = {"mvae": mvae_listing, "mmvae": mmvae_listing, "mopoe": mopoe_listing}


@pytest.mark.parametrize("name", NAMES)
def test_listing(name):
    given = experts()
    found = BOUNDS[name](given, likelihood, seeded(5))
    np.testing.assert_allclose(found, LISTINGS[name](given, seeded(5)), rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name):
    given = experts()
    inputs = tuple(x.requires_grad_() for x in (given.means, given.log_variances))
    assert torch.autograd.gradcheck(lambda m, v: BOUNDS[name](Experts(m, v), likelihood, seeded()), inputs)


def linear_model(rows):
    """x_m = z + noise of variance s_m: experts that make the posterior exact, the likelihood and log p(x)."""
    generator, noises = np.random.default_rng(0), (0.5, 2.0)
    z = generator.normal(size=rows)
    x = [torch.from_numpy(z + np.sqrt(s) * generator.normal(size=rows)) for s in noises]

    def decode(modality, latent):
        spread = torch.tensor(noises[modality], dtype=torch.float64).sqrt()
        return Normal(latent[:, 0], spread).log_prob(x[modality])

    covariance = np.diag(noises) + 1.0
    both = np.stack([each.numpy() for each in x])
    evidence = -0.5 * (both * np.linalg.solve(covariance, both)).sum(0)
    evidence -= 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
    means = torch.stack(x)[:, :, None]
    spreads = torch.log(torch.tensor(noises, dtype=torch.float64))[:, None, None].expand_as(means)
    return Experts(means, spreads), decode, evidence


def test_mvae_reaches_the_evidence_where_its_posterior_is_exact():
    """All together: E ELBO = log p(x₁, x₂); each alone: log p(x_m). Within 4 standard errors over rows."""
    given, decode, evidence = linear_model(4000)
    found = mvae(given, decode, seeded()).numpy()
    alone = [Normal(0.0, math.sqrt(1.0 + s)).log_prob(given.means[m, :, 0]) for m, s in enumerate((0.5, 2.0))]
    difference = found - evidence - sum(each.numpy() for each in alone)
    assert abs(difference.mean()) < 4.0 * difference.std() / np.sqrt(len(difference))


def test_mmvae_of_one_exact_expert_is_the_evidence_of_every_row():
    """log p(x, z) − log q(z) does not depend on z where q is the posterior."""
    given, decode, _ = linear_model(50)
    variance = 1.0 / (1.0 + 1.0 / 0.5)
    mean = given.means[:1] * variance / 0.5
    posterior = Experts(mean, torch.full_like(mean, math.log(variance)))
    zero, spread = torch.tensor([0.0, math.sqrt(1.5)], dtype=torch.float64)
    expected = Normal(zero, spread).log_prob(given.means[0, :, 0])
    np.testing.assert_allclose(mmvae_bound(posterior, decode, seeded()), expected, rtol=1e-10)


@pytest.mark.parametrize("name", ["mmvae", "mopoe"])
def test_mixtures_stay_below_the_evidence(name):
    """Bounds, and strict ones: no mixture of these experts is the posterior."""
    given, decode, evidence = linear_model(4000)
    difference = BOUNDS[name](given, decode, seeded()).numpy() - evidence
    assert difference.mean() < -4.0 * difference.std() / np.sqrt(len(difference))


def test_random_subsets_of_mvae_are_bounded_too():
    """One more subset adds its own bound, and the mean over many draws lies between the smallest and the largest."""
    given = experts()
    without = mvae_bound(given, likelihood, seeded(), subsets=0)
    assert mvae_bound(given, likelihood, seeded(), subsets=2).shape == without.shape
    one = experts(1)
    twice = mvae_bound(one, lambda m, z: torch.zeros(7, dtype=torch.float64), seeded(), subsets=1)
    once = mvae_bound(one, lambda m, z: torch.zeros(7, dtype=torch.float64), seeded(), subsets=0)
    assert torch.allclose(twice, 2.0 * once, rtol=1e-12)


def test_subsets_are_equally_likely_and_never_empty():
    rows = 14_000
    drawn = random_subsets(3, rows, seeded()).long()
    codes = (drawn * torch.tensor([1, 2, 4])[:, None]).sum(dim=0)
    counts = torch.bincount(codes, minlength=8)
    assert counts[0] == 0
    expected, spread = rows / 7, math.sqrt(rows / 7 * 6 / 7)
    assert ((counts[1:] - expected).abs() < 4.0 * spread).all()


def code(given, likelihoods, weights, factor, generator):
    """The sum of the three losses of the authors' training script, for two modalities, with weights and annealing."""
    total = 0.0
    for kept in ((0, 1), (0,), (1,)):
        variance = 1.0 / (1.0 + sum(torch.exp(-given.log_variances[m]) for m in kept))
        mu = variance * sum(given.means[m] * torch.exp(-given.log_variances[m]) for m in kept)
        logvar = variance.log()
        z = mu + torch.exp(0.5 * logvar) * noise(generator)
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
        reconstruction = sum(-weights[m] * likelihoods(m, z) for m in kept)
        total = total + torch.mean(reconstruction + factor * kld)
    return total


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_annealing_and_weights_are_those_of_the_authors_code(steps):
    """Values and gradients at every step, and the whole bound once training is over."""
    weights = (1.0, 10.0)
    annealed = Annealed(subsets=0, steps=steps)
    for step in range(1, 5):
        given = experts(2)
        inputs = tuple(x.requires_grad_() for x in (given.means, given.log_variances))
        found = -annealed(given, lambda m, z: weights[m] * likelihood(m, z), seeded(step)).mean()
        expected = code(given, likelihood, weights, min(1.0, step / steps), seeded(step))
        assert found.item() == pytest.approx(expected.item(), rel=1e-10)
        for mine, theirs in zip(
            torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True
        ):
            assert torch.allclose(mine, theirs, rtol=1e-9, atol=1e-12)
    whole = Annealed(subsets=0, steps=1000).eval()(experts(2), likelihood, seeded())
    assert torch.equal(whole, mvae_bound(experts(2), likelihood, seeded(), subsets=0))


def test_annealing_goes_on_where_a_training_was_saved():
    learner = build("mvae", {"a": (4,), "b": (6,)}, annealing=3)
    batch = {"a": torch.randn(8, 4, generator=seeded()), "b": torch.randn(8, 6, generator=seeded(1))}
    learner.loss(batch, seeded())
    twin = build("mvae", {"a": (4,), "b": (6,)}, annealing=3)
    twin.load_state_dict(learner.state_dict())
    assert twin.loss(batch, seeded(2)) == learner.loss(batch, seeded(2))
    assert int(twin.bound.taken) == 2


def test_likelihoods_are_weighted_by_size_or_by_name():
    shapes = {"a": (1, 4, 4), "b": (8,)}
    assert build("mvae", shapes).weights == (1.0, 2.0)
    assert build("mmvae", shapes, weigh="equal").weights == (1.0, 1.0)
    assert build("mopoe", shapes, weights={"a": 3.0}).weights == (3.0, 2.0)
    batch = {"a": torch.randn(10, 1, 4, 4, generator=seeded()), "b": torch.randn(10, 8, generator=seeded(1))}
    losses = {}
    for weights in ((1.0, 1.0), (2.0, 1.0), (1.0, 4.0), (2.0, 4.0)):
        learner = build("mvae", shapes, features=3, weights=dict(zip("ab", weights, strict=True)))
        learner.bound = AtOrigin(torch.zeros(10, 3))
        losses[weights] = learner.loss(batch, seeded()).item()
    of_a = losses[2.0, 1.0] - losses[1.0, 1.0]
    of_b = (losses[1.0, 4.0] - losses[1.0, 1.0]) / 3.0
    assert losses[1.0, 1.0] == pytest.approx(of_a + of_b, rel=1e-5)
    assert losses[2.0, 4.0] == pytest.approx(2.0 * of_a + 4.0 * of_b, rel=1e-5)


def test_loss_is_the_negative_bound_a_value():
    """With a bound that asks for the likelihood at the origin, it is that of a normal with the learned scales."""
    learner = build("mvae", {"a": (1, 4, 4), "b": (6,)}, features=3, weigh="equal")
    with torch.no_grad():
        learner.log_scales.copy_(torch.tensor([0.3, -0.2]))
    batch = {"a": torch.randn(10, 1, 4, 4, generator=seeded()), "b": torch.randn(10, 6, generator=seeded(1))}
    origin = torch.zeros(10, 3)
    learner.bound = AtOrigin(origin)
    row = torch.zeros(10)
    for number, values in enumerate(batch.values()):
        decoded = learner.decoders[number](origin)
        row += Normal(decoded, learner.log_scales[number].exp()).log_prob(values.flatten(1)).sum(1).detach()
    assert learner.loss(batch, seeded()).item() == pytest.approx(-row.mean().item() / 22, rel=1e-5)


def test_features_are_joined_means():
    rows = {"a": torch.randn(5, 4, generator=seeded()), "b": torch.randn(5, 6, generator=seeded(1))}
    for name in NAMES:
        learner = build(name, {"a": (4,), "b": (6,)}, features=3)
        given, found = learner.experts(learner.scaled(rows)), learner.encode(rows)
        precisions = torch.exp(-given.log_variances)
        own = {"mvae": precisions / (1.0 + precisions)}.get(name, torch.ones_like(precisions))
        together = (precisions * given.means).sum(0) / (precisions.sum(0) + (name == "mvae"))
        joined = given.means.mean(0) if name == "mmvae" else together
        for number, modality in enumerate(("a", "b")):
            expected = own[number] * given.means[number]
            np.testing.assert_allclose(found[modality].detach(), expected.detach(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found["fused"].detach(), joined.detach(), rtol=1e-4, atol=1e-6)


def test_settings_are_checked():
    for settings, message in (
        ({"subsets": -1}, "`subsets` `-1`: expected 0 or more. Use 1."),
        ({"annealing": -1}, "`annealing` `-1`: expected 0 steps or more. Use 0."),
        ({"weigh": "rows"}, "`weigh` `rows`: expected size or equal. Use size."),
        ({"weights": {"a": 0.0}}, "`weight of a` `0.0`: expected a number above 0. Leave it out."),
        ({"weights": {"c": 1.0}}, "`weights` `c`: expected a modality among a, b. Rename it."),
    ):
        with pytest.raises(LearnerError, match=re.escape(message)):
            build("mvae", {"a": (3,), "b": (3,)}, **settings)


@pytest.mark.parametrize("name", NAMES)
def test_words_are_refused(name):
    message = (
        f"`vocabularies` `text`: expected none for `{name}`, because its likelihoods are normal. "
        "Choose another objective, or give the words as indicators."
    )
    with pytest.raises(LearnerError, match=re.escape(message)):
        build(name, {"a": (3,), "text": (9,)}, vocabularies={"text": 4})
