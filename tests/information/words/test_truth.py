"""Truth of words: reference values, counts of rows, limits, inequalities, and both numerical methods."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoloom.information.ceilings.ceilings import class_information
from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE
from infoloom.information.words import mixed, quadrature, quasi
from infoloom.information.words.clusters import find_clusters, tie
from infoloom.information.words.quadrature import by_quadrature
from infoloom.information.words.quasi import by_quasi_monte_carlo
from infoloom.story import Story, load

ROWS = 1_000_000


def said(latents: list[str], sizes: list[int], **more: object) -> Story:
    """A story of one noisy view of two causes and a caption with these factors."""
    slots = [f"s{i}" for i in range(len(sizes))]
    words = {slot: [f"w{k}" for k in range(size)] for slot, size in zip(slots, sizes, strict=True)}
    text = {
        "flow": f'caption("{" ".join(f"{{{slot}}}" for slot in slots)}")',
        "latent": dict(zip(slots, latents, strict=True)),
        "words": words,
    }
    return load(
        {
            "name": "said",
            "causes": {"c": "normal", "d": "normal"},
            "targets": {"theta": "c + 0.7*d + 0.5*noise"},
            "modalities": {"x": {"flow": "vector(1)", "latent": "1.2*c + noise"}, "text": text},
            **more,
        }
    )


def random_story(seed: int) -> Story:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(3, 3))
    latents = [f"{a[i, 0]:.3f}*c {a[i, 1]:+.3f}*d + {abs(a[i, 2]) + 0.2:.3f}*noise" for i in range(3)]
    labels = {"cls": {"target": "theta", "classes": 5}}
    return said(latents, [2, 3, 4], labels=labels)


def plug_in(classes: np.ndarray) -> tuple[float, float]:
    """Entropy of counts with the Miller–Madow term, and its standard error."""
    counts = np.bincount(classes @ 16 ** np.arange(classes.shape[1]))
    counts = counts[counts > 0]
    share = counts / counts.sum()
    entropy = -float(share @ np.log(share))
    spread = float(share @ np.log(share) ** 2) - entropy**2
    return entropy + (len(counts) - 1) / (2.0 * counts.sum()), math.sqrt(spread / counts.sum())


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([(0.8, 5)], (0.207644553, 1.609437912, 0.432789413)),
        ([(0.8, 3), (-0.6, 4)], (0.217414970, 2.397237149, 0.460366588)),
    ],
)
def test_reference_values(slots: list[tuple[float, int]], expected: tuple[float, ...]) -> None:
    """Nested Gauss–Legendre, confirmed by counting four million rows."""
    story = said([f"{a}*c + {math.sqrt(1 - a * a)!r}*noise" for a, _ in slots], [v for _, v in slots])
    found = [story.information(query) for query in ("I(text; x)", "H(text)", "I(text; c)")]
    assert found == pytest.approx(expected, abs=2e-9)


@pytest.mark.parametrize("seed", range(3))
def test_counts_of_rows(seed: int) -> None:
    story = random_story(seed)
    rows = story.sample(ROWS, seed=seed)
    words, label = story.cells["text"].of(rows), rows["cls"][:, None]
    for name, classes in (
        ("H(text)", words),
        ("H(text, cls)", np.concatenate([words, label], axis=1)),
        ("H(text[s0], text[s2])", words[:, [0, 2]]),
        ("H(cls, text[s1])", np.concatenate([label, words[:, 1:2]], axis=1)),
    ):
        entropy, error = plug_in(classes)
        quantity = story.quantity(name)
        assert abs(quantity.value - entropy) <= 4.0 * error + quantity.tolerance, name


@pytest.mark.parametrize("seed", range(2))
def test_pointwise_values_average_to_the_information(seed: int) -> None:
    story = random_story(seed)
    rows = story.sample(3_000, seed=seed)
    for a, b, known in (
        ("text", "x", ()),
        ("text", "cls", ()),
        ("text[s0]", "theta", ("text[s1]",)),
        ("cls", "x", ("text",)),
    ):
        seen = story.pmi(rows, a, b, known)
        truth = story.information(f"I({a}; {b}{' | ' + ', '.join(known) if known else ''})")
        assert abs(seen.mean() - truth) <= 4.0 * seen.std() / math.sqrt(len(seen)), (a, b, known)


def test_one_word_tells_nothing_and_has_no_entropy() -> None:
    story = said(["0.8*c + 0.6*noise"], [1])
    assert story.information("H(text)") == 0.0
    assert story.information("I(text; x)") == 0.0


def test_many_words_tell_what_the_factor_tells() -> None:
    values = [
        (story := said(["0.8*c + 0.6*noise"], [size])).information("I(text; x)")
        for size in (2, 4, 8, 16, 64, 256)
    ]
    whole = story.information("I(text.s0; x)")
    assert all(less < more for less, more in pairwise(values))
    assert 0.0 < whole - values[-1] < 1e-3


def test_a_label_has_the_closed_form_of_ceilings() -> None:
    story = random_story(0)
    for name in ("x", "c"):
        expected = class_information(story.information(f"I({name}; theta)"), 5)
        assert story.information(f"I({name}; cls)") == pytest.approx(expected, abs=1e-7)
    assert story.quantity("H(cls)").value == pytest.approx(math.log(5), abs=1e-15)
    assert story.quantity("H(cls)").method == CLOSED_FORM
    assert story.quantity("I(x; cls)").method == QUADRATURE
    assert story.information("I(theta; cls)") == pytest.approx(math.log(5), abs=1e-12)


def test_labels_of_one_target_refine_each_other() -> None:
    labels = {"four": {"target": "theta", "classes": 4}, "ten": {"target": "theta", "classes": 10}}
    story = said(["noise"], [2], labels=labels)
    edges = sorted({i / 4 for i in range(5)} | {i / 10 for i in range(11)})
    steps = np.diff(edges)
    assert story.information("H(four, ten)") == pytest.approx(-float(steps @ np.log(steps)), abs=1e-12)
    assert story.information("I(four; theta | ten)") == pytest.approx(
        story.information("H(four, ten)") - math.log(10), abs=1e-12
    )


def test_categorical_causes_have_entropies() -> None:
    modality = {"flow": "vector(2)", "latent": "0.4*k + 0.3*g + noise"}
    story = load(
        {"name": "k", "causes": {"k": "categorical(4)", "g": "normal"}, "modalities": {"a": modality}}
    )
    assert story.information("H(k)") == pytest.approx(math.log(4), abs=1e-15)
    given_a = story.quantity("H(k | a)")
    assert given_a.value == pytest.approx(math.log(4) - story.information("I(k; a)"), abs=1e-12)
    assert given_a.tolerance > 0.0


def test_words_under_an_intervention_keep_their_bounds() -> None:
    """Cells are those of the story before; a held cause moves the factor through them."""
    story = said(["0.8*c + 0.6*noise"], [2]).intervene(c=1.0)
    share = 0.5 * math.erfc(0.8 / 0.6 / math.sqrt(2.0))  # the factor is N(0.8, 0.36), its bound 0
    expected = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert story.information("H(text)") == pytest.approx(expected, abs=1e-12)
    held = story.intervene(**{"text.s0": 0.3})
    assert held.information("H(text)") == 0.0


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_inequalities(seed: int) -> None:
    story = random_story(seed)
    factors = "text.s0, text.s1, text.s2"
    for other in ("x", "theta"):
        words, whole = story.quantity(f"I(text; {other})"), story.information(f"I({factors}; {other})")
        assert -words.tolerance <= words.value <= whole + words.tolerance  # data processing
        assert words.value <= story.information("H(text)")
        for slot in ("s0", "s1", "s2"):
            assert story.information(f"I(text[{slot}]; {other})") <= words.value + words.tolerance
    parts = [story.information(q) for q in ("I(text[s0]; x | cls)", "I(cls; x)", "I(text[s0], cls; x)")]
    assert parts[0] + parts[1] == pytest.approx(parts[2], abs=1e-9)  # chain rule
    assert parts[0] >= -1e-9
    assert story.information("I(x; cls)") <= math.log(5)
    # what a factor tells beyond its word is what the word lacks
    assert story.information("I(text.s0; x)") == pytest.approx(
        story.information("I(text[s0]; x)") + story.information("I(text.s0; x | text[s0])"), abs=1e-9
    )


@pytest.mark.parametrize("known", [(), ("x",), ("x", "theta")])
def test_both_methods_agree(known: tuple[str, ...]) -> None:
    story = random_story(7)
    clusters = list(find_clusters(story.covariance, tie(story.covariance, story.cells["text"].cuts), known))
    for cluster in clusters:
        exact, drawn = by_quadrature(cluster), by_quasi_monte_carlo(cluster)
        assert exact is not None
        assert exact.tolerance <= 1e-7
        assert drawn.standard_error < 2e-3
        assert abs(exact.value - drawn.value) <= 4.0 * drawn.standard_error


def test_out_of_reach_of_quadrature_is_monte_carlo(monkeypatch: pytest.MonkeyPatch) -> None:
    story = random_story(3)
    exact = story.quantity("I(text; x)")
    monkeypatch.setattr(quasi, "_EFFORT", 3e8)
    monkeypatch.setattr(mixed, "by_quadrature", lambda cluster: None)
    drawn = load(story.spec.to_dict()).quantity("I(text; x)")
    assert drawn.method == MONTE_CARLO
    assert drawn.standard_error is not None
    assert abs(drawn.value - exact.value) <= 4.0 * drawn.standard_error
    monkeypatch.setattr(quasi, "_CELLS", 4)  # too many words to list: drawn ones
    sampled = load(story.spec.to_dict()).quantity("H(text | x)")
    assert sampled.standard_error is not None
    assert abs(sampled.value - story.information("H(text | x)")) <= 4.0 * sampled.standard_error


def test_five_shared_causes_are_out_of_reach_and_say_so() -> None:
    rng = np.random.default_rng(0)
    causes = {f"c{i}": "normal" for i in range(5)}
    latents = {
        f"s{j}": " + ".join(f"{abs(w):.2f}*c{i}" for i, w in enumerate(rng.normal(size=5))) + " + 0.8*noise"
        for j in range(6)
    }
    text = {
        "flow": f'caption("{" ".join(f"{{{slot}}}" for slot in latents)}")',
        "latent": latents,
        "words": {slot: ["a", "b"] for slot in latents},
    }
    story = load({"name": "five", "causes": causes, "modalities": {"text": text}})
    quantity = story.quantity("H(text)")
    assert quantity.method == MONTE_CARLO
    assert not quantity.exact
    entropy, error = plug_in(story.cells["text"].of(story.sample(ROWS)))
    assert abs(quantity.value - entropy) <= 4.0 * math.hypot(error, quantity.error)


def test_ceilings_from_words_against_counts() -> None:
    story = random_story(1)
    found = story.ceilings(batch=None)
    rows = story.sample(ROWS, seed=5)
    words = story.cells["text"].of(rows) @ np.array([12, 4, 1])
    theta = rows["theta"].astype(np.float64)
    counts, sums = np.bincount(words, minlength=24), np.bincount(words, theta, minlength=24)
    means = np.divide(sums, counts, out=np.zeros(24), where=counts > 0)[words]
    target = next(one for one in found.targets if one.given == ("text",))
    left = (theta - means) ** 2
    assert abs(target.mmse - left.mean()) <= 4.0 * left.std() / math.sqrt(ROWS)
    table = np.zeros((24, 5))
    np.add.at(table, (words, rows["cls"]), 1.0)
    accuracy = table.max(axis=1).sum() / ROWS
    label = next(one for one in found.classes if one.given == ("text",))
    assert abs(label.accuracy - accuracy) <= 4.0 * math.sqrt(accuracy * (1 - accuracy) / ROWS)
    assert label.information == pytest.approx(story.information("I(cls; text)"), abs=1e-12)


def test_decomposition_of_a_label() -> None:
    story = said(["noise"], [2], labels={"cls": {"target": "theta", "classes": 4}})
    tree = story.spec.to_dict()
    tree["modalities"]["y"] = {"flow": "vector(1)", "latent": "0.5*c + 0.5*d + noise"}
    story = load(tree)
    parts = story.decompose("cls")
    assert parts.modalities == ("x", "y")
    assert parts.information["x"] == pytest.approx(story.information("I(x; cls)"), abs=1e-12)
    assert parts.total == pytest.approx(story.information("I(x, y; cls)"), abs=1e-12)


def test_what_words_cannot_say() -> None:
    story = random_story(2)
    whole, words = story.unsaid()["text; x"]
    assert whole.value == pytest.approx(story.information("I(text.s0, text.s1, text.s2; x)"), abs=1e-12)
    assert words.value == pytest.approx(story.information("I(text; x)"), abs=1e-12)
    assert whole.value > words.value


@pytest.mark.parametrize("seed", range(3))
def test_few_points_for_what_tells_little(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gauss–Hermite rules of few points against the trapezoidal rule on every axis, within the stated tolerance."""
    rng = np.random.default_rng(seed)
    story = said([f"{a:.3f}*c {b:+.3f}*d + 0.8*noise" for a, b in rng.uniform(-0.8, 0.8, (3, 2))], [3, 2, 4])
    asked = ("I(text; x)", "I(text; theta)", "I(text; x, theta)", "I(text; x | theta)")
    found = [story.quantity(query) for query in asked]
    assert all(one.method == QUADRATURE for one in found)
    monkeypatch.setattr(quadrature, "_few", lambda told, step: None)
    monkeypatch.setattr(quadrature, "_STEPS", (0.54, 0.42))
    again = load(story.spec.to_dict())
    for query, one in zip(asked, found, strict=True):
        assert abs(again.information(query) - one.value) <= one.tolerance, query


