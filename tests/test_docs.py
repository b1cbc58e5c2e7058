"""The documentation is executed: its blocks, its commands, its examples; and it leaves no command out."""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import infoloom
from infoloom.cli.main import app
from infoloom.design.designs import design
from infoloom.estimators import as_estimator
from infoloom.law.templates import TEMPLATES
from infoloom.observations import REGISTRY
from infoloom.spec.load import parse_spec, preset_names
from infoloom.spec.model import Spec
from infoloom.story import compile_story

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
GENERATED = ("api/packages", "examples", "tutorials")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for page in sorted(DOCS.rglob("*.md")) if not str(page.relative_to(DOCS)).startswith(GENERATED)),
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
TUTORIALS = sorted((ROOT / "tutorials").glob("*.py"))


def blocks(page, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def with_blocks(kind):
    pages = [page for page in PAGES if blocks(page, kind)]
    return pytest.mark.parametrize("page", pages, ids=map(named, pages))


def named(page):
    return str(page.relative_to(ROOT))


@with_blocks("yaml")
def test_specs_compile(page):
    for block in blocks(page, "yaml"):
        spec = parse_spec(block)
        open_weights = any(parameter.free for parameter in spec.parameters.values())
        story = design(spec).story if open_weights else compile_story(spec)
        told = {query: one for query, one in story.truth().items() if query.count(";") == 1}
        assert all(
            one.value > -1e-9 - one.tolerance for one in told.values()
        )  # of quadrature, none in closed form


def test_the_program_of_an_estimator_is_one(tmp_path):
    (program,) = blocks(DOCS / "howto" / "estimator.md", r"\{code-block\} python")
    (tmp_path / "mine.py").write_text(program, encoding="utf-8")
    story = infoloom.preset("stress-normal")
    rows = story.sample(5000, seed=0)
    found = as_estimator([sys.executable, str(tmp_path / "mine.py")]).estimate(rows["x1"], rows["theta"])
    assert found == pytest.approx(story.information("I(x1; theta)"), abs=0.05)  # 4 standard errors


# webdataset, on a page about reading, leaves its files open.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@with_blocks("python")
def test_python_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names)  # noqa: S102 (our own documentation)


@with_blocks("pycon")
def test_sessions_print_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = doctest.DocTestParser().get_doctest(
        "\n".join(blocks(page, "pycon")), {}, page.name, page.name, 0
    )
    report = []
    result = doctest.DocTestRunner().run(session, out=report.append)
    assert result.attempted > 0
    assert not result.failed, "".join(report)


@with_blocks("sh")
def test_commands_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["infoloom"]:
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"


@pytest.mark.parametrize("script", EXAMPLES, ids=[script.name for script in EXAMPLES])
def test_examples_run(script, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    result = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("script", TUTORIALS, ids=[script.name for script in TUTORIALS])
def test_tutorials_run_and_draw(script, tmp_path):
    code = (
        "import runpy, sys\nimport matplotlib.pyplot as plt\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')\nprint('figures', len(plt.get_fignums()))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error", "MPLBACKEND": "agg"}
    command = [sys.executable, "-c", code, script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.rsplit(maxsplit=1)[1]) >= 1


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "index.md"], ids=["README.md", "index.md"])
def test_the_tutorials_are_linked(page):
    assert "tutorials" in re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(TUTORIALS) == 5


def test_examples_are_short():
    assert {script.name: n for script in EXAMPLES if (n := len(script.read_text().splitlines())) > 60} == {}


def commands(command, path=()):
    """Every command with its words, leaves only."""
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))
    if path and not hasattr(command, "commands"):
        yield " ".join(path), command


