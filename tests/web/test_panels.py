"""Every panel against the library that it calls."""

from __future__ import annotations

import base64
import io
import wave

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from infoloom.datasets.making.captions import caption_rows
from infoloom.datasets.showing.gallery import sorted_rows
from infoloom.datasets.showing.influence import influence
from infoloom.datasets.showing.strip import strip_rows
from infoloom.design.holding import hold, levers
from infoloom.spec.load import load_spec, parse_spec, preset_names, preset_text
from infoloom.spec.weights import weights, with_weights
from infoloom.story import compile_story
from infoloom.units import NATS_PER_BIT
from infoloom.web.app import PANELS, make_app
from infoloom.web.workbench import open_workbench

MOVED = {"modalities.radio.latent[0]": 0.05, "targets.theta[1]": -0.2}


def client(source="black-hole-templates"):
    return TestClient(make_app(open_workbench(source)), base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def page():
    return client()


def ask(page, panel, **asked):
    answer = page.post(f"/{panel}.json", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def moved():
    return compile_story(with_weights(load_spec("black-hole-templates"), MOVED))


def test_information_is_that_of_the_moved_story(page, moved):
    rows = {row["query"]: row for row in ask(page, "information", weights=MOVED)["rows"]}
    assert {query: row["value"] for query, row in rows.items()} == moved.truth_table()
    bits = ask(page, "information", weights=MOVED, unit="bits")
    assert bits["unit"] == "bits"
    for row in bits["rows"]:
        assert row["value"] == rows[row["query"]]["value"] / NATS_PER_BIT
        assert row["nats"] == rows[row["query"]]["value"]
    groups = {query: row["group"] for query, row in rows.items()}
    assert groups == {
        "I(radio; theta)": "about theta",
        "I(xray; theta)": "about theta",
        "I(radio, xray; theta)": "about theta",
        "I(radio; xray)": "between modalities",
        "I(radio; xray | theta)": "between modalities, given theta",
        "I(radio; xray; theta)": "co-information with theta",
    }


def test_values_that_are_not_exact_say_so():
    panel = ask(client("stress-laplace"), "information")
    truth = compile_story("stress-laplace").truth()
    for row in panel["rows"]:
        quantity = truth[row["query"]]
        assert (row["value"], row["error"], row["method"]) == (
            quantity.value,
            quantity.error,
            quantity.method,
        )
        assert not row["exact"]
    assert panel["notes"] == list(compile_story("stress-laplace").notes)


def test_weights_have_the_range_of_the_text_while_they_move(page):
    still = {one["path"]: one for one in ask(page, "weights")["weights"]}
    moved = {one["path"]: one for one in ask(page, "weights", weights=MOVED)["weights"]}
    expected = {one.path: one for one in weights(load_spec("black-hole-templates"))}
    assert {path: one["value"] for path, one in still.items()} == {p: w.value for p, w in expected.items()}
    for path, one in moved.items():
        assert one["value"] == MOVED.get(path, expected[path].value)
        assert (one["low"], one["high"], one["step"]) == (*expected[path].range, expected[path].step)


def test_the_graph_has_the_nodes_and_terms_of_the_story(page, moved):
    panel = ask(page, "graph", weights=MOVED)
    assert [(n["name"], n["kind"], tuple(n["shape"])) for n in panel["nodes"]] == [
        (n.name, n.kind, n.shape) for n in moved.graph.nodes.values()
    ]
    edges = {(e["target"], e["label"], e["template"]): (e["weight"], e["path"]) for e in panel["edges"]}
    assert edges["radio", "mass", "disk"] == (0.05, "modalities.radio.latent[0]")
    assert edges["theta", "spin", None] == (-0.2, "targets.theta[1]")
    assert len(edges) == 9


def test_an_edge_without_a_number_of_its_own_belongs_to_its_parameter():
    edges = ask(client("synergy"), "graph")["edges"]
    paths = {(e["target"], e["label"]): (e["path"], e["weight"]) for e in edges}
    a, b = (load_spec("synergy").parameters[name].value for name in "ab")
    assert paths["x1", "mass"] == ("parameters.a", a)
    assert paths["x2", "texture"] == ("parameters.b", -b)


def test_decomposition_and_ceilings_are_those_of_the_library(page, moved):
    parts = ask(page, "decomposition", weights=MOVED)
    assert {key: parts[key] for key in ("redundancy", "unique", "synergy", "total")} == {
        key: getattr(moved.decompose("theta"), key) for key in ("redundancy", "unique", "synergy", "total")
    }
    found = ask(page, "ceilings", weights=MOVED)
    assert found["targets"] == moved.ceilings(batch=None).to_json()["targets"]
    pair = ask(client("multimodal-decay"), "decomposition", pair=["x2", "x7"])
    expected = compile_story("multimodal-decay").decompose("theta", ("x2", "x7"))
    assert (pair["unique"], pair["synergy"]) == (expected.unique, expected.synergy)


def test_what_a_panel_cannot_show_is_its_own_problem():
    answer = ask(client("stress-laplace"), "panels", panels=["decomposition", "graph"])["panels"]
    assert answer["decomposition"]["problems"][0]["message"].startswith("decomposition of `theta`")
    assert answer["graph"]["name"] == "stress-laplace"


def test_a_held_quantity_stays_and_its_lever_moves(page):
    held = {"I(radio; theta)": {"value": 0.6, "by": "modalities.radio.latent[0]"}}
    weights_moved = {"modalities.radio.latent[1]": 0.025}
    answer = ask(page, "panels", panels=["weights", "information"], weights=weights_moved, held=held)[
        "panels"
    ]
    spec = hold(
        with_weights(load_spec("black-hole-templates"), weights_moved),
        {"I(radio; theta)": 0.6},
        [held["I(radio; theta)"]["by"]],
    )
    values = {row["query"]: row["value"] for row in answer["information"]["rows"]}
    assert values == compile_story(spec).truth_table()
    assert values["I(radio; theta)"] == pytest.approx(0.6, abs=1e-9)
    assert {one["path"]: one["value"] for one in answer["weights"]["weights"]} == {
        one.path: one.value for one in weights(spec)
    }
    assert ask(page, "levers", query="I(radio; theta)")["levers"] == list(
        levers(load_spec("black-hole-templates"), "I(radio; theta)")
    )


def test_what_cannot_be_held_is_told(page):
    held = {"I(radio; theta)": {"value": 9.0, "by": "modalities.radio.latent[1]"}}
    message = ask(page, "panels", panels=["graph"], held=held)["problems"][0]["message"]
    assert message.startswith("require.I(radio; theta) `= 9`: expected at most")


def test_problems_have_their_places(page):
    text = (
        preset_text("black-hole-templates")
        .replace("0.8*mass", "0.8*mas")
        .replace('"identity(3, 32, 32)"', '"identiti(3)"', 1)
    )
    answer = ask(page, "panels", spec=text, panels=["graph"])
    lines = text.splitlines()
    found = {(one["line"], lines[one["line"] - 1][one["column"] - 1 :][:4]) for one in answer["problems"]}
    assert {place for _, place in found} == {"mas ", "flow"}
    assert answer["solvable"] is False


def test_free_parameters_are_solved_where_they_stand(page):
    text = (
        "name: pair  # kept\ncauses: {mass: normal}\nparameters:\n  a: free  # found\ntargets: {theta: mass}\n"
        "modalities: {x: {flow: vector(16), latent: a*mass + noise}}\nrequire: {I(x; theta): 0.5}\n"
    )
    assert ask(page, "panels", spec=text, panels=["graph"])["solvable"] is True
    answer = ask(page, "solve", spec=text)
    assert answer["reached"]["I(x; theta)"] == pytest.approx(0.5, abs=1e-9)
    story = compile_story(parse_spec(answer["spec"]))
    assert story.information("I(x; theta)") == pytest.approx(0.5, abs=1e-9)
    assert "# kept" in answer["spec"]
    assert "# found" in answer["spec"]


def test_exports_are_the_moved_story(page):
    answer = ask(page, "export", weights=MOVED)
    expected = with_weights(load_spec("black-hole-templates"), MOVED)
    assert parse_spec(answer["spec"]).digest == expected.digest
    assert answer["spec"].startswith("# A black hole seen in radio")
    names = {"print": lambda *_: None}
    exec(compile(answer["python"], "copied", "exec"), names)  # noqa: S102 (our own code)
    assert names["story"].spec.digest == expected.digest
    assert answer["file"] == "black-hole-templates.yaml"
    assert (
        answer["command"]
        == "infoloom generate black-hole-templates.yaml black-hole-templates --rows 10000 --seed 0"
    )
    assert ask(page, "text", weights=MOVED)["spec"] == answer["spec"]


def test_names_are_quoted_in_the_command(page):
    text = preset_text("black-hole-templates").replace(
        "name: black-hole-templates", "name: '$(rm -rf ~); \"'"
    )
    answer = ask(page, "export", spec=text)
    assert answer["command"] == "infoloom generate rm--rf.yaml rm--rf --rows 10000 --seed 0"


def unpacked(source):
    raw = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))


