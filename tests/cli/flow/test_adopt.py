"""`infoloom flow adopt`: other packages' files, without pickle."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
import zuko
from diffusers import DDPMScheduler, UNet2DModel
from observations.adopted.models import SmallVelocity
from safetensors.torch import save_file
from typer.testing import CliRunner

from infoloom.cli.main import app
from infoloom.errors import FlowError
from infoloom.observations import build
from infoloom.observations.adopted.checkpoints import adopt_checkpoint, read_weights

RUN = CliRunner()


@pytest.fixture
def weights(tmp_path):
    """Weights of a small velocity as training code writes them: several entries, names of parallel training."""
    model = SmallVelocity()
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save({"ema_model": state, "step": 3}, tmp_path / "weights.pt")
    (tmp_path / "config.json").write_text(json.dumps({"dim": 4}))
    return tmp_path / "weights.pt"


def test_adopts_and_certifies(weights, tmp_path):
    output = tmp_path / "mine.safetensors"
    call = [
        "flow", "adopt", "--from", "flow-matching", "--model", "observations.adopted.models:SmallVelocity", "--weights",
        str(weights), "--config", str(tmp_path / "config.json"), "--key", "ema_model", "--shape", "4", "--steps", "4",
        "-o", str(output), "--source", "here", "--check",
    ]  # fmt: skip
    done = RUN.invoke(app, call)
    assert done.exit_code == 0, done.output
    assert "mine: certified" in done.output
    assert f'Wrote {output}. Use it in a spec as `flow: "{output}"`.' in done.output
    assert build(str(output)).certificate()["passes"]
    done = RUN.invoke(app, call[:-1])
    assert done.exit_code == 0
    assert f"certify it with `infoloom flow check {output} --keep`" in done.output


def test_zuko_by_its_configuration(tmp_path):
    settings = {"features": 2, "transforms": 1, "hidden_features": [8]}
    torch.manual_seed(0)
    flow = zuko.flows.NSF(**settings)
    save_file({k: v.contiguous() for k, v in flow.state_dict().items()}, tmp_path / "w.safetensors")
    (tmp_path / "c.json").write_text(json.dumps({"flow": "NSF", **settings}))
    made = adopt_checkpoint("zuko", tmp_path / "w.safetensors", tmp_path / "c.json", effort=None)
    z = torch.randn(3, 2)
    assert torch.allclose(made.flow().forward(z), flow().transform.inv(z), atol=1e-5)


@pytest.fixture
def folder(tmp_path):
    """A model's folder as the hub has it."""
    UNet2DModel(
        sample_size=4, in_channels=1, out_channels=1, block_out_channels=(8,), layers_per_block=1,
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",), norm_num_groups=4,
    ).save_pretrained(tmp_path / "ddpm")  # fmt: skip
    DDPMScheduler().save_pretrained(tmp_path / "ddpm")
    return tmp_path / "ddpm"


def test_diffusers_folder_and_hub(folder, monkeypatch):
    import huggingface_hub

    made = adopt_checkpoint("diffusers", folder, grid=3, effort=None)
    asked = []
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda name, allow_patterns: asked.append((name, allow_patterns)) or folder,
    )
    fetched = adopt_checkpoint("hub:google/ddpm-cifar10-32", grid=3, effort=None)
    assert asked == [("google/ddpm-cifar10-32", ["*.json", "*.safetensors"])]
    z = torch.randn(2, 16)
    assert torch.equal(made.flow().forward(z), fetched.flow().forward(z))


def refuse(name, allow_patterns):
    raise OSError("no network")


