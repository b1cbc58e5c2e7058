"""Every template: shape, norm, determinism, symmetry, and what is refused."""

from __future__ import annotations

import hashlib
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoloom.errors import TemplateError
from infoloom.law.templates import TEMPLATES, make_template, make_templates
from infoloom.spec.equations.expression import TemplateCall, template
from infoloom.story import load

IMAGE, SIGNAL, VECTOR, VIDEO = (3, 8, 6), (2, 12), (10,), (4, 3, 5, 2)
ANY = (IMAGE, SIGNAL, VECTOR, VIDEO)

# One call of every template on every kind of latent it serves; the contract tests run over this table.
CALLS = {
    "ones": {shape: template("ones") for shape in ANY},
    "random": {shape: template("random", 3) for shape in ANY},
    "sparse": {shape: template("sparse", 4, seed=1) for shape in ANY},
    "patch": {
        IMAGE: template("patch", 1, 2, 3, 4),
        SIGNAL: template("patch", 5, 7),
        VECTOR: template("patch", 0, 1),
    },
    "blob": {
        IMAGE: template("blob", 0.2, 0.7, 0.1),
        SIGNAL: template("blob", 0.5, width=0.2),
        VECTOR: template("blob", 0, 0.1),
    },
    "disk": {IMAGE: template("disk")},
    "ring": {IMAGE: template("ring", 0.3)},
    "frequency": {
        IMAGE: template("frequency", 1, -2),
        SIGNAL: template("frequency", 2.5),
        VECTOR: template("frequency", 0),
    },
    "file": {shape: template("file", "t.npy") for shape in ANY},
}
CASES = [
    pytest.param(call, shape, id=f"{call}-{shape}") for by in CALLS.values() for shape, call in by.items()
]


@pytest.fixture
def directory(tmp_path, request):
    shape = request.node.callspec.params.get("shape", VECTOR)
    np.save(tmp_path / "t.npy", np.linspace(-1.0, 2.0, math.prod(shape)).reshape(shape))
    return tmp_path


def test_the_table_covers_the_registry():
    assert set(CALLS) == set(TEMPLATES)
    for name, entry in TEMPLATES.items():
        kinds = {len(shape) for shape in CALLS[name]}
        placeless = entry.image is entry.line
        assert kinds == ({3} if entry.image else set()) | ({1, 2} if entry.line else set()) | (
            {4} if placeless else set()
        )


@pytest.mark.parametrize(("call", "shape"), CASES)
def test_contract(call, shape, directory):
    first, again = (make_template(call, shape, directory) for _ in range(2))
    assert first.shape == (math.prod(shape),)
    assert first.dtype == np.float64
    assert np.isfinite(first).all()
    assert first.tobytes() == again.tobytes()
    assert first @ first == pytest.approx(first.size, rel=1e-12)
    first[0] = 7.0  # the caller's own array, not a view of something shared
    assert make_template(call, shape, directory).tobytes() == again.tobytes()


@pytest.mark.parametrize(("call", "shape"), CASES)
def test_normalize_false_keeps_the_direction_and_the_raw_values(call, shape, directory):
    raw = make_template(
        TemplateCall(call.name, call.args, (*call.kwargs, ("normalize", False))), shape, directory
    )
    unit = make_template(
        TemplateCall(call.name, call.args, (*call.kwargs, ("normalize", True))), shape, directory
    )
    np.testing.assert_allclose(raw * math.sqrt(raw.size / (raw @ raw)), unit, rtol=1e-12, atol=1e-15)
    if call.name in ("ones", "patch", "disk", "sparse"):
        assert set(np.unique(raw)) <= {0.0, 1.0}
    if call.name == "file":
        np.testing.assert_array_equal(raw, np.linspace(-1.0, 2.0, raw.size))


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name not in ("random", "sparse", "file")])
def test_every_channel_gets_the_same_pattern(name):
    pattern = make_template(CALLS[name][IMAGE], IMAGE).reshape(IMAGE)
    np.testing.assert_array_equal(pattern, np.broadcast_to(pattern[:1], IMAGE))


def test_a_patch_is_where_it_was_put():
    pattern = make_template(template("patch", 1, 2, 3, 4, normalize=False), IMAGE).reshape(IMAGE)
    expected = np.zeros(IMAGE)
    expected[:, 1:4, 2:6] = 1.0
    np.testing.assert_array_equal(pattern, expected)
    line = make_template(template("patch", 5, 7, normalize=False), SIGNAL).reshape(SIGNAL)
    np.testing.assert_array_equal(line[0], [0] * 5 + [1] * 7)


def test_a_blob_is_a_gaussian_at_its_centre():
    pattern = make_template(template("blob", 0.25, 0.75, 0.1, normalize=False), (1, 20, 40)).reshape(20, 40)
    row, col = np.mgrid[0:20, 0:40] + 0.5
    squared = ((row - 15.0) ** 2 + (col - 10.0) ** 2) / (0.1 * 20) ** 2
    np.testing.assert_allclose(pattern, np.exp(-squared / 2), rtol=1e-12, atol=1e-300)
    line = make_template(template("blob", 0.25, 0.1, normalize=False), (20,))
    np.testing.assert_allclose(line, np.exp(-(((np.arange(20) + 0.5 - 5.0) / 2.0) ** 2) / 2), rtol=1e-12)