def test_samples_and_sweep_are_rows_of_the_library():
    page, story = client("stress-normal"), compile_story("stress-normal")
    answer = ask(page, "samples", modality="x1", cause="theta", seed=3)
    found = sorted_rows(story, "x1", "theta", seed=3)
    assert answer["values"] == list(found.values)
    assert answer["rows"] == list(found.rows)
    low, high = answer["pictures"]["limits"]
    for source, observed in zip(answer["pictures"]["images"], found.observed, strict=True):
        shown = np.clip((observed[0] - low) / (high - low), 0, 1) * 255
        assert np.abs(unpacked(source)[..., 0] - shown).max() <= 0.5 + 1e-3
    swept = ask(page, "sweep", modality="x2", cause="mass")
    expected = strip_rows(story, "mass", modalities=["x2"])["x2"]
    assert len(swept["values"]) == len(swept["pictures"]["images"]) == len(expected)


def test_signals_are_told_as_numbers():
    text = "name: a\ncauses: {c: normal}\nmodalities: {x: {flow: vector(12), latent: c + noise}}"
    answer = ask(client(), "samples", spec=text)
    found = sorted_rows(compile_story(parse_spec(text)), "x", "c")
    lines = np.array(answer["pictures"]["lines"])
    assert lines.shape == (len(found.rows), 1, 12)
    assert lines[:, 0] == pytest.approx(found.observed, rel=1e-4, abs=1e-8)


