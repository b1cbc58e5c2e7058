"""Loading a spec: every way in, every refusal by its text."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from infoloom.errors import SpecError
from infoloom.spec.equations.expression import noise, symbols
from infoloom.spec.equations.parser import ExpressionError, parse_expression
from infoloom.spec.load import MAX_BYTES, load_spec, parse_spec, preset_names, preset_text
from infoloom.spec.model import Spec, build_spec

MINIMAL = "name: a\nmodalities: {x: {flow: vector(2), latent: noise}}\n"


def problems(text):
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_a_minimal_spec():
    spec = parse_spec(MINIMAL)
    assert isinstance(spec, Spec)
    assert (spec.infoloom, spec.name, list(spec.modalities)) == (1, "a", ["x"])
    assert spec.modalities["x"].latent == "noise"
    assert spec.modalities["x"].whitening == "whiten"


def test_a_file_a_preset_and_a_dict(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(MINIMAL, encoding="utf-8")
    assert load_spec(path) == load_spec(str(path))
    assert load_spec(path).directory == tmp_path
    assert load_spec("figure-1").name == "figure-1"
    tree = {"name": "a", "modalities": {"x": {"flow": "vector(2)", "latent": noise}}}
    assert load_spec(tree).digest == load_spec(path).digest


def test_a_file_without_a_suffix_goes_before_a_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("figure-1").write_text(MINIMAL, encoding="utf-8")
    assert load_spec("figure-1").name == "a"


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_named_like_their_files_and_say_what_they_are(name):
    spec = load_spec(name)
    assert spec.name == name
    assert spec.description.endswith(".") or spec.description
    assert preset_text(name).startswith("#")


def test_the_presets():
    assert set(preset_names()) >= {
        "black-hole",
        "digits-pair",
        "figure-1",
        "galaxy-images",
        "galaxy-rotation-halo",
        "galaxy-rotation-mass",
        "multimodal-decay",
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("figure-2", "spec `figure-2`: no such file or preset. Did you mean `figure-1`?"),
        ("zzz", "spec `zzz`: no such file or preset. `infoloom presets` lists them."),
        ("x" * 300, f"spec `{'x' * 300}`: no such file or preset. `infoloom presets` lists them."),
        ("no/such.yaml", "spec `no/such.yaml`: cannot be read (No such file or directory). Check the path."),
        ("/", "spec `/`: cannot be read (Is a directory). Check the path."),
        ("a\0b.yaml", "spec `a\0b.yaml`: cannot be read (embedded null byte). Check the path."),
        (
            "y" * 300 + ".yaml",
            f"spec `{'y' * 300}.yaml`: cannot be read (File name too long). Check the path.",
        ),
    ],
)
def test_sources_that_cannot_be_read(source, message):
    with pytest.raises(SpecError) as caught:
        load_spec(source)
    assert str(caught.value) == message


def test_a_file_that_is_not_text_or_too_large(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(SpecError, match=r"a.yaml`: expected UTF-8 text, byte 6 is not\.$"):
        load_spec(path)
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match=r"a.yaml`: expected at most 2,097,152 bytes, got 2,097,153\.$"):
        load_spec(path)
    assert problems(" " * (MAX_BYTES + 1)) == ("spec: expected at most 2,097,152 characters, got 2,097,153.",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name: [",
            "spec: line 1, column 8: not valid YAML: expected the node content, but found '<stream end>'.",
        ),
        ("a: 1\na: 2", "spec: line 2, column 1: not valid YAML: the key `a` is given twice."),
        ("a: &x 1\nb: *x", "spec: line 2, column 4: not valid YAML: aliases are not supported."),
        (
            "? [a]\n: b",
            "spec: line 1, column 3: not valid YAML: the key `a collection` is no text; quote it.",
        ),
        (
            "a: !!python/object:os.system b",
            "spec: line 1, column 4: not valid YAML: could not determine a constructor",
        ),
        ("a: 1\n---\nb: 2", "spec: line 2, column 1: not valid YAML: but found another document."),
        ("\0", "spec: not valid YAML: unacceptable character #x0000"),
        ("a: 2001-13-45", "name: this key is missing. Add it."),
        ("a: !!int ''", "spec: not valid YAML: invalid literal for int() with base 10"),
        ("a: !!float ''", "spec: not valid YAML: string index out of range."),
        ("a: !!timestamp x", "spec: not valid YAML: "),
        ("a: !!bool x", "spec: not valid YAML: 'x'."),
        ("a: " + "9" * 5000, "spec: not valid YAML: Exceeds the limit"),
        ("[" * 5000, "spec: line 1, column 33: not valid YAML: nested too deeply."),
        ("<<: {a: 1}", "name: this key is missing. Add it."),
        ("", "spec: expected a mapping with `name`, `causes` and `modalities`, got None."),
        ("- 1", "spec: expected a mapping with `name`, `causes` and `modalities`, got [1]."),
        ("1: 2", "spec: line 1, column 1: not valid YAML: the key `1` is no text; quote it."),
    ],
)
def test_text_that_is_no_spec(text, message):
    assert problems(text)[0].startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "name: expected it to be a valid string, got None."),
        (
            {"name": "\ud800"},
            "name: expected it to be a valid string, unable to parse raw data as a unicode string",
        ),
        ({"name": ""}, "name: String should have at least 1 character, got ''."),
        (
            {"infoloom": 2},
            "infoloom: this spec has format 2; expected 1, which this version reads. Update infoloom.",
        ),
        ({"cause": {}}, "cause: unknown key `cause`; did you mean `causes`?"),
        ({"zzz": 1}, "zzz: unknown key `zzz`; expected one of infoloom, name, description, causes, "),
        ({"directory": "."}, "directory: unknown key `directory`"),
        (
            {"modalities": {}},
            "modalities: Dictionary should have at least 1 item after validation, not 0, got {}.",
        ),
        ({"modalities": {"x": {"latent": "noise"}}}, "modalities.x.flow: this key is missing. Add it."),
        ({"modalities": {"x": {"flow": 3}}}, "modalities.x.flow: expected it to be a valid string, got 3."),
        (
            {"modalities": {"x": {"flow": "vector(2)", "latnet": "noise"}}},
            "modalities.x.latnet: unknown key `latnet`; did you mean `latent`?",
        ),
        (
            {"modalities": {"x": {"flow": "vector(2)", "whitening": "zca"}}},
            "modalities.x.whitening: expected it to be 'whiten', 'scale' or 'none', got 'zca'.",
        ),
        (
            {"causes": {"m": {"size": 0}}},
            "causes.m.size: expected it to be greater than or equal to 1, got 0.",
        ),
        (
            {"causes": {"m": {"size": 10**9}}},
            "causes.m.size: expected it to be less than or equal to 10000, got 1000000000.",
        ),
        ({"causes": {"m": {"size": 1.5}}}, "causes.m.size: expected it to be a valid integer, got 1.5."),
        ({"causes": {"m": {"sise": 2}}}, "causes.m.sise: unknown key `sise`; did you mean `size`?"),
        (
            {"causes": {"m": [1]}},
            "causes.m: expected it to be a valid dictionary or instance of CauseSpec, got [1].",
        ),
        ({"fields": {"f": "laplace"}}, "fields.f: expected it to be 'normal', got 'laplace'."),
        (
            {"parameters": {"a": "three"}},
            "parameters.a: expected a number without quotes, such as 0.5, or `free`",
        ),
        (
            {"parameters": {"a": float("nan")}},
            "parameters.a.value: expected it to be a finite number, got nan.",
        ),
        ({"parameters": {"a": {}}}, "parameters.a: expected a number or `free`, one of the two."),
        (
            {"parameters": {"a": {"free": True, "value": 1.0}}},
            "parameters.a: expected a number or `free`, one of the two.",
        ),
        (
            {"parameters": {"a": {"free": True, "min": 2, "max": 1}}},
            "parameters.a: expected min ≤ max, got 2.0 and 1.0.",
        ),
        ({"targets": {"t": ["x"]}}, "targets.t: expected it to be a valid string, got ['x']."),
        ({"targets": {"t": True}}, "targets.t: expected it to be a valid string, got True."),
        (
            {"targets": {"1t": "noise"}},
            "targets.1t: expected a name of letters, digits and underscores, not starting",
        ),
        (
            {"targets": {"t" * 101: "noise"}},
            f"targets.{'t' * 101}: expected a name of letters, digits and underscores",
        ),
        (
            {"targets": {"noise": "x"}},
            "targets.noise: the name `noise` is taken by the language. Choose another one.",
        ),
        (
            {"targets": {"x": "noise"}},
            "modalities.x: the name `x` is used twice, also in `targets`. Rename one of them.",
        ),
        ({"covariance": {"x": [1]}}, "covariance.x: expected it to be a valid number, got [1]."),
        ({"infoloom": 10**5000}, "infoloom: "),
        ({10**5000: 1}, "spec: expected names as keys, got more digits than can be read."),
    ],
)
def test_each_problem_of_form(change, message):
    tree = {"name": "a", "modalities": {"x": {"flow": "vector(2)", "latent": "noise"}}, **change}
    with pytest.raises(SpecError) as caught:
        build_spec(tree)
    assert any(problem.startswith(message) for problem in caught.value.problems), caught.value.problems


def test_all_problems_at_once():
    with pytest.raises(SpecError) as caught:
        build_spec(
            {"causes": {"m": {"size": -1}, "noise": "normal"}, "modalities": {"x": {}, "2": {}}, "typo": 1}
        )
    paths = [problem.split(":")[0] for problem in caught.value.problems]
    expected = [
        "name",
        "causes.m.size",
        "modalities.x.flow",
        "modalities.2.flow",
        "typo",
        "causes.noise",
        "modalities.2",
    ]
    assert sorted(paths) == sorted(expected)


def test_absurd_sizes_are_refused_quickly():
    start = time.process_time()
    nested = []
    for _ in range(100_000):
        nested = [nested]
    many = {f"x{i}": {"flow": "vector(2)", "latent": "nose"} for i in range(3000)}
    for change in (
        {"causes": {"m": {"size": 10**9}}},
        {"causes": {"m": nested}},
        {"targets": {f"t{i}": "noise" for i in range(10_001)}},
    ):
        with pytest.raises(SpecError):
            build_spec({"name": "a", "modalities": {"x": {"flow": "vector(2)"}}, **change})
    from infoloom.story import compile_story

    with pytest.raises(SpecError) as caught:
        compile_story({"name": "a", "modalities": many})
    assert len(caught.value.problems) == 3000
    for flow in ("identity(100000, 100000)", "identity[" + " " * 50_000, "vector" + " " * 50_000 + "!"):
        with pytest.raises(SpecError):
            compile_story({"name": "a", "modalities": {"x": {"flow": flow, "latent": "noise"}}})
    terms = "+".join(["m"] * 1_000_000)
    with pytest.raises(SpecError, match="expected at most 100,000 characters"):
        compile_story({"name": "a", "modalities": {"x": {"flow": "vector(2)", "latent": terms}}})
    assert time.process_time() - start < 20  # each of these would take hours or all memory if it were tried


@pytest.mark.parametrize("name", preset_names())
def test_yaml_round_trip(name):
    spec = load_spec(name)
    again = parse_spec(spec.to_yaml())
    assert again.to_dict() == spec.to_dict()
    assert again.digest == spec.digest
    assert again.to_yaml() == spec.to_yaml()


def test_round_trip_of_every_key():
    mass, style = symbols("mass style")
    tree = {
        "infoloom": 1,
        "name": "alles: # größer",
        "description": "two\nlines",
        "causes": {"mass": "normal", "style": {"size": 3}, "spin": None},
        "fields": {"f": "normal"},
        "parameters": {"a": 0.5, "b": "free", "c": {"free": True, "min": 0.0, "max": 2}, "d": {"value": 3}},
        "targets": {"t": 0.8 * mass, "u": "a*mass + noise"},
        "modalities": {
            "x": {"flow": "vector(4)", "latent": mass + style @ "random" + noise, "whitening": "none"},
            "y": {"flow": "vector(4) | asinh", "latent": "c*f + 1e-4*noise"},
        },
        "require": {"I(x; y)": 0.25},
    }
    spec = build_spec(tree)
    again = parse_spec(spec.to_yaml())
    assert again == spec
    assert again.digest == spec.digest
    assert spec.to_dict()["causes"] == {
        "mass": "normal",
        "style": {"distribution": "normal", "size": 3},
        "spin": "normal",
    }
    assert spec.to_dict()["parameters"]["a"] == 0.5
    assert spec.to_dict()["targets"] == {"t": "0.8*mass", "u": "a*mass + noise"}


def test_digest():
    spec = parse_spec(MINIMAL)
    layout = parse_spec(
        "# a comment\nmodalities:\n  x:\n    latent: noise\n    flow: vector(2)\ninfoloom: 1\nname: a\n"
    )
    assert layout.digest == spec.digest
    assert len(spec.digest) == 64
    assert parse_spec(MINIMAL + "description: other\n").digest == spec.digest
    assert parse_spec(MINIMAL.replace("noise", "2*noise")).digest != spec.digest
    assert parse_spec(MINIMAL.replace("name: a", "name: b")).digest != spec.digest


def test_specs_do_not_change():
    spec = parse_spec(MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "b"


def test_problems_of_form_equations_and_flows_are_reported_at_once():
    text = """
