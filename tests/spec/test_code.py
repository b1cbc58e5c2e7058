"""Python that loads the same story."""

from __future__ import annotations

import pytest

from infoloom.spec.code import python_code
from infoloom.spec.load import load_spec, preset_names


@pytest.mark.parametrize("name", preset_names())
def test_the_code_is_the_same_story(name, capsys):
    spec = load_spec(name)
    names = {"print": lambda *_: None}
    exec(compile(python_code(spec), name, "exec"), names)  # noqa: S102 (our own code)
    assert names["story"].spec.digest == spec.digest
