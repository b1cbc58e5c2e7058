"""Structural equations as values, such as `0.7*mass@disk - 0.4*texture + 0.2*noise`, text or operators."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Expression", "Factor", "TemplateCall", "Term", "format_value", "noise", "symbols", "template"]

Value = float | int | str | bool


@dataclass(frozen=True)
class TemplateCall:
    """A template by name with its arguments, such as `ring(0.3)` or `patch(0, 0, 4, 4)`."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: tuple[tuple[str, Value], ...] = ()
    position: int = 0

    def __str__(self) -> str:
        inside = [format_value(v) for v in self.args] + [f"{key}={format_value(v)}" for key, v in self.kwargs]
        return f"{self.name}({', '.join(inside)})" if inside else self.name

    @property
    def key(self) -> TemplateCall:
        """The same call without its place in the text."""
        return replace(self, position=0)


@dataclass(frozen=True)
class Factor:
    """A name in a term: `mass`, `style[2]`, `mass**2` or `sin(2*mass)`."""

    name: str
    index: int | None = None
    power: int = 1
    function: str | None = None
    scale: float = 1.0
    position: int = 0

    @property
    def source(self) -> str:
        """The name with its component, `style[2]`."""
        return self.name if self.index is None else f"{self.name}[{self.index}]"

    @property
    def linear(self) -> bool:
        """Whether the factor is its source itself."""
        return self.function is None and self.power == 1

    def __str__(self) -> str:
        inside = self.source if self.scale == 1.0 else f"{format_value(self.scale)}*{self.source}"
        text = inside if self.function is None else f"{self.function}({inside})"
        return text if self.power == 1 else f"{text}**{self.power}"


@dataclass(frozen=True)
class Term:
    """A product of a number, parameters and sources, spread by a template: `-0.5*a*mass@disk`."""

    coefficient: float = 1.0
    factors: tuple[Factor, ...] = ()
    template: TemplateCall | None = None
    position: int = 0

    def __str__(self) -> str:
        parts = [str(f) for f in self.factors]
        if abs(self.coefficient) != 1.0 or not parts:
            parts.insert(0, format_value(abs(self.coefficient)))
        text = "*".join(parts)
        return text if self.template is None else f"{text}@{self.template}"


@dataclass(frozen=True)
class Expression:
    """The right-hand side of a structural equation: a sum of terms.

    Built from names with Python's operators, or read from text by `infoloom.spec.equations.parser.parse_expression`.

    Example:
        >>> mass, texture = symbols("mass texture")
        >>> str(0.7 * mass @ template("disk") - 0.4 * texture + 0.2 * noise)
        '0.7*mass@disk - 0.4*texture + 0.2*noise'
    """

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        text = ""
        for term in self.terms:
            negative = term.coefficient < 0
            joint = (" - " if negative else " + ") if text else ("-" if negative else "")
            text += joint + str(term)
        return text

    def __add__(self, other: Expression) -> Expression:
        return Expression(self.terms + other.terms) if isinstance(other, Expression) else NotImplemented

    def __sub__(self, other: Expression) -> Expression:
        return self + (-other) if isinstance(other, Expression) else NotImplemented

    def __neg__(self) -> Expression:
        return -1.0 * self

    def __mul__(self, other: float | Expression) -> Expression:
        if isinstance(other, Expression):
            return Expression(tuple(_product(a, b) for a in self.terms for b in other.terms))
        return Expression(tuple(replace(t, coefficient=t.coefficient * float(other)) for t in self.terms))

    def __rmul__(self, number: float) -> Expression:
        return self * number

    def __pow__(self, power: int) -> Expression:
        factor = self._only_factor("**")
        return Expression((Term(1.0, (replace(factor, power=factor.power * power),)),))

    def __getitem__(self, index: int) -> Expression:
        return Expression((Term(1.0, (replace(self._only_factor("[ ]"), index=index),)),))

    def __matmul__(self, pattern: TemplateCall | str) -> Expression:
        call = TemplateCall(pattern) if isinstance(pattern, str) else pattern
        return Expression(tuple(replace(t, template=call) for t in self.terms))

    def _only_factor(self, operator: str) -> Factor:
        if len(self.terms) == 1 and len(self.terms[0].factors) == 1 and self.terms[0].coefficient == 1.0:
            return self.terms[0].factors[0]
        raise TypeError(f"`{self}` {operator}: expected a single name on the left.")


def symbols(names: str) -> tuple[Expression, ...]:
    """Names as expressions, for writing equations in Python.

    Args:
        names: Names separated by blanks.
    """
    return tuple(Expression((Term(1.0, (Factor(name),)),)) for name in names.split())


def template(name: str, *args: Value, **kwargs: Value) -> TemplateCall:
    """A template call for the right side of `@`.

    Example:
        >>> str(template("patch", 0, 0, 4, 4))
        'patch(0, 0, 4, 4)'
    """
    return TemplateCall(name, args, tuple(kwargs.items()))


(noise,) = symbols("noise")


def _product(a: Term, b: Term) -> Term:
    return Term(a.coefficient * b.coefficient, a.factors + b.factors, a.template or b.template)


def format_value(value: Value) -> str:
    """A value as an equation has it: `0.5`, `"t.npy"`, `true`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    text = repr(float(value) if isinstance(value, float) else int(value))  # NumPy's numbers have another repr
    return text[:-2] if text.endswith(".0") else text
