"""Channels: what they do, that they are no bijections, and what they are measured to take."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.special
import torch

from infoloom.datasets import generate
from infoloom.errors import FlowError
from infoloom.observations import Bijection, build
from infoloom.observations.channels import (
    CHANNELS,
    Channel,
    Clip,
    Crop,
    EightBit,
    Half,
    Jpeg,
    Noise,
    kept_information,
    measure_loss,
)
from infoloom.observations.formulas.elementwise import Affine
from infoloom.observations.tangent import jacobian
from infoloom.story import compile_story

MADE: dict[str, Channel] = {
    "clip": Clip(-0.5, 0.5),
    "crop": Crop(4, 6),
    "float16": Half(),
    "jpeg": Jpeg(60),
    "noise": Noise(0.1),
    "uint8": EightBit(),
}
ROWS = np.random.default_rng(0).standard_normal((5, 1, 8, 8)).astype(np.float32)


def test_every_channel_is_tried() -> None:
    assert MADE.keys() == CHANNELS.keys()


@pytest.mark.parametrize("name", MADE)
def test_a_channel_changes_rows_and_is_no_bijection(name: str) -> None:
    channel = MADE[name]
    assert not isinstance(channel, Bijection)
    assert not hasattr(channel, "inverse")
    assert channel.statement == "at most"
    seen = channel.seen(ROWS)
    assert seen.shape == ROWS.shape
    assert seen.dtype == np.float32
    assert not np.array_equal(seen, ROWS)
    np.testing.assert_array_equal(channel.seen(ROWS[:2]), seen[:2])


def test_what_channels_store() -> None:
    x = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0]], dtype=np.float32)
    np.testing.assert_array_equal(EightBit().apply(x), [[0, 0, 128, 255, 255]])
    np.testing.assert_array_equal(Clip().apply(x), [[-1.0, -1.0, 0.0, 1.0, 1.0]])
    assert Half().apply(x).dtype == np.float16
    np.testing.assert_array_equal(
        Crop(2, 2).apply(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0], [[5, 6], [9, 10]]
    )
    assert Jpeg().apply(ROWS).dtype == np.uint8


def test_noise_has_its_spread() -> None:
    x = np.zeros((400, 50), dtype=np.float32)
    error = 4.0 * 0.3 / math.sqrt(2 * x.size)
    assert float(Noise(0.3).apply(x).std()) == pytest.approx(0.3, abs=error)


def test_noise_of_a_row_is_its_own() -> None:
    """Views of independent rows share nothing, and the rows that come with a row do not change it."""
    drawn = np.random.default_rng(0)
    first, second = (drawn.standard_normal((4000, 4)).astype(np.float32) for _ in range(2))
    views = [Noise(1.0).apply(x) for x in (first, second)]
    shared = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(*(v.T for v in views), strict=True)]
    assert np.abs(shared).max() < 4.0 / math.sqrt(4000)
    noises = [(v - x).ravel() for v, x in zip(views, (first, second), strict=True)]
    assert abs(np.corrcoef(*noises)[0, 1]) < 4.0 / math.sqrt(16000)
    np.testing.assert_array_equal(views[0][256:512], Noise(1.0).apply(first[256:512]))
    again = Noise(1.0, seed=1).apply(first) - first
    assert abs(np.corrcoef(noises[0], again.ravel())[0, 1]) < 4.0 / math.sqrt(16000)


@pytest.mark.parametrize("channel", [Clip(6.0, 7.0), EightBit(-784.0, 1215.2)], ids=["clip", "uint8"])
def test_nothing_is_kept_where_nothing_is_left(channel) -> None:
    """What comes out is constant, or nearly, though the error is of the size of the latent."""
    latents = torch.randn((1000, 16), generator=torch.Generator().manual_seed(0))
    loss = measure_loss(channel, build("vector(16)"), latents, template=np.full(16, 0.5))
    assert loss.kept < 0.005  # one value in ten thousand reaches another level, and tells 9 nats of itself
    assert loss.information is not None
    assert loss.information < 0.02


def test_cropping_keeps_what_is_in_the_middle() -> None:
    """One of sixteen components is left of a cause that moves all alike, so the exact value is ½ log(1 + w²/16)."""
    latents = torch.randn((2000, 16), generator=torch.Generator().manual_seed(0))
    loss = measure_loss(Crop(1, 1), build("identity(1, 4, 4)"), latents, template=np.full(16, 0.5))
    exact = 0.5 * math.log1p(0.25)
    assert loss.information == pytest.approx(exact, abs=4.0 * math.sqrt(2.0 / 2000) * exact)
    # a mean of sixteen components, one of them kept whole, is more than this bound
    assert loss.kept == pytest.approx(-0.5 * math.log1p(-1.0 / 16.0), rel=4.0 * math.sqrt(2.0 / 2000))


def test_noise_on_a_linear_map_is_measured_exactly() -> None:
    """x = 2 z seen with noise s keeps ½ log(1 + w² / (1 + s²/4)) along a unit template w."""
    dim, spread = 6, 0.8
    latents = torch.randn((2000, dim), generator=torch.Generator().manual_seed(0))
    template = np.zeros(dim)
    template[0] = 1.5
    loss = measure_loss(Noise(spread), Affine((dim,), 2.0), latents, template=template)
    assert loss.error == pytest.approx(spread / 2, rel=4.0 / math.sqrt(2 * 2000 * dim))
    exact = 0.5 * math.log1p(1.5**2 / (1.0 + spread**2 / 4))
    assert loss.information == pytest.approx(exact, rel=4.0 * math.sqrt(2.0 / 2000))
    assert loss.information < 0.5 * math.log1p(1.5**2)


def test_clipping_digits_takes_more_than_rounding() -> None:
    flow = build("digits[3]")
    latents = torch.randn((1, 64), generator=torch.Generator().manual_seed(0))
    template = np.ones(64) / 8.0
    half, byte, clip = (
        measure_loss(channel, flow, latents, template=template)
        for channel in (Half(), EightBit(-2.0, 2.0), Clip())
    )
    assert half.error < byte.error < clip.error
    assert half.kept > byte.kept > clip.kept
    assert clip.information is not None
    assert clip.information < 0.5 * math.log(2.0)


@pytest.fixture(scope="module")
def sevens() -> tuple[Bijection, torch.Tensor]:
    flow = build("digits[7]")
    return flow, torch.randn((32, 64), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("channel", [EightBit(-2.0, 2.0), EightBit()], ids=["rounding", "clipping"])
def test_the_estimate_on_digits_is_what_the_inverse_finds(
    sevens: tuple[Bijection, torch.Tensor], channel: EightBit
) -> None:
    """The latent that the flow's own inverse finds behind 8 bits is off by what the Jacobian says."""
    flow, latents = sevens
    with torch.no_grad():
        back = flow.inverse(torch.from_numpy(channel.seen(flow.forward(latents).numpy())))
    by_row = (back - latents).double().square().mean(dim=1)
    loss = measure_loss(channel, flow, latents[:3])
    found = float(by_row[:3].mean().sqrt())
    assert loss.error == pytest.approx(found, rel=0.15)  # clipping is beyond first order
    assert loss.error**2 == pytest.approx(
        float(by_row.mean()), abs=4.0 * float(by_row.std()) / math.sqrt(3.0) + 0.15 * found**2
    )


