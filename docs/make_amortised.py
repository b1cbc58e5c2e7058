"""Train the estimator `amortised` on a stream of random tasks, and say how good it is; resumes where it stopped.

    OMP_NUM_THREADS=1 nice -n 15 python docs/make_amortised.py WORK             # features, training, evaluation
    python docs/make_amortised.py WORK --ship                                   # weights beside the estimator's code

WORK keeps features of 4,096 tasks a file, the state of the training after every epoch, and `report.json`. All times
are processor seconds of this process, and `--minutes` is the budget of features and training together. Families that
the training never sees are in `HELD_OUT`; evaluation tasks come from another seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from infoloom.benchmark.meta.laws.named import FAMILIES
from infoloom.benchmark.meta.stream import TaskStream, stream
from infoloom.estimators.neural.amortised.features import features
from infoloom.estimators.neural.amortised.network import LEVELS, Quantiles, pinball

HELD_OUT: Final = ("student", "mixture")
SEEN: Final = tuple(name for name in FAMILIES if name not in HELD_OUT)
RANGES: Final[dict[str, Any]] = {"dims": (1, 16), "rows": (50, 500), "nats": (0.0, 6.0)}
TRAIN_SEED, TEST_SEED = 2026, 4052
SHARD, BATCH, SEEN_ROWS = 4096, 64, 64
WEIGHTS: Final = Path(__file__).parents[1] / "src/infoloom/estimators/neural/amortised/weights.safetensors"

Data = dict[str, NDArray[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--tasks", type=int, default=65_536)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--minutes", type=float, default=43.0)
    parser.add_argument("--by", help="HH:MM of this clock at which the training has to end")
    parser.add_argument("--ship", action="store_true")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if asked.ship:
        network = Quantiles()
        network.load_state_dict(torch.load(asked.work / "state.pt", weights_only=True)["best"])
        save_file(network.state_dict(), WEIGHTS)
        say(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 2**20:.2f} MiB")
        return
    shards = [make(asked.work, number) for number in range(asked.tasks // SHARD)]
    spent = sum(float(shard["seconds"]) for shard in shards)
    say(f"features of {len(shards) * SHARD:,} tasks: {spent / 60:.1f} processor minutes")
    network = train(asked.work, join(shards), asked.epochs, 60.0 * asked.minutes - spent, left(asked.by))
    report = evaluate(network)
    (asked.work / "report.json").write_text(json.dumps(report, indent=1))
    say(json.dumps(report, indent=1))


def left(by: str | None) -> float:
    """Seconds until a time of day, for ever without one."""
    if by is None:
        return float("inf")
    now, (hour, minute) = time.localtime(), map(int, by.split(":"))
    return 3600.0 * (hour - now.tm_hour) + 60.0 * (minute - now.tm_min) - now.tm_sec


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def make(work: Path, number: int) -> Data:
    """Features of a shard's tasks, from its file where there is one."""
    path = work / f"features-{number:04d}.npz"
    if not path.exists():
        start = time.process_time()
        tasks = stream(TRAIN_SEED, families=SEEN, start=number * SHARD, **RANGES)
        made = measured(tasks, SHARD)
        made["seconds"] = np.float64(time.process_time() - start)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **made)  # type: ignore[arg-type]
        part.replace(path)
        say(f"{path.name}: {float(made['seconds']):.0f} s")
    with np.load(path) as file:
        return dict(file)


def measured(tasks: TaskStream, count: int) -> Data:
    """Features and truths of the next tasks."""
    rows, sample, truth, sizes, family = [], [], [], [], []
    for _ in range(count):
        task = next(tasks)
        of_rows, of_sample = features(task.x, task.y)
        rows.append(of_rows.astype(np.float16))
        sample.append(of_sample)
        truth.append(task.mutual_information)
        sizes.append(len(of_rows))
        family.append(list(FAMILIES).index(task.family))
    return {
        "rows": np.concatenate(rows),
        "sample": np.stack(sample),
        "truth": np.array(truth, dtype=np.float32),
        "sizes": np.array(sizes),
        "family": np.array(family),
    }


def join(shards: list[Data]) -> Data:
    names = ("rows", "sample", "truth", "sizes", "family")
    return {name: np.concatenate([shard[name] for shard in shards]) for name in names}


