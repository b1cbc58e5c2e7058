"""The command: an address, answers on this machine only, an end without noise."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from infoloom.cli.main import main
from infoloom.errors import InfoloomError
from infoloom.web.server import bind

COMMAND = "import sys; sys.argv = ['infoloom', 'explore', *sys.argv[1:]]; from infoloom.cli.main import main; main()"


def start(*words):
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_it_prints_its_address_answers_and_ends_on_an_interrupt():
    process = start("synergy", "--no-browser")
    line = process.stdout.readline()
    address = re.fullmatch(r"(http://127\.0\.0\.1:(\d+)/)  \(Ctrl-C ends it\)\n", line)
    assert address, line + process.stderr.read()
    with httpx.Client(trust_env=False) as client:  # keeps its connection open, as a browser does
        assert "<title>infoloom explore</title>" in client.get(address[1]).text
        assert client.get(f"{address[1]}graph.json").json()["name"] == "synergy"
        assert client.get(address[1], headers={"host": "evil.example"}).status_code == 421
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    assert time.monotonic() - began < 15


def test_it_listens_on_the_loopback_address_only():
    with bind() as bound:
        assert bound.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_told():
    with bind() as bound:
        bound.listen()
        port = bound.getsockname()[1]
        with pytest.raises(InfoloomError) as caught:
            bind(port)
        assert str(caught.value) == (
            f"port `{port}`: cannot be used (Address already in use). Leave it out for a free one."
        )


def test_an_asked_port_is_taken():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with bind(port) as bound:
        assert bound.getsockname() == ("127.0.0.1", port)


def test_a_spec_that_is_not_there_ends_with_status_two():
    process = start("blak-hole", "--no-browser")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err == "infoloom: spec `blak-hole`: no such file or preset. Did you mean `black-hole`?\n"


def test_a_missing_package_is_named_with_its_remedy(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("infoloom.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    monkeypatch.setattr("sys.argv", ["infoloom", "explore"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "infoloom: starlette.applications: expected to be installed, because the page is served by it. "
        'Run `pip install "infoloom[web]"`.\n'
    )
