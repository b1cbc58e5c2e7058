"""From a template call and a shape to the vector t by which a cause enters a latent."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import TemplateError
from infoloom.law.templates import files, patterns
from infoloom.law.templates.arguments import Misfit, bind
from infoloom.law.templates.patterns import Place
from infoloom.plugins import load, offered
from infoloom.spec.equations.expression import TemplateCall

__all__ = ["TEMPLATES", "Template", "make_template", "make_templates"]

Draw = Callable[..., NDArray[np.float64]]

MAX_VALUES = 2**27  # one GiB of float64


@dataclass(frozen=True)
class Template:
    """What draws a template on each kind of latent; one function for both where places do not matter.

    Args:
        image: Draws on (channels, height, width); None where the pattern makes no sense.
        line: Draws on signals (leads, samples) and vectors (size,); None likewise.
        many: Whether it can give an own pattern to every component of a cause.
    """

    image: Draw | None
    line: Draw | None
    many: bool = False


TEMPLATES = MappingProxyType(
    {
        "ones": Template(patterns.ones, patterns.ones),
        "random": Template(patterns.random, patterns.random, many=True),
        "sparse": Template(patterns.sparse, patterns.sparse, many=True),
        "patch": Template(patterns.image_patch, patterns.line_patch),
        "blob": Template(patterns.image_blob, patterns.line_blob),
        "disk": Template(patterns.disk, None),
        "ring": Template(patterns.ring, None),
        "frequency": Template(patterns.image_frequency, patterns.line_frequency),
        "file": Template(files.file, files.file, many=True),
    }
)


def make_template(
    call: TemplateCall, shape: tuple[int, ...], directory: Path | None = None
) -> NDArray[np.float64]:
    """Draw the template of a scalar cause.

    ‖t‖² = d, so that exchanging one template for another leaves every information value as it was, where the cause is
    the only one of its modality and no field or edge ties the modality to another; `normalize=false` in the call keeps
    the raw values.

    Args:
        call: Name and arguments as written, such as `ring(0.3)`.
        shape: (channels, height, width) of an image (every channel gets the same pattern, except from
            `random`, `sparse` and `file`, or the one that `channel` names), (leads, samples) of a signal, or
            (size,) of a vector; with more axes, `ones`, `random`, `sparse` and `file` only.
        directory: What the path in `file` is relative to.

    Returns:
        (d,) float64, d the product of the shape, in row-major order.

    Raises:
        TemplateError: Unknown name, wrong arguments, a pattern that does not fit the shape or is zero.

    Example:
        >>> from infoloom.spec.equations.expression import template
        >>> make_template(template("patch", 0, 0, 1, 2), (1, 2, 2)).round(3)
        array([1.414, 1.414, 0.   , 0.   ])
    """
    (row,) = _make(call, Place(shape, directory))
    return np.asarray(row)


def make_templates(
    call: TemplateCall, shape: tuple[int, ...], size: int, directory: Path | None = None
) -> NDArray[np.float64]:
    """Draw one template for each component of a cause of the given size.

    `random` and `sparse` draw an independent pattern a component, `file` reads an array of shape
    (size, *shape); other templates give one pattern and serve a cause of size 1 only.

    Args:
        call: As in `make_template`.
        shape: As in `make_template`.
        size: Number of components of the cause.
        directory: What the path in `file` is relative to.

    Returns:
        (size, d) float64; every row as `make_template` would give it.

    Raises:
        TemplateError: As `make_template`, and where one pattern would have to serve several components.
    """
    if size == 1 and call.name != "file":
        return _make(call, Place(shape, directory))
    return _make(call, Place(shape, directory, size))


def _make(call: TemplateCall, place: Place) -> NDArray[np.float64]:
    try:
        _check_place(place)
        template = _find(call.name)
        if place.count is not None and not template.many:
            raise Misfit(
                f"expected a pattern for each of the {place.count} components of the cause, got one "
                f"for all. Use random, sparse or file, or name the components, as in `style[0]@{call}`"
            )
        draw = _drawing(template, place, call.name)
        pattern = draw(place, **bind(draw, call))
        whole = np.broadcast_to(pattern, (place.count or 1, *place.shape))
        rows = _on_channel(whole, call, place).reshape(-1, place.size)
        return _scaled(rows, normalize=_wants_norm(call))
    except Misfit as reason:
        raise TemplateError(f"template `{call}` on shape {place.shape}: {reason}.") from reason.__cause__


def _check_place(place: Place) -> None:
    sizes = (*place.shape, 1 if place.count is None else place.count)
    if not place.shape or any(
        isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in sizes
    ):
        raise Misfit(
            "expected sizes that are whole numbers of at least 1. Change the shape or the cause's size"
        )
    if math.prod(int(n) for n in sizes) > MAX_VALUES:
        raise Misfit(
            f"expected at most {MAX_VALUES} values in all, because more do not fit in memory. "
            "Make the modality or the cause smaller"
        )


def _find(name: str) -> Template:
    if name in TEMPLATES:
        return TEMPLATES[name]
    others = offered("templates")
    if name in others:
        found = load("templates", name)
        if isinstance(found, Template):
            return found
        if callable(found):
            return Template(found, found)
        raise Misfit("expected a `Template` or a function of the place from the plug-in. Repair that package")
    known = [*TEMPLATES, *sorted(others)]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Write `{near[0]}`, if that is what you mean" if near else f"Use one of {', '.join(known)}"
    raise Misfit(f"expected the name of a template. {hint}")


def _drawing(template: Template, place: Place, name: str) -> Draw:
    draw = template.image if len(place.shape) == 3 else template.line
    if len(place.shape) > 3 and template.image is not template.line:
        raise Misfit(
            f"expected (channels, height, width), (leads, samples) or (size,), because `{name}` is a pattern "
            "in the plane or along a line. Use ones, random, sparse or file, or another shape"
        )
    if draw is None:
        raise Misfit(
            f"expected an image (channels, height, width), because `{name}` is a pattern in the plane. On "
            "signals and vectors use patch(start, length) or blob(x, width)"
        )
    return draw


def _on_channel(patterns: NDArray[np.float64], call: TemplateCall, place: Place) -> NDArray[np.float64]:
    """The patterns on the channel or lead that the call names, zero on the others; as they are where it names none."""
    values = [value for name, value in call.kwargs if name == "channel"]
    if not values:
        return patterns
    if len(place.shape) < 2:
        raise Misfit("expected channels or leads for `channel`, got a vector. Leave `channel` out")
    (value, *more), last = values, place.shape[0] - 1
    if more or isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= last:
        raise Misfit(f"expected `channel` once, as a whole number from 0 to {last}. Change `channel`")
    chosen = np.zeros_like(patterns)
    chosen[:, value] = patterns[:, value]
    return chosen


def _wants_norm(call: TemplateCall) -> bool:
    values = [value for name, value in call.kwargs if name == "normalize"]
    if len(values) > 1 or not all(isinstance(value, bool) for value in values):
        raise Misfit("expected `normalize` once, as true or false. Change `normalize`")
    return all(values)


def _scaled(rows: NDArray[np.float64], *, normalize: bool) -> NDArray[np.float64]:
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not largest.all():
        raise Misfit(
            "expected a pattern that is not zero everywhere, because a cause could not enter. "
            "Change the arguments"
        )
    if not normalize:
        if largest.max() > 1e150:
            raise Misfit(
                "expected values up to 1e150, because their squares overflow. Leave `normalize` at true"
            )
        return rows.copy()
    # Scaled by the largest value first, so that squares of extreme values neither overflow nor vanish.
    unit = rows / largest
    norm = np.sqrt(np.square(unit).sum(axis=1, keepdims=True))
    return np.asarray(unit * (np.sqrt(rows.shape[1]) / norm), dtype=np.float64)
