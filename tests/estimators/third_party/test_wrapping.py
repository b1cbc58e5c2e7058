"""Strangers: callables, objects, programs in their own environment, entry points."""

from __future__ import annotations

import dataclasses
import math
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import infoloom.estimators.registry as registry
from infoloom.errors import EstimatorError
from infoloom.estimators import CallableEstimator, Estimate, KSGEstimator, SubprocessEstimator, as_estimator
from infoloom.estimators.classical.gaussian import gaussian_information
from infoloom.estimators.third_party.programs import run_program

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 2))
Y = X[:, :1] + RNG.standard_normal((50, 1))

SCRIPT = """
import json, sys
import numpy as np
rows = np.load(sys.argv[1], allow_pickle=False)
x, y = rows["x"], rows["y"]
print("progress goes to stdout too")
r = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
print(json.dumps({"bits": -0.5 * np.log2(1 - r**2), "standard_error": 0.1, "reliable": True}))
"""


def program(tmp_path, text):
    path = tmp_path / "estimate.py"
    path.write_text(text, encoding="utf-8")
    return SubprocessEstimator((sys.executable, str(path)), limit=60.0)


class Foreign:
    def estimate(self, x, y):
        return gaussian_information(x, y)


def test_callables_objects_names_and_commands():
    expected = gaussian_information(X, Y)
    assert as_estimator(gaussian_information).estimate(X, Y) == expected
    assert as_estimator(Foreign()).estimate(X, Y) == expected
    assert as_estimator(gaussian_information, units="bits").estimate(X, Y) == pytest.approx(
        expected * math.log(2)
    )
    assert as_estimator("ksg") == KSGEstimator()
    assert as_estimator(KSGEstimator(neighbors=3)).neighbors == 3
    assert as_estimator([sys.executable, "x.py"]) == SubprocessEstimator((sys.executable, "x.py"))


def test_a_pair_is_a_value_and_its_standard_error():
    found = CallableEstimator(lambda x, y: (1.0, 0.5), units="bits").estimate_with_info(X, Y)
    assert found.nats == pytest.approx(math.log(2))
    assert found.interval == pytest.approx((0.02 * math.log(2), 1.98 * math.log(2)))