def test_a_disk_has_the_area_of_a_disk():
    pattern = make_template(template("disk", 0.4, normalize=False), (1, 200, 300))
    # The number of pixels misses the area by at most those that the circle of 80 pixels passes through.
    assert abs(pattern.sum() - math.pi * 80.0**2) < 2 * math.pi * 80.0


def test_a_ring_peaks_on_its_radius():
    pattern = make_template(template("ring", 0.3, normalize=False), (1, 101, 101)).reshape(101, 101)
    row, col = np.unravel_index(np.argmax(pattern), pattern.shape)
    assert abs(math.hypot(row - 50, col - 50) - 0.3 * 101) <= 0.5
    assert pattern[50, 50] < 1e-6


def test_disk_and_ring_are_symmetric():
    for call in (template("disk", 0.3), template("ring", 0.3, 0.1)):
        pattern = make_template(call, (1, 9, 9)).reshape(9, 9)
        np.testing.assert_array_equal(pattern, pattern[::-1])
        np.testing.assert_array_equal(pattern, pattern.T)


def test_frequencies_are_orthogonal():
    waves = np.stack(
        [make_template(template("frequency", u, v), (1, 16, 16)) for u in range(4) for v in range(4)]
    )
    np.testing.assert_allclose(waves @ waves.T, 256 * np.eye(16), atol=1e-10)


def test_frequency_reaches_the_finest_wave():
    wave = make_template(template("frequency", 4), (8,))
    np.testing.assert_allclose(wave, [1, -1] * 4, atol=1e-12)


def test_random_is_standard_normal():
    draws = make_template(template("random", 5, normalize=False), (40_000,))
    assert abs(draws.mean()) < 4 / math.sqrt(draws.size)
    assert abs(draws.var() - 1) < 4 * math.sqrt(2 / draws.size)


def test_random_streams_are_pinned():
    """A dataset is its spec: these bytes may never change."""
    draws = make_template(template("random", 5, normalize=False), (3, 4, 4)).round(12) + 0.0
    assert hashlib.sha256(draws.astype("<f8").tobytes()).hexdigest() == RANDOM_DIGEST
    assert np.flatnonzero(make_template(template("sparse", 3, 5), (1000,))).tolist() == SPARSE_PLACES


def test_random_without_a_seed_is_seed_zero():
    np.testing.assert_array_equal(
        make_template(template("random"), VECTOR), make_template(template("random", 0), VECTOR)
    )


def test_a_template_shares_no_stream_with_a_plain_generator():
    draws = make_template(template("random", 0, normalize=False), (2000,))
    plain = np.random.default_rng(0).standard_normal(2000)
    assert abs(np.corrcoef(draws, plain)[0, 1]) < 4 / math.sqrt(2000)


def test_whole_numbers_may_be_written_as_floats():
    np.testing.assert_array_equal(
        make_template(template("patch", 1.0, 2.0, 3.0, 4.0), IMAGE),
        make_template(CALLS["patch"][IMAGE], IMAGE),
    )


def test_a_million_components():
    pattern = make_template(template("random", 1), (1, 1000, 1000))
    assert pattern @ pattern == pytest.approx(1e6, rel=1e-12)


# several components -------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [template("random", 2), template("sparse", 3, 2)], ids=str)
@pytest.mark.parametrize("shape", ANY, ids=str)
def test_components_are_independent_and_the_first_is_the_scalar_one(call, shape):
    rows = make_templates(call, shape, 5)
    assert rows.shape == (5, math.prod(shape))
    np.testing.assert_allclose((rows**2).sum(axis=1), math.prod(shape), rtol=1e-12)
    np.testing.assert_array_equal(rows[0], make_template(call, shape))
    np.testing.assert_array_equal(rows[:3], make_templates(call, shape, 3))
    assert np.unique(rows, axis=0).shape[0] == 5


def test_components_are_uncorrelated():
    rows = make_templates(template("random", 2, normalize=False), (4000,), 6)
    off = np.corrcoef(rows)[np.triu_indices(6, 1)]
    assert np.abs(off).max() < 4 / math.sqrt(4000)


def test_a_cause_of_size_one_takes_any_template():
    rows = make_templates(template("ring", 0.3), IMAGE, 1)
    np.testing.assert_array_equal(rows, make_template(template("ring", 0.3), IMAGE)[None])


def test_several_components_refuse_a_single_pattern():
    expected = (
        "template `ring(0.3)` on shape (3, 8, 6): expected a pattern for each of the 8 components of the "
        "cause, got one for all. Use random, sparse or file, or name the components, "
        "as in `style[0]@ring(0.3)`."
    )
    with pytest.raises(TemplateError, match=f"^{re.escape(expected)}$"):
        make_templates(template("ring", 0.3), IMAGE, 8)