@pytest.mark.slow
@pytest.mark.parametrize("channel", [EightBit(-2.0, 2.0), EightBit()], ids=["rounding", "clipping"])
def test_information_behind_a_channel_on_digits(channel: EightBit) -> None:
    """A cause along a random direction, regressed on latents found behind 8 bits, against the estimate."""
    flow, rows, information = build("digits[3]"), 320, 0.881
    generator = torch.Generator().manual_seed(1)
    direction = torch.nn.functional.normalize(torch.randn(64, generator=generator), dim=0)
    cause, noise = torch.randn(rows, generator=generator), torch.randn((rows, 64), generator=generator)
    strength = math.sqrt(-math.expm1(-2.0 * information))
    along = strength * cause + (math.sqrt(1.0 - strength**2) - 1.0) * (noise @ direction)
    latents = noise + along[:, None] * direction
    with torch.no_grad():
        back = flow.inverse(torch.from_numpy(channel.seen(flow.forward(latents).numpy())))
    before, after = (
        -0.5 * math.log1p(-(np.corrcoef(cause.numpy(), (z @ direction).numpy())[0, 1] ** 2))
        for z in (latents, back)
    )
    estimate = kept_information(before, measure_loss(channel, flow, latents[:4]).correlation)
    assert after < before
    # the standard error of ½ log(1 − r²) is r / √n; the part that both have from the same rows cancels
    assert estimate == pytest.approx(
        after, abs=4.0 * math.sqrt(-math.expm1(-2.0 * (before - after)) / rows) + 0.02
    )


