"""What the picture panels show: rows sorted by a cause, a cause swept, where it shows, and the templates."""

from __future__ import annotations

import base64
import io
from threading import Lock
from typing import Any, Final

import numpy as np
from PIL import Image

from infoloom.datasets.showing.gallery import sorted_rows
from infoloom.datasets.showing.influence import influence as influence_of
from infoloom.datasets.showing.listen import sound_file
from infoloom.datasets.showing.preview import limits_of
from infoloom.datasets.showing.strip import VALUES, strip_rows
from infoloom.errors import InfoloomError
from infoloom.law.sources.distributions import atoms_of
from infoloom.spec.flow import parse_flow
from infoloom.story import Story
from infoloom.web.asked import Asked, RequestError
from infoloom.web.workbench import Workbench

__all__ = ["influence", "samples", "sweep", "templates"]

Array = np.ndarray[Any, Any]
DIGITS: Final = 5
LEADS: Final = 8
_ONE_AT_A_TIME: Final = (
    Lock()
)  # flows use every core they get; a moving slider must not wait behind several of them


def samples(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """Observations of one modality, sorted by a cause or target."""
    story = bench.story(asked)
    by, modality = _scalar(story, asked), _modality(story, asked)
    with _ONE_AT_A_TIME:
        found = sorted_rows(story, modality, by, seed=asked.seed)
    shown = {"rows": list(found.rows), "values": list(found.values), "seed": asked.seed}
    return {"modality": modality, "by": by, **shown, "pictures": _shown(story, modality, found.observed)}


def sweep(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """One row of one modality as a cause or target moves and all else is held."""
    story = bench.story(asked)
    node, modality = _scalar(story, asked), _modality(story, asked)
    with _ONE_AT_A_TIME:
        values = atoms_of(story.graph.nodes[node].distribution) or VALUES  # a category has no values between
        observed = strip_rows(story, node, values, seed=asked.seed, modalities=[modality])[modality]
    shown = _shown(story, modality, observed)
    return {"modality": modality, "node": node, "values": list(values), "pictures": shown}


def influence(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """Where in the observations of a modality a cause shows, E |∂x/∂cause|."""
    story = bench.story(asked)
    cause, modality = _scalar(story, asked), _modality(story, asked)
    with _ONE_AT_A_TIME:
        values = influence_of(story, cause, modality, seed=asked.seed)
    return {"modality": modality, "cause": cause, "map": _numbers(values)}


def templates(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """Every template of the story, each with the term that it stands in."""
    drawn = bench.story(asked).templates()
    return {"templates": [{"title": title, "map": _numbers(values)} for title, values in drawn.items()]}


def _scalar(story: Story, asked: Asked) -> str:
    scalars = [name for name in (*story.causes, *story.targets) if story.dim(name) == 1]
    if not scalars:
        raise InfoloomError("pictures: expected a scalar cause or a target to sort by. Add one to the story.")
    name = asked.cause or scalars[0]
    if name not in scalars:
        raise RequestError(f"request: `cause` `{name[:50]}`: expected one of {', '.join(scalars)}.")
    return name


def _modality(story: Story, asked: Asked) -> str:
    name = asked.modality or story.modalities[0]
    if name not in story.modalities:
        raise RequestError(
            f"request: `modality` `{name[:50]}`: expected one of {', '.join(story.modalities)}."
        )
    return name


def _shown(story: Story, modality: str, observed: Array) -> dict[str, Any]:
    """Sentences of a caption, sounds of a tone beside its curve, else pictures."""
    if observed.dtype.kind == "U":
        return {"kind": "text", "texts": observed.tolist()}
    pictures = _pictures(observed)
    if parse_flow(story.flow(modality))[-1].name != "tone":
        return pictures
    return {**pictures, "sounds": [_wav(one) for one in observed]}


def _wav(one: Array) -> str:
    return "data:audio/wav;base64," + base64.b64encode(sound_file(one)).decode()


def _pictures(observed: Array) -> dict[str, Any]:
    """Images as PNG, signals and vectors as numbers, all on one scale."""
    low, high = limits_of(observed)
    if observed.ndim == 4 and observed.shape[1] in (1, 3):
        return {"kind": "image", "limits": [low, high], "images": [_png(one, low, high) for one in observed]}
    lines = observed.reshape(len(observed), -1, observed.shape[-1])[:, :LEADS]
    return {"kind": "line", "limits": [low, high], "lines": _rounded(lines)}


def _png(one: Array, low: float, high: float) -> str:
    from infoloom.observations.realism.pictures import row_picture

    file = io.BytesIO()
    Image.fromarray(row_picture(one, (low, high), size=1)).save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _numbers(values: Array) -> dict[str, Any]:
    """Numbers on a plane or a line; channels that are all the same once."""
    same = values.ndim == 3 and np.array_equal(values, np.broadcast_to(values[:1], values.shape))
    shown = values[:1] if same else values
    shape = {"shape": list(values.shape), "limits": [float(values.min()), float(values.max())]}
    if values.ndim == 3:
        return {"kind": "plane", **shape, "values": _rounded(shown)}
    return {"kind": "line", **shape, "values": _rounded(shown.reshape(-1, values.shape[-1])[:LEADS])}


def _rounded(values: Array) -> Any:
    """As lists, with the digits that a picture can show."""
    return np.vectorize(lambda value: float(f"{value:.{DIGITS}g}"), otypes=[float])(values).tolist()
