"""Features of a user's Inception weights, for the Fréchet distance that the literature reports as FID."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from infoloom.errors import FlowError
from infoloom.foreign.files import require_regular

__all__ = ["InceptionFeatures"]

_PART = 32


class InceptionFeatures:
    """The 2,048 features of the Inception network that FID is defined with.

    The network is that of the package `torch-fidelity`, which resizes as the original TensorFlow code does. The
    Fréchet distance of these features is the literature's FID where it is computed from 50,000 samples; from fewer
    it is larger.

    Args:
        path: Weights: `weights-inception-2015-12-05-6726825d.pth` of torch-fidelity's releases, or the same tensors
            as safetensors. Read without running code.

    Raises:
        FlowError: The package is not installed, or the file does not hold these weights.

    Source:
        Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash equilibrium (2017).
    """

    classes = 0
    accuracy = None

    def __init__(self, path: Path) -> None:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except ImportError as error:
            raise FlowError(
                "inception: expected the package torch-fidelity, which holds the network of FID. "
                "Install it: `pip install torch-fidelity`."
            ) from error
        weights = _read(path)
        with tempfile.TemporaryDirectory() as folder:
            # The package reads its weights as a pickle: give it one that was written here.
            own = Path(folder) / "weights.pth"
            torch.save(weights, own)
            try:
                self.network = FeatureExtractorInceptionV3(
                    "inception", ["2048"], feature_extractor_weights_path=str(own)
                )
            except RuntimeError as error:
                raise FlowError(
                    f"inception weights `{path}`: expected the tensors of `weights-inception-2015-12-05-6726825d.pth` "
                    f"({str(error).splitlines()[0]}). Take that file from the releases of torch-fidelity."
                ) from error
        self.network.eval()

    def embed(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, 1 or 3, height, width) in brightness from −1 to 1 → (n, 2048).

        Raises:
            FlowError: The rows are no pictures.
        """
        if rows.ndim != 4 or rows.shape[1] not in (1, 3):
            raise FlowError(
                f"inception: expected pictures of 1 or 3 channels, got rows of shape {rows.shape[1:]}. "
                "Leave `--inception` away for other data."
            )
        grey = np.clip(np.rint((rows + 1.0) * 127.5), 0, 255).astype(np.uint8)
        bytes_of = torch.from_numpy(np.array(np.broadcast_to(grey, (len(rows), 3, *rows.shape[2:]))))
        with torch.no_grad():
            found = torch.cat([self.network(part)[0] for part in torch.split(bytes_of, _PART)])
        return np.asarray(found.double().numpy())


def _read(path: Path) -> dict[str, Any]:
    try:
        require_regular(path)
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
    except (OSError, SafetensorError, ValueError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise FlowError(
            f"inception weights `{path}`: expected a .pth or .safetensors file of tensors ({error}). "
            "Nothing in it was run."
        ) from error
    if not isinstance(found, dict):
        raise FlowError(
            f"inception weights `{path}`: expected named tensors, got {type(found).__name__}. Give a state dict."
        )
    return found
