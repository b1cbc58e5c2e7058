"""Estimators that others trained once: programs that load their weights by path, whole, or say what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infoloom.estimators.inputs import expect

__all__ = ["LEARNED", "NEEDED", "check_files"]

#: Name → options that are paths and have to be given.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "mist": ("checkpoint",),
    "infonet": ("repository", "checkpoint"),
}


def check_files(name: str, options: Mapping[str, Any]) -> None:
    """Refuse a learned estimator whose files are not there: without weights its answers would be random numbers.

    Args:
        name: A name of `NEEDED`; others need no file.
        options: Options of its program.

    Raises:
        EstimatorError: A path that is not given or leads nowhere.
    """
    for option in NEEDED.get(name, ()):
        path = options.get(option)
        expect(
            path is not None and Path(str(path)).exists(),
            option,
            "nothing" if path is None else path,
            f"the path of {_WHAT[name, option]}, because the package brings no weights",
            _WHERE[name],
        )


_WHAT: Final = {
    ("mist", "checkpoint"): "the weights, a .ckpt or .pt file",
    ("infonet", "repository"): "a copy of the repository with infer.py",
    ("infonet", "checkpoint"): "the weights, a .pt file",
}
_WHERE: Final = {
    "mist": "The README of github.com/grgera/mist says where they are.",
    "infonet": "The README of github.com/datou30/InfoNet says where they are.",
}

# Every message of a program is its last line on stderr, which the caller shows.
_MIST: Final = """
try:
    import torch
    from mist_statinf import MISTQuickEstimator
except ImportError as error:
    sys.exit(f"mist `{error}`: expected the package mist_statinf. Run: pip install mist-statinf")
checkpoint, loss = options["checkpoint"], options.get("loss", "mse")
if x.shape[1] != y.shape[1]:
    sys.exit(f"mist `{x.shape[1]} and {y.shape[1]} columns`: expected as many in x as in y, because the network "
             "does not see where x ends. Use another estimator.")
try:
    model = MISTQuickEstimator(loss=loss, checkpoint=checkpoint, device="cpu", config_path=options.get("config"))
except RuntimeError as error:
    sys.exit(f"mist `{checkpoint}`: expected the weights of a network with loss={loss} ({str(error)[-120:].strip()}). "
             "Give the loss and the `config` that they were trained with.")
most = model.target_feature_dim
if x.shape[1] + y.shape[1] > most:
    sys.exit(f"mist `{x.shape[1] + y.shape[1]} columns`: expected at most {most} in all, because the package would "
             "cut off the others. Use another estimator.")
saved = torch.load(checkpoint, map_location="cpu", weights_only=not checkpoint.endswith(".ckpt"))
saved = {name.removeprefix("msm."): value for name, value in saved.get("state_dict", saved).items()}
lacking = [name for name, value in model.model_lit.msm.state_dict().items()
           if name not in saved or not torch.equal(saved[name].to(value), value)]
if lacking:
    sys.exit(f"mist `{checkpoint}`: expected all weights of the network, {len(lacking)} of them are missing, such as "
             f"`{lacking[0]}`, where the package would go on with random ones. Give the checkpoint of loss={loss}, "
             "and its `config`.")
doubts = [f"{len(x)} rows: it was trained on 10 to 500"] if not 10 <= len(x) <= 500 else []
if loss == "qr":
    found = model.estimate_interval_qr(x, y, lower=0.025, upper=0.975)
    answer = {"nats": found["median"]}
    if found["lower"] <= found["upper"]:
        answer["interval"] = [found["lower"], found["upper"]]
    else:
        doubts.append("its quantiles cross")
else:
    answer = {"nats": float(model.estimate_point(x, y))}
print(json.dumps({**answer, "details": {"doubts": doubts}, **({"reliable": False} if doubts else {})}))
"""

_INFONET: Final = """
from pathlib import Path
repository = Path(options["repository"])
if x.shape[1] != 1 or y.shape[1] != 1:
    sys.exit(f"infonet `{x.shape[1]} and {y.shape[1]} columns`: expected one a side, because of more the authors "
             "report the mean over random slices, which is another quantity. Use another estimator.")
sys.path.insert(0, str(repository))
try:
    import torch
    import infer
except ImportError as error:
    sys.exit(f"infonet `{error}`: expected infer.py of the repository and what it imports. Give `repository`, and "
             "run: pip install torch pyyaml scipy matplotlib einops")
config = options.get("config", str(repository / "configs" / "config.yaml"))
try:
    model = infer.load_model(config, options["checkpoint"])
except (KeyError, RuntimeError) as error:
    sys.exit(f"infonet `{options['checkpoint']}`: expected the weights of the network of {config} "
             f"({str(error)[:200]}). Give both of one training.")
torch.manual_seed(options.get("seed", 0))
value = float(infer.estimate_mi(model, x[:, 0], y[:, 0]))
print(json.dumps({"nats": value}))
"""

#: Name → what its program does with `x`, `y` and `options`.
LEARNED: Final[Mapping[str, str]] = {"mist": _MIST, "infonet": _INFONET}