@pytest.mark.parametrize(("words", "command"), list(commands(typer.main.get_command(app))))
def test_every_command_and_option_is_documented(words, command):
    text = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    section = re.search(rf"^#+ `infoloom {words}`\n(.*?)(?=^## |\Z|^### )", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/usage.md has no section `infoloom {words}`"
    options = {max(p.opts, key=len) for p in command.params if p.param_type_name == "option"} - {"--help"}
    missing = {option for option in options if f"`{option}" not in section[1]}
    assert not missing, f"docs/usage.md, `infoloom {words}`: missing {', '.join(sorted(missing))}"


def test_every_documented_command_exists():
    known = {words for words, _ in commands(typer.main.get_command(app))}
    text = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^#+ `infoloom ([a-z -]+)`", text, re.MULTILINE)) == known


@pytest.mark.parametrize("names", [TEMPLATES, REGISTRY], ids=["templates", "flow steps"])
def test_the_spec_lists_every_template_and_flow_step(names):
    text = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    listed = "\n".join(line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `"))
    assert {name for name in names if not re.search(rf"`{name}\b", listed)} == set()


def test_the_spec_lists_every_key():
    text = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    keys = set(Spec.model_fields) - {"directory"}
    assert {key for key in keys if f"\n| `{key}` |" not in text} == set()


def test_readme_lists_every_preset():
    listed = re.findall(
        r"^\| `([a-z0-9-]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == list(preset_names())


@pytest.mark.parametrize("page", PAGES, ids=map(named, PAGES))
def test_links_lead_somewhere(page):
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        target, _, anchor = link.partition("#")
        if target.startswith(("http://", "https://")):
            continue
        path = (page.parent / target) if target else page
        assert path.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in headings}
            assert anchor in slugs, link


GOLDEN = sorted((ROOT / "tests" / "golden").glob("*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_the_gallery_shows_the_golden_values(path):
    golden = json.loads(path.read_text(encoding="utf-8"))["nats"]
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    entry = re.search(rf"^## {path.stem}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    shown = dict(re.findall(r"^\| `([^`]+)` \| (\S+)", entry, re.MULTILINE))
    assert len(shown) == min(12, len(golden))
    for query, value in shown.items():
        digits = value.partition(".")[2]
        assert float(value) == pytest.approx(golden[query.replace("\\|", "|")], abs=0.6 * 10 ** -len(digits))


def listed_in_toctrees():
    """Every page that a table of contents names, or takes in by a pattern."""
    for page in PAGES:
        for block in blocks(page, r"{toctree}"):
            for line in block.splitlines():
                if line and not line.startswith(":"):
                    name = re.sub(r".*<(.*)>", r"\1", line)  # with or without a title of its own
                    yield from page.parent.glob(f"{name}.md")


def test_every_page_is_in_a_table_of_contents():
    pages = {page for page in PAGES if DOCS in page.parents} - {DOCS / "index.md"}
    forgotten = {named(page) for page in pages - set(listed_in_toctrees())}
    assert forgotten == set(), "name them in a toctree of docs/index.md"


def test_docstrings_are_shown_as_they_are():
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        module = import_module("plain_docstrings")
    finally:
        sys.path.remove(str(DOCS / "_ext"))
    assert doctest.testmod(module).attempted == 1
    assert module.escaped(["H(a | b) * 2", "", ">>> a | b", "1 | 2", "", "*n*"]) == [
        r"H(a \| b) \* 2",
        "",
        ">>> a | b",
        "1 | 2",
        "",
        r"\*n\*",
    ]


def test_formulas_are_typeset():
    pytest.importorskip("latex2mathml", reason="needs the extra `docs`")
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        module = import_module("mathml")
    finally:
        sys.path.remove(str(DOCS / "_ext"))
    assert doctest.testmod(module).attempted == 1
    formulas = [formula for page in PAGES for formula in blocks(page, r"{math}")]
    assert len(formulas) > 5
    for formula in formulas:
        shown = module.typeset(formula, "block")
        assert shown.startswith("<math")
        assert shown.count("<mtr>") == (formula.count(r"\\") + 1 if "aligned" in formula else 0)
    prose = re.sub(
        r"```.*?```|`[^`]*`", "", (DOCS / "theory.md").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    inline = re.findall(r"\$([^$]+)\$", prose)
    assert len(inline) > 50
    assert all(module.typeset(formula).startswith("<math") for formula in inline)
    with pytest.raises(ValueError, match="expected markup that can be converted, got `<mi>&</mi>`"):
        module.typeset("a & b")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it, from a copy: a warning is an error."""
    pytest.importorskip("sphinx", reason="needs the extra `docs`")
    root = tmp_path_factory.mktemp("site")
    for folder in ("docs", "examples", "tutorials", "benchmarks"):  # pages link to scripts and results
        ignored = shutil.ignore_patterns("packages", "examples", "tutorials") if folder == "docs" else None
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    for page in ROOT.glob("*.md"):
        shutil.copy(page, root)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "site"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    built = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return root / "site"


@pytest.mark.slow
def test_the_site_fetches_nothing(site):
    fetched = {
        (page.name, address)
        for page in site.rglob("*.html")
        for address in re.findall(
            r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=\"([^\"]*)\"", page.read_text()
        )
        if address.startswith(("http:", "https:", "//"))
    }
    assert fetched == set()


@pytest.mark.slow
def test_the_site_has_every_public_name(site):
    text = (site / "api" / "packages" / "names.html").read_text()
    assert {name for name in infoloom.__all__ if f"loom.{name}<" not in text} == {"__version__"}
    everything = "".join(page.read_text() for page in (site / "api" / "packages").glob("*.html"))
    assert 'id="infoloom.story.Story.information"' in everything
    assert 'id="infoloom.datasets.generate.generate"' in everything
