"""What the picture panels show: rows sorted by a cause, a cause swept, where it shows, and the templates."""

from __future__ import annotations

import base64
import io
from typing import Any, Final

import numpy as np
from PIL import Image

from infoloom.datasets.making.observe import Rows
from infoloom.datasets.showing.gallery import observed_or_said, sorted_latents
from infoloom.datasets.showing.influence import influence as influence_of
from infoloom.datasets.showing.listen import sound_file
from infoloom.datasets.showing.preview import limits_of
from infoloom.datasets.showing.strip import strip_latents, strip_values
from infoloom.errors import InfoloomError
from infoloom.spec.flows.flow import parse_flow
from infoloom.story import Story
from infoloom.web.asked import Asked, RequestError
from infoloom.web.drawn import PIECE, Pieces
from infoloom.web.workbench import Workbench

__all__ = ["influence", "samples", "sweep", "templates"]

Array = np.ndarray[Any, Any]
DIGITS: Final = 5
LEADS: Final = 8
MAP_ROWS: Final = 32
MAP_PIECE: Final = 8


def samples(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """Observations of one modality, sorted by a cause or target."""
    story = bench.story(asked)
    by, modality = _scalar(story, asked), _modality(story, asked)
    key = (story.spec.digest, "sorted", by, asked.seed)
    rows, values, latents = bench.drawn.kept(key, lambda: sorted_latents(story, by, seed=asked.seed))
    pieces = _pieces(bench, asked, story, ("samples", by), modality, latents)
    shown = {"rows": list(rows), "values": list(values), "seed": asked.seed}
    return {"modality": modality, "by": by, **shown, **_shown(story, modality, pieces)}


def sweep(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """One row of one modality as a cause or target moves and all else is held."""
    story = bench.story(asked)
    node, modality = _scalar(story, asked), _modality(story, asked)
    key = (story.spec.digest, "swept", node, asked.seed)
    values = strip_values(story, node)
    latents = bench.drawn.kept(key, lambda: strip_latents(story, node, values, seed=asked.seed))
    pieces = _pieces(bench, asked, story, ("sweep", node), modality, latents)
    return {"modality": modality, "node": node, "values": list(values), **_shown(story, modality, pieces)}


def _pieces(
    bench: Workbench,
    asked: Asked,
    story: Story,
    what: tuple[str, str],
    modality: str,
    rows: Rows,
) -> Pieces:
    """Rows of one modality, or a part of them if the page asked for one."""
    key = (story.spec.digest, *what, modality, asked.seed)

    def some(places: Array) -> Array:
        picked = {name: part[places] for name, part in rows.items()}
        return observed_or_said(story, modality, picked, batch=PIECE)

    return bench.drawn.rows(key, lambda: np.arange(len(rows[modality])), some, asked.wanted, asked.part)


def _shown(story: Story, modality: str, pieces: Pieces) -> dict[str, Any]:
    """Sentences of a caption, sounds of a tone beside its curve, else pictures."""
    observed, shown = np.concatenate(pieces.made), {"whole": pieces.whole}
    if observed.dtype.kind == "U":
        return {"pictures": {"kind": "text", "texts": observed.tolist()}, **shown}
    pictures = _pictures(observed)
    if parse_flow(story.flow(modality))[-1].name == "tone":
        pictures["sounds"] = [_wav(one) for one in observed]
    return {"pictures": pictures, **shown}


def _wav(one: Array) -> str:
    return "data:audio/wav;base64," + base64.b64encode(sound_file(one)).decode()


def influence(bench: Workbench, asked: Asked) -> dict[str, Any]:
    """Where in the observations of a modality a cause shows, E |∂x/∂cause|."""
    story = bench.story(asked)
    cause, modality = _scalar(story, asked), _modality(story, asked)
    key = (story.spec.digest, "influence", cause, modality, asked.seed)

    def some(starts: Array) -> Array:
        return np.stack(
            [
                influence_of(
                    story, cause, modality, rows=MAP_PIECE, seed=asked.seed, start=int(start), batch=MAP_PIECE
                )
                for start in starts
            ]
        )

    starts = np.arange(0, MAP_ROWS, MAP_PIECE)
    pieces = bench.drawn.rows(key, lambda: starts, some, asked.wanted, asked.part)
    values = np.concatenate(pieces.made).mean(axis=0)
    return {"modality": modality, "cause": cause, "map": _numbers(values), "whole": pieces.whole}


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
