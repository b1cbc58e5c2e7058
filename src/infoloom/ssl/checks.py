"""The one place where settings, shapes and arrays given to a learner are checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.arrays import by_slices, plain_array
from infoloom.errors import InfoloomError, LearnerError
from infoloom.flags import expect_flags

__all__ = [
    "by_name",
    "check_arrays",
    "check_shapes",
    "check_vocabularies",
    "expect",
    "expect_names",
    "expect_numbers",
    "expect_positive",
    "expect_seed",
    "is_whole",
    "parts",
    "refuse_coarse",
    "whole_shapes",
]

_ROWS = 4096
_STEPS = 20  # of float32 within the values of a component, at least
_SHAPES = "(values,), (leads, samples) or (channels, height, width), all at least 1"


def expect(holds: bool, name: str, got: object, expected: str, advice: str) -> None:
    """Raise a `LearnerError` in the house form unless a condition holds."""
    if not holds:
        raise LearnerError(f"`{name}` `{got}`: expected {expected}. {advice}")


def expect_numbers(settings: Any) -> None:
    """Raise a `LearnerError` unless settings are numbers where the usual ones are, whole where those are.

    Args:
        settings: A dataclass; numbers of numpy in it become Python's, which JSON writes.
    """
    for field in fields(settings):
        value, usual = getattr(settings, field.name), field.default
        if isinstance(value, np.number):
            value = value.item()
            object.__setattr__(settings, field.name, value)
        if isinstance(usual, bool):
            expect_flags(LearnerError, **{field.name: value})
        if isinstance(usual, bool) or not isinstance(usual, int | float):
            continue
        whole = isinstance(usual, int)
        holds = type(value) is int or (not whole and isinstance(value, float) and math.isfinite(value))
        expected = "a whole number" if whole else "a finite number"
        expect(holds, field.name, value, expected, f"Use {usual}.")


def expect_positive(settings: object, *names: str) -> None:
    """Raise a `LearnerError` unless these settings are numbers above 0."""
    for name in names:
        value, usual = getattr(settings, name), getattr(type(settings), name)
        expect(value > 0, name, value, "a number above 0", f"Use {usual}.")


def expect_seed(seed: int) -> None:
    """Raise a `LearnerError` unless a seed fills 32 bits at most: orders of rows need as many for the epoch."""
    expect(seed >= 0, "seed", seed, "0 or more", "Use 0.")
    expect(seed < 2**32, "seed", seed, "a number below 4294967296", "Use 0.")


def expect_names(name: str, given: object, error: type[InfoloomError] = LearnerError) -> None:
    """Raise an error if one name is given where several are expected: a text is a sequence of letters."""
    if isinstance(given, str):
        raise error(f'`{name}` `{given}`: expected a list of names, got one name. Write ["{given}"].')


def is_whole(value: object, least: int = 1) -> bool:
    """Whether this is a whole number, and no bool, of at least so much."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def check_shapes(shapes: Mapping[str, tuple[int, ...]], least: int) -> None:
    """Refuse modalities that no encoder takes, or too few of them.

    Args:
        shapes: Modality → shape of one row: (d,), (leads, samples) or (channels, height, width).
        least: Fewest modalities that the objective works with.
    """
    expect(
        len(shapes) >= least,
        "shapes",
        ", ".join(shapes) or "no modality",
        "a modality" if least == 1 else f"at least {least} modalities",
        "Add a modality, or choose another objective.",
    )
    expect(
        "fused" not in shapes,
        "shapes",
        "fused",
        "another name of a modality, because `fused` names the features of all modalities together",
        "Rename it.",
    )
    for name, shape in whole_shapes(shapes).items():
        expect(len(shape) in (1, 2, 3), f"shape of {name}", shape, _SHAPES, "Reshape the rows.")


def whole_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The same shapes as tuples of whole numbers.

    Raises:
        LearnerError: One that is something else.
    """
    for name, shape in shapes.items():
        holds = isinstance(shape, tuple | list) and len(shape) > 0 and all(map(is_whole, shape))
        expect(holds, f"shape of {name}", shape, _SHAPES, "Reshape the rows.")
    return {name: tuple(map(int, shape)) for name, shape in shapes.items()}


def check_vocabularies(vocabularies: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse vocabularies of what is no modality, or no sequence of tokens.

    Args:
        vocabularies: Modality → number of token ids.
        shapes: Modality → shape of one row.
    """
    for name in vocabularies:
        expect(name in shapes, "vocabularies", name, f"a modality among {', '.join(shapes)}", "Rename it.")
        expect(
            len(shapes[name]) == 1,
            f"shape of {name}",
            shapes[name],
            "(tokens,), because it has a vocabulary",
            "Give token ids, or leave it out of `vocabularies`.",
        )


