"""One contract for every renderer, certificates that refuse, and renderers of one's own."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest
import torch
from torch import Tensor

import infoloom.observations.renderers.certificate as certificates
import infoloom.spec.flows.renderers as forms
from infoloom import plugins
from infoloom.errors import FlowError
from infoloom.observations import (
    RENDERERS,
    Bijection,
    Renderer,
    build,
    certify_renderer,
    check_renderer,
    register_renderer,
)
from infoloom.observations.channels import EightBit
from infoloom.observations.renderers.collisions import collisions_digest
from infoloom.observations.renderers.left_inverse import jacobians, least_squares
from infoloom.observations.renderers.registry import make_renderer
from infoloom.observations.rendering import Rendering
from infoloom.spec.flows.choice import replace_choice
from infoloom.spec.flows.flow import flow_choice, parse_flow
from infoloom.spec.flows.renderers import FORMS, FactorForm, RendererForm
from infoloom.spec.load import load_spec, preset_names

SMALL = [
    *(f"sprites[{kind}](16)" for kind in FORMS["sprites"].kinds),
    "ring(16)",
    "xray_spectrum(128)",
    "rotation_curve(16)",
    "chirp(256)",
    "tone(1024)",
]


def made(text: str) -> Renderer:
    return make_renderer(parse_flow(text)[0])


def among(expression: str) -> dict[str, Renderer]:
    """The renderers among which a category chooses."""
    return {kind: made(replace_choice(expression, kind)) for kind in flow_choice(expression).names}


def latents(renderer: Renderer, rows: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((rows, renderer.dim), generator=generator, dtype=torch.float64)


QUICK = [text for text in SMALL if not text.startswith("sprites") or "heart" in text]


@pytest.mark.parametrize(
    "text", [pytest.param(text, marks=() if text in QUICK else pytest.mark.slow) for text in SMALL]
)
def test_contract(text: str) -> None:
    """Shapes, types, rows on their own, derivatives, far latents, round trips, no collision."""
    check_renderer(made(text), rows=16)


@pytest.mark.parametrize("text", SMALL)
def test_both_modes_of_differentiation_agree(text: str) -> None:
    renderer = made(text)
    shares = 0.1 + 0.8 * torch.rand(
        (2, renderer.dim), dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    )
    shares.requires_grad_()
    weights = torch.randn(
        (2, *renderer.shape_out), dtype=torch.float64, generator=torch.Generator().manual_seed(4)
    )
    backward = torch.autograd.grad((renderer.of_shares(shares) * weights).sum(), shares)[0]
    forward = (jacobians(renderer.of_shares, shares.detach()) * weights.flatten(1)[:, :, None]).sum(dim=1)
    torch.testing.assert_close(forward, backward, rtol=1e-9, atol=1e-9 * float(backward.abs().max()))


@pytest.mark.parametrize("text", ["sprites[star](16)", "ring(16)", "tone(1024)"])
def test_a_row_is_the_same_to_the_bit_whatever_stands_beside_it(text: str) -> None:
    renderer = made(text)
    z = latents(renderer, 45).float()
    whole = renderer.forward(z)
    for size in (1, 7, 33):
        parts = torch.cat([renderer.forward(part) for part in torch.split(z, size)])
        assert torch.equal(parts, whole)
    assert renderer.forward(z[:0]).shape == (0, *renderer.shape_out)
    assert renderer.inverse(whole[:0]).shape == (0, renderer.dim)


def test_factors_are_read_from_pictures_in_their_units() -> None:
    renderer = made("ring(16)")
    z = latents(renderer, 5)
    seen, wanted = renderer.read(renderer.forward(z.float())), renderer.values(z)
    assert list(seen) == ["diameter", "width", "asymmetry", "angle", "ellipticity", "flux"]
    for name, values in wanted.items():
        torch.testing.assert_close(seen[name], values, rtol=1e-4, atol=1e-4)
        low, high = renderer.setup.ranges[name]
        assert bool(((low < values) & (values < high)).all())


def test_ranges_are_those_that_were_asked_for() -> None:
    renderer = made("ring(32, diameter=[12, 13], flux=[2, 8])")
    ends = renderer.values(torch.tensor([[-9.0] * 6, [0.0] * 6, [9.0] * 6]))
    assert ends["diameter"].tolist() == pytest.approx([12.0, 12.5, 13.0])
    assert ends["flux"].tolist() == pytest.approx([2.0, 4.0, 8.0])  # equal ratios
    assert ends["width"].tolist() == pytest.approx([2.0, 3.0, 4.0])  # pixels grow with the picture


def test_latents_out_of_range_are_drawn_and_counted_as_saturated() -> None:
    renderer = made("sprites[heart](16)")
    z = torch.zeros((3, 8))
    z[0, 2], z[1, 5], z[2, 0] = 30.0, -30.0, 5.0
    assert bool(torch.isfinite(renderer.forward(z)).all())
    assert renderer.saturated(z) == 2


def test_pull_back_is_the_least_squares_move() -> None:
    renderer = made("xray_spectrum(32)")
    z = latents(renderer, 4)
    moved = z + 1e-5 * latents(renderer, 4, seed=1)
    change = renderer.forward(moved) - renderer.forward(z)
    torch.testing.assert_close(renderer.pull_back(z, change), moved - z, rtol=1e-3, atol=1e-8)
    jacobian = torch.randn((2, 9, 3), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wanted = torch.linalg.pinv(jacobian) @ torch.ones((2, 9, 1), dtype=torch.float64)
    torch.testing.assert_close(
        least_squares(jacobian, torch.ones((2, 9), dtype=torch.float64)), wanted[:, :, 0]
    )


def test_eight_bits_take_what_the_certificate_says() -> None:
    """The median error that is linearised there, against pictures that are rounded and read."""
    renderer = made("rotation_curve(16)")
    told = certify_renderer(renderer, 60)["eight_bits"]
    z = latents(renderer, 60)
    x = renderer.forward(z)
    seen = torch.from_numpy(EightBit(*renderer.levels).seen(x.numpy()))
    errors = (renderer.inverse(seen.double()) - z).abs().median(dim=0).values
    for name, error in zip(renderer.form.names, errors.tolist(), strict=True):
        assert 0.5 < told[name] / error < 2.0, name


class Twice(Renderer):
    """Two factors of which only the sum shows."""

    form = RendererForm(
        "twice",
        (FactorForm("a", 0, 1, (0, 1)), FactorForm("b", 0, 1, (0, 1))),
        8,
        (4, 64),
        lambda size: (size,),
    )

    def render(self, values):
        place = torch.arange(self.setup.size, dtype=torch.float64)
        return torch.sin(place * (1.0 + values["a"] + values["b"])[:, None] / 8.0)


class Bump(Renderer):
    """A place that is seen up to its sign."""

    form = RendererForm(
        "bump",
        (FactorForm("place", -1, 1, (-1, 1)), FactorForm("height", 1, 2, (0, 9))),
        16,
        (4, 64),
        lambda n: (n,),
    )

    def render(self, values):
        grid = torch.linspace(-2, 2, self.setup.size, dtype=torch.float64)
        return values["height"][:, None] * torch.exp(-((grid - values["place"][:, None].abs()) ** 2))


class Fine(Bump):
    """The same where the sign is known."""

    form = RendererForm(
        "fine",
        (FactorForm("place", 0.1, 1, (0, 1)), FactorForm("height", 1, 2, (0, 9))),
        16,
        (4, 64),
        lambda n: (n,),
    )


@pytest.fixture
def registered(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(certificates, "certify_renderer", functools.partial(certify_renderer, rows=100))
    for kind in (Twice, Bump, Fine):
        register_renderer(kind)
    yield tmp_path
    for kind in (Twice, Bump, Fine):
        RENDERERS.pop(kind.form.name)
        forms._REGISTERED.pop(kind.form.name)


def test_a_combination_of_factors_that_does_not_show_is_refused(registered) -> None:
    with pytest.raises(FlowError, match=r"flow `twice\(8\)`: expected a certificate that passes") as caught:
        build("twice(8)")
    assert "a combination of factors moves the observation by" in str(caught.value)
    assert "in the weakest hundredth of rows, less than 0.001" in str(caught.value)
    assert build("twice(8)", allow_uncertified=True).dim == 2


def test_factors_up_to_a_sign_are_refused_because_pictures_collide(registered) -> None:
    found = certify_renderer(made("bump(16)"), 80)
    assert not found["passes"]
    assert "observations that are equal though their factors differ by more than a tenth" in found["reason"]
    assert found["closest_pair"]["fitted_closest"] < 1e-9 < found["closest_pair"]["random"]
    assert "round trip in float64 to" in found["reason"]
    with pytest.raises(FlowError, match=r"renderer `bump\(16\)`: its certificate fails: .*factors differ"):
        check_renderer(made("bump(16)"), rows=60)


def test_what_is_no_number_hides_no_collision_and_is_no_derivative(registered, monkeypatch) -> None:
    fitted, first = certificates.residuals, torch.tensor([0])
    monkeypatch.setattr(certificates, "residuals", lambda *x: fitted(*x).index_fill(0, first, torch.nan))
    assert certify_renderer(made("bump(16)"), 80)["closest_pair"]["fitted_closest"] < 1e-9
    bent = lambda self, values: Bump.render(self, values) + (0.0 * values["place"])[:, None].sqrt()  # noqa: E731
    monkeypatch.setattr(Fine, "render", bent)
    with pytest.raises(FlowError, match=r"renderer `fine\(16\)`: expected finite derivatives by its factors"):
        certify_renderer(made("fine(16)"), 80)


def test_a_renderer_of_ones_own_is_used_and_its_certificate_kept(registered, monkeypatch) -> None:
    assert build("fine(16) | asinh(scale=2)").certificate()["passes"]
    kept = list(registered.glob("infoloom/renderers/*.json"))
    assert len(kept) == 1
    assert json.loads(kept[0].read_text())["flow"] == "fine(16)"
    monkeypatch.setattr(certificates, "certify_renderer", None)  # would fail if it were made again
    certificates._MADE.clear()
    assert certificates.certificate_of(made("fine(16)"))["passes"]
    certificates._MADE.clear()
    kept[0].write_text("no JSON")
    with pytest.raises(TypeError):
        certificates.certificate_of(made("fine(16)"))


def test_the_digest_knows_ranges_and_code(registered) -> None:
    digests = {
        certificates.digest_of(made(one)) for one in ("fine(16)", "fine(17)", "fine(16, place=[0.2, 1])")
    }
    assert len({*digests, certificates.digest_of(made("bump(16)"))}) == 4
    assert certificates.digest_of(made("fine(16)")) in digests


def test_the_digest_of_code_leaves_imports_out() -> None:
    moved = "import a\nfrom here import (\n    b,\n)\n\nx = b(2)\n\ndef f():\n    from here import d\n    return d\n"
    there = moved.replace("here", "there.inside")
    assert certificates._without_imports(moved) == "x = b(2)\ndef f():\n    return d"
    assert certificates._without_imports(there) == certificates._without_imports(moved)
    assert certificates._without_imports(moved.replace("b(2)", "b(3)")) != certificates._without_imports(
        moved
    )


@dataclass
class Step:
    """Something whose form is of another kind."""

    form: str


def test_an_entry_point_brings_a_renderer(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(certificates, "certify_renderer", functools.partial(certify_renderer, rows=100))
    point = EntryPoint("fine", f"{__name__}:Fine", "infoloom.observations")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Fine)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == point.group else [])
    plugins.forget()
    try:
        assert "fine" in forms.renderer_names()
        assert build("fine(16)").shape_out == (16,)
        monkeypatch.setattr(EntryPoint, "load", lambda self: print)
        assert forms.renderer_form("fine") is None  # a step that keeps the shape
        monkeypatch.setattr(EntryPoint, "load", lambda self: Step("fine"))
        with pytest.raises(
            FlowError, match=r"renderer `fine`: expected its entry point to give a renderer with a `form`"
        ):
            forms.renderer_form("fine")
    finally:
        plugins.forget()


def test_a_taken_name_and_what_is_no_renderer_are_refused() -> None:
    class Another(Twice):
        form = FORMS["ring"]

    with pytest.raises(
        FlowError, match=r"renderer `ring`: this name is taken by the package. Choose another one."
    ):
        register_renderer(Another)
    with pytest.raises(FlowError, match="expected a class derived from `Renderer` with a `form`"):
        register_renderer(int)
    with pytest.raises(FlowError, match=r"renderer `twice`: expected its own setup, got one of `ring`."):
        Twice(FORMS["ring"].setup())
    with pytest.raises(FlowError, match=r"flow step `asinh`: expected a renderer, one of chirp, ring"):
        made("asinh")


class Broken(Bump):
    """Another number of values than its form says."""

    def render(self, values):
        return super().render(values)[:, 1:]


class Crowded(Fine):
    """Every row looks at its neighbours."""

    def render(self, values):
        made = super().render(values)
        return made - made.mean(dim=0)


class Endless(Fine):
    """Not finite at an end, and without a derivative by one factor."""

    def render(self, values):
        height = values["height"].detach()
        height = torch.where(height > 1.9999, torch.nan, height)
        return super().render({**values, "height": height})


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Broken, "expected observations of shape (37, 16), got (37, 15)"),
        (Crowded, "expected every row to be rendered on its own, but a row changes with the rows beside it"),
        (Endless, "expected finite observations at the ends of the ranges, latents of ±8"),
        (Endless, "expected the derivative by `height` in forward mode to be that of differences"),
    ],
)
def test_the_contract_says_what_is_wrong(kind: type[Renderer], message: str) -> None:
    with pytest.raises(FlowError, match=re.escape(message)):
        check_renderer(kind(kind.form.setup()), rows=10)


def test_what_stands_around_a_renderer() -> None:
    plain = build("rotation_curve(64)")
    after = build("rotation_curve(64) | affine(scale=3) | asinh")
    assert isinstance(plain, Renderer)
    assert isinstance(after, Rendering)
    assert not isinstance(after, Bijection)
    assert after.certificate() == plain.certificate()
    assert after.lossless
    z = latents(plain, 3)
    x = after.forward(z)
    torch.testing.assert_close(x, torch.asinh(3.0 * plain.forward(z)))
    torch.testing.assert_close(after.inverse(x), z, rtol=1e-7, atol=1e-8)
    change = after.forward(z + 1e-6) - x
    torch.testing.assert_close(after.pull_back(z, change), torch.full_like(z, 1e-6), rtol=1e-3, atol=1e-9)
    assert after.saturated(torch.full((2, 4), 9.0)) == 8
    with pytest.raises(
        FlowError, match=re.escape("rendering: expected shapes that fit, got (64,) before (5,).")
    ):
        Rendering(plain, after=build("vector(5)"))


def test_certificates_that_come_with_the_package_are_of_its_code() -> None:
    """If this fails, a renderer has changed: `python docs/make_certificates.py EXPRESSION …`."""
    shipped = certificates._shipped()
    used = {
        load_spec(name).modalities[one].flow for name in preset_names() for one in load_spec(name).modalities
    }
    choices = {flow: flow_choice(flow) for flow in used}
    used = {
        flow if choice is None else replace_choice(flow, kind)
        for flow, choice in choices.items()
        for kind in (choice.names if choice else (None,))
    }
    flows = [flow for flow in used if parse_flow(flow)[0].rendered]
    assert {"ring(64)", "xray_spectrum(128)", "rotation_curve(64)"} <= set(flows)
    assert {str(made(flow).setup) for flow in flows} <= {one.get("flow") for one in shipped.values()}
    apart = {digest: one for digest, one in shipped.items() if one["kind"] == "collisions"}
    assert set(apart) == {collisions_digest(among("sprites[{kind}](64)"))}
    assert all(one["passes"] for one in apart.values())
    for digest, one in shipped.items():
        if digest in apart:
            continue
        assert digest == certificates.digest_of(made(one["flow"])), one["flow"]
        assert one["passes"]
        assert one["rows"] == certificates.ROWS
        assert one["round_trip"]["float64"]["worst"] <= 1e-8
        assert one["round_trip"]["float32"]["worst"] <= 1e-3
