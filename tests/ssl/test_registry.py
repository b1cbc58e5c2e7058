"""One contract for every registered learner."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import infoloom.ssl as package
from infoloom.errors import LearnerError
from infoloom.ssl import REGISTRY, Learner, Training, build, features, load, names, save, train

#: A picture with odd sides, a signal and a vector whose name is that of an attribute of modules.
SHAPES = {"image": (2, 13, 12), "curve": (2, 24), "type": (10,)}


@pytest.fixture(params=sorted(REGISTRY))
def learner(request):
    return build(request.param, SHAPES, seed=3)


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    drawn = {
        name: (3.0 + 2.0 * rng.normal(size=(count, *shape))).astype(np.float32)
        for name, shape in SHAPES.items()
    }
    return {**drawn, "theta": rng.normal(size=count).astype(np.float32)}


def batch(count, seed=0):
    return {name: torch.from_numpy(values) for name, values in rows(count, seed).items()}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_contract(learner):
    """A scalar loss, features of every modality and of all together, settings that JSON writes."""
    assert isinstance(learner, Learner)
    loss = learner.loss(batch(12), generator())
    assert loss.shape == ()
    assert torch.isfinite(loss)
    found = learner(batch(12))
    assert list(found) == [*SHAPES, "fused"]
    assert all(values.shape[0] == 12 and values.ndim == 2 for values in found.values())
    assert found["fused"].isfinite().all()
    json.dumps(dataclasses.asdict(learner.settings), allow_nan=False)


def test_features_do_not_depend_on_the_batch(learner):
    """Each row's features are its own: alone, among others, in another order, or with training switched on."""
    given = rows(9)
    learner.prepare(given)
    whole = features(learner, given)
    for size in (1, 4):
        found = features(learner, given, batch=size)
        for name in whole:
            np.testing.assert_allclose(found[name], whole[name], rtol=1e-4, atol=1e-5)
    order = np.random.default_rng(1).permutation(9)
    turned = features(learner.train(), {name: values[order] for name, values in given.items()})
    assert learner.training
    for name in whole:
        np.testing.assert_allclose(turned[name], whole[name][order], rtol=1e-4, atol=1e-5)


def test_a_modality_alone_has_the_same_features(learner):
    given = rows(6)
    whole = features(learner, given)
    for name in SHAPES:
        alone = features(learner, {name: given[name]})
        assert list(alone) == [name, "fused"]
        np.testing.assert_allclose(alone[name], whole[name], rtol=1e-4, atol=1e-5)


def test_the_seed_makes_the_weights_and_no_global_one_moves(learner):
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    twin, other = (build(learner.objective, SHAPES, seed=seed) for seed in (3, 4))
    value, again = (each.loss(batch(8), generator(5)) for each in (learner, twin))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert value == again
    weights, twins, others = (dict(each.named_parameters()) for each in (learner, twin, other))
    assert all(torch.equal(weights[name], twins[name]) for name in weights)
    assert not weights or any(not torch.equal(weights[name], others[name]) for name in weights)