# properties ---------------------------------------------------------------------------------------------

SHAPES = st.one_of(
    st.tuples(st.integers(1, 4), st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 4), st.integers(1, 40)),
    st.tuples(st.integers(1, 60)),
)


def fitting_calls(shape):
    """Calls that must succeed on the shape."""
    fractions, widths = st.floats(0, 1), st.floats(0.3, 1)
    seeds, size = st.integers(0, 2**63 - 1), math.prod(shape)
    spans = [
        st.integers(0, side - 1).flatmap(lambda a, n=side: st.tuples(st.just(a), st.integers(1, n - a)))
        for side in (shape[1:] or shape)
    ]
    cycles = [st.floats(-side / 2, side / 2) for side in (shape[1:] or shape)]
    options = [
        st.just(template("ones")),
        st.builds(lambda s: template("random", s), seeds),
        st.builds(lambda k, s: template("sparse", k, s), st.integers(1, size), seeds),
    ]
    if len(shape) == 3:
        options += [
            st.builds(lambda a, b: template("patch", a[0], b[0], a[1], b[1]), *spans),
            st.builds(lambda x, y, w: template("blob", x, y, w), fractions, fractions, widths),
            st.builds(lambda v, u: template("frequency", u, v), *cycles),
        ]
    else:
        options += [
            st.builds(lambda a: template("patch", *a), *spans),
            st.builds(lambda x, w: template("blob", x, w), fractions, widths),
            st.builds(lambda u: template("frequency", u), *cycles),
        ]
    return st.tuples(st.just(shape), st.one_of(options))


@given(SHAPES.flatmap(fitting_calls))
@settings(max_examples=150, deadline=None)
def test_any_fitting_call_gives_a_normalised_template(case):
    shape, call = case
    pattern = make_template(call, shape)
    assert pattern.shape == (math.prod(shape),)
    assert pattern @ pattern == pytest.approx(pattern.size, rel=1e-9)
    assert pattern.tobytes() == make_template(call, shape).tobytes()


ANYTHING = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.text(max_size=5), st.sampled_from([0, 1, -1, 2**70, 1e308])
)


@given(
    st.one_of(st.sampled_from(sorted(TEMPLATES)), st.text(max_size=8)),
    st.lists(ANYTHING, max_size=5),
    st.dictionaries(st.sampled_from(["seed", "k", "radius", "normalize", "q"]), ANYTHING, max_size=2),
    st.lists(st.integers(-1, 12), max_size=4).map(tuple),
    st.integers(-1, 3),
)
@settings(max_examples=300, deadline=None)
def test_any_call_gives_a_template_or_a_template_error(name, args, kwargs, shape, size):
    call = TemplateCall(name, tuple(args), tuple(kwargs.items()))
    try:
        rows = make_templates(call, shape, size)
    except TemplateError as error:
        assert str(error).startswith(f"template `{call}` on shape {shape}: expected ")
        return
    assert rows.shape == (size, math.prod(shape))
    assert np.isfinite(rows).all()
    assert rows.any(axis=1).all()


RANDOM_DIGEST = "844607450bce06eeeea5f218ad885c1016ac00fbfb0de676c7337ce55e3e4624"
SPARSE_PLACES = [465, 705, 935]


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [("ones", "ones", 1.42023), ("patch(0, 4)", "ones", 1.34285), ("patch(0, 4)", "patch(4, 4)", 1.19423)],
)
def test_templates_of_tied_modalities_change_the_information(one, other, value):
    """Only where nothing ties a modality to others does the template of a lone cause change no value."""
    story = load(
        {
            "name": "tied",
            "causes": {"c": "normal"},
            "fields": {"F": "normal"},
            "modalities": {
                "x": {"flow": "vector(8)", "latent": f"0.5*c@{one} + F + noise"},
                "y": {"flow": "vector(8)", "latent": f"0.5*c@{other} + F + noise"},
            },
        }
    )
    assert story.information("I(x; y)") == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 8)])
def test_a_pattern_on_one_channel_is_zero_on_the_others(shape):
    whole = make_template(template("ones", normalize=False), shape).reshape(shape)
    for channel in range(shape[0]):
        found = make_template(template("ones", channel=channel, normalize=False), shape).reshape(shape)
        assert np.array_equal(found[channel], whole[channel])
        assert not np.delete(found, channel, axis=0).any()
        unit = make_template(template("random", seed=3, channel=channel), shape)
        assert unit @ unit == pytest.approx(unit.size)


@pytest.mark.parametrize("value", [3, -1, True, 0.5, "red"])
def test_a_channel_that_is_not_there_is_refused(value):
    with pytest.raises(TemplateError, match="expected `channel` once, as a whole number from 0 to 2"):
        make_template(template("ones", channel=value), (3, 4, 4))


def test_a_vector_has_no_channels():
    with pytest.raises(TemplateError, match="expected channels or leads for `channel`, got a vector"):
        make_template(template("ones", channel=0), (8,))
