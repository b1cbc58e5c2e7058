"""Products, samples and densities of normal experts against distributions that know them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from embeddings import embeddings
from torch.distributions import Normal, kl_divergence

from infoloom.ssl.models.experts import Experts, draw, log_density, product, relative_entropy


def experts(count=3):
    return Experts(torch.stack(embeddings(count=count)), torch.stack(embeddings(count=count, seed=1)))


@pytest.mark.parametrize("prior", [False, True])
def test_the_product_is_that_of_the_densities(prior):
    """log of the product differs from the sum of the factors' logs by a constant in z."""
    given = experts()
    mean, log_variance = product(given, prior=prior)
    points = torch.linspace(-3.0, 3.0, 9, dtype=torch.float64)[:, None, None]
    factors = Normal(given.means[:, None], (0.5 * given.log_variances[:, None]).exp()).log_prob(points)
    total = factors.sum(dim=0) + (Normal(0.0, 1.0).log_prob(points) if prior else 0.0)
    rest = total - Normal(mean, (0.5 * log_variance).exp()).log_prob(points)
    np.testing.assert_allclose(rest, rest[:1].expand_as(rest), rtol=1e-10)


def test_one_expert_alone_is_itself():
    given = experts()
    mean, log_variance = product(given.of(1), prior=False)
    assert torch.allclose(mean, given.means[1], rtol=1e-12)
    assert torch.allclose(log_variance, given.log_variances[1], rtol=1e-12)


def test_no_expert_leaves_the_prior():
    given = experts()
    mean, log_variance = product(given, torch.zeros(3, 7, dtype=torch.float64), prior=True)
    assert torch.equal(mean, torch.zeros_like(mean))
    assert torch.equal(log_variance, torch.zeros_like(mean))


def test_kept_experts_are_chosen_by_row():
    given = experts()
    kept = torch.ones(3, 7, dtype=torch.float64)
    kept[0, :4] = 0.0
    mean, _ = product(given, kept, prior=True)
    without = product(Experts(given.means[1:], given.log_variances[1:]), prior=True)[0]
    assert torch.allclose(mean[:4], without[:4], rtol=1e-12)
    assert torch.allclose(mean[4:], product(given, prior=True)[0][4:], rtol=1e-12)


def test_the_order_of_experts_does_not_matter():
    given = experts()
    turned = Experts(given.means[[2, 0, 1]], given.log_variances[[2, 0, 1]])
    for one, two in zip(product(given, prior=True), product(turned, prior=True), strict=True):
        assert torch.allclose(one, two, rtol=1e-12)


def test_densities_and_relative_entropies():
    given = experts(1)
    mean, log_variance = given.means[0], given.log_variances[0]
    normal = Normal(mean, (0.5 * log_variance).exp())
    (values,) = embeddings(seed=3, count=1)
    assert torch.allclose(log_density(values, mean, log_variance), normal.log_prob(values).sum(1), rtol=1e-12)
    expected = kl_divergence(normal, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum(1)
    assert torch.allclose(relative_entropy(mean, log_variance), expected, rtol=1e-12)
    assert relative_entropy(torch.zeros(3), torch.zeros(3)).item() == 0.0


def test_draws_have_the_mean_and_the_variance():
    rows = 20_000
    mean, log_variance = torch.full((rows, 1), 0.7), torch.full((rows, 1), -1.2)
    drawn = draw(mean, log_variance, torch.Generator().manual_seed(0)).double()
    variance = float(np.exp(-1.2))
    assert abs(drawn.mean().item() - 0.7) < 4.0 * np.sqrt(variance / rows)
    assert abs(drawn.var().item() - variance) < 4.0 * variance * np.sqrt(2.0 / rows)
