"""Flow expressions: `digits[3]`, `vector(16) | rotation(seed=1) | asinh`; their shapes without torch."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from infoloom.errors import FlowError
from infoloom.plugins import offered
from infoloom.spec.flows.captions import CAPTION, Caption, parse_caption
from infoloom.spec.flows.choice import Choice, parse_choice, replace_choice
from infoloom.spec.flows.files import ZOO, flow_header, flow_path, zoo_names
from infoloom.spec.flows.renderers import renderer_form, renderer_names

__all__ = [
    "SHAPE_KEEPING",
    "ZOO",
    "FlowStep",
    "flow_caption",
    "flow_choice",
    "flow_factors",
    "flow_header",
    "flow_path",
    "flow_shape",
    "latent_shape",
    "one_class",
    "parse_flow",
    "zoo_names",
]

MAX_DIM: Final = 100_000_000
MAX_AXES: Final = 8
_STEP = re.compile(
    r"(?P<name>[A-Za-z_./~-][\w./~-]*+)\s*+(?:\[(?P<selector>[^\[\]]*+)\]\s*+)?(?:\((?P<args>.*+)(?<=\)))?",
    re.DOTALL,
)
_PIECES = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|.", re.DOTALL)
_OPEN: Final = {"(": ")", "[": "]"}
_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.+)")
SHAPE_KEEPING: Final = (
    "affine",
    "asinh",
    "cdf",
    "coupling",
    "cube",
    "half_cube",
    "permutation",
    "power",
    "rotation",
)
_SHAPED = ("identity", "vector")

Value = float | int | str | bool | tuple[float, ...]


@dataclass(frozen=True)
class FlowStep:
    """One step of a flow expression, `name[selector](args, key=value)`."""

    name: str
    selector: str | None = None
    args: tuple[Value, ...] = ()
    kwargs: tuple[tuple[str, Value], ...] = ()

    @property
    def trained(self) -> bool:
        """Whether the step names a trained flow: one of the zoo or a user's `.safetensors` file."""
        return self.name.endswith(".safetensors") or self.name in zoo_names()

    @property
    def rendered(self) -> bool:
        """Whether the step is a renderer: an injective map of a few factors."""
        return renderer_form(self.name) is not None


@lru_cache(maxsize=4096)
def parse_flow(text: str) -> tuple[FlowStep, ...]:
    """Read a flow expression.

    Args:
        text: `step ("|" step)*` with `step = name ["[" class "]"] ["(" args ")"]`.

    Raises:
        FlowError: The text is not of that form.

    Example:
        >>> parse_flow("vector(16) | rotation(seed=1)")[1]
        FlowStep(name='rotation', selector=None, args=(), kwargs=(('seed', 1),))
    """
    return tuple(_parse_step(part, text) for part in _split(text, "|"))


def flow_caption(text: str) -> Caption | None:
    """The caption of a flow expression `caption("a {size} thing")`; None for other flows.

    Raises:
        FlowError: The text is no flow expression, or a caption has steps beside it or sentences that do not fit.
    """
    steps = parse_flow(text)
    said = next((step for step in steps if step.name == CAPTION), None)
    if said is None:
        return None
    if len(steps) > 1 or said.kwargs or said.selector is not None:
        raise FlowError(
            f"flow `{text}`: expected a caption alone, with sentences in quotes only, because words are no numbers. "
            "Remove the rest."
        )
    return parse_caption(said.args)


def flow_choice(text: str, directory: Path | None = None) -> Choice | None:
    """The categorical cause that chooses a flow's class, and its classes; None for other flows.

    Raises:
        FlowError: The text is no flow expression, or has more than one choice.

    Example:
        >>> flow_choice("sprites[{kind}: heart, star](32)")
        Choice(cause='kind', names=('heart', 'star'))
    """
    found = [(step, one) for step in parse_flow(text) if (one := parse_choice(step.selector)) is not None]
    if len(found) > 1:
        raise FlowError(
            f"flow `{text}`: expected one choice of a class, got {len(found)}. Choose in one step."
        )
    return parse_choice(found[0][0].selector, _classes(found[0][0], directory)) if found else None


def one_class(text: str, directory: Path | None = None) -> str:
    """A flow expression with the first of the classes among which a cause chooses; other expressions as they are.

    Example:
        >>> one_class("sprites[{kind}: heart, star](32)")
        'sprites[heart](32)'
    """
    choice = flow_choice(text, directory)
    return text if choice is None else replace_choice(text, choice.names[0])


def flow_factors(text: str) -> tuple[str, ...]:
    """Names of the latent's components, where the flow expression begins with a renderer or is a caption; else none.

    Raises:
        FlowError: The text is no flow expression.

    Example:
        >>> flow_factors("rotation_curve(32)")
        ('disc', 'scale', 'halo', 'core')
    """
    caption = flow_caption(text)
    if caption is not None:
        return caption.factors
    form = renderer_form(parse_flow(text)[0].name)
    return () if form is None else form.names


