"""Estimators of other packages: called here where they are installed, or in an environment of their own.

None is a dependency, and nothing of theirs is copied; each has a licence of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from infoloom.errors import EstimatorError
from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.protocol import Array, Estimate
from infoloom.estimators.third_party.pretrained import LEARNED, check_files
from infoloom.estimators.third_party.wrapping import CallableEstimator, SubprocessEstimator

__all__ = ["PACKAGES", "PROGRAMS", "Package", "PackageEstimator", "program"]


@dataclass(frozen=True)
class Package:
    """How a package is called.

    Args:
        module: What is imported.
        call: (module, x, y, options, seed) → a number, or a number and its standard error.
        units: What it returns, `nats` or `bits`.
        install: How to get it.
        licence: Its licence.
    """

    module: str
    call: Callable[[ModuleType, Array, Array, Mapping[str, Any], int], Any]
    units: str
    install: str
    licence: str


@dataclass(frozen=True)
class PackageEstimator(ArrayEstimator):
    """An estimator of an installed package, in nats.

    Args:
        package: A name of `PACKAGES`: `neural-mi`, `mutinfo`, `infomeasure` or `gmm-mi`.
        options: Settings of the package, (name, value) pairs.
        seed: Seed, for those that take one.

    Raises:
        EstimatorError: If the package is unknown or not installed.
    """

    package: str
    options: tuple[tuple[str, Any], ...] = ()
    seed: int = 0

    source: ClassVar[str] = "see the package"

    def __post_init__(self) -> None:
        expect(
            self.package in PACKAGES, "package", self.package, f"one of {', '.join(PACKAGES)}", "Choose one."
        )

    def measure(self, x: Array, y: Array) -> Estimate:
        """Call the package on rows (n, dx) and (n, dy)."""
        package = PACKAGES[self.package]
        try:
            module = import_module(package.module)
        except ImportError as error:
            raise EstimatorError(
                f"`{self.package}` `{error}`: expected the package `{package.module}`. Install it with: "
                f"{package.install}."
            ) from error
        options = dict(self.options)
        call = CallableEstimator(
            lambda left, right: package.call(module, left, right, options, self.seed),
            package.units,
            self.package,
        )
        return call.measure(x, y)


def program(name: str, python: str, limit: float = 3600.0, **options: Any) -> SubprocessEstimator:
    """An estimator of a package that needs an environment of its own.

    Args:
        name: A name of `PROGRAMS`: `bmi`, `torch-mist` or `latentmi`, which need numpy below 2; `mist` or `infonet`,
            which others trained once and which need the paths of their weights.
        python: The interpreter of that environment.
        limit: Seconds after which it is ended.
        options: Settings of the package; `estimator` names the one of bmi or torch-mist; `checkpoint`, `loss` (`mse` or
            `qr`) and `config` are those of mist; `repository`, `checkpoint`, `config` and `seed` those of infonet.

    Raises:
        EstimatorError: If the name is unknown, or a file that it needs is not there.

    Source:
        Gritsai et al. 2025, MIST (arXiv 2511.18945); Hu et al. 2024, InfoNet (arXiv 2402.10158).
    """
    expect(name in PROGRAMS, "program", name, f"one of {', '.join(PROGRAMS)}", "Choose one.")
    check_files(name, options)
    return SubprocessEstimator((python, "-c", PROGRAMS[name], json.dumps(options)), limit, label=name)


def _neural_mi(module: ModuleType, x: Array, y: Array, options: Mapping[str, Any], seed: int) -> Any:
    settings = {"mode": "rigorous", "device": "cpu", "show_progress": False, **options}
    result = module.run(x, y, split=module.Split(mode="random"), seed=seed, **settings)
    return result.mi_estimate


def _mutinfo(module: ModuleType, x: Array, y: Array, options: Mapping[str, Any], seed: int) -> Any:
    return module.KSG(**{"k_neighbors": 5, **options})(x, y)


def _infomeasure(module: ModuleType, x: Array, y: Array, options: Mapping[str, Any], seed: int) -> Any:
    return module.mutual_information(x, y, **{"approach": "metric", "k": 4, **options})


def _gmm_mi(module: ModuleType, x: Array, y: Array, options: Mapping[str, Any], seed: int) -> Any:
    expect(
        x.shape[1] == y.shape[1] == 1,
        "gmm-mi",
        f"{x.shape[1]} and {y.shape[1]} columns",
        "one column a side, because the package fits pairs of numbers",
        "Use another estimator.",
    )
    return tuple(module.EstimateMI(**options).fit_estimate(np.hstack([x, y])))


#: Name → how it is called in this process.
PACKAGES: dict[str, Package] = {
    "neural-mi": Package(
        "neural_mi", _neural_mi, "bits", "pip install git+https://github.com/eslam-abdelaleem/NeuralMI", "MIT"
    ),
    "mutinfo": Package(
        "mutinfo.estimators.knn",
        _mutinfo,
        "nats",
        "pip install git+https://github.com/VanessB/mutinfo",
        "GPL-3.0",
    ),
    "infomeasure": Package("infomeasure", _infomeasure, "nats", "pip install infomeasure", "AGPL-3.0"),
    "gmm-mi": Package("gmm_mi.mi", _gmm_mi, "nats", "pip install gmm-mi 'scikit-learn<1.7'", "GPL-3.0"),
}

_HEAD = """
import json, sys
import numpy as np
options = json.loads(sys.argv[1])
rows = np.load(sys.argv[2], allow_pickle=False)
x, y = rows["x"], rows["y"]
"""

_TAIL = """
print(json.dumps({"UNIT": float(value)}))
"""

_BMI = """
import bmi
if not hasattr(bmi, "estimators"):
    sys.exit("this `bmi` is another package; pip install benchmark-mi 'jax==0.4.33' 'jaxlib==0.4.33'")
name = options.pop("estimator", "KSGEnsembleFirstEstimator")
value = getattr(bmi.estimators, name)(**options).estimate(x, y)
"""

_TORCH_MIST = """
from torch_mist import estimate_mi
order = np.random.default_rng(options.pop("seed", 0)).permutation(len(x))
train, test = np.array_split(order, 2)
x, y = x.astype(np.float32), y.astype(np.float32)
settings = {"estimator": "smile", "hidden_dims": [128, 128], "max_iterations": 3000, **options}
found = estimate_mi(data=(x[train], y[train]), test_data=(x[test], y[test]), verbose=False, **settings)
value = found[0]
"""

_LATENTMI = """
from latentmi import lmi
value = np.nanmean(lmi.estimate(x, y, **{"N_dims": 8, **options})[0])
"""

#: Name → a program for the interpreter of another environment.
PROGRAMS: dict[str, str] = {
    "bmi": _HEAD + _BMI + _TAIL.replace("UNIT", "nats"),
    "torch-mist": _HEAD + _TORCH_MIST + _TAIL.replace("UNIT", "nats"),
    "latentmi": _HEAD + _LATENTMI + _TAIL.replace("UNIT", "bits"),
    **{name: _HEAD + text for name, text in LEARNED.items()},
}
