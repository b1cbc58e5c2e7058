"""Values of Gaussian laws, each with a tolerance where the digits of the input do not decide it."""

from __future__ import annotations

from typing import Final

from infoloom.errors import InfiniteInformationError
from infoloom.information.notation import Query, evaluate
from infoloom.information.quantity import Quantity
from infoloom.law.covariance import UNSTABLE, StructuredCovariance

__all__ = ["closed_form"]

EXACT: Final = 1e-9
_MARGIN: Final = 4.0


def closed_form(covariance: StructuredCovariance, query: Query) -> Quantity:
    """A quantity by log-determinants, right to 1e-9 nats or with a tolerance.

    Where float64 loses digits the covariance computes in exact arithmetic. What is left is that templates are
    known to a rounding error: they are moved by one, and four times the change is the tolerance.

    Raises:
        QueryError: An unknown name.
        InfiniteInformationError: The value is infinite, or cannot be told from infinite.
    """
    value = evaluate(covariance, query)
    if not covariance.doubtful:
        return Quantity(value)
    change = abs(evaluate(covariance.moved, query) - value)
    if change > UNSTABLE:
        raise InfiniteInformationError(
            f"the information `{query}` cannot be told from infinite: it is {value:.4g} nats, and a rounding error of "
            f"the templates moves it by {change:.2g} nats. Add noise, or bring the weights closer to each other."
        )
    tolerance = _MARGIN * change
    return Quantity(value, tolerance=tolerance if tolerance > EXACT else 0.0)
