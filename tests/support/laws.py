"""The laws of information, as functions that take a story and names and fail where one is broken."""

from __future__ import annotations

import pytest

TOLERANCE = 1e-9


def names(*parts):
    return "; ".join(", ".join(part) for part in parts)


def given(condition):
    return f" | {', '.join(condition)}" if condition else ""


def mutual(story, a, b, condition=()):
    return story.information(f"I({names(a, b)}{given(condition)})")


def scale(*values):
    """Rounding is relative to the size of the quantities that a law adds up."""
    return TOLERANCE * max(1.0, *(abs(value) for value in values))


def not_negative(story, a, b, c):
    for condition in ((), c):
        assert mutual(story, a, b, condition) >= -TOLERANCE


def symmetry(story, a, b, c):
    for condition in ((), c):
        one, other = mutual(story, a, b, condition), mutual(story, b, a, condition)
        assert one == pytest.approx(other, abs=scale(one))


def chain_rule(story, a, b, c):
    """I(a; b, c) = I(a; c) + I(a; b | c)."""
    whole = mutual(story, a, (*b, *c))
    assert whole == pytest.approx(mutual(story, a, c) + mutual(story, a, b, c), abs=scale(whole))


def data_processing(story, a, b, c):
    """More variables never tell less: I(a; b, c) ≥ I(a; b)."""
    assert mutual(story, a, (*b, *c)) >= mutual(story, a, b) - TOLERANCE


def entropies(story, a, b, c):
    """I(a; b | c) = H(a | c) − H(a | b, c) = H(a | c) + H(b | c) − H(a, b | c)."""

    def h(part, *condition):
        return story.information(f"H({', '.join(part)}{given([n for p in condition for n in p])})")

    value, prior = mutual(story, a, b, c), h(a, c)
    assert value == pytest.approx(prior - h(a, b, c), abs=scale(prior, value))
    assert value == pytest.approx(prior + h(b, c) - h((*a, *b), c), abs=scale(prior, value))


def co_information(story, a, b, c):
    """I(a; b; c) = I(a; b) − I(a; b | c), whatever the order of its parts."""
    value = mutual(story, a, b) - mutual(story, a, b, c)
    for parts in ((a, b, c), (c, a, b), (b, c, a)):
        assert story.information(f"I({names(*parts)})") == pytest.approx(value, abs=scale(value))


def multivariate(story, a, b, c):
    """TC and DTC are not negative, agree for two parts, add up to sums of information, and differ by O."""

    def ask(measure, *parts):
        return story.information(f"{measure}({names(*parts)})")

    total, dual = ask("TC", a, b, c), ask("DTC", a, b, c)
    assert total >= -TOLERANCE
    assert dual >= -TOLERANCE
    assert ask("O", a, b, c) == pytest.approx(total - dual, abs=scale(total, dual))
    assert ask("O", a, b, c) == pytest.approx(ask("I", a, b, c), abs=scale(total, dual))
    pieces = [mutual(story, a, (*b, *c)), mutual(story, b, (*a, *c)), mutual(story, c, (*a, *b))]
    assert total + dual == pytest.approx(sum(pieces), abs=scale(*pieces))
    pair = mutual(story, a, b)
    assert ask("TC", a, b) == pytest.approx(pair, abs=scale(pair))
    assert ask("DTC", a, b) == pytest.approx(pair, abs=scale(pair))


LAWS = [not_negative, symmetry, chain_rule, data_processing, entropies, co_information, multivariate]
