"""Requests that never end are ended; what a page does not want any more is not computed to its end."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from infoloom.web import app as application
from infoloom.web import guard, server
from infoloom.web.app import _answer, make_app
from infoloom.web.turns import MOST_PAGES, Turns, UnwantedError
from infoloom.web.workbench import open_workbench


@contextmanager
def served(patience):
    """The page on a free port of this machine, with little patience; its end is awaited."""
    bound = server.bind()
    whole = make_app(open_workbench("synergy"))
    whole.patience = patience

    class Quick(server._Impatient):
        pass

    Quick.patience = patience
    config = uvicorn.Config(whole, log_level="error", lifespan="off", ws="none", http=Quick)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve([bound])), daemon=True)
    thread.start()
    try:
        for _ in range(500):
            if running.started:
                break
            time.sleep(0.02)
        yield bound.getsockname()
    finally:
        running.should_exit = True
        thread.join(20)
        bound.close()
    assert not thread.is_alive()


def heard(address, *parts, pause=0.0):
    """What the server says until it closes the connection, after parts of a request."""
    with socket.create_connection(address, timeout=20) as line:
        for part in parts:
            line.sendall(part)
            time.sleep(pause)
        said = b""
        while piece := line.recv(65536):
            said += piece
        return said


HEAD = b"POST /graph.json HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"


def test_a_body_that_does_not_come_is_not_awaited():
    with served(0.5) as address:
        said = heard(address, HEAD, b'{"spec"')
        assert said.startswith(b"HTTP/1.1 408")
        assert said.endswith(b"expected the whole request in time.\n")


@pytest.mark.parametrize(
    "parts", [(), (b"GET / HT",), (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X-A: b\r\n")]
)
def test_a_head_that_does_not_end_is_not_awaited(parts):
    with served(0.5) as address:
        assert heard(address, *parts, pause=0.1) == b""


def test_a_second_head_that_does_not_end_is_not_awaited_and_whole_requests_are_answered():
    whole = b"GET /page/icon.svg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with served(0.5) as address:
        said = heard(address, whole, whole, b"GET / HTTP/1.1\r\nHo", pause=0.2)
        assert said.count(b"HTTP/1.1 200 OK") == 2


def test_whole_requests_have_more_than_enough_time():
    assert guard.PATIENCE >= 5
    assert server.HEAD_PATIENCE >= 5


def request(turn, *panels, page="p"):
    return json.dumps({"page": page, "turn": turn, "panels": panels}).encode()


def test_a_newer_request_of_the_page_cancels_an_older_one(monkeypatch):
    """While the first panel of turn 1 computes, turn 2 comes: the second panel is not computed."""
    bench, turns, computed = open_workbench("synergy"), Turns(), []

    def slow(bench, asked):
        computed.append(asked.turn)
        if len(computed) == 1:
            assert _answer(bench, "panels", request(2, "graph"), turns).status_code == 200
        return {}

    monkeypatch.setattr(application, "PANELS", {**application.PANELS, "information": slow, "sweep": slow})
    answer = _answer(bench, "panels", request(1, "information", "sweep"), turns)
    assert answer.status_code == 409
    assert json.loads(answer.body)["problems"][0]["message"] == (
        "turn `1`: the page has asked for turn 2. Nothing is to be done."
    )
    assert computed == [1]
    assert _answer(bench, "panels", request(2, "sweep"), turns).status_code == 200
    assert computed == [1, 2]


def test_requests_of_one_turn_and_of_other_pages_go_on():
    turns = Turns()
    turns.begin("a", 3)
    turns.begin("b", 9)
    turns.begin("a", 2)
    turns.require("a", 3)
    turns.require("c", 0)
    turns.begin("", 5)
    turns.require("", 1)
    with pytest.raises(UnwantedError, match="turn `2`: the page has asked for turn 3"):
        turns.require("a", 2)


def test_pages_that_were_not_heard_of_for_long_are_forgotten():
    turns = Turns()
    for number in range(MOST_PAGES + 1):
        turns.begin(str(number), 5)
    turns.require("0", 1)
    with pytest.raises(UnwantedError):
        turns.require("1", 1)


@pytest.mark.parametrize("turn", [-1, 2**32, 1.5, True, "1"])
def test_a_turn_is_a_whole_number(turn):
    body = json.dumps({"turn": turn}).encode()
    answer = _answer(open_workbench("synergy"), "panels", body)
    assert answer.status_code == 400
    assert b"`turn`: expected a whole number from 0 to 2^32" in answer.body