def test_kept_information_between_nothing_and_all() -> None:
    """x = z + e with independent noise e is a Gaussian channel, where the formula is exact."""
    information, error = 0.7, 0.6
    strength = -math.expm1(-2.0 * information)
    joint = np.array([[1.0, math.sqrt(strength)], [math.sqrt(strength), 1.0 + error**2]])
    exact = -0.5 * math.log(np.linalg.det(joint) / (1.0 + error**2))
    correlation = 1.0 / math.sqrt(1.0 + error**2)
    assert kept_information(information, correlation) == pytest.approx(exact, rel=1e-12)
    assert kept_information(information, 1.0) == pytest.approx(information, rel=1e-12)
    assert kept_information(information, 0.0) == 0.0


@pytest.mark.parametrize(
    "flow",
    [
        pytest.param("digits[3]", marks=pytest.mark.slow),
        "vector(12) | rotation(seed=1) | coupling",
    ],
)
def test_the_loss_is_that_of_the_dense_formulas(flow: str) -> None:
    """Against J⁻¹e and I + C formed and solved whole, in float64."""
    bijection, channel = build(flow, dtype=torch.float64), EightBit(-3.0, 3.0)
    rows = 2 if bijection.dim < 20 else 1
    latents = torch.randn(
        (rows, bijection.dim), generator=torch.Generator().manual_seed(4), dtype=torch.float64
    )
    template = np.random.default_rng(0).standard_normal(bijection.dim)
    with torch.no_grad():
        x = bijection.forward(latents)
    errors = (torch.from_numpy(channel.seen(x.numpy())) - x).flatten(1)
    whole = [jacobian(bijection.forward, z) for z in latents]
    delta = torch.stack([torch.linalg.solve(j, e) for j, e in zip(whole, errors, strict=True)]).numpy()
    assert np.abs(latents.numpy() + delta).max() < 4.0
    noisy = np.linalg.inv(np.eye(bijection.dim) + delta.T @ delta / len(delta))
    loss = measure_loss(channel, bijection, latents, template=template)
    assert loss.error == pytest.approx(math.sqrt((delta**2).mean()), rel=1e-9)
    z = latents.numpy()
    squared = (z * (z + delta)).sum() ** 2 / ((z**2).sum() * ((z + delta) ** 2).sum())
    assert loss.correlation == pytest.approx(math.sqrt(squared), rel=1e-9)
    assert loss.kept == pytest.approx(-0.5 * math.log1p(-squared), rel=1e-6)
    along = min(template @ noisy @ template, squared * template @ template)
    assert loss.information == pytest.approx(0.5 * math.log1p(along), rel=1e-9)