def by_name(given: Any, names: Iterable[str]) -> dict[str, Any]:
    """Arrays by name, those of a mapping or some columns of an opened dataset.

    Args:
        given: A mapping of name → array, or a dataset, which says its `columns`.
        names: Columns that are wanted; those that the dataset lacks are left out.
    """
    if isinstance(given, Mapping):
        found = {
            name: by_slices(given[name], f"array {name}", LearnerError) for name in names if name in given
        }
        return {**given, **found}
    columns = getattr(given, "columns", None)
    there = [getattr(column, "name", None) for column in columns] if isinstance(columns, tuple | list) else []
    expect(
        bool(there) and None not in there,
        "arrays",
        type(given).__name__,
        "arrays by name, or an opened dataset",
        "Give a dict.",
    )
    return {name: given[name] for name in names if name in there}


def check_arrays(
    arrays: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    least: int = 1,
    missing: Mapping[str, Any] | None = None,
) -> int:
    """Refuse arrays that miss a modality, have another shape, different rows, or values that are not finite.

    Args:
        arrays: Name → (n, *shape); further names are left alone.
        shapes: Name → shape of one row, of all that is needed.
        least: Fewest rows.
        missing: Name → which rows lack it, (n,) of true and false; their values are not looked at.

    Returns:
        The number of rows.
    """
    for name, shape in shapes.items():
        expect(name in arrays, "arrays", ", ".join(arrays), f"`{name}` among them", "Add it.")
        got = getattr(arrays[name], "shape", None)
        expect(
            got is not None,
            f"array {name}",
            type(arrays[name]).__name__,
            "an array or a tensor",
            "Make one of it, such as by `numpy.asarray`.",
        )
        got = tuple(arrays[name].shape)
        expect(
            got[1:] == tuple(shape),
            f"array {name}",
            got,
            f"shape (rows, {', '.join(map(str, shape))})",
            "Reshape it.",
        )
    counts = {name: len(arrays[name]) for name in shapes}
    expect(
        len(set(counts.values())) == 1,
        "rows",
        counts,
        "the same number in each array, because row i of one belongs to row i of the others",
        "Give all arrays the same rows.",
    )
    rows = next(iter(counts.values()))
    expect(rows >= least, "rows", rows, f"at least {least}", "Draw more rows.")
    lacking = missing or {}
    for name in lacking:
        _check_mask(name, np.asarray(lacking[name]), tuple(shapes), rows)
    for name in shapes:
        there = arrays[name] if name not in lacking else arrays[name][~np.asarray(lacking[name])]
        for part in parts(there, f"array {name}"):
            expect(
                part.dtype.kind in "fiub",
                f"array {name}",
                part.dtype,
                "real numbers",
                "Convert it to float32.",
            )
            with np.errstate(over="ignore"):
                finite = bool(np.isfinite(part.astype(np.float32)).all())
            expect(
                finite,
                f"array {name}",
                "nan or infinite",
                "finite values",
                "Remove those rows from all arrays.",
            )
    return rows


def refuse_coarse(name: str, rows: Any, error: type[InfoloomError] = LearnerError) -> None:
    """Refuse rows of which float32 keeps few digits, because of an offset or of a scale that it does not reach.

    Args:
        name: What they are.
        rows: (n, …), finite real numbers.
        error: What is raised.

    Raises:
        error: A component whose values, brought to float32, take fewer than twenty steps from the least to the largest.
    """
    ends: list[NDArray[np.float64]] = []
    lost = np.zeros(math.prod(rows.shape[1:]), dtype=bool)
    for part in parts(rows, name):
        if part.dtype.kind == "f" and part.dtype.itemsize <= 4:
            return
        values = part.reshape(len(part), -1).astype(np.float64)
        with np.errstate(over="ignore"):
            lost |= (values.astype(np.float32) != values).any(axis=0)
        ends += [values.min(axis=0), values.max(axis=0)]
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    largest = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(over="ignore", invalid="ignore"):
        step, reach = np.spacing(largest.astype(np.float32)).astype(np.float64), high - low
    varies = reach > 4.0 * np.finfo(np.float64).eps * largest
    coarse = np.flatnonzero(lost & varies & ~(_STEPS * step <= reach))
    if len(coarse):
        at = int(coarse[0])
        raise error(
            f"`{name}` `component {at} from {low[at]:.10g} to {high[at]:.10g}`: expected values that float32 tells "
            "apart, because encoders compute in float32. Subtract the offset, or multiply by a power of ten, in "
            f"float64 ({len(coarse)} of {len(lost)} components)."
        )


def _check_mask(name: str, mask: NDArray[Any], names: tuple[str, ...], rows: int) -> None:
    expect(name in names, "missing", name, f"one of {', '.join(names)}", "Rename it.")
    expect(
        mask.shape == (rows,) and mask.dtype == np.bool_,
        f"missing of {name}",
        f"{mask.dtype} of shape {mask.shape}",
        f"{rows} values true or false",
        "Say for every row whether it lacks it.",
    )
    expect(
        not mask.all(), f"missing of {name}", "all rows", "rows that have it", "Leave it out of the learner."
    )


def parts(rows: Any, name: str = "rows") -> Iterator[NDArray[Any]]:
    """Some thousand rows at a time of an array, a memory map, or a tensor on any device."""
    for first in range(0, len(rows), _ROWS):
        yield plain_array(rows[first : first + _ROWS], name, LearnerError)
