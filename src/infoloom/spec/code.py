"""A spec as Python."""

from __future__ import annotations

import textwrap
from pprint import pformat

from infoloom.spec.model import Spec

__all__ = ["python_code"]

WIDTH = 100


def python_code(spec: Spec) -> str:
    """A script that loads the same story and prints its truth table.

    Example:
        >>> from infoloom.spec.load import load_spec
        >>> print(python_code(load_spec("figure-1")).splitlines()[0])
        import infoloom as loom
    """
    tree = pformat(spec.to_dict(), indent=4, width=WIDTH, sort_dicts=False)
    tree = "{\n " + tree[1:-1] + ",\n}"
    return (
        "import infoloom as loom\n\nstory = loom.load(\n"
        + textwrap.indent(tree, "    ")
        + "\n)\nfor query, nats in story.truth_table().items():\n    print(query, nats)\n"
    )
