"""Random stories and random questions about them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import strategies as st

SHAPES = [(1,), (2,), (5,), (16,), (2, 4), (1, 3, 3), (2, 2, 2), (1, 4, 4)]
WEIGHTS = [0.1, 0.25, 0.5, 0.8, 1.0, 1.7]


def flow(shape):
    return f"vector({shape[0]})" if len(shape) == 1 else f"identity({', '.join(map(str, shape))})"


@st.composite
def weights(draw):
    """A weight with its sign, sometimes a parameter, sometimes zero."""
    sign = draw(st.sampled_from(["", "-"]))
    return sign + draw(st.sampled_from([*map(str, WEIGHTS), "p", "0.5*q", "0", "3e-2"]))


@st.composite
def templates(draw, shape, size=None):
    """A template that fits a shape, for a cause of some size."""
    dim = math.prod(shape)
    options = [f"random({draw(st.integers(0, 5))})", f"sparse({draw(st.integers(1, dim))}, seed=3)"]
    if size is None:
        options += ["ones", ""]
        if len(shape) == 3:
            options += [
                "disk(0.5)",
                "blob(0.5, 0.25, 0.3)",
                "frequency(1, 0)",
                "patch(0, 0, 1, 2)",
                "ring(0.4, 0.3)",
            ]
        else:
            options += ["blob(0.5, 0.3)", "frequency(0.5)", "patch(0, 1)", "ones(normalize=false)"]
    chosen = draw(st.sampled_from(options))
    return f"@{chosen}" if chosen else ""


@dataclass
class _Draft:
    draw: st.DrawFn
    causes: dict
    fields: dict
    targets: dict
    modalities: dict

    def terms_for_modality(self, name, shape):
        """Terms that may enter a latent: causes, targets, fields and modalities of its size."""
        draw, dim, terms = self.draw, math.prod(shape), []
        for cause, size in self.causes.items():
            for _ in range(draw(st.integers(0, 2))):
                if size == 1:
                    terms.append(f"{draw(weights())}*{cause}{draw(templates(shape))}")
                elif draw(st.booleans()):
                    terms.append(f"{draw(weights())}*{cause}{draw(templates(shape, size))}")
                else:
                    terms.append(
                        f"{draw(weights())}*{cause}[{draw(st.integers(0, size - 1))}]{draw(templates(shape))}"
                    )
        if self.targets and draw(st.booleans()):
            terms.append(
                f"{draw(weights())}*{draw(st.sampled_from(list(self.targets)))}{draw(templates(shape))}"
            )
        same = [other for other, s in self.modalities.items() if math.prod(s[0]) == dim]
        if same and draw(st.booleans()):
            terms.append(f"{draw(weights())}*{draw(st.sampled_from(same))}")
        terms += [
            f"{draw(weights())}*{f}" for f, size in self.fields.items() if size == dim and draw(st.booleans())
        ]
        return terms

    def terms_for_target(self):
        draw, terms = self.draw, []
        for cause, size in self.causes.items():
            if draw(st.booleans()):
                part = "" if size == 1 else f"[{draw(st.integers(0, size - 1))}]"
                terms.append(f"{draw(weights())}*{cause}{part}")
        if self.targets and draw(st.booleans()):
            terms.append(f"{draw(weights())}*{draw(st.sampled_from(list(self.targets)))}")
        if self.modalities and draw(st.booleans()):
            read = draw(st.sampled_from(list(self.modalities)))
            terms.append(f"{draw(weights())}*{read}{draw(templates(self.modalities[read][0]))}")
        return terms


def joined(terms):
    """`a` and `-b` to `a - b`."""
    text = terms[0]
    for term in terms[1:]:
        text += f" - {term[1:]}" if term.startswith("-") else f" + {term}"
    return text


@st.composite
def stories(draw, most=6, noise_free_targets=False):
    """A spec as a dict: causes, fields, parameters, and an interleaved chain of targets and modalities.

    Every modality has noise; a target has noise unless `noise_free_targets` lets it do without.
    """
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=most))
    causes = {
        f"c{i}": size for i, size in enumerate(draw(st.lists(st.sampled_from([1, 1, 2, 3]), max_size=3)))
    }
    anchors = draw(st.lists(st.sampled_from(shapes), max_size=2))
    fields = {f"f{i}": math.prod(shape) for i, shape in enumerate(anchors)}
    draft = _Draft(draw, causes, fields, {}, {})
    for i, shape in enumerate(shapes):
        if draw(st.booleans()):
            add_target(draft, f"t{len(draft.targets)}", noise_free_targets)
        terms = draft.terms_for_modality(f"x{i}", shape)
        own = f"{draw(st.sampled_from(['0.3', '1', '2*p', '-0.7']))}*noise"
        draft.modalities[f"x{i}"] = (shape, joined(draw(st.permutations([*terms, own]))))
    for field, size in fields.items():  # a field that no modality has drawn yet enters the first that fits
        users = [x for x, (_, text) in draft.modalities.items() if field in text]
        if not users:
            first = next(x for x, (s, _) in draft.modalities.items() if math.prod(s) == size)
            shape, text = draft.modalities[first]
            draft.modalities[first] = (shape, f"{text} + 0.4*{field}")
    for _ in range(draw(st.integers(0, 2))):
        add_target(draft, f"t{len(draft.targets)}", noise_free_targets, fields)
    return {
        "name": "random",
        "causes": {c: "normal" if size == 1 else {"size": size} for c, size in causes.items()},
        "fields": dict.fromkeys(fields, "normal"),
        "parameters": {"p": 0.6, "q": -1.5},
        "targets": draft.targets,
        "modalities": {
            x: {"flow": flow(shape), "latent": text} for x, (shape, text) in draft.modalities.items()
        },
    }


def add_target(draft, name, noise_free, fields=()):
    terms = draft.terms_for_target()
    if fields and draft.draw(st.booleans()):
        terms.append(f"0.5*{draft.draw(st.sampled_from(list(fields)))}@random(9)")
    if not terms or not noise_free or draft.draw(st.booleans()):
        terms.append(draft.draw(st.sampled_from(["noise", "0.4*noise"])))
    draft.targets[name] = joined(terms)


@st.composite
def splits(draw, names, parts, given=True):
    """Disjoint non-empty parts of some names, and perhaps a condition: (parts, given)."""
    names = draw(st.permutations(names))
    chosen = []
    at = 0
    for left in range(parts - 1, -1, -1):
        size = draw(st.integers(1, max(1, min(3, len(names) - at - left))))
        chosen.append(tuple(names[at : at + size]))
        at += size
    rest = draw(st.integers(0, min(2, len(names) - at))) if given else 0
    return chosen, tuple(names[at : at + rest])


def whole_names(oracle):
    """Names that do not overlap: a cause or, in its place, all of its components."""
    return [name for name in oracle.names if "[" not in name]
