"""The kinds of files that strangers hand over, each with whole ones and with all that is done with one that is read."""

from __future__ import annotations

import io
import json
import random
import shutil
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hostile import Kind, mutated, scrambled


def kinds(folder: Path, small: Path, results: Path) -> dict[str, Kind]:
    """All kinds.

    Args:
        folder: An empty folder to write to.
        small: A finished dataset.
        results: The folder with the results of the benchmarks.
    """
    root = folder / "dataset"
    shutil.copytree(small, root)
    return {
        "manifest": _manifest(root),
        "plan": _plan(folder, small),
        "done": _done(folder, small),
        "copy": _copy(root, small),
        "results of estimators": _results(folder, results / "estimators-paper.jsonl", "estimators"),
        "results of learners": _results(folder, results / "ssl-paper.jsonl", "ssl"),
        "flow": _flow(folder),
        "learner": _learner(folder),
        "spec": _spec(folder),
        "request": _request(),
        "template": _template(folder),
    }


def _manifest(root: Path) -> Kind:
    from infoloom.datasets import open_dataset
    from infoloom.datasets.showing.card import card_text
    from infoloom.datasets.showing.croissant import croissant

    path = root / "manifest.json"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        data = open_dataset(root)
        for query in data.manifest.truth:
            data.manifest.quantity(query)
        card_text(data.manifest)
        json.dumps(croissant(data.manifest), allow_nan=False)
        json.dumps(data.manifest.to_json(), allow_nan=False).encode()
        data[0:2]
        _ = data.story

    tree = json.loads(path.read_bytes())
    trained = json.loads((Path(__file__).parents[1] / "fixtures" / "certificate.json").read_bytes())
    tree["bijections"]["image"]["certificate"] = {
        "kind": "composition",
        "passes": True,
        "parts": [trained, trained],
    }
    return Kind([path.read_bytes(), json.dumps(tree).encode()], mutated, read)


def _plan(folder: Path, small: Path) -> Kind:
    from infoloom.datasets.generate import shard_jobs
    from infoloom.datasets.making.plan import read_plan

    root = folder / "begun"
    (root / ".infoloom").mkdir(parents=True)
    path = root / ".infoloom" / "plan.json"
    sample = (small / ".infoloom" / "plan.json").read_bytes()
    path.write_bytes(sample)
    before, _ = read_plan(root)

    def read(content: bytes) -> None:
        path.write_bytes(content)
        plan, _ = read_plan(root)
        if len(plan.shards) < 10_000:
            shard_jobs(root)
        before.differences(plan)

    return Kind([sample], mutated, read)


def _done(folder: Path, small: Path) -> Kind:
    from infoloom.datasets.generate import shard_jobs
    from infoloom.datasets.making.shard import read_done

    root = folder / "shards"
    shutil.copytree(small, root)
    job = shard_jobs(root)[0]
    path = root / job.shard.done
    sample = path.read_bytes()

    def read(content: bytes) -> None:
        path.write_bytes(content)
        read_done(root, job.digest, job.seed, job.shard)

    return Kind([sample], mutated, read)


def _copy(root: Path, small: Path) -> Kind:
    from infoloom.datasets import open_dataset
    from infoloom.datasets.storage.reading.memmap import existing_memmap, memmap_store

    data = open_dataset(small)
    place = memmap_store(small, data.manifest, root / "copies").directory
    other = root / ".infoloom" / place.name
    shutil.copytree(place, other)
    manifest = data.manifest
    shutil.copyfile(small / "manifest.json", root / "manifest.json")

    def read(content: bytes) -> None:
        (other / "checksums.json").write_bytes(content)
        shutil.copyfile(small / "manifest.json", root / "manifest.json")
        existing_memmap(root, manifest)

    return Kind([(other / "checksums.json").read_bytes()], mutated, read)