def test_an_estimate_passes_through_with_its_time():
    found = CallableEstimator(lambda x, y: Estimate(0.5, (0.4, 0.6), True)).estimate_with_info(X, Y)
    assert (found.nats, found.interval, found.reliable) == (0.5, (0.4, 0.6), True)
    assert found.seconds > 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CallableEstimator(abs, units="hartley"), "`units` `hartley`: expected nats or bits."),
        (lambda: CallableEstimator(3.0), "`function` `3.0`: expected a function of x and y."),
        (lambda: as_estimator(3.0), "`estimator` `3.0`: expected a name, a function of x and y, an object"),
        (
            lambda: SubprocessEstimator("python x.py"),
            "`command` `python x.py`: expected a tuple of the program",
        ),
        (lambda: SubprocessEstimator(("x",), limit=0.0), "`limit` `0.0`: expected seconds above 0. Use 600."),
        (lambda: SubprocessEstimator(("x",), limit=math.nan), "`limit` `nan`: expected seconds above 0."),
    ],
)
def test_settings(make, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        make()


def test_a_callable_may_see_rows_in_their_shape():
    pictures = RNG.standard_normal((20, 3, 4, 5))
    shapes = []
    function = lambda x, y: shapes.append((x.shape, y.shape)) or 0.0  # noqa: E731
    as_estimator(function, shaped=True).estimate(pictures, Y[:20])
    as_estimator(function).estimate(pictures, Y[:20])
    assert shapes == [((20, 3, 4, 5), (20, 1)), ((20, 60), (20, 1))]


def test_programs_answer_in_their_units(tmp_path):
    found = program(tmp_path, SCRIPT).estimate_with_info(X, Y)
    assert found.nats == pytest.approx(gaussian_information(X[:, :1], Y))
    assert found.interval[1] - found.interval[0] == pytest.approx(2 * 0.196 * math.log(2))
    assert found.reliable is True


def test_programs_may_give_an_interval(tmp_path):
    text = 'print(\'{"nats": 1.0, "interval": [0.5, 1.5], "details": {"k": 3}}\')'
    found = program(tmp_path, text).estimate_with_info(X, Y)
    assert (found.interval, found.details) == ((0.5, 1.5), {"k": 3})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "raise SystemExit('no weights')",
            "`exit 1`: expected exit 0. Run it by hand on an npz file.\nThe last lines of its stderr:\nno weights",
        ),
        ("print('0.5')", "`0.5`: expected a last line of JSON, an object with `nats` or `bits`."),
        ("print('[0.1]')", "`[0.1]`: expected a last line of JSON, an object with `nats` or `bits`."),
        (
            """print('{"nats": "0.5"}')""",
            '`{"nats": "0.5"}`: expected a number of JSON as `nats`, without quotes. Print {"nats": 0.5}, '
            '{"nats": 0.5, "standard_error": 0.02} or {"nats": 0.5, "interval": [0.4, 0.6]}.',
        ),
        (
            """print('{"nats": 1e12}')""",
            "expected `nats` within ±1e+09 nats. End with status 1 where there is no estimate.",
        ),
        ("print('{}')", '`{}`: expected a number as `nats` or as `bits`, one of them. Give {"nats": 0.5}.'),
        ("pass", "``: expected a last line of JSON"),
        (
            """print('{"nats": 0.4, "interval": [NaN, 1.0]}')""",
            '`{"nats": 0.4, "interval": [NaN, 1.0]}`: expected a last line of JSON, an object with `nats` or `bits` '
            "(`NaN` is no number of JSON). Print",
        ),
        ("""print('{"nats": 0.5, "nats": 3}')""", "(key `nats` is there twice). Print"),
        ("print('{\"nats\":1' + '0' * 400 + '}')", "(number 10000000000000000000… does not fit 64 bits). Print"),
        ("print('{\"nats\":1' + '0' * 5000 + '}')", "(number 10000000000000000000… does not fit 64 bits). Print"),
        ("""print('{"nats": 0.5, "details": {"a": "\\\\ud800"}}')""", "(half a character (a lone surrogate)). Print"),
        ("print('[' * 100000)", f"`{'[' * 120}`: expected a last line of JSON"),
        ("print('{\"a\":' * 100000)", "(nested deeper than 32 levels). Print"),
        (
            """import sys; sys.stderr.write('so it is'); print('{"nats": true}')""",
            '"interval": [0.4, 0.6]}.\nThe last lines of its stderr:\nso it is',
        ),
    ],
)  # fmt: skip
def test_programs_that_fail(tmp_path, text, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        program(tmp_path, text).estimate(X, Y)


def test_the_last_ten_lines_of_stderr_are_kept(tmp_path, capfd):
    text = "import sys\nfor n in range(25): sys.stderr.write(f'line {n}\\n')\nraise SystemExit(3)"
    loud = dataclasses.replace(program(tmp_path, text), echo=True)
    for one, heard in ((program(tmp_path, text), ""), (loud, "".join(f"line {n}\n" for n in range(25)))):
        with pytest.raises(EstimatorError) as caught:
            one.estimate(X, Y)
        assert str(caught.value).splitlines()[1:] == [
            "The last lines of its stderr:",
            *(f"line {n}" for n in range(15, 25)),
        ]
        assert capfd.readouterr().err == heard


def test_programs_are_told_shapes_and_what_is_discrete(tmp_path):
    text = """
import json, sys
import numpy as np
rows = np.load(sys.argv[1], allow_pickle=False)
said = {name: [str(rows[name].dtype), list(rows[name].shape)] for name in sorted(rows)}
said["values"] = {name: rows[name].tolist() for name in sorted(rows) if name not in "xy"}
print(json.dumps({"nats": 0.0, "details": said}))
"""
    words = RNG.integers(0, 4, (20, 2))
    one = dataclasses.replace(program(tmp_path, text), discrete_y=(True, True))
    found = one.estimate_with_info(RNG.standard_normal((20, 3, 2, 2)), words).details
    assert found["x"] == ["float64", [20, 12]]
    assert found["y"] == ["int64", [20, 2]]
    assert found["values"] == {
        "shape_x": [3, 2, 2],
        "shape_y": [2],
        "discrete_x": [False] * 12,
        "discrete_y": [True, True],
    }
    for told in ({}, {"discrete_x": (False,) * 12, "discrete_y": (True, True)}):
        again = dataclasses.replace(program(tmp_path, text), **told)
        assert again.estimate_with_info(RNG.standard_normal((20, 3, 2, 2)), words).details == found
    counts = dataclasses.replace(program(tmp_path, text), discrete_y=(False, False))
    assert counts.estimate_with_info(X, RNG.integers(0, 4, (len(X), 2))).details["y"][0] == "float64"
    wrong = dataclasses.replace(one, discrete_y=(True,))
    message = "`discrete_y` `1 columns`: expected as many as y has, 2. Leave it out: then whole numbers are discrete."
    with pytest.raises(EstimatorError, match=re.escape(message)):
        wrong.estimate(RNG.standard_normal((20, 3)), words)


def test_programs_end_at_the_limit_and_must_exist(tmp_path):
    slow = SubprocessEstimator((sys.executable, "-c", "import time; time.sleep(60)"), limit=0.5)
    with pytest.raises(EstimatorError, match=re.escape("`ran 0.5 s`: expected an answer within the limit.")):
        slow.estimate(X, Y)
    for command in (str(tmp_path / "missing"), "a\0b"):
        with pytest.raises(EstimatorError, match="expected a program that starts"):
            SubprocessEstimator((command,)).estimate(X, Y)


#: Notes the id of a child that holds the pipes open, and goes on.
PARENT = "sleep 60 & echo $! > '{}'; "


def ends(path, seconds=60.0):
    """Wait until the process of whom a file has the id has ended."""
    state, until = Path(f"/proc/{int(path.read_text())}/stat"), time.monotonic() + seconds
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("then", ["sleep 60", "echo '{\"nats\": 0.5}'"])
def test_what_a_program_started_ends_with_it(tmp_path, then):
    one = SubprocessEstimator(("sh", "-c", PARENT.format(tmp_path / "pid") + then), limit=1.0)
    start = time.monotonic()
    if then.startswith("echo"):
        assert one.estimate(X, Y) == 0.5
    else:
        with pytest.raises(EstimatorError, match="expected an answer within the limit"):
            one.estimate(X, Y)
    assert time.monotonic() - start < 10.0
    ends(tmp_path / "pid")


@pytest.mark.parametrize(
    "text",
    [
        'print(\'{"nats": 0.5, "details": {"of": "a\u2028b"}}\')',
        "print('10 %\\r{\"nats\": 0.5}\\r')",
        "print('x' * 10**7); print('{\"nats\": 0.5}')",
        "print('x\\n' * 10**7); print('{\"nats\": 0.5}')",
        "import sys; sys.stderr.write('x' * 10**7); print('{\"nats\": 0.5}')",
        "import os; print('{\"nats\": 0.5}', flush=True); os.close(1); os.close(2)",
    ],
)
def test_answers_of_programs_that_are_read(tmp_path, text):
    assert program(tmp_path, text).estimate(X, Y) == 0.5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_program_ends_with_its_caller(tmp_path, number):
    words = ["sh", "-c", PARENT.format(tmp_path / "pid") + "sleep 60"]
    text = (
        "import signal; from infoloom.estimators.third_party.programs import run_program\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "for one in (signal.SIGTERM, signal.SIGHUP): signal.signal(one, signal.SIG_DFL)\n"  # not that of nohup
        f"run_program({words!r}, 60.0)"
    )
    with subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.DEVNULL) as caller:
        start = time.monotonic()
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() - start < 30.0
            time.sleep(0.02)
        caller.send_signal(number)
        assert caller.wait(10.0) == (-number if number == signal.SIGINT else 128 + number)
    ends(tmp_path / "pid")


def test_only_the_end_of_what_a_program_says_is_kept():
    ended = "sys.stdout.write('x' * 10**7); sys.stderr.write('y' * 10**7 + '\\n' + 'z' * 10**4)"
    done = run_program([sys.executable, "-c", f"import sys; {ended}"], 60.0)
    assert done.printed == "x" * 2**22
    assert done.said == f"{'y' * 500}\n{'z' * 500}"


def test_entry_points_are_found(monkeypatch):
    point = EntryPoint(
        "theirs", "infoloom.estimators.classical.gaussian:GaussianEstimator", registry.ENTRY_POINTS
    )
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [point] if group == "infoloom.estimators" else []
    )
    assert "theirs" in registry.names()
    assert registry.build("theirs", shrinkage=0.1).shrinkage == 0.1