def test_four_causes_and_four_slots_by_quadrature() -> None:
    """Where a second level would take long, a tolerance below 1e-6 is enough, and it is shown."""
    names = "cdef"
    rng = np.random.default_rng(3)
    weights = 0.45 * rng.uniform(0.4, 1.0, (3, 4)) * rng.choice([-1, 1], (3, 4))
    latents = [
        " ".join(f"{w:+.3f}*{n}" for w, n in zip(row, names, strict=True)) + " + 0.9*noise" for row in weights
    ]
    text = {
        "flow": 'caption("{s0} {s1} {s2}")',
        "latent": {f"s{i}": one.removeprefix("+") for i, one in enumerate(latents)},
        "words": {f"s{i}": ["a", "b", "c"] for i in range(3)},
    }
    seen = " + ".join(f"0.3*{name}@random({i})" for i, name in enumerate(names))
    tree = {
        "name": "four",
        "causes": dict.fromkeys(names, "normal"),
        "modalities": {"x": {"flow": "vector(16)", "latent": f"{seen} + noise"}, "text": text},
    }
    story = load(tree)
    value = story.quantity("I(text; x)")
    assert value.method == QUADRATURE
    assert value.tolerance <= 1e-6
    rows = story.sample(4_000, seed=1)
    pmi = story.pmi(rows, "text", "x")
    assert abs(pmi.mean() - value.value) <= 4.0 * pmi.std() / math.sqrt(len(pmi))