def test_maps_are_influence_and_templates():
    page, story = client("stress-normal"), compile_story("stress-normal")
    answer = ask(page, "influence", modality="x1", cause="mass")
    assert np.array(answer["map"]["values"]) == pytest.approx(influence(story, "mass", "x1"), rel=1e-4)
    drawn = ask(page, "templates")["templates"]
    expected = story.templates()
    assert [one["title"] for one in drawn] == list(expected)
    for one in drawn:
        assert np.array(one["map"]["values"]) == pytest.approx(expected[one["title"]], rel=1e-4, abs=1e-12)


def test_get_answers_for_the_story_at_the_start(page):
    for name in ("graph", "information", "weights", "decomposition", "ceilings", "export", "templates"):
        assert page.get(f"/{name}.json").json() == ask(page, name)
    start = page.get("/start.json").json()
    assert start["spec"] == preset_text("black-hole-templates")
    assert [one["name"] for one in start["presets"]] == list(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_shows_its_numbers(page, name):
    answer = ask(
        page, "panels", spec=preset_text(name), panels=["weights", "graph", "decomposition", "ceilings"]
    )
    assert answer["panels"]["graph"]["name"] == name


def test_a_file_of_the_spec_it_started_with_is_read_and_no_other(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(1.0, 5.0))
    np.save(tmp_path / "secret.npy", np.arange(1.0, 5.0))
    text = "name: a\ncauses: {c: normal}\nmodalities: {x: {flow: vector(4), latent: 'c@file(\"t.npy\") + noise'}}\n"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    page = client(tmp_path / "a.yaml")
    assert ask(page, "templates")["templates"][0]["map"]["values"][0][3] > 0.0
    for other in ("secret.npy", str(tmp_path / "t.npy"), "./t.npy", "../t.npy"):
        edited = text.replace("t.npy", other)
        for panel in PANELS:
            answer = page.post(f"/{panel}.json", json={"spec": edited, "query": "I(x; c)"}).json()
            assert answer["problems"][0]["message"].startswith(
                f"modalities.x.latent: file `{other}`: expected one"
            )
            assert answer["problems"][0]["line"] == 3


def test_a_spec_that_is_wrong_from_the_start_is_shown_with_its_problems(tmp_path):
    (tmp_path / "a.yaml").write_text("name: [", encoding="utf-8")
    page = client(tmp_path / "a.yaml")
    assert page.get("/start.json").json()["spec"] == "name: ["
    assert "not valid YAML" in ask(page, "panels", panels=["graph"])["problems"][0]["message"]


def test_stories_that_no_slider_could_turn_are_refused(page):
    modality = "x: {flow: 'identity(3, 512, 512)', latent: c@random + noise}"
    text = f"name: a\ncauses: {{c: {{size: 100}}}}\nmodalities:\n  {modality}\n"
    problem = ask(page, "panels", spec=text, panels=["graph"])["problems"][0]
    assert problem["message"] == (
        "modalities.x.flow: more than 20,000,000 components times causes up to here; expected fewer, because the page "
        "answers while you type. Use `infoloom info` for stories of this size."
    )
    assert problem["line"] == 4


def test_panels_without_anything_to_show_say_what_is_missing(page):
    text = "name: a\ncauses: {c: {size: 2}}\nmodalities: {x: {flow: vector(4), latent: c@random + noise}}\n"
    assert ask(page, "decomposition", spec=text)["problems"][0]["message"] == (
        "decomposition: expected a target. Add one to the story."
    )
    assert ask(page, "samples", spec=text)["problems"][0]["message"] == (
        "pictures: expected a scalar cause or a target to sort by. Add one to the story."
    )


def test_sentences_are_shown_and_tones_played():
    """The rows of a caption are those of the pictures above it, so that each sentence stands under its picture."""
    page = client("scene")
    said = ask(page, "samples", modality="text", cause="theta", seed=1)
    drawn = compile_story("scene").sample(64, 1)
    rows = {name: values[np.array(said["rows"])] for name, values in drawn.items()}
    expected = caption_rows(compile_story("scene"), "text", rows)["text"].tolist()
    assert said["pictures"] == {"kind": "text", "texts": expected}
    heard = ask(page, "samples", modality="tone", cause="theta", seed=1)
    assert heard["rows"] == said["rows"]
    sounds = heard["pictures"]["sounds"]
    assert len(sounds) == len(said["rows"])
    with wave.open(io.BytesIO(base64.b64decode(sounds[0].removeprefix("data:audio/wav;base64,")))) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 4096)
    swept = ask(page, "sweep", modality="text", cause="shape")
    words = ("square", "ellipse", "triangle", "heart", "star", "ring")
    assert all(word in text for word, text in zip(words, swept["pictures"]["texts"], strict=True))