def latent_shape(text: str, directory: Path | None = None) -> tuple[int, ...]:
    """Shape of the latent: the renderer's factors, else the shape of the observation.

    Raises:
        FlowError: As `flow_shape` has it.

    Example:
        >>> latent_shape("ring(64)"), latent_shape("identity(3, 32, 32)")
        ((6,), (3, 32, 32))
    """
    shape, factors = flow_shape(text, directory), flow_factors(text)
    return (len(factors),) if factors else shape


def flow_shape(text: str, directory: Path | None = None) -> tuple[int, ...]:
    """Shape of one observation that a flow expression makes; of a caption, its words as whole numbers.

    Without a renderer or a caption its product is the latent's dimension.

    Args:
        text: A flow expression.
        directory: Folder that a relative path of a user's flow is relative to.

    Raises:
        FlowError: Unknown flow, missing or unknown class, shapes that do not fit.

    Example:
        >>> flow_shape("identity(3, 32, 32) | asinh"), flow_shape("ring(64)")
        ((3, 32, 32), (1, 64, 64))
    """
    caption = flow_caption(text)
    if caption is not None:
        return (len(caption.slots),)
    flow_choice(text, directory)  # at most one
    steps = parse_flow(text)
    shape: tuple[int, ...] | None = None
    for position, step in enumerate(steps):
        made = _step_shape(step, directory)
        if position and (step.rendered or (steps[0].rendered and step.trained)):
            raise FlowError(
                f"flow `{text}`: step `{step.name}` after `{steps[position - 1].name}`: expected a renderer as the "
                "first step and no trained flow behind it, because its factors are the latent. Use one modality each."
            )
        if made is None and position == 0:
            raise FlowError(
                f"flow `{text}`: expected a first step that fixes the shape, such as `identity(3, 32, 32)`, "
                f"`vector(16)` or one of {', '.join([*zoo_names(), *renderer_names(), CAPTION])}; got `{step.name}`."
                + _suggest(step.name, [*_SHAPED, *zoo_names(), *renderer_names(), CAPTION])
            )
        if made is None:
            known = [*SHAPE_KEEPING, *sorted(offered("observations"))]
            if step.name not in known:
                raise FlowError(
                    f"flow `{text}`: unknown step `{step.name}`; expected one of "
                    f"{', '.join([*known, *zoo_names()])}.{_suggest(step.name, [*known, *zoo_names()])}"
                )
            _check_class(step, None)
        else:
            if shape is not None and math.prod(made) != math.prod(shape):
                raise FlowError(
                    f"flow `{text}`: step `{step.name}` expected {math.prod(made)} components, "
                    f"got {math.prod(shape)} from the steps before it."
                )
            shape = made
    if shape is None:  # unreachable: the first step fixes it
        raise FlowError(f"flow `{text}`: no shape.")
    return shape


