"""Truth of categorical causes and what they choose: counts of a million rows, dense integrals, limits, inequalities."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from infoloom.errors import QueryError, SpecError
from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE
from infoloom.story import Story, load

ROWS = 1_000_000


def chosen(size: int = 3, sway: float = 0.0, hue: float = 0.0, more: float = 0.0, **other: object) -> Story:
    """A picture whose shape a category chooses, a caption that says it, and what the category moves besides."""
    text = {
        "flow": 'caption("a {size} {hue} {kind}")',
        "latent": {"size": "0.8*c + 0.6*noise", "hue": f"0.5*c {hue:+.6f}*kind + 0.7*noise"},
        "words": {
            "size": ["tiny", "small", "big"],
            "hue": {"red": 0.6, "blue": 0.4},
            "kind": [f"k{i}" for i in range(size)],
        },
    }
    shapes = ", ".join(["heart", "star", "ring", "square"][:size])
    picture = {"flow": f"sprites[{{kind}}: {shapes}](32)", "latent": {"size": "0.6*c + 0.5*noise"}}
    tree = {
        "name": "chosen",
        "causes": {"c": "normal", "kind": f"categorical({size})", "mood": "categorical(2)"},
        "targets": {"theta": f"c {sway:+.6f}*kind + 0.7*noise"},
        "modalities": {
            "picture": picture,
            "text": text,
            "x": {"flow": "vector(1)", "latent": f"0.8*c {more:+.6f}*kind + noise"},
        },
        "labels": {"cls": {"target": "theta", "classes": 4}},
    }
    return load(tree | other)


def plug_in(classes: np.ndarray) -> tuple[float, float]:
    """Entropy of counts with the Miller–Madow term, and its standard error."""
    counts = np.bincount(classes @ 6 ** np.arange(classes.shape[1]))
    counts = counts[counts > 0]
    share = counts / counts.sum()
    entropy = -float(share @ np.log(share))
    spread = float(share @ np.log(share) ** 2) - entropy**2
    return entropy + (len(counts) - 1) / (2.0 * counts.sum()), math.sqrt(spread / counts.sum())


@pytest.mark.parametrize("seed", range(2))
def test_counts_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    story = chosen(int(rng.integers(2, 5)), *(float(v) for v in rng.normal(size=3)))
    rows = story.sample(ROWS, seed=seed)
    words, label, kind = story.cells["text"].words(rows), rows["cls"][:, None], rows["kind_class"][:, None]
    assert np.array_equal(words[:, 2], kind[:, 0])
    for name, classes in (
        ("H(kind)", kind),
        ("H(text)", words),
        ("H(text[size], text[hue])", words[:, :2]),
        ("H(text[hue], text[kind])", words[:, 1:]),
        ("H(cls, text[hue])", np.concatenate([label, words[:, 1:2]], axis=1)),
        ("H(cls, kind)", np.concatenate([label, kind], axis=1)),
        ("H(cls, text)", np.concatenate([label, words], axis=1)),
    ):
        entropy, error = plug_in(classes)
        quantity = story.quantity(name)
        assert quantity.method in (CLOSED_FORM, QUADRATURE), name
        assert abs(quantity.value - entropy) <= 4.0 * error + quantity.tolerance, name


def dense(story: Story, shift: float, hue: float, names: str) -> float:
    """I(x; what a caption says) of `chosen(size, hue=hue, more=shift)` on a grid, without the package's integrals.

    The latents are x = 0.8 c + shift·k + noise and f = 0.5 c + hue·k + 0.7 noise; `names` says what is known: any of
    `k`, the category, and `w`, the word for f.
    """
    atoms = np.unique(story.sample(2_000)["kind"].astype(float))
    bound = story.cells["text[hue]"].cuts[0].bounds[0]
    x = np.linspace(-14.0, 14.0, 40_001)
    variance, cross, own = 0.64 + 1.0, 0.4, 0.25 + 0.49
    joint = np.zeros((len(x), len(atoms), 2))
    for k, atom in enumerate(atoms):
        density = scipy.stats.norm.pdf(x, shift * atom, math.sqrt(variance)) / len(atoms)
        mean = hue * atom + cross / variance * (x - shift * atom)
        below = scipy.stats.norm.cdf(bound, mean, math.sqrt(own - cross**2 / variance))
        joint[:, k, 0], joint[:, k, 1] = density * below, density * (1.0 - below)
    joint = joint if "k" in names else joint.sum(axis=1, keepdims=True)
    joint = joint if "w" in names else joint.sum(axis=2, keepdims=True)
    joint *= x[1] - x[0]
    outer = joint.sum(axis=0, keepdims=True) * joint.sum(axis=(1, 2), keepdims=True)
    seen = joint > 0.0
    return float(np.sum(joint[seen] * np.log(joint[seen] / np.broadcast_to(outer, joint.shape)[seen])))


@pytest.mark.parametrize(("shift", "hue"), [(0.0, 0.0), (1.1, 0.0), (0.9, -0.7), (0.0, 1.2)])
def test_values_against_dense_integrals(shift: float, hue: float) -> None:
    story = chosen(3, hue=hue, more=shift)
    for query, names in (
        ("I(x; kind)", "k"),
        ("I(x; text[hue])", "w"),
        ("I(x; text[hue], kind)", "kw"),
        ("I(x; text[hue], text[kind])", "kw"),
    ):
        quantity = story.quantity(query, tolerance=2e-3)
        assert abs(quantity.value - dense(story, shift, hue, names)) <= 4.0 * quantity.error + 1e-8, query
        if quantity.method != MONTE_CARLO:
            assert quantity.error <= 1e-6


def test_what_only_chooses_adds_its_entropy() -> None:
    story = chosen(4)
    for query, rest in (
        ("I(picture; text)", "I(picture.size, picture.hue; text[size], text[hue])"),
        ("I(picture; kind)", None),
        ("I(text; kind)", None),
        ("I(picture; text | theta)", "I(picture.size, picture.hue; text[size], text[hue] | theta)"),
    ):
        expected = math.log(4) + (story.information(rest) if rest else 0.0)
        assert story.information(query) == pytest.approx(expected, abs=1e-7), query
    assert story.information("I(picture; text | kind)") == pytest.approx(
        story.information("I(picture; text)") - math.log(4), abs=1e-9
    )
    for query in ("I(kind; theta)", "I(kind; x, theta, cls)", "I(mood; picture, text)"):
        assert story.information(query) == pytest.approx(0.0, abs=1e-12), query


def test_a_category_in_equations_too() -> None:
    """Both show the category, so only what they tell besides it is averaged; in closed form and by quadrature."""
    story = chosen(3, sway=0.8, hue=0.9, more=0.7)
    both = story.quantity("I(picture; text)")
    assert both.method == QUADRATURE
    told = story.quantity("I(picture; text | kind)")
    assert both.value == pytest.approx(math.log(3) + told.value, abs=1e-7)
    assert story.information("I(picture; kind)") == pytest.approx(math.log(3), abs=1e-12)
    assert story.quantity("I(kind; x)").value > 0.1
    seen = story.quantity("I(text[hue]; x, theta)", tolerance=4e-3)
    assert seen.method == MONTE_CARLO
    assert 0.0 < seen.error <= 4e-3


@pytest.mark.parametrize("shift", [0.0, 0.9])
def test_pointwise_values_average_to_the_information(shift: float) -> None:
    story = chosen(3, sway=shift, hue=0.5 * shift, more=shift)
    rows = story.sample(3_000, seed=1)
    for a, b, known in (
        ("picture", "text", ()),
        ("text", "x", ()),
        ("kind", "x", ()),
        ("text[kind]", "cls", ("x",)),
        ("picture", "theta", ("text",)),
    ):
        seen = story.pmi(rows, a, b, known)
        truth = story.quantity(f"I({a}; {b}{' | ' + ', '.join(known) if known else ''})")
        error = math.hypot(float(seen.std()) / math.sqrt(len(seen)), truth.error)
        assert abs(seen.mean() - truth.value) <= 4.0 * error + 1e-9, (a, b, known)


def test_a_held_category_tells_nothing() -> None:
    story = chosen(3, sway=0.5).intervene(kind=0.0)
    assert story.gaussian is False  # the other categorical cause is still there
    assert story.information("I(picture; text)") == pytest.approx(
        chosen(3).information("I(picture; text | kind)"), abs=1e-7
    )
    assert np.all(story.sample(10)["kind_class"] == 1)
    with pytest.raises(QueryError, match="`kind` is held at 0"):
        story.information("I(kind; text)")


@settings(max_examples=12, deadline=None)
@given(
    size=st.integers(2, 4),
    sway=st.floats(-1.0, 1.0),
    hue=st.floats(-1.0, 1.0),
    more=st.sampled_from([0.0, 0.5]),
)
def test_chain_rule_and_data_processing(size: int, sway: float, hue: float, more: float) -> None:
    story = chosen(size, sway, hue, more)
    ask = story.information
    assert ask("I(cls, text; kind)") == pytest.approx(
        ask("I(cls; kind)") + ask("I(text; kind | cls)"), abs=1e-6
    )
    whole = ask("I(picture; text)")
    parts = ask("I(picture; text[kind])") + ask("I(picture; text[size], text[hue] | text[kind])")
    assert whole == pytest.approx(parts, abs=1e-6)
    assert -1e-6 <= ask("I(cls; text[hue])") <= ask("I(cls; text)") + 1e-6
    assert ask("I(cls; kind)") <= ask("I(theta; kind)") + 1e-5 <= math.log(size) + 2e-5
    assert ask("I(kind; text[hue])") <= ask("H(kind)") + 1e-9
    assert ask("H(kind | cls)") + ask("I(kind; cls)") == pytest.approx(math.log(size), abs=1e-6)


def test_one_word_says_nothing() -> None:
    silent = {
        "flow": 'caption("it is {size}")',
        "latent": {"size": "c + kind + noise"},
        "words": {"size": ["it"]},
    }
    tree = chosen(3, more=0.5).spec.to_dict()
    tree["modalities"]["text"] = silent
    story = load(tree)
    assert story.information("H(text)") == 0.0
    assert story.information("I(text; picture)") == pytest.approx(0.0, abs=1e-9)
    assert story.information("I(text; kind)") == pytest.approx(0.0, abs=1e-9)


def test_a_caption_of_chosen_words_only() -> None:
    tree = chosen(3, more=0.6).spec.to_dict()
    tree["modalities"]["text"] = {
        "flow": 'caption("a {form}")',
        "latent": {"form": "kind"},
        "words": {"form": list("abc")},
    }
    story = load(tree)
    assert story.information("I(text; kind)") == pytest.approx(math.log(3))
    assert story.information("I(text; picture)") == pytest.approx(math.log(3))
    assert story.information("I(text; x)") == pytest.approx(story.information("I(kind; x)"), abs=1e-6)


def test_only_a_bound_for_a_chosen_class_of_a_trained_flow() -> None:
    tree = chosen(3, more=0.6).spec.to_dict()
    tree["modalities"]["digit"] = {"flow": "digits[{kind}: 0, 3, 8]", "latent": "0.5*c + noise"}
    story = load(tree)
    found = story.quantity("I(digit; text)")
    assert found.at_most
    assert not found.exact
    assert found.text().startswith("at most ")
    assert found.to_json()["at_most"] is True
    assert found.value == pytest.approx(math.log(3) + story.information("I(digit; text | kind)"), abs=1e-6)
    assert not story.quantity("I(x; text)", tolerance=0.01).at_most
    for query in ("I(x; text | digit)", "H(digit)", "I(x; text; digit)", "O(x, text, digit)"):
        with pytest.raises(QueryError, match="has a trained flow whose class is chosen"):
            story.information(query)
    with pytest.raises(QueryError, match="only an upper bound of its information is known"):
        story.pmi(story.sample(3), "digit", "text")
    assert "I(digit; theta)" in story.truth()
    assert "I(x; digit; theta)" not in story.truth()


@pytest.mark.parametrize(
    ("causes", "x"),
    [
        ({"c": "laplace"}, "2*c + noise"),
        ({"c": "laplace", "kind": "categorical(2)"}, "2*c + 1.2*kind + noise"),
        ({"c": "normal", "d": "laplace", "kind": "categorical(3)"}, "c*kind + d + noise"),
    ],
)
def test_labels_beside_other_causes(causes: dict[str, str], x: str) -> None:
    """A label of a story that is not Gaussian: its information is that of its ceiling, never that of a normal one."""
    story = load(
        {
            "name": "a",
            "causes": causes,
            "targets": {"t": "c*kind + d + 0.5*noise" if "d" in causes else "c + 0.5*noise"},
            "modalities": {"x": {"flow": "vector(1)", "latent": x}},
            "labels": {"cls": {"target": "t", "classes": 3}},
        }
    )
    rows = story.sample(400_000, seed=3)
    bins = np.searchsorted(np.quantile(rows["x"][:, 0], np.linspace(0, 1, 201)[1:-1]), rows["x"][:, 0])
    counts = np.zeros((200, 3))
    np.add.at(counts, (bins, rows["cls"]), 1.0)
    share = counts / counts.sum()
    seen = float(
        np.sum(share * np.log(np.maximum(share, 1e-300) / (share.sum(0) * share.sum(1, keepdims=True))))
    )
    found = story.quantity("I(x; cls)")
    assert found.method == MONTE_CARLO
    assert abs(found.value - (seen - 398 / (2.0 * 400_000))) <= 4.0 * (found.error + 0.002)
    assert story.information("H(cls)") == pytest.approx(math.log(3))
    assert story.information("I(cls; t)") == pytest.approx(math.log(3))
    with pytest.raises(QueryError) as caught:
        story.information("I(x; cls | t)")
    assert str(caught.value) == (
        "`cls`: expected a story of normal and categorical causes, because in others `H(label)` and `I(x; label)` are "
        "known, and no more of words and labels. Ask for the variable that it is cut from."
    )


def test_labels_beside_other_causes_and_a_chosen_category_are_refused() -> None:
    tree = chosen(3).spec.to_dict()
    del tree["modalities"]["text"]
    tree["causes"]["c"] = "laplace"
    tree["labels"] = {"cls": {"target": "theta", "classes": 3}}
    story = load(tree)
    assert story.information("H(cls)") == pytest.approx(math.log(3))
    with pytest.raises(QueryError, match="in others `H\\(label\\)` and `I\\(x; label\\)` are known"):
        story.information("I(picture; cls)")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("flow", "sprites[{kind}](32)"), "has 3 categories and chooses among 6 classes; expected as many"),
        (
            ("flow", "sprites[{c}: heart, star](32)"),
            "expected a scalar categorical cause, because only categories",
        ),
        (("flow", "sprites[{kind}: heart, hart, ring](32)"), "expected one of square, ellipse"),
        (("flow", "sprites[{kind}: heart, heart, ring](32)"), "`heart` stands twice; expected each once"),
        (("flow", "sprites[{kind]"), "expected a categorical cause in curly brackets"),
        (("flow", "ring[{kind}](32)"), "this flow has no classes to choose among"),
        (("flow", "digits[{kind}] | digits[{mood}]"), "expected one choice of a class, got 2"),
    ],
)
def test_what_cannot_choose(change: tuple[str, str], message: str) -> None:
    tree = chosen(3).spec.to_dict()
    tree["modalities"]["picture"] = {change[0]: change[1], "latent": {}}
    with pytest.raises(SpecError, match=message):
        load(tree)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["one", "two"], "expected 3 words, one for each category of `kind`, got 2"),
        ({"one": 0.5, "two": 0.3, "three": 0.2}, "the categories of `kind` are equally likely"),
    ],
)
def test_words_that_do_not_fit_the_categories(words: object, message: str) -> None:
    tree = chosen(3).spec.to_dict()
    tree["modalities"]["text"]["words"]["kind"] = words
    with pytest.raises(SpecError, match=message):
        load(tree)


def test_a_cause_of_another_law_has_no_words() -> None:
    tree = chosen(3).spec.to_dict()
    tree["causes"]["c"] = "laplace"
    with pytest.raises(SpecError, match="words: expected a story of normal and categorical causes"):
        load(tree).information("H(text)")


def best_from_x(shift: float, sway: float) -> tuple[float, float]:
    """Accuracy of the category and R² of theta from x of `chosen`, on a grid: x and theta are normal for a category."""
    atoms = np.sqrt(1.5) * np.array([-1.0, 0.0, 1.0])
    x = np.linspace(-12.0, 12.0, 20_001)
    density = np.stack([scipy.stats.norm.pdf(x, shift * a, math.sqrt(1.64)) / 3.0 for a in atoms])
    mean = np.stack([sway * a + 0.8 / 1.64 * (x - shift * a) for a in atoms])
    whole = density.sum(axis=0)
    told = (density * mean).sum(axis=0) / whole
    step = x[1] - x[0]
    return float(density.max(axis=0).sum() * step), float((told**2 * whole).sum() * step) / (1.49 + sway**2)


@pytest.mark.parametrize(("shift", "sway"), [(0.0, 0.0), (1.1, 0.8)])
def test_ceilings(shift: float, sway: float) -> None:
    story = chosen(3, sway=sway, more=shift)
    found = story.ceilings(batch=None)
    accuracy, r_squared = best_from_x(shift, sway)
    kinds = {one.given: one for one in found.classes if one.label == "kind"}
    assert kinds["picture",].accuracy == 1.0 == kinds["text",].accuracy
    assert kinds["picture",].information == pytest.approx(math.log(3))
    assert abs(kinds["x",].accuracy - accuracy) <= 4.0 * kinds["x",].accuracy_error + 1e-6
    of_x = next(one for one in found.targets if one.given == ("x",))
    assert abs(of_x.r_squared - r_squared) <= 4.0 * of_x.r_squared_error + 1e-6
    for one in (one for one in found.classes if one.label == "cls" and one.given != ("text",)):
        asked = story.quantity(f"I(cls; {', '.join(one.given)})", tolerance=5e-3)
        assert abs(asked.value - one.information) <= 4.0 * (asked.error + one.information_error) + 1e-6
    rows = story.sample(20_000, seed=5)
    off = (story.predict(rows, "theta", ("picture", "x")) - rows["theta"]) ** 2
    least = next(one.mmse for one in found.targets if one.given == ("picture", "x"))
    assert abs(off.mean() - least) <= 4.0 * off.std() / math.sqrt(len(off))


def test_ceilings_where_categories_only_choose() -> None:
    tree = chosen(3).spec.to_dict()
    tree["targets"], tree["modalities"]["x"]["latent"] = {"theta": "c + 0.7*noise"}, "0.8*c + noise"
    tree["modalities"]["text"]["latent"]["hue"] = "0.5*c + 0.7*noise"
    story = load(tree)
    found = story.ceilings(batch=8, batches=16)
    assert {one.pair for one in found.pairs} == {("picture", "x")}
    assert {one.given for one in found.targets} >= {("picture",), ("x",), ("text",)}
    assert not any("Not Gaussian" in note and "`kind`" in note for note in story.notes)
    parts = story.decompose("theta", ("picture", "x"))
    assert parts.total == pytest.approx(story.information("I(theta; picture, x)"), abs=1e-12)
    with pytest.raises(QueryError, match="decomposition of `theta`: expected a Gaussian story"):
        chosen(3, sway=0.5).decompose("theta", ("picture", "x"))


def test_accuracy_of_a_category_without_a_choice() -> None:
    tree = {
        "name": "plain",
        "causes": {"kind": "categorical(3)", "c": "normal"},
        "targets": {"theta": "0.8*kind + c + 0.7*noise"},
        "modalities": {"x": {"flow": "vector(1)", "latent": "1.1*kind + 0.8*c + noise"}},
    }
    found = next(one for one in load(tree).ceilings().classes if one.label == "kind")
    assert abs(found.accuracy - best_from_x(1.1, 0.8)[0]) <= 4.0 * found.accuracy_error


def test_what_words_cannot_say_of_a_mixture() -> None:
    """A caption is made of its factors and the category; values are those of the mixture, not of its moments."""
    story = chosen(3, hue=0.9, more=0.8)
    whole, said = story.unsaid()["text; x"]
    assert whole.value == story.information("I(text.size, text.hue, kind; x)")
    assert said.value == story.information("I(text; x)")
    assert -1e-6 <= said.value <= whole.value + 4.0 * (whole.error + said.error)
    picture, words = story.unsaid()["text; picture"]
    assert picture.value >= words.value - 1e-6
    assert words.value >= math.log(3)
