"""Stories whose sources share one Student scale a row: every measure in closed form (theory, section 8).

With f(x) = log Γ(x/2) − (x/2) ψ(x/2) the entropy of p such variables is that of Gaussian ones plus f(ν) − f(ν + p)
and terms that are linear in p, so I(A; B | C) = I_Gauss + f(ν+c) + f(ν+a+b+c) − f(ν+a+c) − f(ν+b+c).
"""

from __future__ import annotations

import math
from dataclasses import replace

import scipy.special

from infoloom.information.notation import Query, evaluate
from infoloom.information.pieces import pieces
from infoloom.information.quantity import Quantity
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Law
from infoloom.law.triangle import triangle

__all__ = ["elliptical_quantity", "gaussian_part", "rank"]


def gaussian_part(covariance: StructuredCovariance) -> StructuredCovariance:
    """The Gaussian law with the same covariance."""
    return StructuredCovariance(replace(covariance.system, law=Law()))


def elliptical_quantity(covariance: StructuredCovariance, query: Query) -> Quantity:
    """The value of a query in a story with a Student scale.

    Source:
        Arellano-Valle, Contreras-Reyes & Genton 2013.
    """
    df = covariance.system.law.scale
    if df is None:
        raise ValueError("elliptical_quantity: expected a law with a scale.")
    total = evaluate(gaussian_part(covariance), query)
    for piece in pieces(query):
        a, b, given = list(piece.a), list(piece.b), list(piece.given)
        if not b:
            dim = rank(covariance, [*a, *given]) - rank(covariance, given)
            linear = 0.5 * dim * (math.log((df - 2.0) / 2.0) - scipy.special.psi(df / 2.0) - 1.0)
            total += linear + _f(df + rank(covariance, given)) - _f(df + rank(covariance, [*a, *given]))
            continue
        sets = ((given, 1.0), ([*a, *b, *given], 1.0), ([*a, *given], -1.0), ([*b, *given], -1.0))
        total += piece.factor * math.fsum(sign * _f(df + rank(covariance, names)) for names, sign in sets)
    return Quantity(total)


def rank(covariance: StructuredCovariance, names: list[str]) -> int:
    """Dimension of the joint law of some variables: components that others determine do not count."""
    return sum(block.copies * triangle(block.rows).rank for block in covariance.blocks(names))


def _f(x: float) -> float:
    """log Γ(x/2) − (x/2) ψ(x/2)."""
    return float(math.lgamma(x / 2.0) - 0.5 * x * scipy.special.psi(x / 2.0))
