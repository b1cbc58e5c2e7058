"""Train the estimator `amortised` on a stream of random tasks, and say how good it is; resumes where it stopped.

    OMP_NUM_THREADS=1 nice -n 15 python docs/make_amortised.py WORK     # features, training, evaluation
    python docs/make_amortised.py WORK --evaluate                       # of WORK's weights, else of the shipped ones
    python docs/make_amortised.py WORK --ship                           # weights beside the estimator's code

WORK keeps features of 4,096 tasks a file, the state of the training after every epoch, and `report.json`. All times
are processor seconds of this process, and `--minutes` is the budget of features and training together. Families that
the training never sees are in `HELD_OUT`; evaluation tasks come from another seed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from infoloom.benchmark.meta.laws.named import FAMILIES
from infoloom.benchmark.meta.stream import stream
from infoloom.benchmark.tasks import build, names
from infoloom.estimators.neural.amortised.features import features
from infoloom.estimators.neural.amortised.network import LEVELS, Quantiles, pinball

HELD_OUT: Final = ("student", "mixture")
SEEN: Final = tuple(name for name in FAMILIES if name not in HELD_OUT)
RANGES: Final[dict[str, Any]] = {"dims": (1, 16), "rows": (50, 500), "nats": (0.0, 6.0)}
TRAIN_SEED, TEST_SEED = 2026, 4052
SHARD, BATCH, SEEN_ROWS = 4096, 64, 64
WEIGHTS: Final = Path(__file__).parents[1] / "src/infoloom/estimators/neural/amortised/weights.safetensors"

EVALUATED: Final = 300
GAUSSIAN, KSG_4 = 7 + 4 + 16, -10  # places among the features of a sample

Data = dict[str, NDArray[Any]]
Sample = tuple[NDArray[Any], NDArray[Any], float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--tasks", type=int, default=16_384)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=43.0)
    parser.add_argument("--by", help="HH:MM of this clock at which the training has to end")
    parser.add_argument("--evaluate", action="store_true")
    parser.add_argument("--ship", action="store_true")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if asked.ship or asked.evaluate:
        network = Quantiles()
        trained = asked.work / "best.safetensors"
        network.load_state_dict(load_file(trained if asked.ship or trained.exists() else WEIGHTS))
        network.eval()
    else:
        shards = [make(asked.work, number) for number in range(asked.tasks // SHARD)]
        spent = sum(float(shard["seconds"]) for shard in shards)
        say(f"features of {len(shards) * SHARD:,} tasks: {spent / 60:.1f} processor minutes")
        seconds = 60.0 * asked.minutes - spent
        network = train(asked.work, join(shards), asked.epochs, seconds, left(asked.by)).eval()
    if asked.ship:
        save_file(network.state_dict(), WEIGHTS)
        say(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 2**20:.2f} MiB")
        return
    report = {name: judged(network, of_family(name)) for name in FAMILIES} | {
        "independent rows": judged(network, of_family(None, nats=(0.0, 0.0))),
        "Beyond Normal": judged(network, beyond_normal()),
    }
    (asked.work / "report.json").write_text(json.dumps(report, indent=1))
    say(table(report))


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
        tasks = islice(stream(TRAIN_SEED, families=SEEN, start=number * SHARD, **RANGES), SHARD)
        made = measured((task.x, task.y, task.mutual_information) for task in tasks)
        made["seconds"] = np.float64(time.process_time() - start)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **made)  # type: ignore[arg-type]
        part.replace(path)
        say(f"{path.name}: {float(made['seconds']):.0f} s")
    with np.load(path) as file:
        return dict(file)


def measured(samples: Iterable[Sample]) -> Data:
    """Features, truths and numbers of rows of samples."""
    rows, sample, truth, sizes = [], [], [], []
    for x, y, nats in samples:
        of_rows, of_sample = features(x, y)
        rows.append(of_rows.astype(np.float16))
        sample.append(of_sample)
        truth.append(nats)
        sizes.append(len(of_rows))
    return {
        "rows": np.concatenate(rows),
        "sample": np.stack(sample),
        "truth": np.array(truth, dtype=np.float32),
        "sizes": np.array(sizes),
    }


def join(shards: list[Data]) -> Data:
    names = ("rows", "sample", "truth", "sizes")
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
    state: dict[str, Any] = {"epoch": 0, "spent": 0.0, "best_loss": float("inf")}
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
                    * (1 + math.cos(math.pi * done))
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
            state["best_loss"] = value
            save_file(network.state_dict(), work / "best.safetensors")
        torch.save({**state, "network": network.state_dict(), "optimiser": optimiser.state_dict()}, saved)
        error = np.abs(found[:, 3] - truths).mean()
        losses = f"train {total / max(step, 1):.4f}, held {value:.4f}, |error| {error:.3f} nats"
        say(f"epoch {state['epoch']}: {losses}, {state['spent'] / 60:.1f} min")
    network.load_state_dict(load_file(work / "best.safetensors"))
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


def of_family(name: str | None, nats: tuple[float, float] = RANGES["nats"]) -> Iterator[Sample]:
    """Unseen tasks of a family, of all where none is named."""
    families = None if name is None else [name]
    tasks = stream(TEST_SEED, families=families, **{**RANGES, "nats": nats})
    return ((task.x, task.y, task.mutual_information) for task in islice(tasks, EVALUATED))


def beyond_normal() -> Iterator[Sample]:
    """The tasks of Czyż et al. with at most 16 columns a side, 100 and 500 rows, four samples of each."""
    for task in map(build, names("beyond-normal")):
        if max(task.dim_x, task.dim_y) <= 16:
            for rows, seed in product((100, 500), range(4)):
                yield *task.sample(rows, seed), task.mutual_information


def judged(network: Quantiles, samples: Iterator[Sample]) -> dict[str, float]:
    """Errors beside those of a constant, of KSG and of the Gaussian formula on normal scores; coverage; doubts."""
    data = measured(samples)
    count, truth = len(data["truth"]), data["truth"]
    found, _ = predict(network, data, np.cumsum(data["sizes"]) - data["sizes"], np.arange(count))
    estimate, sample = found[:, LEVELS.index(0.5)], data["sample"]
    error = np.abs(estimate - truth)
    return {
        "samples": count,
        "error": float(error.mean()),
        "standard error": float(error.std(ddof=1) / np.sqrt(count)),
        "bias": float((estimate - truth).mean()),
        "covered": float(((found[:, 0] <= truth) & (truth <= found[:, -1])).mean()),
        "width": float((found[:, -1] - found[:, 0]).mean()),
        "outside": float((network.outside(torch.from_numpy(sample)) > 0).float().mean()),
        "ksg": float(np.abs(sample[:, KSG_4] - truth).mean()),
        "gaussian scores": float(np.abs(sample[:, GAUSSIAN] - truth).mean()),
        "constant": float(np.abs(np.median(truth) - truth).mean()),
    }


def table(report: dict[str, dict[str, float]]) -> str:
    """The report as a table."""
    head = ("", *next(iter(report.values())))
    rows = [
        (f"{name}{' (unseen)' if name in HELD_OUT else ''}", *row.values()) for name, row in report.items()
    ]
    cells = [head, *((name, *(f"{value:.3f}" for value in values)) for name, *values in rows)]
    return "\n" + "\n".join(" | ".join(line) for line in cells)


if __name__ == "__main__":
    main()
