"""Slow, independent truths of random laws, and the pointwise information of their rows, in float64."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import stats
from scipy.integrate import quad
from scipy.special import logsumexp

from infoloom.benchmark.tasks.laws.closed_form import CanonicalLaw, StudentLaw


def gaussian_information(cov, dim_x):
    """½ (log det Σ_x + log det Σ_y − log det Σ)."""
    parts = (cov[:dim_x, :dim_x], cov[dim_x:, dim_x:], cov)
    x, y, both = (np.linalg.slogdet(part)[1] for part in parts)
    return 0.5 * (x + y - both)


def gaussian_pmi(cov, dim_x, x, y):
    zero = np.zeros(len(cov))
    joint = stats.multivariate_normal(zero, cov, allow_singular=False).logpdf(np.hstack([x, y]))
    one = stats.multivariate_normal(zero[:dim_x], cov[:dim_x, :dim_x]).logpdf(x)
    other = stats.multivariate_normal(zero[dim_x:], cov[dim_x:, dim_x:]).logpdf(y)
    return joint - one - other


def canonical_covariance(frame, nats):
    cov = np.eye(frame.dim_x + frame.dim_y)
    for i, one in enumerate(nats):
        rho = np.sqrt(1.0 - np.exp(-2.0 * one))
        cov[i, frame.dim_x + i] = cov[frame.dim_x + i, i] = rho
    return cov


def story_covariance(law):
    """Σ of the standardised columns, from the loadings of every source."""
    m, n = law.frame.dim_x, law.frame.dim_y
    field = np.eye(m, n) if m == n else np.zeros((m, n))
    x = np.hstack([law.into_x, law.field_x * np.eye(m), np.eye(m), np.zeros((m, n))])
    own = np.hstack([law.into_y, law.field_y * field.T, np.zeros((n, m)), np.eye(n)])
    y = own + law.edge * x if m == n else own
    loadings = np.vstack([x, y])
    cov = loadings @ loadings.T
    std = np.sqrt(np.diag(cov))
    return cov / np.outer(std, std), std


class Normal:
    @staticmethod
    def truth(law):
        if law.freedom is None:
            return gaussian_information(canonical_covariance(law.frame, law.nats), law.frame.dim_x)
        plain = CanonicalLaw(law.frame.dim_x, law.frame.dim_y, tuple(law.nats))
        return StudentLaw(plain, law.freedom).mutual_information

    @staticmethod
    def pmi(law, x, y):
        if law.freedom is not None:
            plain = CanonicalLaw(law.frame.dim_x, law.frame.dim_y, tuple(law.nats))
            return StudentLaw(plain, law.freedom).pmi(x, y)
        return gaussian_pmi(canonical_covariance(law.frame, law.nats), law.frame.dim_x, x, y)


class Story:
    @staticmethod
    def truth(law):
        return gaussian_information(story_covariance(law)[0], law.frame.dim_x)

    @staticmethod
    def pmi(law, x, y):
        return gaussian_pmi(story_covariance(law)[0], law.frame.dim_x, x, y)


class Additive:
    @staticmethod
    def truth(law):
        return sum(
            cauchy_entropy(1.0 + w) - cauchy_entropy(w) if law.heavy else sum_of_uniforms(w)
            for w in law.widths
        )

    @staticmethod
    def pmi(law, x, y):
        found = np.zeros(len(x))
        for i, w in enumerate(law.widths):
            if law.heavy:
                a, b = x[:, i], y[:, i] * (1.0 + w)
                found += stats.cauchy(0, w).logpdf(b - a) - stats.cauchy(0, 1.0 + w).logpdf(b)
            else:
                b = y[:, i] / np.sqrt(12.0) * np.sqrt(1.0 + 4.0 * w**2)
                allowed = np.minimum(b + w, 0.5) - np.maximum(b - w, -0.5)
                found -= np.log(np.maximum(allowed, 1e-7))
        return found


def cauchy_entropy(scale):
    """−∫ p log p, by quadrature over t where y = scale · sinh t."""

    def integrand(t):
        return 2.0 / np.pi / np.cosh(t) * (np.log(np.pi * scale) + 2.0 * np.log(np.cosh(t)))

    return quad(integrand, 0.0, 40.0, epsabs=1e-12, limit=200)[0]


def sum_of_uniforms(w):
    """h(x + noise) − h(noise), by quadrature over the trapezium that is the density of the sum."""

    def integrand(y):
        p = (min(y + w, 1.0) - max(y - w, 0.0)) / (2.0 * w)
        return -p * np.log(p) if p > 0.0 else 0.0

    entropy = sum(
        quad(integrand, a, b, epsabs=1e-12, limit=200)[0]
        for a, b in pairwise(sorted({-w, w, 1.0 - w, 1.0 + w}))
    )
    return entropy - np.log(2.0 * w)


class Mixture:
    @staticmethod
    def truth(law):
        """Gauss–Hermite around every group."""
        nodes, share = np.polynomial.hermite_e.hermegauss(100)
        nodes, share = nodes[share > 1e-25], share[share > 1e-25] / share.sum()
        total = 0.0
        for w, a, b in zip(law.weights, law.centres_x, law.centres_y, strict=True):
            x, y = (
                np.exp(-0.5 * (m + nodes[:, None] - c) ** 2)
                for m, c in ((a, law.centres_x), (b, law.centres_y))
            )
            ratio = (x * law.weights) @ y.T / np.outer(x @ law.weights, y @ law.weights)
            total += w * (np.outer(share, share) * np.log(ratio)).sum()
        return total + law.nats.sum()

    @staticmethod
    def _label(law, x, y):
        w = np.log(law.weights)
        px, py = (-0.5 * (v[..., None] - c) ** 2 for v, c in ((x, law.centres_x), (y, law.centres_y)))
        return logsumexp(w + px + py, axis=-1) - logsumexp(w + px, axis=-1) - logsumexp(w + py, axis=-1)

    @staticmethod
    def pmi(law, x, y):
        raw = []
        for side, c in ((x, law.centres_x), (y, law.centres_y)):
            mean = law.weights @ c
            raw.append(side[:, 0] * np.sqrt(1.0 + law.weights @ (c - mean) ** 2) + mean)
        found = Mixture._label(law, *raw)
        for i, nats in enumerate(law.nats, start=1):
            rho, rest = np.sqrt(1.0 - np.exp(-2.0 * nats)), np.exp(-2.0 * nats)
            residual = (y[:, i] - rho * x[:, i]) ** 2 / rest
            found = found + nats + 0.5 * (y[:, i] ** 2 - residual)
        return found


class Discrete:
    @staticmethod
    def tables(law):
        for shares, folded, agree in zip(law.shares, law.folded, law.agree, strict=True):
            levels = int((shares > 0.0).sum())
            partner = np.arange(levels) % folded
            marginal = np.bincount(partner, shares[:levels], minlength=folded)
            yield shares[:levels, None] * ((1 - agree) * marginal + agree * np.eye(folded)[partner])

    @staticmethod
    def truth(law):
        total = 0.0
        for p in Discrete.tables(law):
            ratio = p / np.outer(p.sum(1), p.sum(0))
            total += (p[p > 0.0] * np.log(ratio[p > 0.0])).sum()
        return total

    @staticmethod
    def pmi(law, x, y):
        found = np.zeros(len(x))
        for i, p in enumerate(Discrete.tables(law)):
            ratio = p / np.outer(p.sum(1), p.sum(0))
            found += np.log(ratio[x[:, i].astype(int), y[:, i].astype(int)])
        return found


class Mixed:
    @staticmethod
    def truth(law):
        total = 0.0
        for shares, apart in zip(law.shares, law.apart, strict=True):
            centres = apart * np.arange(len(shares))
            nodes, weights = np.polynomial.legendre.leggauss(24)  # on pieces of width 1 or less
            ends = np.linspace(-8.0, centres[-1] + 8.0, int(centres[-1]) + 18)
            half = np.diff(ends)[0] / 2.0
            y = (ends[:-1, None] + half * (1.0 + nodes)).ravel()
            p = np.exp(-0.5 * (y[:, None] - centres) ** 2) @ shares / np.sqrt(2.0 * np.pi)
            total -= (np.tile(half * weights, len(ends) - 1) * p * np.log(p)).sum()
            total -= 0.5 * np.log(2.0 * np.pi * np.e)
        return total

    @staticmethod
    def pmi(law, x, y):
        found = np.zeros(len(x))
        for i, (shares, apart) in enumerate(zip(law.shares, law.apart, strict=True)):
            levels = np.arange(len(shares))
            mean = shares @ levels
            raw = y[:, i] * np.sqrt(1.0 + apart**2 * (shares @ (levels - mean) ** 2)) + apart * mean
            each = -0.5 * (raw[:, None] - apart * levels) ** 2
            density = logsumexp(each, axis=1, b=np.broadcast_to(shares, each.shape))
            found += each[np.arange(len(raw)), x[:, i].astype(int)] - density
        return found


def faint_information(family, law):
    """½ χ² of the joint law from the product of its sides, which little information is, by sums or dense matrices."""
    if family == "story":
        cov, m = story_covariance(law)[0], law.frame.dim_x
        cross = cov[:m, m:]
        change = np.linalg.solve(cov[:m, :m], cross) @ np.linalg.solve(cov[m:, m:], cross.T)
        return 0.5 * np.trace(change)
    if family == "discrete":
        return sum(
            0.5 * ((p - q) ** 2 / q).sum()
            for p in Discrete.tables(law)
            for q in [np.outer(p.sum(1), p.sum(0))]
        )
    steps = np.arange(-9.0, 9.0, 1.0 / 64.0)  # centres are closer to 0 than the step
    if family == "mixed":
        return sum(
            0.5 * (squared(shares, apart * np.arange(len(shares)), steps) @ shares).sum() / 64.0
            for shares, apart in zip(law.shares, law.apart, strict=True)
        )
    (px, x), (py, y) = (changes(law.weights, c, steps) for c in (law.centres_x, law.centres_y))
    label = 0.5 * px @ ((x * law.weights) @ y.T) ** 2 @ py / 64.0**2
    return label + law.nats.sum()


def changes(weights, centres, nodes):
    """Density at the nodes (n,), and p(y | group) / p(y) − 1 (n, groups)."""
    log = nodes[:, None] * centres - 0.5 * centres**2  # of each group, beside a standard normal
    mean = np.expm1(log) @ weights
    return stats.norm.pdf(nodes) * (1.0 + mean), (np.expm1(log) - mean[:, None]) / (1.0 + mean[:, None])


def squared(weights, centres, nodes):
    density, change = changes(weights, centres, nodes)
    return density[:, None] * change**2


ORACLES = {
    "story": Story,
    "gaussian": Normal,
    "student": Normal,
    "additive": Additive,
    "mixture": Mixture,
    "discrete": Discrete,
    "mixed": Mixed,
}
