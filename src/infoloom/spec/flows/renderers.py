"""Renderers as a spec names them: their factors with ranges and units, their sizes, without torch."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infoloom.errors import FlowError
from infoloom.plugins import load, offered

__all__ = [
    "FORMS",
    "FactorForm",
    "RendererForm",
    "Setup",
    "register_form",
    "renderer_form",
    "renderer_names",
]

Range = tuple[float, float]
_SHOWN: Final = 64


@dataclass(frozen=True)
class FactorForm:
    """A factor of a renderer: what it is, and where it lies.

    Attributes:
        name: As equations and queries have it, after the modality's name.
        low: Value that a latent of −∞ stands for.
        high: Value that a latent of +∞ stands for.
        limits: What a range of a person's own may not leave.
        unit: `px` for pixels, whose range grows with the picture; else as physics has it, or empty.
        log: Whether equal steps of Φ are equal ratios of the factor.
        meaning: In a few words.
    """

    name: str
    low: float
    high: float
    limits: Range
    unit: str = ""
    log: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class RendererForm:
    """What a spec must know of a renderer.

    Attributes:
        name: As flow expressions have it.
        factors: In the order of the latent's components.
        size: Pixels a side, bins, points or samples, when left out.
        sizes: Smallest and largest size.
        shape: Shape of an observation by size.
        levels: What 0 and 255 of an 8-bit copy stand for, by the ranges of the factors.
        kinds: The shapes among which a selector chooses, as in `sprites[heart]`; empty without.
        meaning: In a sentence.
    """

    name: str
    factors: tuple[FactorForm, ...]
    size: int
    sizes: tuple[int, int]
    shape: Callable[[int], tuple[int, ...]]
    levels: Callable[[Mapping[str, Range]], Range] = lambda ranges: (0.0, 1.0)
    kinds: tuple[str, ...] = ()
    meaning: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors."""
        return tuple(factor.name for factor in self.factors)

    def setup(
        self, selector: str | None = None, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Setup:
        """The renderer with its arguments.

        Args:
            selector: One of the kinds, where there are kinds.
            args: The size, or nothing.
            kwargs: Ranges by factor, each two numbers.

        Raises:
            FlowError: A selector, a size or a range that does not fit.

        Example:
            >>> FORMS["ring"].setup(args=(64,), kwargs={"diameter": (24.0, 40.0)}).ranges["diameter"]
            (24.0, 40.0)
        """
        self._check_kind(selector)
        size = args[0] if args else self.size
        low, high = self.sizes
        if len(args) > 1 or isinstance(size, bool) or not isinstance(size, int) or not low <= size <= high:
            raise FlowError(
                f"flow `{self.name}({', '.join(map(str, args))})`: expected one size, a whole number from {low} to "
                f"{high:,}, as in `{self._example}`."
            )
        given = dict(kwargs or {})
        for name in given:
            if name not in self.names:
                near = difflib.get_close_matches(name, self.names, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(self.names)}."
                raise FlowError(f"flow `{self.name}`: unknown factor `{name}`; {hint}")
        ranges = {one.name: self._range(one, given.get(one.name), size) for one in self.factors}
        return Setup(self, selector, size, ranges)

    @property
    def _example(self) -> str:
        return f"{self.name}{f'[{self.kinds[0]}]' if self.kinds else ''}({self.size})"

    def _check_kind(self, selector: str | None) -> None:
        if selector is None and self.kinds:
            raise FlowError(
                f"flow `{self.name}`: expected a shape, one of {', '.join(self.kinds)}. Write `{self._example}`."
            )
        if selector is not None and selector not in self.kinds:
            wanted = f"expected one of {', '.join(self.kinds)}" if self.kinds else "it has no shapes"
            raise FlowError(f"flow `{self.name}[{selector}]`: {wanted}. Write `{self._example}`.")

    def _range(self, factor: FactorForm, given: Any, size: int) -> Range:
        scale = size / _SHOWN if factor.unit == "px" else 1.0
        if given is None:
            return factor.low * scale, factor.high * scale
        least, most = (limit * scale for limit in factor.limits)
        numbers = given if isinstance(given, tuple) and len(given) == 2 else None
        if numbers is None or not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
            raise FlowError(
                f"flow `{self.name}({factor.name}={given})`: expected two numbers, the lower first, as in "
                f"`{factor.name}=[{factor.low:g}, {factor.high:g}]`."
            )
        low, high = map(float, numbers)
        if not least <= low < high <= most:
            raise FlowError(
                f"flow `{self.name}({factor.name}=[{low:g}, {high:g}])`: expected a range within {least:g} to "
                f"{most:g}, the lower end first, because outside it the observation does not show the factor."
            )
        return low, high


@dataclass(frozen=True)
class Setup:
    """A renderer with its arguments."""

    form: RendererForm
    selector: str | None
    size: int
    ranges: Mapping[str, Range] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an observation."""
        return self.form.shape(self.size)

    def __str__(self) -> str:
        """As a flow expression, with the ranges that are not the usual ones."""
        kind = f"[{self.selector}]" if self.selector else ""
        usual = self.form.setup(self.selector, (self.size,)).ranges
        own = [f"{n}=[{a:g}, {b:g}]" for n, (a, b) in self.ranges.items() if (a, b) != usual[n]]
        return f"{self.form.name}{kind}({', '.join([str(self.size), *own])})"


def _picture(channels: int) -> Callable[[int], tuple[int, ...]]:
    return lambda size: (channels, size, size)


def _row(size: int) -> tuple[int, ...]:
    return (size,)


def _ring_levels(ranges: Mapping[str, Range]) -> Range:
    """The brightest point of the smallest ring, whatever the size of the picture."""
    shrink = math.prod(ranges[name][0] for name in ("diameter", "width")) * (1.0 - ranges["ellipticity"][1])
    wide = math.prod(sum(ranges[name]) / 2 for name in ("diameter", "width"))
    return 0.0, ranges["flux"][1] * wide / shrink * (1.12 + ranges["asymmetry"][1])


def _spectrum_levels(ranges: Mapping[str, Range]) -> Range:
    """From the background to the line at the hard end."""
    top = ranges["norm"][1] * 10.0 ** (2.0 - ranges["index"][0]) * (1.0 + ranges["strength"][1])
    return -3.0, math.log10(max(top, ranges["norm"][1] * (1.0 + ranges["strength"][1])))


def _curve_levels(ranges: Mapping[str, Range]) -> Range:
    """Peak of the heaviest, smallest disc, 0.62 √(G M / R_d), and the fastest halo."""
    disc = 0.62 * math.sqrt(4.30091e-6 * 10.0 ** ranges["disc"][1] / ranges["scale"][0])
    return 0.0, math.hypot(disc, ranges["halo"][1]) / 100.0


def _strain_levels(ranges: Mapping[str, Range]) -> Range:
    """Six milliseconds before the merger of the heaviest binary, from as near as it may be."""
    mass = ranges["mass"][1] * 4.925490947e-6
    top = mass**1.25 / (ranges["distance"][0] * 1.0292712503e14) * (5.0 / 0.006) ** 0.25 / 1e-21
    return -top, top


FORMS: Final[dict[str, RendererForm]] = {
    form.name: form
    for form in (
        RendererForm(
            "sprites",
            (
                FactorForm("x", -0.45, 0.45, (-0.8, 0.8), "half sides", meaning="place, to the right"),
                FactorForm("y", -0.45, 0.45, (-0.8, 0.8), "half sides", meaning="place, upwards"),
                FactorForm("size", 0.16, 0.32, (0.08, 0.6), "half sides", meaning="mean radius"),
                FactorForm("angle", -0.6, 0.6, (-0.78, 0.78), "radians", meaning="turned anticlockwise"),
                FactorForm("elongation", 1.2, 1.7, (1.02, 3.0), meaning="ratio of its sides"),
                FactorForm("hue", 0.0, 0.75, (0.0, 0.85), meaning="0 red, 1/3 green, 2/3 blue"),
                FactorForm("brightness", 0.55, 1.0, (0.45, 1.0), meaning="of the shape"),
                FactorForm("ground", 0.0, 0.75, (0.0, 0.85), meaning="hue of the ground"),
            ),
            64,
            (16, 1024),
            _picture(3),
            kinds=("square", "ellipse", "triangle", "heart", "star", "ring"),
            meaning="A coloured shape on a coloured ground.",
        ),
        RendererForm(
            "ring",
            (
                FactorForm("diameter", 20.0, 44.0, (8.0, 56.0), "px", meaning="of the ring's ridge"),
                FactorForm(
                    "width", 4.0, 8.0, (2.0, 16.0), "px", meaning="full width of the ring at half maximum"
                ),
                FactorForm("asymmetry", 0.15, 0.75, (0.05, 1.0), meaning="of the brightness along the ring"),
                FactorForm("angle", -2.6, 2.6, (-3.1, 3.1), "radians", meaning="where the ring is brightest"),
                FactorForm("ellipticity", 0.0, 0.25, (-0.5, 0.5), meaning="1 − width / height of the ring"),
                FactorForm(
                    "flux", 0.6, 1.4, (0.05, 20.0), log=True, meaning="of the ring, 1 is the usual one"
                ),
            ),
            64,
            (16, 1024),
            _picture(1),
            levels=_ring_levels,
            meaning="A black hole's image: a ring, brighter on one side, over a smooth glow.",
        ),
        RendererForm(
            "xray_spectrum",
            (
                FactorForm("norm", 0.3, 3.0, (1e-3, 1e3), log=True, meaning="of the power law at 1 keV"),
                FactorForm("index", 1.4, 2.4, (0.5, 4.0), meaning="photon index Γ"),
                FactorForm("column", 0.1, 2.0, (0.01, 30.0), "10²² cm⁻²", True, "column density of hydrogen"),
                FactorForm("line", 5.9, 6.9, (1.0, 9.0), "keV", meaning="energy of the line"),
                FactorForm("width", 0.15, 0.4, (0.05, 2.0), "keV", meaning="standard deviation of the line"),
                FactorForm(
                    "strength", 0.25, 1.0, (0.05, 20.0), log=True, meaning="of the line over the power law"
                ),
            ),
            128,
            (32, 4096),
            _row,
            levels=_spectrum_levels,
            meaning="Decimal logarithm of the energy flux from 0.5 to 10 keV: absorbed power law and a line.",
        ),
        RendererForm(
            "rotation_curve",
            (
                FactorForm("disc", 9.7, 11.1, (7.0, 12.5), "log₁₀ M☉", meaning="mass of the disc"),
                FactorForm("scale", 1.0, 3.0, (0.3, 8.0), "kpc", True, "scale length of the disc"),
                FactorForm("halo", 80.0, 260.0, (10.0, 600.0), "km/s", True, "velocity of the halo far out"),
                FactorForm("core", 5.0, 15.0, (0.5, 60.0), "kpc", True, "core radius of the halo"),
            ),
            64,
            (16, 4096),
            _row,
            levels=_curve_levels,
            meaning="Circular velocity in 100 km/s from 0.5 to 40 kpc: exponential disc and isothermal halo.",
        ),
        RendererForm(
            "chirp",
            (
                FactorForm(
                    "mass", 24.0, 36.0, (5.0, 100.0), "M☉", meaning="chirp mass in the detector's frame"
                ),
                FactorForm(
                    "time", 0.72, 0.82, (0.3, 0.95), "s", meaning="of the merger, in the second shown"
                ),
                FactorForm("phase", -2.6, 2.6, (-3.1, 3.1), "radians", meaning="at the merger"),
                FactorForm("distance", 300.0, 900.0, (1.0, 1e5), "Mpc", True, "luminosity distance"),
            ),
            512,
            (256, 8192),
            _row,
            levels=_strain_levels,
            meaning="Strain in 10⁻²¹ of a compact binary at leading order, one second.",
        ),
        RendererForm(
            "tone",
            (
                FactorForm("pitch", 220.0, 440.0, (60.0, 1200.0), "Hz", True, "of the fundamental"),
                FactorForm(
                    "loudness",
                    0.2,
                    0.8,
                    (0.001, 1.0),
                    log=True,
                    meaning="amplitude where all partials meet, before attack and decay",
                ),
                FactorForm(
                    "brightness", 0.2, 0.6, (0.05, 0.75), meaning="ratio of each partial to the one before"
                ),
                FactorForm("attack", 0.02, 0.12, (0.005, 0.3), "s", True, "time constant of the onset"),
                FactorForm("vibrato", 0.004, 0.02, (0.001, 0.05), meaning="relative depth, at 5.5 Hz"),
            ),
            4096,
            (1024, 65536),
            _row,
            levels=lambda ranges: (-ranges["loudness"][1], ranges["loudness"][1]),
            meaning="A sung tone, 8000 samples a second.",
        ),
    )
}
"""The renderers that come with the package, by name."""

_REGISTERED: dict[str, RendererForm] = {}


def register_form(form: RendererForm) -> None:
    """Make a form known to specs, under its name.

    Raises:
        FlowError: The name is taken by a renderer of the package.
    """
    if form.name in FORMS:
        raise FlowError(f"renderer `{form.name}`: this name is taken by the package. Choose another one.")
    _REGISTERED[form.name] = form


def renderer_form(name: str) -> RendererForm | None:
    """The form of a renderer: of the package, registered in Python, or of another package's entry point.

    Raises:
        FlowError: An entry point of that name has a `form` of another kind.
    """
    found = FORMS.get(name) or _REGISTERED.get(name)
    if found is not None or name not in offered("observations"):
        return found
    form = getattr(load("observations", name), "form", None)
    if form is None:  # a step that keeps the shape
        return None
    if not isinstance(form, RendererForm):
        raise FlowError(
            f"renderer `{name}`: expected its entry point to give a renderer with a `form`, got {form!r}."
        )
    return form


def renderer_names() -> tuple[str, ...]:
    """Names of all renderers, and of what other packages offer as observation maps, sorted."""
    return tuple(sorted({*FORMS, *_REGISTERED, *offered("observations")}))