@pytest.mark.parametrize(
    "flow", ["vector(6) | cube", "vector(6) | cdf", "vector(6) | rotation(seed=1) | asinh | affine(scale=3)"]
)
def test_curves_of_components_are_gone_back_exactly(flow: str) -> None:
    """Also far from first order: the cube has slope 0 at 0. What lies outside of the curve's range is linearised."""
    bijection = build(flow, dtype=torch.float64)
    latents = torch.randn((50, 6), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    with torch.no_grad():
        x = bijection.forward(latents)
        change = 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        outside = (flow.endswith("cdf") & ((x + change <= 0.0) | (x + change >= 1.0))).any(dim=1)
        there = bijection.inverse(torch.where(outside[:, None], x, x + change))
        moved = bijection.move_back(latents, change)
    assert bool((~outside).any())
    assert torch.allclose((latents + moved)[~outside], there[~outside], rtol=1e-9, atol=1e-9)
    assert moved.isfinite().all()
    small = 1e-7 * change
    assert torch.allclose(
        bijection.move_back(latents, small), bijection.pull_back(latents, small), rtol=1e-2, atol=1e-9
    )


@pytest.mark.parametrize(
    "flow", ["vector(1)", "vector(1) | cube", "vector(1) | half_cube", "vector(1) | power(exponent=7)"]
)
@pytest.mark.parametrize(("noise", "least"), [(1.0, 0.7), (0.02, 0.45)])
def test_what_8_bits_keep_is_not_said_too_large(
    flow: str, noise: float, least: float, tmp_path: Path
) -> None:
    """Against I(t; level) by sums over a dense grid: with one component the estimate is a lower bound."""
    tree = {
        "name": "one",
        "causes": {"c": "normal"},
        "targets": {"t": "c"},
        "modalities": {"a": {"flow": flow, "latent": f"c + {noise}*noise"}},
    }
    data = generate(compile_story(tree), tmp_path / "out", 3, also="uint8", workers=1)
    column = next(one for one in data.columns if one.kind == "channel")
    z = np.linspace(-9.0, 9.0, 400_001)
    with torch.no_grad():
        x = build(flow, dtype=torch.float64).forward(torch.from_numpy(z[:, None])).numpy()[:, 0]
    low, high = column.levels
    level = np.rint(255 * (np.clip(x, low, high) - low) / (high - low)).astype(int)
    edges = np.concatenate([[-np.inf], (0.5 * (z[1:] + z[:-1]))[np.diff(level) != 0], [np.inf]])
    c = np.linspace(-7.0, 7.0, 1401)
    odds = np.diff(scipy.special.ndtr((edges * math.hypot(1.0, noise) - c[:, None]) / noise), axis=1)
    weight = np.exp(-0.5 * c**2) / np.exp(-0.5 * c**2).sum()
    share = weight @ odds
    exact = float(
        (weight[:, None] * scipy.special.xlogy(odds, odds)).sum() - scipy.special.xlogy(share, share).sum()
    )
    said = data.manifest.losses[column.name]["information"]["t"]
    assert least * exact < said < 1.005 * exact


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["mnist[3]", "spoken[7]", "heartbeat-one", "cifar10[cat]"])
def test_the_estimate_on_large_flows_is_what_the_inverse_finds(flow: str) -> None:
    """Half precision rounds so little that first order is all there is."""
    bijection = build(flow)
    latents = torch.randn((1, bijection.dim), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        back = bijection.inverse(torch.from_numpy(Half().seen(bijection.forward(latents).numpy())))
    found = float((back - latents).square().mean().sqrt())
    assert measure_loss(Half(), bijection, latents).error == pytest.approx(found, rel=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: EightBit(1.0, -1.0),
            r"channel `uint8\(low=1.0, high=-1.0\)`: expected two numbers, the lower first",
        ),
        (lambda: Clip(0.0, math.inf), "channel `clip"),
        (lambda: Noise(0.0), r"channel `noise\(spread=0.0\)`: expected a number above 0"),
        (lambda: Jpeg(0), r"channel `jpeg\(quality=0\)`: expected 1 to 95"),
        (lambda: Crop(9, 9).apply(ROWS), r"channel `crop\(9, 9\)`: expected pictures at least that large"),
        (lambda: Jpeg().apply(ROWS[:, 0]), "channel `jpeg`: expected pictures of 1 or 3 channels"),
    ],
)
def test_channels_that_make_no_sense_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(FlowError, match=message):
        make()
