"""Datasets of what categorical causes choose: columns, checks, what an observation tells, exports, pictures."""

import json
import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pytest
import torch

import infoloom as loom
from infoloom.datasets.checking.choice_gap import FEWEST, choice_gap
from infoloom.datasets.making.observe import flow_input, rows_of
from infoloom.datasets.showing.preview import draw_preview
from infoloom.datasets.showing.strip import draw_strip, strip_rows
from infoloom.errors import DatasetError, FlowError
from infoloom.observations import RENDERERS, build
from infoloom.observations.choosing import Choosing
from infoloom.observations.renderers.base import Renderer
from infoloom.observations.renderers.collisions import find_collisions
from infoloom.observations.renderers.registry import make_renderer, register_renderer
from infoloom.spec.flows.flow import parse_flow
from infoloom.spec.flows.renderers import _REGISTERED, FactorForm, RendererForm
from infoloom.story import load

ROWS = 300


class Traces(Renderer):
    """A line or a wave of two factors: small, so that its certificate takes no time."""

    form: ClassVar[RendererForm] = RendererForm(
        "traces",
        (FactorForm("level", -1.0, 1.0, (-5.0, 5.0)), FactorForm("slope", 0.5, 1.5, (0.1, 5.0))),
        16,
        (8, 64),
        lambda size: (size,),
        levels=lambda ranges: (-3.0, 3.0),
        kinds=("line", "wave"),
    )

    def render(self, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        at = torch.linspace(0.0, 1.0, self.setup.size, dtype=values["level"].dtype)
        shape = at if self.setup.selector == "line" else torch.sin(6.0 * at)
        return values["level"][:, None] + values["slope"][:, None] * shape


def traces() -> loom.Story:
    text = {
        "flow": 'caption("a {size} {kind}[, look|]")',
        "latent": {"size": "0.8*c + 0.6*noise"},
        "words": {"size": ["small", "large"], "kind": ["line", "wave"]},
    }
    return load(
        {
            "name": "traces",
            "causes": {"kind": "categorical(2)", "c": "normal"},
            "targets": {"theta": "c + 0.5*noise"},
            "modalities": {
                "trace": {"flow": "traces[{kind}](16)", "latent": {"slope": "c + 0.5*noise"}},
                "text": text,
            },
        }
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    before = dict(RENDERERS)
    register_renderer(Traces)
    yield loom.generate(traces(), tmp_path_factory.mktemp("traces") / "rows", rows=ROWS, also="trace_uint8")
    RENDERERS.clear()
    RENDERERS.update(before)
    _REGISTERED.pop("traces", None)


def lossy(sway: float = 0.0):
    return load(
        {
            "name": "digits",
            "causes": {"kind": "categorical(2)", "c": "normal"},
            "targets": {"theta": f"c {sway:+}*kind + 0.5*noise"},
            "modalities": {
                "digit": {"flow": "digits[{kind}: 0, 1]", "latent": "0.4*c + noise"},
                "text": {"flow": 'caption("a {kind}")', "words": {"kind": ["zero", "one"]}},
            },
        }
    )


def test_an_observation_shows_what_the_sentence_says(data) -> None:
    names = [column.name for column in data.columns]
    assert {"trace", "trace_uint8", "text", "text_words", "text_tokens", "kind_class", "kind"} <= set(names)
    rows = data.select("trace", "text", "text_words", "kind_class")[:ROWS]
    assert np.array_equal(rows["text_words"][:, 1], rows["kind_class"])
    words = ("line", "wave")
    assert all(words[k] in str(text) for k, text in zip(rows["kind_class"], rows["text"], strict=True))
    straight = np.abs(np.diff(rows["trace"], n=2, axis=1)).max(axis=1) < 1e-5
    assert np.array_equal(straight, rows["kind_class"] == 0)
    assert 0.3 < straight.mean() < 0.7


def test_it_passes_its_checks(data) -> None:
    report = loom.verify(data.root)
    assert report.passed, [check for check in report.checks if not check.passed]
    assert {"round trip of trace", "sentences of text", "information after the bijection of trace"} <= {
        check.name for check in report.checks
    }


def test_pointwise_information_averages_to_the_truth(data) -> None:
    values = data.select("pmi(trace;text)")[:ROWS]["pmi(trace;text)"]
    truth = data.story.information("I(trace; text)")
    assert truth > math.log(2)
    assert abs(values.mean() - truth) <= 4.0 * values.std() / math.sqrt(ROWS)


def test_the_card_says_what_chooses(data) -> None:
    card = (data.root / "README.md").read_text(encoding="utf-8")
    assert "one of line, wave by category, certified injective together with the category" in card
    assert "`slope` 0.5 to 1.5" in card


def test_picture_and_strip_are_drawn(data, tmp_path) -> None:
    assert draw_preview(data, tmp_path / "preview.png").stat().st_size > 5_000
    atoms = np.unique(data.story.sample(100)["kind"])
    shown = strip_rows(data.story, "kind", atoms, modalities=["trace", "text"])
    assert "line" in shown["text"][0]
    assert "wave" in shown["text"][1]
    assert np.abs(np.diff(shown["trace"], n=2, axis=1)).max(axis=1).argmin() == 0
    assert strip_rows(data.story, "kind", modalities=["text"])["text"].tolist() == shown["text"].tolist()
    assert draw_strip(data.story, "kind", tmp_path / "strip.png").stat().st_size > 5_000


@pytest.mark.slow  # certificates and left inverses of six shapes: minutes
def test_the_scene(tmp_path) -> None:
    data = loom.generate(loom.preset("scene"), tmp_path / "rows", rows=64)
    report = loom.verify(data.root, round_trip_rows=8)
    assert report.passed, [check for check in report.checks if not check.passed]


def test_the_way_back_finds_shape_and_factors() -> None:
    """Small pictures, so that the random observations that the left inverse starts from are made fast."""
    made = build("sprites[{kind}: heart, star](16)", allow_uncertified=True)
    assert isinstance(made, Choosing)
    z = 0.7 * torch.randn((6, made.dim), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    z[:, -1] = torch.arange(6.0) % 2
    with torch.no_grad():
        back = made.inverse(made.forward(z))
    assert torch.equal(back[:, -1], z[:, -1])
    assert float((back - z).abs().max()) <= 1e-4


def test_what_a_map_takes_and_the_rows_behind_it() -> None:
    story = loom.preset("scene")
    rows = story.sample(6, seed=2)
    taken = flow_input(story, "picture", rows)
    assert np.array_equal(taken[:, -1], rows["shape_class"])
    again = rows_of(story, "picture", taken)
    assert np.allclose(again["shape"], rows["shape"])
    assert np.array_equal(again["picture"], rows["picture"])
    assert set(rows_of(story, "tone", flow_input(story, "tone", rows))) == {"tone"}


def test_each_row_has_its_own_class() -> None:
    made = build("sprites[{kind}](16)", allow_uncertified=True)
    z = torch.randn((12, 9), generator=torch.Generator().manual_seed(1))[:, : made.dim - 1]
    kinds = torch.arange(12.0) % 6
    with torch.no_grad():
        x = made.forward(torch.cat([z, kinds[:, None]], dim=1))
        for k, name in enumerate(("square", "ellipse", "triangle", "heart", "star", "ring")):
            assert torch.equal(
                x[k::6], build(f"sprites[{name}](16)", allow_uncertified=True).forward(z[k::6])
            )
    change = made.pull_back(torch.cat([z, kinds[:, None]], dim=1)[:2], torch.ones((2, 3, 16, 16)))
    assert tuple(change.shape) == (2, made.dim)
    assert torch.all(change[:, -1] == 0.0)
    with pytest.raises(FlowError, match="categories: expected whole numbers from 0 to 5 behind the latents"):
        made.forward(torch.cat([z, kinds[:, None] + 0.5], dim=1))


def test_shapes_that_look_alike_are_refused() -> None:
    """A shape beside itself: every observation is made by both."""
    same = {one: make_renderer(parse_flow("sprites[square](16)")[0]) for one in ("square", "also square")}
    found = find_collisions(same, rows=24)
    assert not found["passes"]
    assert "can make the same observation" in found["reason"]


def test_a_chosen_class_of_a_trained_flow_is_an_upper_bound(tmp_path) -> None:
    story = lossy()
    data = loom.generate(story, tmp_path / "rows", rows=FEWEST)
    assert "does not tell which one made it" in data.upper_bounds["digit"]
    gap = data.manifest.bijections["digit"]["certificate"]["gap"]
    assert 0.0 < gap["value"] < math.log(2)
    assert gap["rows"] == FEWEST // 4
    card = (data.root / "README.md").read_text(encoding="utf-8")
    assert "| `I(digit; text)` | at most 0.69314718" in card
    assert "H(category | observation) is at most" in card
    assert "pmi(digit;theta)" not in [column.name for column in data.columns]
    report = loom.verify(data.root)
    assert report.passed, [check for check in report.checks if not check.passed]
    tree = json.loads((data.root / "manifest.json").read_text(encoding="utf-8"))
    assert "digit" in tree["truth"]["upper_bounds"]


def gaussian_rows(rows: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Two categories whose observations, vectors of 32 numbers, are shifted by ± shift in each."""
    rng = np.random.default_rng(4)
    k = rng.integers(0, 2, rows)
    return (rng.normal(size=(rows, 32)) + shift * (2 * k[:, None] - 1)).astype(np.float32), k


def test_the_gap_is_no_less_than_what_is_open() -> None:
    """H(k | x) of two shifted Gaussians is an integral of one number; a classifier cannot do better."""
    x, k = gaussian_rows(1600, 0.12)
    found = choice_gap(x, k, 2)
    reach = 0.12 * math.sqrt(32)
    t = np.linspace(-10.0, 10.0, 20_001)
    weight = np.exp(-0.5 * (t - reach) ** 2) / math.sqrt(2.0 * math.pi) * (t[1] - t[0])
    open_ = float(weight @ np.logaddexp(0.0, -2.0 * reach * t))  # E −log P(k | x), k = + by symmetry
    assert open_ - 4.0 * found["standard_error"] <= found["value"] < math.log(2)
    assert found["rows"] == 400
    assert choice_gap(x[: FEWEST - 1], k[: FEWEST - 1], 2) is None


def test_the_way_back_needs_renderers() -> None:
    with pytest.raises(
        FlowError, match="expected renderers, because a trained flow of each class can make every"
    ):
        build("digits[{kind}: 0, 1]").inverse(torch.zeros((1, *build("digits[0]").shape_out)))


def test_a_cause_whose_column_is_taken(tmp_path) -> None:
    tree = lossy().spec.to_dict()
    tree["targets"]["kind_class"] = "c + noise"
    with pytest.raises(DatasetError, match="column `kind_class`: expected one meaning a name"):
        loom.generate(load(tree), tmp_path / "rows", rows=8)
