"""Reading other packages' checkpoints without pickle, and building their models with the packages "
"installed here."""

from __future__ import annotations

import importlib
import json
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from infoloom.errors import FlowError
from infoloom.observations.adopted import packages
from infoloom.observations.adopted.adopt import Adopted

__all__ = ["PACKAGES", "adopt_checkpoint", "read_weights"]

HUB: Final = "hub:"
PACKAGES: Final = ("torchcfm", "flow-matching", "diffusers", "zuko", "nflows", "normflows", "freia")
_BUILDERS: Final[dict[str, Callable[..., Adopted]]] = {
    "torchcfm": packages.from_torchcfm,
    "flow-matching": packages.from_flow_matching,
    "zuko": packages.from_zuko,
    "nflows": packages.from_nflows,
    "normflows": packages.from_normflows,
    "freia": packages.from_freia,
}
_CLASSES: Final = {"torchcfm": "torchcfm.models.unet.unet:UNetModelWrapper"}
_HUB_FILES: Final = ("*.json", "*.safetensors")


def adopt_checkpoint(
    package: str,
    weights: Path | None = None,
    config: Path | None = None,
    *,
    model: str | None = None,
    key: str | None = None,
    shape: tuple[int, ...] | None = None,
    **options: Any,
) -> Adopted:
    """A model of another package from its files.

    Args:
        package: One of `PACKAGES`, or `hub:OWNER/NAME` for a diffusers model of the Hugging Face hub.
        weights: `.safetensors` or `.pt` file of weights; for diffusers the model's folder.
        config: JSON object with the arguments of the model's class.
        model: The class, or a function that makes the model, as `module:name`; known for torchcfm and zuko.
        key: Entry of the file that holds the weights, such as `ema_model`.
        shape: Shape of one observation, where the model does not say it.
        options: See `adopt`.

    Raises:
        FlowError: Files that cannot be read without pickle, weights that do not fit, a package that is not installed.
    """
    if package.startswith(HUB):
        return _from_diffusers(_from_hub(package.removeprefix(HUB)), options)
    if package not in PACKAGES:
        raise FlowError(f"package `{package}`: expected one of {', '.join(PACKAGES)}, or {HUB}OWNER/NAME.")
    if weights is None:
        raise FlowError(f"package `{package}`: expected the file of its weights. Give `--weights FILE`.")
    if package == "diffusers":
        return _from_diffusers(weights, options)
    arguments = {} if config is None else _object(config)
    built = _built(package, model, arguments)
    _load(built, read_weights(weights, key), weights)
    if shape is not None:
        options["shape"] = shape
    elif package == "torchcfm" and "dim" in arguments:
        options["shape"] = tuple(arguments["dim"])
    elif package != "zuko":
        raise FlowError(
            f"package `{package}`: expected the shape of an observation. Give `--shape`, such as 3,32,32."
        )
    return _BUILDERS[package](built, **options)


def read_weights(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """A file's tensors by name; never by pickle's own rules.

    Args:
        path: `.safetensors`, or `.pt`, `.pth`, `.ckpt`, `.bin` that torch reads with `weights_only=True`.
        key: Entry that holds them, where a file has several.

    Raises:
        FlowError: Not such a file, or one that would need pickle.
    """
    if not path.is_file():
        raise FlowError(f"weights `{path}`: expected a file. Check the path.")
    if path.suffix == ".safetensors":
        try:
            return dict(load_file(path))
        except (SafetensorError, ValueError) as error:
            raise FlowError(f"weights `{path}`: expected a safetensors file ({error}).") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's reader, on files that it refuses a moment later
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, AttributeError) as error:
        raise FlowError(
            f"weights `{path}`: expected a state dictionary of tensors, because anything else needs "
            "pickle, which runs code "
            "of whoever wrote the file. Load it where you trust it and write "
            "`torch.save(model.state_dict(), …)`."
        ) from error
    if key is not None:
        if not isinstance(found, Mapping) or key not in found:
            raise FlowError(f"weights `{path}`: expected an entry `{key}`, got {_entries(found)}.")
        found = found[key]
    if (
        not isinstance(found, Mapping)
        or not found
        or not all(isinstance(one, Tensor) for one in found.values())
    ):
        raise FlowError(
            f"weights `{path}`: expected tensors by name, got {_entries(found)}. Say which entry holds "
            "them with `--key`."
        )
    return {str(name): value for name, value in found.items()}


