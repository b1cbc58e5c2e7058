"""Known pictures: what the factors mean is measured back from what the renderers draw."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import torch

from infoloom.observations import RENDERERS, Renderer
from infoloom.observations.renderers.rotation_curve import disc_profile, radii
from infoloom.observations.renderers.tone import RATE
from infoloom.observations.renderers.xray_spectrum import energies
from infoloom.observations.tangent import push_forward
from infoloom.spec.flows.renderers import FORMS


def make(name: str, selector: str | None = None, size: int | None = None) -> Renderer:
    form = FORMS[name]
    return RENDERERS[name](form.setup(selector, () if size is None else (size,)))


def drawn(renderer: Renderer, **values: float) -> np.ndarray:
    """An observation of given factors; the others are in the middle of their ranges."""
    middle = {name: [0.5 * (low + high)] for name, (low, high) in renderer.setup.ranges.items()}
    given = {name: [value] for name, value in values.items()}
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in {**middle, **given}.items()}
    return renderer.render(tensors)[0].numpy()


@pytest.mark.parametrize("diameter", [22.0, 31.0, 42.0])
def test_a_ring_has_its_diameter_and_its_width(diameter: float) -> None:
    picture = drawn(
        make("ring", size=256), diameter=4 * diameter, width=20.0, ellipticity=0.0, asymmetry=0.2
    )[0]
    up = picture[:128, 127:129].mean(axis=1)[::-1]  # from the centre to the top
    assert 2 * (np.argmax(up) + 0.5) == pytest.approx(4 * diameter, abs=2.0)
    bright = up > 0.5 * (up.max() + 0.5 * (up[0] + up[-1]))  # over the glow
    assert bright.sum() == pytest.approx(20.0, abs=2.0)


def test_a_ring_is_brightest_where_its_angle_says_and_has_its_flux() -> None:
    renderer = make("ring")
    y, x = -(np.indices((64, 64))[0] - 31.5), np.indices((64, 64))[1] - 31.5
    for angle in (-2.0, 0.3, 1.7):
        picture = drawn(renderer, angle=angle, ellipticity=0.0)[0]
        assert math.atan2((picture * y).sum(), (picture * x).sum()) == pytest.approx(angle, abs=0.01)
    one, two = (drawn(renderer, flux=flux).sum() for flux in (0.7, 1.4))
    assert two / one == pytest.approx(2.0, rel=1e-12)
    small, large = (drawn(renderer, diameter=d, width=5.0, ellipticity=0.0).sum() for d in (24.0, 36.0))
    assert large / small == pytest.approx(1.0, rel=0.1)  # but for the glow


def test_ellipticity_narrows_the_ring() -> None:
    picture = drawn(make("ring"), diameter=40.0, ellipticity=0.2, width=4.0)[0]
    right = np.argmax(picture[31:33, 32:].mean(axis=0)) + 0.5
    up = np.argmax(picture[:32, 31:33].mean(axis=1)[::-1]) + 0.5
    assert right / up == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("kind", FORMS["sprites"].kinds)
def test_a_sprite_is_where_it_should_be_and_its_area_grows_with_its_size(kind: str) -> None:
    renderer = make("sprites", kind)
    ground = drawn(renderer, x=0.4)[:, 0, 0]

    def cover(**values: float) -> np.ndarray:
        picture = drawn(renderer, ground=0.6, hue=0.1, brightness=1.0, **values)
        return np.abs(picture - picture[:, :1, :1]).sum(axis=0)

    def centre(mask: np.ndarray) -> np.ndarray:
        y, x = np.indices(mask.shape)
        return np.array([(mask * x).sum(), -(mask * y).sum()]) / mask.sum() / 32.0

    moved = centre(cover(x=0.2, y=0.3)) - centre(cover(x=-0.1, y=-0.2))
    np.testing.assert_allclose(moved, [0.3, 0.5], atol=0.01)
    small, large = (cover(size=size).sum() for size in (0.2, 0.3))
    assert large / small == pytest.approx(2.25, rel=0.12)  # tips are thinner than a pixel
    assert ground.min() >= 0.0


def test_a_sprite_has_its_colours() -> None:
    picture = drawn(make("sprites", "square"), x=0.0, y=0.0, hue=0.0, brightness=1.0, ground=2 / 3)
    np.testing.assert_allclose(picture[:, 32, 32], [1.0, 0.325, 0.325], atol=1e-3)  # red
    np.testing.assert_allclose(picture[:, 0, 0], [0.35 * 0.325, 0.35 * 0.325, 0.35], atol=1e-3)  # blue


def test_a_turned_sprite_turns_anticlockwise() -> None:
    picture = drawn(make("sprites", "ellipse"), angle=0.5, elongation=1.7, x=0.0, y=0.0, size=0.3)
    mask = np.abs(picture - picture[:, :1, :1]).sum(axis=0)
    y, x = np.indices(mask.shape) - 31.5
    tensor = [(mask * x * x).sum(), (mask * -y * x).sum(), (mask * y * y).sum()]
    assert 0.5 * math.atan2(2 * tensor[1], tensor[0] - tensor[2]) == pytest.approx(0.5, abs=0.01)


def test_a_spectrum_has_its_slope_its_absorption_and_its_line() -> None:
    renderer = make("xray_spectrum", size=512)
    energy = energies(512).numpy()
    spectrum = drawn(renderer, index=1.8, column=0.1, norm=1.0, line=6.5, width=0.2, strength=0.5)
    hard = (energy > 8.0) & (energy < 9.9)
    slope = np.polyfit(np.log10(energy[hard]), np.log10(10 ** spectrum[hard] - 1e-3), 1)[0]
    assert slope == pytest.approx(0.2, abs=0.01)
    without = drawn(renderer, index=1.8, column=0.1, norm=1.0, line=1.0, width=0.05, strength=1e-9)
    assert energy[np.argmax(spectrum - without)] == pytest.approx(6.5, abs=0.03)
    assert 10 ** (spectrum - without).max() == pytest.approx(1.5, abs=0.01)
    thick = drawn(renderer, index=1.8, column=2.0, norm=1.0, line=6.5, width=0.2, strength=0.5)
    at = np.argmin(np.abs(energy - 1.5))
    depth = 2.4 * 1.9 * energy[at] ** -2.6
    ratio = (10 ** thick[at] - 1e-3) / (10 ** spectrum[at] - 1e-3)
    assert math.log(ratio) == pytest.approx(-depth, rel=1e-9)


def test_a_rotation_curve_is_that_of_disc_and_halo() -> None:
    """Against scipy's Bessel functions; far out it is the halo's, and the disc peaks at 2.2 scale lengths."""
    renderer = make("rotation_curve")
    radius = radii(64).numpy()
    curve = drawn(renderer, disc=10.5, scale=2.5, halo=180.0, core=6.0)
    y = radius / 5.0
    i0, i1, k0, k1 = (f(y) for f in (scipy.special.i0, scipy.special.i1, scipy.special.k0, scipy.special.k1))
    disc = 2 * 4.30091e-6 * 10**10.5 / 2.5 * y**2 * (i0 * k0 - i1 * k1)
    halo = 180.0**2 * (1 - 6.0 / radius * np.arctan(radius / 6.0))
    np.testing.assert_allclose(curve, np.sqrt(disc + halo) / 100.0, rtol=1e-12)
    fine = torch.linspace(0.2, 3.0, 2801, dtype=torch.float64)
    assert 2.0 * float(fine[disc_profile(fine).argmax()]) == pytest.approx(2.15, abs=0.01)  # Freeman 1970


def test_the_disc_has_derivatives_in_both_modes() -> None:
    """Forward mode through PyTorch's own scaled Bessel functions K gives zero."""
    y = torch.linspace(0.05, 20.0, 40, dtype=torch.float64)
    step = 1e-6
    wanted = (disc_profile(y + step) - disc_profile(y - step)) / (2 * step)
    forward = push_forward(disc_profile, y, torch.ones_like(y))[1]
    backward = torch.autograd.functional.jacobian(disc_profile, y).diagonal()
    torch.testing.assert_close(forward, wanted, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(backward, forward, rtol=1e-12, atol=0.0)


def test_a_chirp_has_the_frequency_of_its_chirp_mass_and_fades_with_distance() -> None:
    renderer = make("chirp", size=4096)
    strain = drawn(renderer, mass=30.0, time=0.8, phase=0.4, distance=500.0)
    time = np.arange(4096) / 4096
    rising = np.flatnonzero((strain[:-1] < 0) & (strain[1:] >= 0))
    crossings = time[rising] + strain[rising] / (strain[rising] - strain[rising + 1]) / 4096
    middle, frequency = 0.5 * (crossings[1:] + crossings[:-1]), 1.0 / np.diff(crossings)
    middle, frequency = middle[middle < 0.7], frequency[middle < 0.7]
    wanted = (5 / (256 * (0.8 - middle))) ** 0.375 * (30.0 * 4.925490947e-6) ** -0.625 / math.pi
    np.testing.assert_allclose(frequency, wanted, rtol=0.01)
    far = drawn(renderer, mass=30.0, time=0.8, phase=0.4, distance=1000.0)
    np.testing.assert_allclose(far, 0.5 * strain, rtol=1e-12)
    assert np.abs(strain[time > 0.82]).max() < 1e-3 * np.abs(strain).max()


def test_a_tone_has_its_pitch_its_partials_and_its_loudness() -> None:
    renderer = make("tone", size=8000)
    sound = drawn(renderer, pitch=300.0, loudness=0.5, brightness=0.4, attack=0.005, vibrato=1e-9)
    spectrum = np.abs(np.fft.rfft(sound))
    frequency = np.fft.rfftfreq(8000, 1 / RATE)
    assert frequency[np.argmax(spectrum)] == pytest.approx(300.0)
    partials = spectrum[[300, 600, 900]]
    np.testing.assert_allclose(partials[1:] / partials[:-1], 0.4, rtol=0.02)
    early = sound[320:720] * np.exp(np.arange(320, 720) / RATE / 0.5)
    assert np.abs(early).max() == pytest.approx(0.5, rel=0.01)
    slow = drawn(renderer, attack=0.1, loudness=0.5)
    assert np.abs(slow[:80]).max() < 0.2 * np.abs(slow).max()
