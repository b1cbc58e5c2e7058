"""A small parser for structural equations; every error knows its character."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, NoReturn

from infoloom.spec.equations.expression import Expression, Factor, TemplateCall, Term, Value

__all__ = ["FUNCTIONS", "ExpressionError", "parse_call", "parse_expression"]

FUNCTIONS: Final = ("sin", "cos", "tanh", "exp", "relu", "abs", "sign")
MAX_LENGTH: Final = 100_000
MAX_TERMS: Final = 10_000

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)?)"
    r"|(?P<string>\"(?:[^\"\\]|\\[\"\\])*\"|'[^']*')|(?P<symbol>\*\*|[-+*@()\[\],=]))"
)


class ExpressionError(ValueError):
    """Text that is not an equation; `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        self.position = position
        super().__init__(message)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_expression(text: str) -> Expression:
    """Read a structural equation.

    Args:
        text: `[-] term ((+|-) [-] term)*`, where a term is a product of numbers, parameters and a source, optionally
            followed by `@ template`; so `a + -1.02*d` is read as programs write it.

    Raises:
        ExpressionError: The text is not of that form.

    Example:
        >>> str(parse_expression('-0.3*mass@ones - spin@file("t.npy") + 5e-1*noise'))
        '-0.3*mass@ones - spin@file("t.npy") + 0.5*noise'
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"expected at most {MAX_LENGTH:,} characters, got {len(text):,}", MAX_LENGTH)
    return _Parser(_tokens(text)).expression()


def parse_call(text: str) -> TemplateCall:
    """Read a name with its arguments, such as `student_t(5)`.

    Raises:
        ExpressionError: The text is not of that form.
    """
    parser = _Parser(_tokens(text[: MAX_LENGTH + 1]))
    call = parser.template("a name")
    if parser.now.kind != "end":
        parser.fail("expected the end")
    return call


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise ExpressionError(f"unexpected character `{text[start]}`", start)
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return [*tokens, _Token("end", "", end)]


class _Parser:
    """Recursive descent over a list of tokens; one method a rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.now
        self.at += token.kind != "end"
        return token

    def accept(self, *symbols: str) -> str | None:
        return self.take().text if self.now.kind == "symbol" and self.now.text in symbols else None

    def expect(self, symbol: str) -> None:
        if self.accept(symbol) is None:
            self.fail(f"expected `{symbol}`")

    def fail(self, expected: str) -> NoReturn:
        got = f"`{self.now.text}`" if self.now.kind != "end" else "the end"
        raise ExpressionError(f"{expected}, got {got}", self.now.position)

    def expression(self) -> Expression:
        terms: list[Term] = []
        sign = self.accept("+", "-")
        while True:
            own = self.accept("-") if terms else None  # as programs write weights: `+ -1.02*d`
            terms.append(self.term(-1.0 if (sign == "-") != (own == "-") else 1.0))
            if len(terms) > MAX_TERMS:
                self.fail(f"expected at most {MAX_TERMS:,} terms")
            if self.now.kind == "end":
                return Expression(tuple(terms))
            sign = self.accept("+", "-")
            if sign is None:
                self.fail("expected `+`, `-`, `*`, `@` or the end")

    def term(self, sign: float) -> Term:
        position = self.now.position
        coefficient, factors = sign, []
        while True:
            if self.now.kind == "number":
                coefficient *= self.number()
            elif self.now.kind == "name":
                factors.append(self.factor())
            else:
                self.fail("expected a number or a name")
            if self.accept("*") is None:
                break
        template = self.template() if self.accept("@") else None
        if not math.isfinite(coefficient):
            raise ExpressionError("expected a finite weight", position)
        return Term(coefficient, tuple(factors), template, position)

    def number(self) -> float:
        token = self.take()
        value = float(token.text)
        if not math.isfinite(value):
            raise ExpressionError(f"expected a finite number, got `{token.text}`", token.position)
        return value

    def whole(self) -> int:
        token = self.now
        if token.kind != "number" or not token.text.isdigit() or len(token.text) > 9:
            self.fail("expected a whole number")
        return int(self.take().text)

    def index(self) -> int | None:
        if self.accept("[") is None:
            return None
        index = self.whole()
        self.expect("]")
        return index

    def power(self) -> int:
        return self.whole() if self.accept("**") else 1

    def factor(self) -> Factor:
        token = self.take()
        if token.text in FUNCTIONS and self.accept("("):
            scale = -1.0 if self.accept("-") else 1.0
            if self.now.kind == "number":
                scale *= self.number()
                self.expect("*")
            if self.now.kind != "name":
                self.fail("expected the name of a cause")
            inside = self.take().text
            index = self.index()
            self.expect(")")
            return Factor(inside, index, self.power(), token.text, scale, token.position)
        return Factor(token.text, self.index(), self.power(), position=token.position)

    def template(self, what: str = "the name of a template") -> TemplateCall:
        if self.now.kind != "name":
            self.fail(f"expected {what}")
        token = self.take()
        args: list[Value] = []
        kwargs: list[tuple[str, Value]] = []
        if self.accept("("):
            while not self.accept(")"):
                self.argument(args, kwargs)
                if self.now.text != ")":
                    self.expect(",")
        return TemplateCall(token.text, tuple(args), tuple(kwargs), token.position)

    def argument(self, args: list[Value], kwargs: list[tuple[str, Value]]) -> None:
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if self.now.kind == "name" and following.kind == "symbol" and following.text == "=":
            key = self.take().text
            self.take()
            kwargs.append((key, self.value()))
        elif kwargs:
            self.fail("expected a keyword argument after the first one")
        else:
            args.append(self.value())

    def value(self) -> Value:
        negative = self.accept("-") is not None
        if self.now.kind == "number":
            text = self.now.text
            number = self.number()
            signed = -number if negative else number
            return (-int(text) if negative else int(text)) if text.isdigit() else signed
        if not negative and self.now.kind == "string":
            return self.take().text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if not negative and self.now.kind == "name" and self.now.text in ("true", "false"):
            return self.take().text == "true"
        return self.fail('expected a number, "text", true or false')