def _load(model: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Put weights into a model; the prefix of models trained on several devices is left out."""
    bare = {name.removeprefix("module."): value for name, value in weights.items()}
    try:
        model.load_state_dict(bare)
    except RuntimeError as error:
        text = " ".join(str(error).split())[:300]
        raise FlowError(
            f"weights `{path}`: expected those of `{type(model).__name__}` ({text}). Check `--config`."
        ) from error


def _built(package: str, name: str | None, arguments: Mapping[str, Any]) -> nn.Module:
    arguments = dict(arguments)
    if name is None and package == "zuko":
        name = f"zuko.flows:{arguments.pop('flow', 'NSF')}"
    name = name or _CLASSES.get(package)
    if name is None:
        raise FlowError(f"package `{package}`: expected the model's class. Give `--model MODULE:CLASS`.")
    module, _, attribute = name.partition(":")
    made = getattr(_imported(module), attribute, None)
    if not callable(made):
        raise FlowError(f"model `{name}`: expected a class or function of `{module}`, as `module:name`.")
    try:
        model = made(**arguments)
    except TypeError as error:
        raise FlowError(
            f"model `{name}`: cannot be made of {sorted(arguments)} ({error}). Check `--config`."
        ) from error
    if not isinstance(model, nn.Module):
        raise FlowError(f"model `{name}`: expected a torch module, got {type(model).__name__}.")
    return model


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FlowError(
            f"package `{module.split('.')[0]}`: expected it to be installed, because its class builds the "
            f"model ({error}). "
            f"Run `pip install {module.split('.')[0]}`."
        ) from error


def _from_diffusers(folder: Path, options: dict[str, Any]) -> Adopted:
    """From a folder as `save_pretrained` writes it, of a model or of a pipeline."""
    holder = next((place for place in (folder / "unet", folder) if (place / "config.json").is_file()), None)
    if holder is None:
        raise FlowError(f"weights `{folder}`: expected a diffusers folder with `config.json`.")
    if not (holder / "diffusion_pytorch_model.safetensors").is_file():
        raise FlowError(
            f"weights `{folder}`: expected `diffusion_pytorch_model.safetensors`, because a `.bin` file "
            "needs pickle. Write it "
            "with `model.save_pretrained(folder, safe_serialization=True)` where you trust it."
        )
    plan = next(
        (
            place
            for place in (folder / "scheduler" / "scheduler_config.json", folder / "scheduler_config.json")
            if place.is_file()
        ),
        None,
    )
    if plan is None:
        raise FlowError(
            f"weights `{folder}`: expected `scheduler_config.json`, which says how noise was added."
        )
    diffusers = _imported("diffusers")
    model = diffusers.UNet2DModel.from_pretrained(str(holder), use_safetensors=True)
    wanted = str(_object(plan).get("_class_name", "DDIMScheduler"))
    kind = wanted if wanted.startswith("FlowMatch") else "DDIMScheduler"
    scheduler = getattr(diffusers, kind).from_pretrained(str(plan.parent))
    return packages.from_diffusers(model, scheduler, **options)


def _from_hub(name: str) -> Path:
    """The files of a model of the hub, fetched by the installed `huggingface_hub`: texts and safetensors "
    "only."""
    hub = _imported("huggingface_hub")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except Exception as error:  # network, permission and name errors of several libraries
        raise FlowError(
            f"hub model `{name}`: cannot be fetched ({type(error).__name__}: {str(error)[:200]})."
        ) from error


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FlowError(f"config `{path}`: expected a JSON object ({error}).") from error
    if not isinstance(found, dict):
        raise FlowError(f"config `{path}`: expected a JSON object, got {type(found).__name__}.")
    return found


def _entries(found: object) -> str:
    return (
        f"entries {', '.join(map(str, list(found)[:8]))}"
        if isinstance(found, Mapping)
        else type(found).__name__
    )