def _parse_step(part: str, text: str) -> FlowStep:
    match = _STEP.fullmatch(part.strip())
    if match is None or not _balanced(part):
        raise FlowError(
            f"flow `{text}`: cannot read the step `{part.strip()}`; expected `name`, `name[class]` or "
            "`name(argument, key=value)`, joined by `|`."
        )
    args: list[Value] = []
    kwargs: list[tuple[str, Value]] = []
    for item in _split((match["args"] or ")")[:-1], ","):
        if not item.strip():
            continue
        keyword = _KEYWORD.fullmatch(item.strip())
        if keyword is None:
            args.append(_value(item.strip()))
        else:
            kwargs.append((keyword[1], _value(keyword[2].strip())))
    selector = None if match["selector"] is None else match["selector"].strip()
    return FlowStep(match["name"], selector, tuple(args), tuple(kwargs))


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text between separators that stand in no brackets and no quotes."""
    ends, depth, place = [-1], 0, 0
    for piece in _PIECES.findall(text):
        depth += (piece in _OPEN) - (piece in _OPEN.values())
        if piece == separator and depth <= 0:
            ends.append(place)
        place += len(piece)
    return [text[before + 1 : after] for before, after in pairwise([*ends, len(text)])]


def _balanced(text: str) -> bool:
    """Whether every bracket is closed by its like; round ones do not nest."""
    waiting: list[str] = []
    for piece in _PIECES.findall(text):
        if piece in _OPEN:
            if _OPEN[piece] in waiting:
                return False
            waiting.append(_OPEN[piece])
        elif piece in _OPEN.values() and (not waiting or waiting.pop() != piece):
            return False
    return not waiting


def _value(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("[") and text.endswith("]"):
        values = [_value(item.strip()) for item in text[1:-1].split(",")]
        numbers = tuple(float(v) for v in values if isinstance(v, int | float))
        return numbers if len(numbers) == len(values) else text
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    for kind in (int, float):
        try:
            number = kind(text)
            if math.isfinite(number):
                return number
        except (ValueError, OverflowError):
            continue
    return text.strip("\"'")


def _step_shape(step: FlowStep, directory: Path | None) -> tuple[int, ...] | None:
    if step.name in _SHAPED:
        return _given_shape(step)
    choice = parse_choice(step.selector, _classes(step, directory))
    if choice is not None:
        return _chosen_shape(step, choice, directory)
    form = renderer_form(step.name)
    if form is not None:
        return form.setup(step.selector, step.args, dict(step.kwargs)).shape
    if not step.trained:
        return None
    if step.args or step.kwargs:
        given = ", ".join([*map(str, step.args), *(f"{key}={value}" for key, value in step.kwargs)])
        raise FlowError(
            f"flow `{step.name}({given})`: expected a trained flow without arguments. Leave them out."
        )
    header = flow_header(flow_path(step.name, directory))
    shape = header.get("shape")
    if not isinstance(shape, list) or not _is_shape(shape):
        raise FlowError(f"flow `{step.name}`: expected a shape in its description, got {shape!r}.")
    classes = header.get("classes")
    if classes is not None and not (isinstance(classes, list) and all(isinstance(c, str) for c in classes)):
        raise FlowError(f"flow `{step.name}`: expected names of classes in its description, got {classes!r}.")
    _check_class(step, classes)
    return tuple(shape)


def _classes(step: FlowStep, directory: Path | None) -> tuple[str, ...]:
    """The classes that a step chooses among: shapes of a renderer, classes of a trained flow."""
    form = renderer_form(step.name)
    if form is not None or not step.trained:
        return form.kinds if form is not None else ()
    classes = flow_header(flow_path(step.name, directory)).get("classes")
    return tuple(map(str, classes)) if isinstance(classes, list) else ()


def _chosen_shape(step: FlowStep, choice: Choice, directory: Path | None) -> tuple[int, ...] | None:
    if not _classes(step, directory):
        raise FlowError(
            f"flow `{step.name}[{step.selector}]`: this flow has no classes to choose among. Write `{step.name}`."
        )
    shapes = [_step_shape(replace(step, selector=name), directory) for name in choice.names]
    if step.trained:
        _check_each_once(step, choice.names, _classes(step, directory))
    return shapes[-1]


def _check_each_once(step: FlowStep, names: Sequence[str], classes: Sequence[str]) -> None:
    """Refuse a class that stands twice, by its name and by its number: equal rows would not tell the category."""
    numbers = [classes.index(name) if name in classes else int(name) for name in names]
    twice = next((at for at, number in enumerate(numbers) if number in numbers[:at]), None)
    if twice is not None:
        raise FlowError(
            f"flow class `[{step.selector}]`: `{names[twice]}` is `{classes[numbers[twice]]}`, which stands twice; "
            "expected each once, because equal observations would not tell the category. Remove one."
        )


def _is_shape(sizes: Sequence[object]) -> bool:
    whole = [n for n in sizes if isinstance(n, int) and not isinstance(n, bool) and n > 0]
    return 0 < len(whole) == len(sizes) <= MAX_AXES and math.prod(whole) <= MAX_DIM


def _given_shape(step: FlowStep) -> tuple[int, ...]:
    shape = step.args
    sizes = tuple(n for n in shape if isinstance(n, int) and not isinstance(n, bool) and n > 0)
    if not shape or len(sizes) != len(shape) or step.kwargs or (step.name == "vector" and len(shape) != 1):
        example = "vector(16)" if step.name == "vector" else "identity(3, 32, 32)"
        raise FlowError(f"flow `{step.name}{shape}`: expected positive whole sizes, as in `{example}`.")
    if not _is_shape(sizes):
        raise FlowError(
            f"flow `{step.name}{shape}`: expected at most {MAX_AXES} axes and {MAX_DIM:,} components."
        )
    _check_class(step, None)
    return sizes


def _check_class(step: FlowStep, classes: list[str] | None) -> None:
    if not classes:
        if step.selector is not None:
            raise FlowError(
                f"flow `{step.name}[{step.selector}]`: this flow has no classes. Write `{step.name}`."
            )
        return
    if step.selector is None:
        raise FlowError(
            f"flow `{step.name}`: expected a class, one of {', '.join(classes)}. "
            f"Write `{step.name}[{classes[0]}]`."
        )
    known = [*classes, *(str(i) for i in range(len(classes)))]
    if step.selector not in known:
        raise FlowError(
            f"flow `{step.name}[{step.selector}]`: unknown class `{step.selector}`; expected one of "
            f"{', '.join(classes)}.{_suggest(step.selector, classes)}"
        )


def _suggest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean `{near[0]}`?" if near else ""
