"""Make the pictures of the page on renderers: `python docs/make_renderers.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import torch
from PIL import Image

from infoloom.observations import RENDERERS, Renderer
from infoloom.observations.renderers.rotation_curve import radii
from infoloom.observations.renderers.xray_spectrum import energies
from infoloom.spec.flows.renderers import FORMS

PICTURES = Path(__file__).resolve().parent / "images"
PLACES = (-2.0, -1.0, 0.0, 1.0, 2.0)


def main() -> None:
    """All of them."""
    ring()
    sprites()
    lines()


def made(name: str, kind: str | None = None) -> Renderer:
    """A renderer as it is without arguments."""
    return RENDERERS[name](FORMS[name].setup(kind))


def swept(renderer: Renderer, factor: int) -> torch.Tensor:
    """One factor at five places, all others in the middle."""
    z = torch.zeros((len(PLACES), renderer.dim), dtype=torch.float64)
    z[:, factor] = torch.tensor(PLACES, dtype=torch.float64)
    return renderer.forward(z)


def ring() -> None:
    """A column a value, a row a factor."""
    renderer = made("ring")
    figure, axes = plt.subplots(6, 5, figsize=(7.5, 9.2), layout="constrained")
    for factor, (name, row) in enumerate(zip(renderer.form.names, axes, strict=True)):
        for place, picture, ax in zip(PLACES, swept(renderer, factor), row, strict=True):
            ax.imshow(picture[0].numpy(), cmap="afmhot", vmin=0.0, vmax=3.0)
            ax.set(xticks=[], yticks=[], title=f"{place:+g}" if factor == 0 else "")
        row[0].set_ylabel(name)
    save(figure, "renderers-ring")


def sprites() -> None:
    """A row a kind of shape."""
    generator = torch.Generator().manual_seed(3)
    kinds = FORMS["sprites"].kinds
    figure, axes = plt.subplots(len(kinds), 8, figsize=(9.6, 7.4), layout="constrained")
    for kind, row in zip(kinds, axes, strict=True):
        z = torch.randn((len(row), 8), generator=generator)
        for picture, ax in zip(made("sprites", kind).forward(z), row, strict=True):
            ax.imshow(picture.permute(1, 2, 0).clamp(0.0, 1.0).numpy())
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(kind)
    save(figure, "renderers-sprites")


def lines() -> None:
    """Spectra, curves, strains and tones."""
    generator = torch.Generator().manual_seed(4)
    figure, axes = plt.subplots(2, 2, figsize=(10.0, 6.4), layout="constrained")
    names = ("xray_spectrum", "rotation_curve", "chirp", "tone")
    drawn = {n: made(n).forward(torch.randn((5, made(n).dim), generator=generator)).T.numpy() for n in names}
    (spectrum, curve), (strain, sound) = axes
    spectrum.semilogx(energies(128), drawn["xray_spectrum"], lw=1.0)
    spectrum.set(title="xray_spectrum(128)", xlabel="energy, keV", ylabel="log₁₀ energy flux")
    curve.plot(radii(64), 100.0 * drawn["rotation_curve"], lw=1.0)
    curve.set(title="rotation_curve(64)", xlabel="radius, kpc", ylabel="velocity, km/s")
    strain.plot(torch.arange(512) / 512, drawn["chirp"][:, :2], lw=0.8)
    strain.set(title="chirp(512)", xlabel="time, s", ylabel="strain, 10⁻²¹")
    sound.plot(torch.arange(640) / 8.0, drawn["tone"][:640, :2], lw=0.8)
    sound.set(title="tone(4096), its beginning", xlabel="time, ms", ylabel="amplitude")
    save(figure, "renderers-lines")


def save(figure: plt.Figure, name: str) -> None:
    """As WebP."""
    path = PICTURES / f"{name}.png"
    figure.savefig(path, dpi=110)
    with Image.open(path) as picture:
        picture.convert("RGB").save(path.with_suffix(".webp"), quality=85, method=6)
    path.unlink()


if __name__ == "__main__":
    main()