def _results(folder: Path, path: Path, bench: str) -> Kind:
    """Lines in pairs, so that a report has something to compare; figures are drawn of few, for their time."""
    from infoloom.benchmark.estimators.first_version.leaderboard import markdown, standings
    from infoloom.benchmark.running.results import read_results
    from infoloom.benchmark.running.trees import require_rows
    from infoloom.report.contents import read_contents
    from infoloom.report.page import page_html

    lines = path.read_bytes().splitlines()
    whole = [lines[place] for place in range(0, len(lines), max(1, len(lines) // 12))]
    target = folder / f"{bench}.jsonl"
    drawn = Counter[str]()

    def read(content: bytes) -> None:
        target.write_bytes(content.replace(b"\n", b" ") + b"\n" + lines[1] + b"\n")
        rows = read_results(target)
        require_rows(rows, bench)
        if bench == "estimators":
            markdown(standings(rows))
        drawn["read"] += 1
        if drawn["read"] % (50 if drawn["read"] < 1000 else 500) == 1:
            contents = read_contents([target])
            page_html(contents.title, contents.sections, lead=contents.lead)

    return Kind(whole, mutated, read)


def _safetensors(header: Mapping[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + body


def _described(sample: bytes) -> Callable[[bytes, random.Random], bytes]:
    """Change the description in the header of a safetensors file, the header or the bytes."""
    size = struct.unpack("<Q", sample[:8])[0]
    header, body = json.loads(sample[8 : 8 + size]), sample[8 + size :]

    def change(_: bytes, chance: random.Random) -> bytes:
        kind = chance.random()
        if kind < 0.8:
            said = mutated(header["__metadata__"]["infoloom"].encode(), chance).decode("utf-8", "replace")
            return _safetensors({**header, "__metadata__": {"infoloom": said}}, body)
        if kind < 0.9:
            text = mutated(json.dumps(header).encode(), chance)
            return struct.pack("<Q", len(text)) + text + body
        return scrambled(sample, chance)

    return change


def _flow(folder: Path) -> Kind:
    import torch

    from infoloom.datasets.showing.card import certificate_text
    from infoloom.observations.flows.checkpoint import FlowDescription, load_checkpoint, save_checkpoint
    from infoloom.observations.flows.velocity import VelocityField
    from infoloom.spec.flows.flow import flow_header, flow_shape

    path = folder / "f.safetensors"
    certificate = json.loads((Path(__file__).parents[1] / "fixtures" / "certificate.json").read_bytes())
    network = {"name": "mlp", "hidden": 8, "blocks": 1, "width": 8}
    torch.manual_seed(0)
    field = VelocityField(network, (3,), 2, sigma=0.1, spread=1.0)
    card = {"data": "a", "licence": "b", "certificate": certificate}
    description = FlowDescription(
        (3,), ("cat", "dog"), "euler", (0.0, 0.5, 1.0), network, 0.1, 1.0, card=card
    )
    save_checkpoint(path, description, field.state_dict())
    sample = path.read_bytes()

    def read(content: bytes) -> None:
        path.write_bytes(content)
        header = flow_header(path)
        FlowDescription.from_header(header, path)
        certificate_text(header["card"].get("certificate") or {})
        flow_shape("f.safetensors[cat]", folder)
        load_checkpoint(path)

    return Kind([sample], _described(sample), read)


def _learner(folder: Path) -> Kind:
    from infoloom.ssl.registry import build
    from infoloom.ssl.state import load, save

    path = folder / "learner.safetensors"
    save(build("vicreg", {"a": (6,), "b": (5,)}, features=4, hidden=4, embedding=4), path)
    sample = path.read_bytes()

    def read(content: bytes) -> None:
        path.write_bytes(content)
        load(path)

    return Kind([sample], _described(sample), read)


def _spec(folder: Path) -> Kind:
    from infoloom.spec.load import load_spec, preset_names, preset_text

    path = folder / "spec.yaml"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        _ = load_spec(path).digest

    return Kind([preset_text(name).encode() for name in preset_names()], scrambled, read)


def _request() -> Kind:
    from infoloom.web.app import _answer
    from infoloom.web.workbench import Workbench

    text = (
        "name: a\ncauses: {u: normal}\ntargets: {t: 0.5*u + noise}\n"
        "modalities:\n  a: {flow: vector(2), latent: 0.5*u + noise}\n"
    )
    bench = Workbench(text)
    whole = {
        "spec": text, "weights": {"targets.t.u": 0.5}, "held": {"I(a; t)": {"value": 0.1, "by": "targets.t.u"}},
        "unit": "bits", "panels": ["weights", "information"], "target": "t", "pair": [], "cause": "u", "modality": "a",
        "seed": 1, "query": "I(a; t)",
    }  # fmt: skip
    few = {"weights": {"targets.t.u": 0.5}, "panels": ["weights", "text"]}

    def read(content: bytes) -> None:
        for name in ("panels", "levers"):
            _answer(bench, name, content)

    return Kind([json.dumps(whole).encode(), json.dumps(few).encode()], mutated, read)


def _template(folder: Path) -> Kind:
    from infoloom.story import compile_story

    path = folder / "t.npy"
    buffer = io.BytesIO()
    np.save(buffer, np.linspace(-1.0, 1.0, 6))
    modality = {"flow": "vector(6)", "latent": f'0.5*u@file("{path}") + noise'}
    tree = {
        "name": "a",
        "causes": {"u": "normal"},
        "targets": {"t": "u + noise"},
        "modalities": {"a": modality},
    }

    def read(content: bytes) -> None:
        path.write_bytes(content)
        compile_story(tree)

    return Kind([buffer.getvalue()], scrambled, read)
