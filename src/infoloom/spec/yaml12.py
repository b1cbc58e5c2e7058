"""YAML whose numbers and booleans are those of YAML 1.2: `on` is a word, 010 is ten, 1:30 is text, 1e-1 a number."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, Final

import yaml

__all__ = ["Loader", "dump"]

#: The core schema of YAML 1.2, section 10.3.2: tag, pattern, first characters.
_PLAIN: Final = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
)


_DEEPEST: Final = 32  # levels of lists and mappings; a spec has six


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern, starts in _PLAIN:
        for start in starts:
            found.setdefault(start, []).append((f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})\\Z")))
    return found


class Loader(yaml.SafeLoader):
    """Safe YAML: keys are texts and given once; aliases, which could grow without bound, and depth are refused."""

    levels = 0
    yaml_implicit_resolvers = _resolvers()

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not supported", event.start_mark)
        self.levels += 1
        try:
            if self.levels > _DEEPEST:
                event = self.peek_event()  # type: ignore[no-untyped-call]
                raise yaml.constructor.ConstructorError(None, None, "nested too deeply", event.start_mark)
            return super().compose_node(parent, index)
        finally:
            self.levels -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                written = key_node.value if isinstance(key_node, yaml.ScalarNode) else "a collection"
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key `{written}` is no text; quote it", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key `{key}` is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number; a leading 0 changes nothing."""
        text = str(self.construct_scalar(node))
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base)


Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_yaml_int)


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would read as something else than text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (the way of PyYAML)
        start: [*yaml.SafeDumper.yaml_implicit_resolvers.get(start, []), *_resolvers().get(start, [])]
        for start in {*yaml.SafeDumper.yaml_implicit_resolvers, *_resolvers()}
    }


def dump(tree: object) -> str:
    """Plain values as YAML, in their order."""
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text