def test_hub_says_why_nothing_came(monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(FlowError, match=r"hub model `a/b`: cannot be fetched \(OSError: no network\)"):
        adopt_checkpoint("hub:a/b")


def test_diffusers_folder_is_checked(folder):
    (folder / "diffusion_pytorch_model.safetensors").rename(folder / "diffusion_pytorch_model.bin")
    with pytest.raises(FlowError, match=r"because a `.bin` file needs pickle"):
        adopt_checkpoint("diffusers", folder)
    (folder / "diffusion_pytorch_model.bin").rename(folder / "diffusion_pytorch_model.safetensors")
    (folder / "scheduler_config.json").unlink()
    with pytest.raises(FlowError, match=r"expected `scheduler_config.json`, which says how noise was added"):
        adopt_checkpoint("diffusers", folder)
    (folder / "config.json").unlink()
    with pytest.raises(FlowError, match=r"expected a diffusers folder with `config.json`"):
        adopt_checkpoint("diffusers", folder)


class Unsafe:
    def __reduce__(self):
        return (print, ("run",))


def test_pickle_is_never_run(tmp_path, capsys):
    torch.save({"model": Unsafe()}, tmp_path / "bad.pt")
    with pytest.raises(
        FlowError, match=r"because anything else needs pickle, which runs code of whoever wrote the file"
    ):
        read_weights(tmp_path / "bad.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Unsafe()))
    with pytest.raises(FlowError, match=r"because anything else needs pickle"):
        read_weights(tmp_path / "plain.pt")
    assert "run" not in capsys.readouterr().out


def test_weights_are_checked(weights, tmp_path):
    with pytest.raises(
        FlowError, match=r"expected tensors by name, got entries ema_model, step. Say which entry"
    ):
        read_weights(weights)
    with pytest.raises(FlowError, match=r"expected an entry `net`, got entries ema_model, step"):
        read_weights(weights, "net")
    with pytest.raises(FlowError, match=r"weights `.*none.pt`: expected a file"):
        read_weights(tmp_path / "none.pt")
    (tmp_path / "odd.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(FlowError, match=r"expected a safetensors file"):
        read_weights(tmp_path / "odd.safetensors")


def request(weights, tmp_path, package="flow-matching", config=None, **changes):
    (tmp_path / "config.json").write_text(json.dumps({"dim": 4} if config is None else config))
    given = {
        "model": "observations.adopted.models:SmallVelocity",
        "key": "ema_model",
        "shape": (4,),
        **changes,
    }
    return adopt_checkpoint(package, weights, tmp_path / "config.json", effort=None, grid=2, **given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"package": "jax"}, "package `jax`: expected one of torchcfm, flow-matching"),
        ({"model": None}, "package `flow-matching`: expected the model's class. Give `--model MODULE:CLASS`"),
        ({"model": "no_such_module:Net"}, "package `no_such_module`: expected it to be installed"),
        ({"model": "math:Net"}, "model `math:Net`: expected a class or function of `math`"),
        ({"model": "math:sqrt", "config": {"x": 2}}, "model `math:sqrt`: cannot be made of ['x']"),
        ({"model": "collections:OrderedDict"}, "model `collections:OrderedDict`: expected a torch module"),
        ({"config": {"dim": 5}}, "expected those of `SmallVelocity`"),
        ({"config": [1]}, "expected a JSON object, got list"),
        ({"shape": None}, "package `flow-matching`: expected the shape of an observation"),
    ],
)
def test_requests_are_checked(weights, tmp_path, changes, message):
    with pytest.raises(FlowError) as error:
        request(weights, tmp_path, **changes)
    assert message in str(error.value)


def test_calls_are_checked(tmp_path):
    with pytest.raises(FlowError, match=r"expected the file of its weights. Give `--weights FILE`"):
        adopt_checkpoint("zuko")
    with pytest.raises(FlowError, match=r"config `.*`: expected a JSON object \("):
        adopt_checkpoint("zuko", tmp_path / "w.pt", tmp_path / "none.json")
    done = RUN.invoke(app, ["flow", "adopt", "--from", "zuko", "-o", "x.pt"])
    assert "expected a name ending in `.safetensors`" in str(done.exception)
    done = RUN.invoke(app, ["flow", "adopt", "--from", "zuko", "--shape", "3,a", "-o", "x.safetensors"])
    assert "shape `3,a`: expected positive whole sizes" in str(done.exception)
