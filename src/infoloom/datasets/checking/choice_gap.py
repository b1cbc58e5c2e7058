"""What an observation leaves open of the class that a cause chose, H(category | observation), by a classifier."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.reading.read import Dataset
from infoloom.datasets.storage.manifest import Manifest
from infoloom.datasets.storage.reading.store import ParquetStore
from infoloom.law.choices import FLOW, category_column

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["FEWEST", "choice_gap", "with_gaps"]

FEWEST: Final = 400
_ROWS: Final = 6000
_TRAINED: Final = 0.6  # of the rows
_STOPPED: Final = 0.15  # they say when to stop
_EPOCHS: Final = 30
_BATCH: Final = 100
_RATE: Final = 2e-3
_LEAST: Final = 0.01  # of the probability is shared by all classes, so that one confident error costs little


def with_gaps(root: Path, story: Story, manifest: Manifest) -> Manifest:
    """The manifest with what an observation may leave open of a chosen class, where its rows say it.

    Args:
        root: The dataset's folder, whose shards are there.
        story: Its story.
        manifest: What is known of it so far.
    """
    from infoloom.law.sources.distributions import atoms_of

    columns = tuple(column.name for column in manifest.columns)
    data = Dataset(root, manifest, columns, 0, manifest.rows, ParquetStore(root, manifest))
    found = dict(manifest.bijections)
    for name, one in manifest.bijections.items():
        certificate = one["certificate"]
        cause = dict(story.graph.nodes[name].chosen).get(FLOW)
        if cause is None or certificate["passes"] or story.graph.nodes[cause].held is not None:
            continue
        rows = data.select(name, category_column(cause))[: min(manifest.rows, _ROWS)]
        classes = len(atoms_of(story.graph.nodes[cause].distribution))
        gap = choice_gap(rows[name], rows[category_column(cause)], classes)
        found[name] = {**one, "certificate": {**certificate, **({"gap": gap} if gap else {})}}
    return replace(manifest, bijections=found)


def choice_gap(
    x: np.ndarray[Any, Any], k: np.ndarray[Any, Any], classes: int, *, seed: int = 0
) -> dict[str, Any] | None:
    """An upper bound of H(category | observation) where a cause chooses the class of a trained flow.

    It is what an information value of the modality may be too high by: I((k, z); y) − I(x; y) ≤ H(k | x). The bound is
    the cross-entropy of a classifier on rows that it did not see, which is never below the entropy in expectation.

    Args:
        x: Observations, (n, *shape).
        k: Their categories, (n,).
        classes: Number of categories.
        seed: Seed of the classifier.

    Returns:
        JSON-able: `value` and `standard_error` in nats, held-out `accuracy` and `rows`; None for fewer than 400 rows,
        which say too little.

    Source:
        Barber & Agakov, NIPS 2003: E −log q(k | x) ≥ H(k | x) for every classifier q.
    """
    import torch

    from infoloom.observations.realism.classifier import Classifier

    if len(x) < FEWEST:
        return None
    trained, stopped = int(_TRAINED * len(x)), int(_STOPPED * len(x))
    held_out = len(x) - trained - stopped
    values, labels = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(np.ascontiguousarray(k))
    values = (values - values[:trained].mean()) / values[:trained].std()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Classifier(tuple(values.shape[1:]), classes)
        order = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(model.parameters(), lr=_RATE)
        best, kept = math.inf, {name: value.clone() for name, value in model.state_dict().items()}
        for _ in range(_EPOCHS):
            for rows in torch.split(torch.randperm(trained, generator=order), _BATCH):
                loss = torch.nn.functional.cross_entropy(model(values[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            stop = slice(trained, trained + stopped)
            reached = float(_losses(model, values[stop], labels[stop])[0].mean())
            if reached < best:
                best, kept = reached, {name: value.clone() for name, value in model.state_dict().items()}
        model.load_state_dict(kept)
    losses, right = _losses(model, values[trained + stopped :], labels[trained + stopped :])
    return {
        "value": float(losses.mean()),
        "standard_error": float(losses.std()) / math.sqrt(held_out),
        "accuracy": float(right.mean()),
        "rows": held_out,
    }


def _losses(model: Any, x: Any, k: Any) -> tuple[Any, Any]:
    """−log q(k | x) of rows, and whether the likeliest class is right."""
    import torch

    with torch.no_grad():
        share = torch.softmax(torch.cat([model(part) for part in torch.split(x, 500)]).double(), dim=1)
    share = (1.0 - _LEAST) * share + _LEAST / share.shape[1]
    return -torch.log(share[torch.arange(len(k)), k]), (share.argmax(dim=1) == k).double()
