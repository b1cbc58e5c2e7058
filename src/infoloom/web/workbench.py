"""From a request to its spec and its compiled story; those that were asked for last are kept."""

from __future__ import annotations

import math
from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from infoloom.design.holding import hold
from infoloom.errors import FlowError, SpecError
from infoloom.spec.files import file_names
from infoloom.spec.flows.flow import flow_shape
from infoloom.spec.load import parse_spec, read_yaml, spec_text
from infoloom.spec.model import Spec
from infoloom.spec.weights import with_weights
from infoloom.story import Story, compile_story
from infoloom.web.asked import Asked
from infoloom.web.drawn import Drawn

__all__ = ["Workbench", "open_workbench"]

KEPT: Final = 32
MAX_SIZE: Final = 20_000_000


class Workbench:
    """Where stories are compiled for the page.

    The page may send any text, so a text may only name the files that the spec names which a person started it with.

    Args:
        text: YAML of the spec that the page starts with.
        directory: Folder that its file names are relative to.
        files: The file names that a text may use.

    Attributes:
        drawn: Rows of the pictures that were made last.
    """

    def __init__(self, text: str, directory: Path | None = None, files: Collection[str] = ()) -> None:
        self.text, self.directory, self.files = text, directory, frozenset(files)
        self._parse = lru_cache(KEPT)(self._parse_text)
        self._move = lru_cache(KEPT)(self._moved)
        self._compile = lru_cache(KEPT)(self._compiled)
        self.drawn = Drawn()

    def text_of(self, asked: Asked) -> str:
        """The YAML that a request is about."""
        return self.text if asked.spec is None else asked.spec

    def written(self, asked: Asked) -> Spec:
        """The spec as its text has it.

        Raises:
            SpecError: With everything that is wrong with it.
        """
        return self._parse(self.text_of(asked))

    def spec(self, asked: Asked) -> Spec:
        """The spec with the numbers that were moved, and with those that gave way to what is held.

        Raises:
            SpecError: With everything that is wrong with it.
            DesignError: What is held cannot be kept.
        """
        return self._move(self._still(asked))

    def story(self, asked: Asked) -> Story:
        """The compiled story of that spec.

        Raises:
            SpecError: With everything that is wrong with it.
            DesignError: What is held cannot be kept.
        """
        return self._compile(self._still(asked))

    def _still(self, asked: Asked) -> Asked:
        """The part of a request that a story depends on."""
        return Asked(spec=self.text_of(asked), weights=asked.weights, held=asked.held)

    def _parse_text(self, text: str) -> Spec:
        spec = parse_spec(text, self.directory, files=self.files)
        _refuse_large(spec)
        return spec

    def _moved(self, asked: Asked) -> Spec:
        spec = self.written(asked)
        if asked.weights:
            spec = with_weights(spec, dict(asked.weights))
        if not asked.held:
            return spec
        fixed = {query: one.value for query, one in asked.held}
        return hold(spec, fixed, list(dict.fromkeys(one.by for _, one in asked.held)))

    def _compiled(self, asked: Asked) -> Story:
        return compile_story(self._move(asked))


def _refuse_large(spec: Spec) -> None:
    """A number that is being typed can make a story as large as the machine; the page is for those one can turn."""
    causes = max(1, sum(cause.size for cause in spec.causes.values()))
    size = 0
    for name, modality in spec.modalities.items():
        with suppress(FlowError):  # told with all other problems
            size += math.prod(flow_shape(modality.flow, spec.directory)) * causes
        if size > MAX_SIZE:
            raise SpecError(
                [
                    f"modalities.{name}.flow: more than {MAX_SIZE:,} components times causes up to here; expected "
                    "fewer, because the page answers while you type. Use `infoloom info` for stories of this size."
                ]
            )


def open_workbench(source: str | Path) -> Workbench:
    """The workbench that starts with a spec file or a preset; what is wrong inside it is shown by the page.

    Raises:
        SpecError: It cannot be read.
    """
    text, directory = spec_text(source)
    files: set[str] = set()
    with suppress(SpecError):
        files = {name for _, name in file_names(read_yaml(text))}
    return Workbench(text, directory, files)
