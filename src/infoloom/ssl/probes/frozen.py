"""From any encoder to features: a learner, a module, a function, or a model for every modality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infoloom.arrays import by_slices, real_array
from infoloom.errors import ProbeError
from infoloom.ssl.probes.score import FUSED

__all__ = ["features_of"]

Array = NDArray[np.float64]
_BATCH: Final = 512
_OUTPUTS: Final = ("pooler_output", "last_hidden_state")


def features_of(encode: Any, arrays: Mapping[str, NDArray[Any]], batch: int = _BATCH) -> dict[str, Array]:
    """Features of every modality, and `fused`, from an encoder that is not changed by it.

    Args:
        encode: One of
            an object with `encode(batch)`, batch a mapping of modality → float32 tensor;
            a torch module or a function of that mapping (a function gets numpy arrays);
            a mapping of modality → model of that modality alone, such as a module or a Hugging Face model, which is
            called by the name of its main input.
            What comes back is an array or tensor (n, …), a mapping of name → such, or a Hugging Face output, of which
            the pooled output or else the mean over tokens is taken. Each row is flattened.
        arrays: Modality → observations, shape (n, *shape).
        batch: Rows encoded at a time.

    Returns:
        Name → features, shape (n, d). Where the encoder gives no `fused`, features of all modalities side by side.

    Raises:
        ProbeError: Not an encoder, masked values, or features that are not finite numbers, one row for each row.
    """
    given = {name: by_slices(array, name, ProbeError) for name, array in arrays.items()}
    rows = len(next(iter(given.values())))
    parts: dict[str, list[Array]] = {}
    with torch.no_grad(), _evaluating(encode):
        for first in range(0, rows, batch):
            block = {
                name: real_array(array[first : first + batch], name, ProbeError).astype(np.float32)
                for name, array in given.items()
            }
            for name, values in _encoded(encode, block).items():
                parts.setdefault(name, []).append(_checked(name, values, len(next(iter(block.values())))))
    features = {name: np.concatenate(blocks) for name, blocks in parts.items()}
    if FUSED not in features and len(features) > 1:
        features[FUSED] = np.concatenate(list(features.values()), axis=1)
    return features


def _encoded(encode: Any, block: Mapping[str, NDArray[np.float32]]) -> dict[str, Any]:
    if isinstance(encode, Mapping):
        missing = next((name for name in encode if name not in block), None)
        if missing is not None:
            raise ProbeError(
                f"encoder of `{missing}`: expected one of the modalities {', '.join(block)}. Rename it."
            )
        return {name: _called(model, block[name]) for name, model in encode.items()}
    method = getattr(encode, "encode", None)
    if callable(method):
        return _named(method(_tensors(encode, block)), block)
    if isinstance(encode, nn.Module):
        return _named(encode(_tensors(encode, block)), block)
    if callable(encode):
        return _named(encode(dict(block)), block)
    raise ProbeError(
        f"encoder `{type(encode).__name__}`: expected a callable, an object with `encode`, or a mapping of modality → "
        "model. Wrap it in a function."
    )


def _called(model: Any, values: NDArray[np.float32]) -> Any:
    """The output of one model of one modality, by the name of its main input where it says one."""
    if not callable(model):
        raise ProbeError(f"encoder `{type(model).__name__}`: expected a callable. Wrap it in a function.")
    given = _tensor(model, values) if isinstance(model, nn.Module) else values
    keyword = getattr(model, "main_input_name", None)
    return model(**{keyword: given}) if isinstance(keyword, str) else model(given)


def _named(output: Any, block: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping of features as it is; anything else is the features of all that went in."""
    if isinstance(output, Mapping) and not any(name in output for name in _OUTPUTS):
        return dict(output)
    return {next(iter(block)) if len(block) == 1 else FUSED: output}


def _checked(name: str, output: Any, rows: int) -> Array:
    values = _plain(output, f"features of {name}")
    if values.ndim < 1 or len(values) != rows or not values.size:
        raise ProbeError(
            f"features of `{name}` of shape {values.shape}: expected ({rows}, …), a row for every row that went in. "
            "Return one vector for each."
        )
    if not np.isfinite(values).all():
        raise ProbeError(f"features of `{name}`: expected finite numbers. Look at the encoder for overflow.")
    return np.asarray(values, np.float64).reshape(rows, -1)


def _plain(output: Any, said: str) -> NDArray[Any]:
    """The vector output of a model as an array, that of a tensor in float32."""
    for name in _OUTPUTS:
        values = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if values is not None:
            array = _plain(values, said)
            return array.mean(axis=1) if name == "last_hidden_state" and array.ndim > 2 else array
    if isinstance(output, tuple | list) and output and isinstance(output[0], Tensor):
        return _plain(output[0], said)
    found = real_array(output, said, ProbeError)
    return found.astype(np.float32) if isinstance(output, Tensor) else found


def _tensors(encode: Any, block: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    return {name: _tensor(encode, values) for name, values in block.items()}


def _tensor(module: Any, values: NDArray[np.float32]) -> Tensor:
    """A tensor where the module's weights are, and as exact as they are."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    weights = next(module.parameters(), None) if isinstance(module, nn.Module) else None
    return tensor if weights is None else tensor.to(weights.device, weights.dtype)


@contextmanager
def _evaluating(encode: Any) -> Iterator[None]:
    """Dropout and batch statistics held still; every module is afterwards as it was."""
    models = encode.values() if isinstance(encode, Mapping) else (encode,)
    modules = [part for model in models if isinstance(model, nn.Module) for part in model.modules()]
    training = [part for part in modules if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True