def test_training_learns_and_repeats(learner):
    twin = build(learner.objective, SHAPES, seed=3)
    settings = Training(batch=8, steps=6, seed=2)
    first, second = (train(each, rows(24), settings) for each in (learner, twin))
    assert first.losses == second.losses
    assert first.steps == (0 if learner.objective in ("random", "pixels") else 6)
    assert not learner.training
    for one, two in zip(learner.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    untrained = build(learner.objective, SHAPES, seed=3)
    for name, weight in learner.named_parameters():
        moved = not torch.equal(weight, dict(untrained.named_parameters())[name])
        assert moved == weight.requires_grad, name


def test_mixed_precision_is_close_to_full(learner):
    """bfloat16 keeps 8 bits: the first loss is the same to about 1 %, and weights stay float32."""
    given = rows(64)
    full, mixed = (
        train(
            build(learner.objective, SHAPES, seed=3), given, Training(batch=64, steps=1, precision=precision)
        )
        for precision in ("float32", "bfloat16")
    )
    assert mixed.losses == pytest.approx(full.losses, rel=0.02, abs=0.02)
    train(learner, given, Training(batch=32, steps=3, precision="bfloat16"))
    assert {weight.dtype for weight in learner.parameters()} <= {torch.float32}


def test_every_weight_has_a_gradient(learner):
    """Nothing in a learner is carried along without being used."""
    learned = {name: weight for name, weight in learner.named_parameters() if weight.requires_grad}
    if learned:
        sum(learner.loss(batch(16, seed), generator(seed)) for seed in range(4)).backward()
    for name, weight in learned.items():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0.0, name


def test_saved_and_loaded(learner, tmp_path):
    learner.prepare(rows(20))
    save(learner, tmp_path / "learner.safetensors")
    twin = load(tmp_path / "learner.safetensors")
    assert type(twin) is type(learner)
    assert twin.settings == learner.settings
    assert twin.shapes == learner.shapes
    found, again = (features(each, rows(5)) for each in (learner, twin))
    for name in found:
        np.testing.assert_array_equal(found[name], again[name])
    assert [path.name for path in tmp_path.iterdir()] == ["learner.safetensors"]


def test_constant_channels_are_no_trouble(learner):
    given = rows(16)
    given["image"][:, 0] = 7.0
    learner.prepare(given)
    assert all(np.isfinite(values).all() for values in features(learner, given).values())


def test_names():
    assert names() == tuple(sorted(REGISTRY))


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(LearnerError, match=re.escape("`objective` `clipp`: expected one of")) as caught:
        build("clipp", SHAPES)
    assert str(caught.value).endswith("Did you mean `clip`?")
    with pytest.raises(LearnerError, match=re.escape("Choose one of them.")):
        build("zzz", SHAPES)
    with pytest.raises(LearnerError) as caught:
        build("clip", SHAPES, widht=3)
    assert str(caught.value) == (
        "`setting` `widht` of `clip`: expected some of features, seed, vocabularies, channels, hidden, embedding, "
        "temperature. Leave it out."
    )


@pytest.mark.parametrize("name", sorted(REGISTRY))
@pytest.mark.parametrize("setting", ["features", "hidden"])
def test_settings_must_be_positive(name, setting):
    with pytest.raises(LearnerError, match=f"^`{setting}` `0`: expected a number above 0. Use "):
        build(name, SHAPES, **{setting: 0})


@pytest.mark.parametrize("name", sorted(REGISTRY))
@pytest.mark.parametrize("value", [2.5, True, "8"])
def test_settings_are_whole_numbers(name, value):
    for setting in ("features", "hidden", "seed"):
        message = f"`{setting}` `{value}`: expected a whole number. Use "
        with pytest.raises(LearnerError, match=re.escape(message)):
            build(name, SHAPES, **{setting: value})


def test_numbers_of_numpy_are_numbers(tmp_path):
    shapes = {"a": (np.int64(3),), "b": [np.int32(4)]}
    learner = build("clip", shapes, features=np.int64(4), seed=np.uint8(1), temperature=np.float32(0.5))
    assert (learner.settings.features, learner.settings.temperature) == (4, 0.5)
    save(learner, tmp_path / "learner")
    assert load(tmp_path / "learner").shapes == {"a": (3,), "b": (4,)}


def test_targets_are_a_list():
    message = '`targets` `theta`: expected a list of names, got one name. Write ["theta"].'
    with pytest.raises(LearnerError, match=re.escape(message)):
        build("supervised", SHAPES, targets="theta")


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("clip", {"vocabularies": 5}, "`vocabularies` `5`: expected modality → number of ids. Give a dict."),
        ("clip", {"vocabularies": {"type": 2.5}}, "`vocabulary of type` `2.5`: expected 2 ids or more."),
        ("mvae", {"weights": 5}, "`weights` `5`: expected modality → weight. Give a dict."),
        (
            "mvae",
            {"weights": {"type": "8"}},
            "`weight of type` `8`: expected a number above 0. Leave it out.",
        ),
        ("jepa", {"momentum": "0.9"}, "`momentum` `0.9`: expected a finite number. Use 0.99."),
        ("mvae", {"annealing": 2.5}, "`annealing` `2.5`: expected a whole number. Use 400."),
    ],
)
def test_settings_of_one_objective_are_checked(name, given, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build(name, SHAPES, **given)


def test_seeds_must_not_be_negative():
    with pytest.raises(LearnerError, match=re.escape("`seed` `-1`: expected 0 or more. Use 0.")):
        build("clip", SHAPES, seed=-1)


@pytest.mark.parametrize(
    ("name", "shapes", "message"),
    [
        ("clip", {"a": (3,)}, "`shapes` `a`: expected at least 2 modalities. Add a modality, or"),
        ("random", {}, "`shapes` `no modality`: expected a modality. Add a modality, or"),
        (
            "clip",
            {"a": (3,), "fused": (3,)},
            "`shapes` `fused`: expected another name of a modality, because",
        ),
        ("clip", {"a": (3,), "b": ()}, "`shape of b` `()`: expected (values,), (leads, samples) or"),
        ("clip", {"a": (3,), "b": (1, 2, 3, 4)}, "`shape of b` `(1, 2, 3, 4)`: expected (values,), (leads,"),
        ("clip", {"a": (3,), "b": (4.0,)}, "`shape of b` `(4.0,)`: expected (values,), (leads, samples) or"),
        ("clip", {"a": (3,), "b": 4}, "`shape of b` `4`: expected (values,), (leads, samples) or"),
        ("pixels", {"a": (3, 0)}, "`shape of a` `(3, 0)`: expected (values,), (leads, samples) or"),
    ],
)
def test_shapes_are_checked(name, shapes, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build(name, shapes)


def test_public_names():
    assert package.__all__ == dir(package)
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_importing_is_light():
    code = "import infoloom.ssl, sys; infoloom.ssl.names(); infoloom.ssl.Training(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_torch_the_message_says_what_to_install():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from infoloom.ssl import build\n"
        "try: build('clip', {'a': (3,), 'b': (3,)})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "LearnerError `clip` `without torch`: expected torch, because a learner is a network. "
        "Install it with: pip install 'infoloom[torch]'."
    )
