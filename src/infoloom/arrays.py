"""Arrays as people give them: tensors of every kind, masked arrays, sparse matrices, and lists of these."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from infoloom.errors import InfoloomError

__all__ = ["by_slices", "plain_array", "reachable", "real_array"]

Array = np.ndarray[Any, np.dtype[Any]]
_REACH: Final = 200  # binary digits; the fourth power of 2^200 is a float64
_AS_FLOAT: Final = ("bfloat16", "float8")  # numpy has no such numbers; float32 holds all of them


def plain_array(given: Any, name: str, error: type[InfoloomError]) -> Array:
    """A numpy array of what was given.

    A tensor is detached and brought to the processor; a sparse, quantised or conjugated one is written out, and
    bfloat16 and float8 become float32. Lists of arrays and tensors are joined as numpy joins lists.

    Args:
        given: Anything that numpy reads, a tensor, a sparse matrix, or a list of these.
        name: What it is, for the message.
        error: What is raised.

    Raises:
        error: A masked array that hides values, for numpy would use what is behind the mask; a tensor without values;
            rows of different shapes.

    Example:
        >>> plain_array([1.0, 2.0], "x", InfoloomError)
        array([1., 2.])
    """
    if isinstance(given, list | tuple) and _needs_care(given):
        given = [plain_array(part, name, error) for part in given]
    if isinstance(given, np.ma.MaskedArray):
        _refuse_masked(given, name, error)
    if _is_tensor(given):
        return _of_tensor(given, name, error)
    if callable(getattr(given, "toarray", None)):
        given = given.toarray()
    try:
        return np.asarray(given)
    except ValueError as problem:  # numpy's word for a list of lists that are not equally long
        raise _unequal(name, error) from problem


def real_array(given: Any, name: str, error: type[InfoloomError]) -> Array:
    """A numpy array of real numbers; see `plain_array`.

    Args:
        given: As `plain_array` takes it.
        name: What it is, for the message.
        error: What is raised.

    Raises:
        error: As `plain_array`; or complex numbers, text, objects and whatever else is no real number.

    Example:
        >>> real_array([True, False], "x", InfoloomError)
        array([ True, False])
    """
    found = plain_array(given, name, error)
    if found.dtype.kind not in "fiub":
        kind = "text" if found.dtype.kind in "UST" else f"dtype {found.dtype}"
        raise error(
            f"`{name}` `{kind}`: expected an array of real numbers. Convert the values to floats, or encode the "
            "categories as numbers."
        )
    return found


def by_slices(given: Any, name: str, error: type[InfoloomError]) -> Any:
    """The same, or a numpy array where rows cannot be taken out of it: of what is sparse, nested or quantised.

    Args:
        given: An array, a memory map, a tensor, or anything else.
        name: What it is, for the message.
        error: What is raised.

    Raises:
        error: As `plain_array`.
    """
    strange = callable(getattr(given, "toarray", None)) or (_is_tensor(given) and not _is_dense(given))
    return plain_array(given, name, error) if strange else given


def reachable(rows: Array, axis: int | None = 0) -> Array:
    """Powers of two by which values are multiplied so that neither their squares nor fourth powers leave float64.

    Args:
        rows: Finite, float64.
        axis: 0 for a factor of each column, None for one of all.

    Returns:
        Exponents, 0 where the largest value lies between 2^-200 and 2^200; `np.ldexp(rows, …)` multiplies exactly.

    Example:
        >>> reachable(np.array([[1.0, 3e-200], [2.0, 1e-200]])).tolist()
        [0, 662]
    """
    largest = np.abs(rows).max(axis=axis)
    _, exponent = np.frexp(largest)
    return np.where((largest == 0.0) | (np.abs(exponent) <= _REACH), 0, -exponent)


def _refuse_masked(given: np.ma.MaskedArray[Any, Any], name: str, error: type[InfoloomError]) -> None:
    masked = int(np.count_nonzero(np.array(np.ma.getmaskarray(given).tolist(), dtype=np.bool_)))
    if masked:
        raise error(
            f"`{name}` `{masked} masked values`: expected values everywhere, because what is "
            "behind a mask is no data. Remove those rows from all arrays alike."
        )


def _needs_care(given: Any) -> bool:
    """Whether a list holds something that numpy reads wrongly or not at all."""
    if isinstance(given, list | tuple):
        return any(map(_needs_care, given))
    return isinstance(given, np.ma.MaskedArray) or _is_tensor(given) or hasattr(given, "toarray")


def _is_tensor(given: Any) -> bool:
    return all(hasattr(given, method) for method in ("detach", "cpu", "numpy", "dtype"))


def _is_dense(tensor: Any) -> bool:
    nested, quantised = (getattr(tensor, what, False) for what in ("is_nested", "is_quantized"))
    layout = str(getattr(tensor, "layout", "torch.strided"))
    return (
        layout == "torch.strided" and not nested and not quantised and not getattr(tensor, "is_meta", False)
    )


def _of_tensor(tensor: Any, name: str, error: type[InfoloomError]) -> Array:
    """A tensor as numpy holds it."""
    if getattr(tensor, "is_meta", False):
        raise error(
            f"`{name}` `tensor on the device meta`: expected values, because such a tensor has a shape only. Compute "
            "it on the device cpu."
        )
    tensor = tensor.detach()
    if getattr(tensor, "is_nested", False):
        return plain_array([_of_tensor(part, name, error) for part in tensor.unbind()], name, error)
    if not _is_dense(tensor):
        tensor = tensor.dequantize() if tensor.is_quantized else tensor.to_dense()
    tensor = tensor.cpu()
    for step in ("resolve_conj", "resolve_neg"):
        tensor = getattr(tensor, step, lambda same=tensor: same)()
    if str(tensor.dtype).removeprefix("torch.").startswith(_AS_FLOAT):
        tensor = tensor.float()
    try:
        return np.asarray(tensor.numpy())
    except (TypeError, RuntimeError) as problem:
        raise error(
            f"`{name}` `tensor of {tensor.dtype}`: expected a tensor that numpy can hold ({problem}). Convert it, such "
            "as by `.float()`."
        ) from problem


def _unequal(name: str, error: type[InfoloomError]) -> InfoloomError:
    return error(
        f"`{name}` `rows of different shapes`: expected an array, in which all rows have one shape. Cut or fill the "
        "rows."
    )