def batch(
    data: Data, starts: NDArray[np.int64], chosen: NDArray[np.int64], rng: np.random.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows, their owners, samples and truths of some tasks; with a generator, at most `SEEN_ROWS` rows of each."""
    sizes = data["sizes"][chosen]
    places = [np.arange(size) for size in sizes]
    if rng is not None:
        places = [rng.permutation(size)[:SEEN_ROWS] for size in sizes]
    rows = data["rows"][np.concatenate([starts[k] + place for k, place in zip(chosen, places, strict=True)])]
    return (
        torch.from_numpy(rows.astype(np.float32)),
        torch.from_numpy(np.repeat(np.arange(len(chosen)), [len(place) for place in places])),
        torch.from_numpy(data["sample"][chosen]),
        torch.from_numpy(data["truth"][chosen]),
    )


def train(work: Path, data: Data, epochs: int, seconds: float, clock: float) -> Quantiles:
    """Adam on the quantile loss, learning rate by a cosine over the budget; the last 2,048 tasks choose the epoch."""
    begun = time.monotonic()
    torch.manual_seed(0)
    network, starts = Quantiles(), np.cumsum(data["sizes"]) - data["sizes"]
    held, count = 2048, len(data["truth"]) - 2048
    used = starts[count]
    sample, rows = data["sample"][:count], data["rows"][:used:16].astype(np.float32)
    buffers = {
        "row_mean": rows.mean(axis=0), "row_std": rows.std(axis=0) + 1e-3,
        "sample_mean": sample.mean(axis=0), "sample_std": sample.std(axis=0) + 1e-3,
        "sample_low": sample.min(axis=0), "sample_high": sample.max(axis=0),
    }  # fmt: skip
    for name, value in buffers.items():
        network.get_buffer(name).copy_(torch.from_numpy(value))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4)
    state: dict[str, Any] = {"epoch": 0, "spent": 0.0, "best_loss": float("inf"), "best": None}
    saved = work / "state.pt"
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
    while state["epoch"] < epochs and state["spent"] < seconds and time.monotonic() - begun < clock:
        start, spent = time.process_time(), state["spent"]
        rng = np.random.default_rng([1, state["epoch"]])
        order = rng.permutation(count)
        network.train()
        total, steps = 0.0, count // BATCH
        for step in range(steps):
            done = max(
                (state["epoch"] + step / steps) / epochs,
                (spent + time.process_time() - start) / seconds,
                (time.monotonic() - begun) / clock,
            )
            if done >= 1.0:
                break
            for group in optimiser.param_groups:
                group["lr"] = (
                    1e-3
                    * min(1.0, (state["epoch"] * steps + step + 1) / 200)
                    * 0.5
                    * (1 + np.cos(np.pi * done))
                )
            *inputs, truth = batch(data, starts, order[step * BATCH : (step + 1) * BATCH], rng)
            optimiser.zero_grad()
            loss = pinball(network(*inputs), truth)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            total += float(loss.detach())
        network.eval()
        found, truths = predict(network, data, starts, np.arange(count, count + held))
        value = float(pinball(torch.from_numpy(found), torch.from_numpy(truths)))
        state["epoch"] += 1
        state["spent"] = spent + time.process_time() - start
        if value < state["best_loss"]:
            state["best_loss"], state["best"] = value, {k: v.clone() for k, v in network.state_dict().items()}
        torch.save({**state, "network": network.state_dict(), "optimiser": optimiser.state_dict()}, saved)
        error = np.abs(found[:, 3] - truths).mean()
        losses = f"train {total / max(step, 1):.4f}, held {value:.4f}, |error| {error:.3f} nats"
        say(f"epoch {state['epoch']}: {losses}, {state['spent'] / 60:.1f} min")
    network.load_state_dict(state["best"])
    return network


def predict(
    network: Quantiles, data: Data, starts: NDArray[np.int64], chosen: NDArray[np.int64]
) -> tuple[Any, Any]:
    """Quantiles (n, levels) and truths (n,)."""
    with torch.no_grad():
        parts = [batch(data, starts, chosen[first : first + 256]) for first in range(0, len(chosen), 256)]
        return torch.cat([network(*inputs) for *inputs, _ in parts]).numpy(), torch.cat(
            [p[3] for p in parts]
        ).numpy()


def evaluate(network: Quantiles, count: int = 400) -> dict[str, Any]:
    """Errors by family of unseen tasks, held-out families and nulls apart, beside two constants and two estimators."""
    report = {}
    for name in FAMILIES:
        data = measured(stream(TEST_SEED, families=[name], **RANGES), count)
        found, truth = predict(network, data, np.cumsum(data["sizes"]) - data["sizes"], np.arange(count))
        informed = truth > 0.0
        estimate, sample = found[:, LEVELS.index(0.5)], data["sample"]
        rivals = {"ksg of 4 neighbours": sample[:, -10], "median of truths": np.full(count, np.median(truth))}
        report[name] = {
            "seen in training": name in SEEN,
            "mean |error|": round(float(np.abs(estimate - truth).mean()), 4),
            "standard error": round(float(np.abs(estimate - truth).std() / np.sqrt(count)), 4),
            "mean error": round(float((estimate - truth).mean()), 4),
            "covered by the interval": round(
                float(((found[:, 0] <= truth) & (truth <= found[:, -1])).mean()), 4
            ),
            "mean width": round(float((found[:, -1] - found[:, 0]).mean()), 4),
            "null, mean estimate": round(float(estimate[~informed].mean()), 4),
            "outside": int((network.outside(torch.from_numpy(sample)) > 0).sum()),
            **{
                f"|error| of {rival}": round(float(np.abs(value - truth).mean()), 4)
                for rival, value in rivals.items()
            },
        }
    return report


if __name__ == "__main__":
    main()
