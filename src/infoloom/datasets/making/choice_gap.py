"""What an observation leaves open of the class that a cause chose, H(category | observation), by a classifier."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.making.observe import observe
from infoloom.law.choices import FLOW, category_column

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["choice_gap"]

_TRAINED: Final = 3000
_STOPPED: Final = 1000  # rows that say when to stop
_HELD_OUT: Final = 2000
_EPOCHS: Final = 30
_BATCH: Final = 100
_RATE: Final = 2e-3
_LEAST: Final = 0.01  # of the probability is shared by all classes, so that one confident error costs little


def choice_gap(
    story: Story, modality: str, *, trained: int = _TRAINED, held_out: int = _HELD_OUT, seed: int = 0
) -> dict[str, Any]:
    """An upper bound of H(category | observation) where a cause chooses the class of a trained flow.

    It is what an information value of the modality may be too high by: I((k, z); y) − I(x; y) ≤ H(k | x). The bound is
    the cross-entropy of a classifier on rows that it did not see, which is never below the entropy in expectation.

    Args:
        story: A compiled story.
        modality: One whose flow's class a cause chooses.
        trained: Rows that the classifier learns from.
        held_out: Rows that it is judged by.
        seed: Seed of the rows and of the classifier.

    Returns:
        JSON-able: `value` and `standard_error` in nats, held-out `accuracy` and `rows`.

    Source:
        Barber & Agakov, NIPS 2003: E −log q(k | x) ≥ H(k | x) for every classifier q.
    """
    import torch

    from infoloom.observations.realism.classifier import Classifier

    cause = dict(story.graph.nodes[modality].chosen)[FLOW]
    drawn = story.sample(trained + _STOPPED + held_out, seed)
    x = torch.from_numpy(observe(story, modality, drawn))
    k = torch.from_numpy(drawn[category_column(cause)])
    classes = len(np.unique(drawn[category_column(cause)]))
    first = x[:trained]
    x = (x - first.mean()) / first.std()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Classifier(tuple(x.shape[1:]), max(2, classes))
        order = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(model.parameters(), lr=_RATE)
        best, kept = math.inf, {name: value.clone() for name, value in model.state_dict().items()}
        for _ in range(_EPOCHS):
            for rows in torch.split(torch.randperm(trained, generator=order), _BATCH):
                loss = torch.nn.functional.cross_entropy(model(x[rows]), k[rows])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            stop = slice(trained, trained + _STOPPED)
            reached = float(_losses(model, x[stop], k[stop])[0].mean())
            if reached < best:
                best, kept = reached, {name: value.clone() for name, value in model.state_dict().items()}
        model.load_state_dict(kept)
    losses, right = _losses(model, x[trained + _STOPPED :], k[trained + _STOPPED :])
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
