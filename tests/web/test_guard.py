"""Who is answered, and what a request may be."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from infoloom.web.app import PANELS, make_app
from infoloom.web.guard import MAX_BODY
from infoloom.web.workbench import open_workbench

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def page():
    return TestClient(make_app(open_workbench("figure-1")), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_the_page_answers_to_the_names_of_this_machine(page, host):
    assert page.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "127.0.0.1@evil:80"]
)
def test_other_names_are_refused(page, host):
    for path in ("/", "/graph.json", "/page/main.js"):
        answer = page.get(path, headers={"host": host})
        assert answer.status_code == 421
        assert answer.text == (
            f"host `{host}`: expected 127.0.0.1 or localhost, because the page is for this machine only.\n"
        )


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_pages_are_refused(page, headers):
    answer = page.post("/graph.json", json={}, headers=headers)
    assert (answer.status_code, answer.text) == (
        403,
        "expected a request of the page itself, got another site's.\n",
    )
    assert page.get("/graph.json", headers=headers).status_code == 403


def test_the_page_itself_is_answered(page):
    headers = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
    assert page.post("/graph.json", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_page_is_refused(page, kind):
    answer = page.post("/graph.json", content="{}", headers={"content-type": kind})
    assert (answer.status_code, answer.text) == (415, "expected `Content-Type: application/json`.\n")


def test_bodies_are_bounded_whatever_length_they_claim(page):
    large = json.dumps({"spec": "x" * MAX_BODY})
    assert page.post("/graph.json", content=large, headers=JSON).status_code == 413
    pieces = (large[i : i + 100_000].encode() for i in range(0, len(large), 100_000))
    answer = page.post("/graph.json", content=pieces, headers=JSON)
    assert (answer.status_code, answer.text) == (413, f"expected a request of at most {MAX_BODY:,} bytes.\n")


def test_answers_keep_other_pages_and_scripts_out(page):
    for path in ("/", "/graph.json", "/page/explorer.css"):
        headers = page.get(path).headers
        assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
        assert "'unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "request: expected JSON"),
        ("[" * 100_000, "request: expected JSON"),
        ("[]", "request: expected an object."),
        (
            '{"eval": "1"}',
            "request: unknown key `eval`; expected one of spec, weights, held, unit, panels, target, ",
        ),
        ('{"spec": 3}', "request: `spec`: expected a text."),
        ('{"weights": []}', "request: `weights`: expected an object of at most 10,000 keys."),
        ('{"weights": {"a": true}}', "request: `weights`: expected finite numbers."),
        ('{"weights": {"a": NaN}}', "request: expected JSON"),
        ('{"weights": {"a": 1e999}}', "request: expected JSON"),
        ('{"held": {"I(a; b)": 1}}', "request: `held`: expected objects of `value` and `by`."),
        ('{"held": {"I(a; b)": {"value": "1", "by": "a"}}}', "request: `held`: expected finite numbers."),
        ('{"unit": "bans"}', "request: `unit`: expected nats or bits."),
        ('{"pair": "ab"}', "request: `pair`: expected a list of texts."),
        ('{"seed": -1}', "request: `seed`: expected a whole number from 0 to 2^32."),
        ('{"seed": true}', "request: `seed`: expected a whole number from 0 to 2^32."),
        ('{"cause": "nobody"}', "request: `cause` `nobody`: expected one of cause, theta."),
        ('{"modality": "nobody"}', "request: `modality` `nobody`: expected one of x1, x2."),
    ],
)
def test_wrong_requests_are_refused_by_name(page, body, message):
    answer = page.post("/samples.json", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["message"].startswith(message)


def test_unknown_panels_and_targets(page):
    answer = page.post("/panels.json", json={"panels": ["graph", "secrets"]})
    assert answer.json()["problems"][0]["message"] == (
        f"request: `panels`: unknown `secrets`; expected {', '.join(PANELS)}."
    )
    answer = page.post("/decomposition.json", json={"target": "nobody"})
    assert answer.json()["problems"][0]["message"] == "request: `target` `nobody`: expected one of theta."
    assert page.get("/secrets.json").status_code == 400


@pytest.mark.parametrize(
    "path", ["/page/../app.py", "/page/..%2Fapp.py", "/page/%2e%2e/app.py", "/page/nothing.js", "/page/"]
)
def test_only_files_of_the_page_are_given(page, path):
    assert page.get(path).status_code == 404


def test_every_wrong_number_of_a_spec_is_a_problem_and_not_a_failure(page):
    answer = page.post("/panels.json", json={"weights": {"nowhere": 1.0}, "panels": ["graph"]})
    assert answer.status_code == 200
    assert answer.json()["problems"][0]["message"].startswith("weight `nowhere`: the spec has none there")
