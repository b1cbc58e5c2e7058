"""Argument files of the paper's own code, read into specs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infoloom.errors import SpecError
from infoloom.foreign.files import TooLargeError, read_bytes
from infoloom.spec.flows.flow import zoo_names
from infoloom.spec.model import Spec, build_spec

__all__ = ["Imported", "read_arguments"]

MAX_BYTES: Final = 2**20
MAX_COUNT: Final = 1000
_IMAGES: Final = (".png", ".jpg", ".jpeg")
_SHAPE: Final = (3, 32, 32)

Matrix = list[list[float]]


@dataclass(frozen=True)
class Imported:
    """A spec with what was found on the way.

    Attributes:
        notes: What differs from the original code, and why; one line each.
    """

    spec: Spec
    notes: tuple[str, ...]

    def to_yaml(self) -> str:
        """The spec as YAML, the notes above it as comments."""
        return "".join(f"# {note}\n" for note in self.notes) + self.spec.to_yaml()


def read_arguments(path: str | Path) -> Imported:
    """Read an argument file, `--name value` a line, `#` for comments, matrices as JSON.

    With i, j counted from 0: z_i = Σ_k DAG_theta[i,k]·rho_theta[k]·β^(−i)·T_ki·u_k + Σ_j
    DAG_ul[i,j]·rho[j]·α^(−|i−j|)·F_j and theta = Σ_k eta[k]·u_k. A field that one modality alone uses is that
    modality's noise.

    Raises:
        SpecError: With everything that cannot be read, each with its argument.

    Source:
        Hashmani et al., arXiv 2510.21686, equations 1 to 4; parameters as in its argument files.
    """
    path = Path(path)
    try:
        content = read_bytes(path, MAX_BYTES)
        text = content.decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise SpecError(
            [f"arguments `{path}`: cannot be read ({error.strerror}). Check the path."]
        ) from error
    except TooLargeError as error:
        raise SpecError([f"arguments `{path}`: {error}."]) from error
    except UnicodeDecodeError as error:
        raise SpecError([f"arguments `{path}`: expected UTF-8 text, byte {error.start} is not."]) from error
    return _Reader(path, _tokens(text)).read()


def _tokens(text: str) -> dict[str, str | None]:
    """Arguments by name; of one given twice the last counts, and one without a value is None."""
    words = [word for line in text.splitlines() if not line.strip().startswith("#") for word in line.split()]
    found: dict[str, str | None] = {}
    problems, name = [], None
    for word in words:
        option = re.fullmatch(r"--([A-Za-z_]\w*)(?:=(.*))?", word)
        if option:
            name = option[1] if option[2] is None else None
            found[option[1]] = option[2]
        elif name is None:
            problems.append(f"arguments: expected `--name value`, got `{word[:60]}`.")
        else:
            found[name], name = word, None
    if problems:
        raise SpecError(problems)
    return found


class _Reader:
    """Collects problems and notes while it reads; a whole spec or every problem at once."""

    def __init__(self, path: Path, found: dict[str, str | None]) -> None:
        self.path = path
        self.found = found
        self.problems: list[str] = []
        self.notes: list[str] = []

    def read(self) -> Imported:
        if self.found.get("generation_paradigm", "constructive") != "constructive":
            raise SpecError(
                [
                    "generation_paradigm: expected `constructive`; the other one needs arguments that the original "
                    "parser does not know. Write its covariances into the spec's `covariance` section."
                ]
            )
        modalities, causes, fields = self.count("N_mod", 2), self.count("N_u_theta", 1), self.count("N_u", 2)
        alpha, beta = self.number("alpha"), self.number("beta")
        eta, rho_theta = self.vector("eta_arg", causes), self.vector("rho_theta_arg", causes)
        rho = self.vector("rho_arg", fields)
        dag_theta = self.matrix("DAG_theta", modalities, causes)
        dag_fields = self.matrix("DAG_ul", modalities, fields)
        templates = self.templates(modalities, causes)
        if self.problems:
            raise SpecError(self.problems)
        cause_weights = [
            [dag_theta[i][k] * rho_theta[k] * beta**-i for k in range(causes)] for i in range(modalities)
        ]
        field_weights = [
            [dag_fields[i][j] * rho[j] * alpha ** -abs(i - j) for j in range(fields)]
            for i in range(modalities)
        ]
        self.note_defects()
        tree = _tree(self.name(), eta, cause_weights, templates, field_weights, self.flows(modalities))
        return Imported(build_spec(tree), tuple(self.notes))

    def name(self) -> str:
        return re.sub(r"\W+", "-", self.path.stem).strip("-").lower() or "imported"

    def count(self, name: str, default: int) -> int:
        text = self.found.get(name)
        value = default if text is None else int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0
        if not 0 < value <= MAX_COUNT:
            self.problems.append(f"{name}: expected a whole number from 1 to {MAX_COUNT}, got `{text}`.")
            return 1
        return value

    def number(self, name: str) -> float:
        text = self.found.get(name) or "1.0"
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0.0 < value < 1e9:
            self.problems.append(f"{name}: expected a positive number, got `{text[:60]}`.")
            return 1.0
        return value

    def vector(self, name: str, size: int) -> list[float]:
        value = self.json(name)
        if not isinstance(value, list):
            self.notes.append(f"{name}: not given as a list, taken as ones.")
            return [1.0] * size
        if not _numbers(value, size):
            self.problems.append(f"{name}: expected {size} finite numbers, got `{str(value)[:60]}`.")
            return [1.0] * size
        return [float(number) for number in value]

    def matrix(self, name: str, rows: int, columns: int) -> Matrix:
        value = self.json(name)
        if value is None:
            return [[1.0] * columns for _ in range(rows)]
        if not (
            isinstance(value, list) and len(value) == rows and all(_numbers(row, columns) for row in value)
        ):
            self.problems.append(
                f"{name}: expected {rows} rows of {columns} finite numbers, got `{str(value)[:60]}`."
            )
            return [[1.0] * columns for _ in range(rows)]
        return [[float(number) for number in row] for row in value]

    def json(self, name: str) -> Any:
        text = self.found.get(name)
        try:
            return None if text is None else json.loads(text)
        except (ValueError, RecursionError):
            return text

    def templates(self, modalities: int, causes: int) -> list[list[str]]:
        """For every modality and cause what stands behind the `@`; empty for ones."""
        method = self.found.get("T_vectors_method") or "ones"
        if method == "ones":
            return [[""] * causes for _ in range(modalities)]
        if method == "random":
            self.notes.append(
                "T_vectors_method random: drawn by this package with fixed seeds and norm; other values."
            )
            return [[f"random({i * causes + k})" for k in range(causes)] for i in range(modalities)]
        folder = next(
            (place / method for place in (Path(), *self.path.resolve().parents) if (place / method).is_dir()),
            None,
        )
        if folder is None:
            self.problems.append(
                f"T_vectors_method: expected ones, random or a folder of images, got `{method[:100]}`. Save one array "
                "a "
                'template with numpy and name them in the spec, as in `u1@file("t.npy", normalize=false)`.'
            )
            return [[""] * causes for _ in range(modalities)]
        images = sorted(str(p.resolve()) for p in folder.iterdir() if p.suffix in _IMAGES)
        if len(images) != modalities * causes:
            self.problems.append(
                f"T_vectors_method: expected {modalities * causes} images in `{folder}`, found {len(images)}."
            )
            return [[""] * causes for _ in range(modalities)]
        self.notes.append(
            "T_vectors_method: images from 0 to 1, their norms kept (normalize=false), as in the original."
        )
        return [
            [
                f"file({json.dumps(images[k * modalities + i], ensure_ascii=False)}, normalize=false)"
                for k in range(causes)
            ]
            for i in range(modalities)
        ]

    def flows(self, modalities: int) -> list[str]:
        labels = self.json("labels")
        if labels is None:
            labels = [1, 6]
        known = isinstance(labels, list) and all(isinstance(n, int) and 0 <= n < 10 for n in labels)
        if known and len(labels) == modalities and "cifar10" in zoo_names():
            self.notes.append(
                "checkpoint_path: not read; the modalities use this package's own CIFAR-10 flow."
            )
            return [f"cifar10[{label}]" for label in labels]
        self.notes.append(
            f"labels `{str(labels)[:60]}`: left out, the observations are whitened latents; write a flow, such as "
            "`cifar10[frog]`, to make them look real."
        )
        return [f"identity({', '.join(map(str, _SHAPE))})"] * modalities

    def note_defects(self) -> None:
        """What the original code does with these arguments and this package does not."""
        if "calculate_MI" in self.found:
            self.notes.append(
                "calculate_MI: the original prints I(x1; x2; theta) − I(x1; x2) as I(x1; x2 | theta), which is its "
                "negative, "
                "and takes log-determinants in float32; the truth table here is exact."
            )
        empty = [name for name, value in self.found.items() if value is None]
        if empty:
            self.notes.append(
                f"{', '.join(empty)}: no value is given, where the original parser stops with an error."
            )
        if self.found.get("sample_seed") is not None:
            self.notes.append(
                f"sample_seed {self.found['sample_seed']}: every job of the original with it writes the same rows; "
                "here "
                "rows are numbered through all shards, and the seed is given to `infoloom generate --seed`."
            )
        if self.found.get("percentile_to_align") is not None:
            self.notes.append(
                "percentile_to_align: the original rescales all latents by one estimated number; here latents are "
                "whitened exactly. Neither changes any information."
            )


def _numbers(value: Any, size: int) -> bool:
    plain = isinstance(value, list) and len(value) == size
    return plain and all(
        isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e9 for n in value
    )


def _tree(
    name: str,
    eta: list[float],
    cause_weights: Matrix,
    templates: list[list[str]],
    field_weights: Matrix,
    flows: Sequence[str],
) -> dict[str, Any]:
    used_by = [[i for i, row in enumerate(field_weights) if row[j]] for j in range(len(field_weights[0]))]
    # The original keeps one field a modality; used by that modality alone it is what a spec calls its noise.
    noise = {users[0]: j for j, users in reversed(list(enumerate(used_by))) if len(users) == 1}
    fields = [j for j, users in enumerate(used_by) if users and j not in noise.values()]
    modalities = {}
    for i, (causes, shared) in enumerate(zip(cause_weights, field_weights, strict=True)):
        terms = [
            (w, f"u{k + 1}" + (f"@{templates[i][k]}" if templates[i][k] else ""))
            for k, w in enumerate(causes)
        ]
        terms += [(w, "noise" if noise.get(i) == j else f"field{j + 1}") for j, w in enumerate(shared)]
        modalities[f"x{i + 1}"] = {"flow": flows[i], "latent": _sum(terms)}
    return {
        "name": name,
        "description": "Read from an argument file of the paper's own code.",
        "causes": {f"u{k + 1}": "normal" for k in range(len(eta))},
        "fields": {f"field{j + 1}": "normal" for j in fields},
        "targets": {"theta": _sum([(w, f"u{k + 1}") for k, w in enumerate(eta)])},
        "modalities": modalities,
    }


def _sum(terms: Sequence[tuple[float, str]]) -> str:
    written = [source if weight == 1.0 else f"{weight!r}*{source}" for weight, source in terms if weight]
    return " + ".join(written).replace("+ -", "- ") or "0.0*u1"
