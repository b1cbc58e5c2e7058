"""One contract for every bijection: shapes, round trip, Jacobian, rows on their own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from observations.small import small_flow

from infoloom.errors import FlowError
from infoloom.observations import REGISTRY, Bijection, Composition, build, load_flow
from infoloom.observations.formulas.elementwise import Identity
from infoloom.observations.formulas.linear import Whitening
from infoloom.observations.tangent import tangent
from infoloom.spec.flows.flow import SHAPE_KEEPING


@dataclass(frozen=True)
class Whitener:
    basis: np.ndarray
    in_span: np.ndarray
    complement: float


def whitener(size: int, rank: int) -> Whitener:
    generator = np.random.default_rng(5)
    basis = np.linalg.qr(generator.standard_normal((size, rank)))[0].T
    root = generator.standard_normal((rank, rank)) + 3.0 * np.eye(rank)
    return Whitener(basis, root, 0.7)


EXACT: dict[str, Callable[[], Bijection]] = {
    **{name: (lambda name=name: REGISTRY[name]((3, 4))) for name in REGISTRY},
    "coupling with arguments": lambda: REGISTRY["coupling"]((3, 5), seed=2, layers=2, strength=1.0),
    "affine with arguments": lambda: REGISTRY["affine"]((3, 4), -2.5, shift=0.5),
    "identity": lambda: Identity((12,), (3, 4)),
    "whitening": lambda: Whitening(whitener(12, 3)),
    "composition": lambda: build("vector(12) | rotation(seed=1) | asinh | cube", whitener(12, 2)),
}
MADE = {
    **EXACT,
    "stepped": lambda: small_flow(dtype=torch.float32),
    "digits": lambda: build("digits[3]", whitener(64, 2)),
}
WIDE = {
    **{name: pytest.param(make, id=name) for name, make in EXACT.items()},
    "stepped": pytest.param(small_flow, id="stepped"),
    "digits": pytest.param(
        lambda: build("digits[3]", whitener(64, 2), torch.float64), id="digits", marks=pytest.mark.slow
    ),
}


def latents(bijection: Bijection, rows: int, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(11)
    return torch.randn((rows, *bijection.shape_in), generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("name", MADE)
def test_shapes(name: str) -> None:
    bijection = MADE[name]()
    x = bijection.forward(latents(bijection, 5, torch.float32))
    assert tuple(x.shape) == (5, *bijection.shape_out)
    assert tuple(bijection.inverse(x).shape) == (5, *bijection.shape_in)
    assert math.prod(bijection.shape_in) == math.prod(bijection.shape_out) == bijection.dim


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_round_trip_in_float32(make: Callable[[], Bijection]) -> None:
    assert round_trip_error(make(), torch.float32) < 1e-4


@pytest.mark.parametrize("make", WIDE.values())
def test_round_trip_in_float64(make: Callable[[], Bijection]) -> None:
    assert round_trip_error(make(), torch.float64) < 1e-10


def round_trip_error(bijection: Bijection, dtype: torch.dtype) -> float:
    z = latents(bijection, 8, dtype)
    back = bijection.inverse(bijection.forward(z))
    assert back.dtype == dtype
    return float((back - z).norm() / z.norm())


@pytest.mark.parametrize("make", WIDE.values())
def test_log_determinant_is_that_of_the_jacobian(make: Callable[[], Bijection]) -> None:
    bijection = make()
    z = latents(bijection, 2, torch.float64)
    x, log_det = bijection.forward_and_log_det(z)
    for row, said in zip(z, log_det, strict=True):
        dense = torch.linalg.slogdet(central_differences(bijection, row)).logabsdet
        assert float(said) == pytest.approx(float(dense), abs=1e-5)
    back, inverse_log_det = bijection.inverse_and_log_det(x)
    assert torch.allclose(inverse_log_det, -log_det, atol=1e-6)
    assert torch.allclose(back, z, atol=1e-8)


@pytest.mark.parametrize("make", WIDE.values())
def test_pulling_back_undoes_pushing_forward(make: Callable[[], Bijection]) -> None:
    bijection = make()
    z, direction = latents(bijection, 4, torch.float64).view(2, 2, *bijection.shape_in)
    moved = tangent(bijection.forward, z, direction)[1]
    back = bijection.pull_back(z, moved)
    assert back.shape == z.shape
    assert torch.allclose(back, direction, atol=1e-9)


def central_differences(bijection: Bijection, row: torch.Tensor) -> torch.Tensor:
    step = 1e-5
    moves = step * torch.eye(bijection.dim, dtype=row.dtype).view(bijection.dim, *row.shape)
    change = bijection.forward(row + moves) - bijection.forward(row - moves)
    return change.flatten(1) / (2.0 * step)


@pytest.mark.parametrize("name", MADE)
def test_a_row_does_not_depend_on_the_rows_beside_it(name: str) -> None:
    bijection = MADE[name]()
    z = latents(bijection, 70, torch.float32)
    whole = bijection.forward(z)
    other = bijection.forward(torch.cat([z[:1], 3.0 * z[1:]]))
    assert torch.equal(whole[0], other[0])
    for count in (1, 33):
        assert torch.equal(bijection.forward(z[:count]), whole[:count]), count
    assert torch.equal(bijection.forward(z[37:40]), whole[37:40])
    assert torch.equal(bijection.forward(z.flip(0)).flip(0), whole)


@pytest.mark.parametrize("name", MADE)
def test_repeats_exactly(name: str) -> None:
    z = latents(MADE[name](), 3, torch.float32)
    assert torch.equal(MADE[name]().forward(z), MADE[name]().forward(z))


@pytest.mark.parametrize("name", MADE)
def test_no_rows_are_allowed(name: str) -> None:
    bijection = MADE[name]()
    assert tuple(bijection.forward(latents(bijection, 0, torch.float32)).shape) == (0, *bijection.shape_out)


@pytest.mark.parametrize("name", MADE)
def test_gradients_reach_the_latents(name: str) -> None:
    bijection = MADE[name]()
    z = latents(bijection, 2, torch.float32).requires_grad_()
    bijection.forward(z).square().sum().backward()
    assert z.grad is not None
    assert float(z.grad.abs().sum()) > 0.0


@pytest.mark.parametrize("name", MADE)
def test_a_wrong_shape_is_named(name: str) -> None:
    bijection = MADE[name]()
    with pytest.raises(FlowError, match=re.escape("latents of shape `(2, 5)`: expected (n, ")):
        bijection.forward(torch.zeros(2, 5))
    with pytest.raises(FlowError, match=re.escape("observations of shape `(2, 5)`: expected (n, ")):
        bijection.inverse(torch.zeros(2, 5))
    with pytest.raises(FlowError, match=re.escape("observations of shape `(2, 5)`: expected (n, ")):
        bijection.pull_back(latents(bijection, 2, torch.float32), torch.zeros(2, 5))


@pytest.mark.parametrize("name", [*EXACT, "digits"])
def test_every_certificate_passes(name: str) -> None:
    assert MADE[name]().lossless


def test_whitening_is_the_dense_map() -> None:
    given = whitener(12, 3)
    z = np.random.default_rng(0).standard_normal((4, 12))
    dense = (
        given.complement * (np.eye(12) - given.basis.T @ given.basis)
        + given.basis.T @ given.in_span @ given.basis
    )
    found = Whitening(given).forward(torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(found, z @ dense.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [3072, 100_000])
def test_long_rows_are_whitened_alike_in_any_company(size: int) -> None:
    whitening = Whitening(whitener(size, 3))
    z = latents(whitening, 40, torch.float32)
    whole = whitening.forward(z)
    assert torch.equal(whitening.forward(z[:1])[0], whole[0])
    assert torch.equal(whitening.forward(z[17:23]), whole[17:23])
    assert torch.equal(whitening.forward(z.flip(0)).flip(0), whole)


def test_composition_needs_parts_that_fit() -> None:
    with pytest.raises(
        FlowError, match=r"composition: expected at least one bijection\. Write `identity\(d\)` for none\."
    ):
        Composition([])
    with pytest.raises(FlowError, match=r"composition: expected shapes that fit, got \(3,\) before \(4,\)\."):
        Composition([Identity((3,), (3,)), Identity((4,), (4,))])


def test_a_singular_whitener_is_refused() -> None:
    with pytest.raises(FlowError, match=r"whitening: expected an invertible map, got a singular one\."):
        Whitening(Whitener(np.eye(2, 4), np.zeros((2, 2)), 1.0))


def test_a_long_row_has_no_dense_log_determinant() -> None:
    with pytest.raises(FlowError, match="log-determinant of `3072` components: expected at most 1024"):
        load_flow("cifar10", "cat").log_det(torch.zeros(1, 3072))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: REGISTRY["affine"]((3,), 0.0),
            r"flow `affine\(scale=0.0\)`: expected a number other than 0",
        ),
        (lambda: REGISTRY["asinh"]((3,), -1.0), r"flow `asinh\(scale=-1.0\)`: expected a number above 0"),
        (lambda: REGISTRY["power"]((3,), 0.0), r"flow `power\(exponent=0.0\)`: expected a number above 0"),
        (lambda: REGISTRY["coupling"]((1,)), "flow `coupling` of `1` component: expected at least 2"),
        (
            lambda: REGISTRY["coupling"]((3,), layers=0),
            r"flow `coupling\(layers=0\)`: expected a whole number above 0\. Use 4\.",
        ),
        (
            lambda: REGISTRY["coupling"]((3,), strength=0.0),
            r"flow `coupling\(strength=0.0\)`: expected a number above 0\. Use 0\.5\.",
        ),
        *(
            (
                lambda name=name: REGISTRY[name]((3,), seed=-1),
                rf"flow `{name}\(seed=-1\)`: expected a whole number that is not negative\.",
            )
            for name in ("rotation", "permutation", "coupling")
        ),
        (
            lambda: REGISTRY["rotation"]((9000,)),
            "flow `rotation` of `9000` components: expected at most 8192",
        ),
    ],
)
def test_maps_that_are_not_invertible_are_refused(make: Callable[[], Bijection], message: str) -> None:
    with pytest.raises(FlowError, match=message):
        make()


def test_cdf_makes_uniform_marginals() -> None:
    x = REGISTRY["cdf"]((1,)).forward(latents(Identity((1,), (1,)), 20_000, torch.float64))
    error = 4.0 / math.sqrt(12 * 20_000)
    assert float(x.mean()) == pytest.approx(0.5, abs=error)
    assert 0.0 < float(x.min()) < float(x.max()) < 1.0


def test_coupling_bounds_its_scales_and_bends() -> None:
    """Every layer scales by at most exp(strength); doubling the latents does not double the observations."""
    coupling = REGISTRY["coupling"]((8,), layers=3, strength=0.25)
    z = latents(coupling, 50, torch.float64)
    assert float(coupling.log_det(z).abs().max()) <= 3 * 4 * 0.25
    assert float(coupling.log_det(z).std()) > 0.1
    assert float((coupling.forward(2.0 * z) - 2.0 * coupling.forward(z)).abs().max()) > 0.5
    assert not torch.allclose(coupling.forward(z), REGISTRY["coupling"]((8,), seed=1).forward(z))


def test_the_spec_knows_the_same_steps():
    assert set(SHAPE_KEEPING) == set(REGISTRY)


def test_maps_know_where_floating_point_lets_latents_run_together():
    z = torch.tensor([[-50.0, 0.0, 1.0, 9.0]])
    assert build("vector(4) | cdf").saturated(z) == 2
    assert build("vector(4) | cdf | affine(scale=2) | rotation(seed=1)").saturated(z) == 2
    assert build("vector(4) | asinh").saturated(z) == 0
    assert build("vector(4) | power(40)").saturated(torch.tensor([[1e-3, 0.5, 1.0, 1e3]])) == 2