name: x
causes: {mass: {size: 0}}
targets: {theta: "0.8*mas + 3*"}
modalities:
  radio: {flow: "vectr(4)", latnt: 3, latent: "mass + spim"}
"""
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    paths = [problem.partition(":")[0] for problem in caught.value.problems]
    assert sorted(paths) == [
        "causes.mass.size",
        "modalities.radio.flow",
        "modalities.radio.latent",
        "modalities.radio.latnt",
        "targets.theta",
    ]
    assert "unknown name `spim`" in str(caught.value)
    assert "^ character 8" in str(caught.value)


def test_a_folder_does_not_hide_a_preset(tmp_path, monkeypatch):
    (tmp_path / "figure-1").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_spec("figure-1").name == "figure-1"


@pytest.mark.parametrize("given", ["yes", "'0.1'", "null", "2024-01-01", "[1]", "1:30"])
def test_a_parameter_that_is_no_number_is_refused_with_what_to_write(given: str) -> None:
    text = f"""
name: p
causes: {{m: normal}}
parameters: {{w: {given}}}
modalities: {{a: {{flow: vector(2), latent: w*m + noise}}}}
"""
    with pytest.raises(
        SpecError, match=r"parameters\.w: expected a number without quotes, such as 0\.5, or `free`"
    ):
        parse_spec(text)


def test_the_format_is_a_number() -> None:
    tree = {
        "infoloom": True,
        "name": "p",
        "causes": {"m": "normal"},
        "modalities": {"a": {"flow": "vector(2)", "latent": "m + noise"}},
    }
    with pytest.raises(SpecError, match="infoloom: expected 1, the number of the format, got True"):
        build_spec(tree)


def test_digits_of_other_scripts_are_no_numbers() -> None:
    with pytest.raises(ExpressionError, match="unexpected character `١`"):
        parse_expression("١*m + noise")
