"""Rows drawn and mapped when they are asked for are those of the dataset, whoever asks and wherever a pass goes on."""

from __future__ import annotations

import inspect
import re
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils import data as torch_data

import infoloom as loom
from infoloom.datasets.making.observe import map_rows
from infoloom.datasets.reading.on_the_fly import StoryStream
from infoloom.datasets.reading.prefetch import ahead
from infoloom.errors import DatasetError, FlowError
from infoloom.observations import build

ROWS, SEED, SPLITS = 1100, 5, "train=0.7,test=0.3"
STORY = {
    "name": "live",
    "causes": {"c": "normal", "tone": {"size": 3}},
    "targets": {"theta": "0.8*c + 0.3*noise"},
    "labels": {"kind": {"target": "theta", "classes": 3}},
    "modalities": {
        "digit": {"flow": "identity(1, 6, 6) | half_cube", "latent": "0.3*c@disk + noise"},
        "curve": {"flow": "vector(24) | asinh", "latent": "0.7*c + 0.4*noise"},
        "text": {
            "flow": 'caption("a {size} [thing|object]", "the {size} one")',
            "latent": {"size": "0.8*c + 0.6*noise"},
            "words": {"size": ["small", "big", "vast"]},
        },
    },
}


@pytest.fixture(scope="module")
def story():
    return loom.load(STORY)


@pytest.fixture(scope="module")
def data(story, tmp_path_factory):
    return loom.generate(
        story,
        tmp_path_factory.mktemp("live") / "rows",
        ROWS,
        SEED,
        splits=SPLITS,
        rows_per_shard=300,
        workers=1,
    )


def stream(story, batch=64, **options):
    return story.stream(batch, rows=ROWS, seed=SEED, **options)


def ids(batches):
    return [i for batch in batches for i in batch["sample_id"].tolist()]


def same(batches, data, numbers):
    """Whether every column of some batches is that of these rows of the dataset, to the bit."""
    for name in batches[0]:
        if isinstance(batches[0][name], list):
            assert [text for batch in batches for text in batch[name]] == data[name][numbers].tolist()
        else:
            found = torch.cat([batch[name] for batch in batches]).numpy()
            assert found.dtype == data[name].dtype
            np.testing.assert_array_equal(found, data[name][numbers])


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("split", "batch"), [(None, 64), ("train", 50), ("test", 7), ("test", 1000)])
def test_rows_are_those_of_the_dataset(story, data, split, batch, shuffle):
    batches = list(stream(story, batch, split=split, splits=SPLITS, shuffle=shuffle))
    first, last = {None: (0, 1100), "train": (0, 770), "test": (770, 1100)}[split]
    numbers = ids(batches)
    assert sorted(numbers) == list(range(first, last))
    assert (numbers == sorted(numbers)) is not shuffle
    assert [len(b["theta"]) for b in batches[:-1]] == [batch] * (len(batches) - 1)
    usual = ["sample_id", "digit", "curve", "text", "text_words", "text_tokens", "theta", "kind"]
    assert list(batches[0]) == usual
    same(batches, data, numbers)


@pytest.mark.parametrize("flow", ["identity(1, 6, 6) | half_cube", "vector(7) | asinh", "vector(30) | cdf"])
def test_a_row_is_the_same_to_the_bit_however_many_are_mapped_with_it(flow):
    one = build(flow)
    rows = torch.randn(256, *one.shape_in, generator=torch.Generator().manual_seed(0))
    whole = map_rows(one, rows)
    for first, last in ((0, 1), (0, 44), (5, 72), (200, 256), (3, 3)):
        assert torch.equal(map_rows(one, rows[first:last]), whole[first:last])


def test_chosen_columns(story, data):
    batches = list(stream(story, columns=["z_digit", "tone", "c", "sample_id"]))
    assert list(batches[0]) == ["z_digit", "tone", "c", "sample_id"]
    same(batches, data, np.arange(ROWS))


def test_observations_in_memory_are_those_of_the_dataset(story, data):
    rows = story.sample(400, seed=SEED, start=100)
    found = story.observe(rows)
    for name in ("digit", "curve", "text", "text_words", "text_tokens", "theta", "kind", "c", "tone"):
        np.testing.assert_array_equal(found[name], data[name][100:500])
    assert set(found) == {"digit", "curve", "text", "text_words", "text_tokens", "theta", "kind", "c", "tone"}
    assert found["digit"].shape == (400, *story.shape("digit"))


def test_a_trained_flow_gives_the_bits_of_the_dataset(tmp_path):
    """However many rows a batch has: 20 rows as one batch of the dataset, and in batches of 8."""
    story = loom.load(
        {
            "name": "seen",
            "causes": {"c": "normal"},
            "targets": {"theta": "c"},
            "modalities": {"digit": {"flow": "digits[3]", "latent": "0.3*c@disk + noise"}},
        }
    )
    data = loom.generate(story, tmp_path / "rows", 20, SEED, workers=1)
    same(list(story.stream(8, rows=20, seed=SEED)), data, np.arange(20))


def test_ranks_and_workers_share_the_batches(story):
    whole = [b["sample_id"].tolist() for b in stream(story, shuffle=True)]
    parts = [stream(story, shuffle=True, rank=rank, world_size=3) for rank in range(3)]
    assert [len(part) for part in parts] == [6, 6, 6]
    assert [b["sample_id"].tolist() for part in parts for b in part] == whole
    loader = torch_data.DataLoader(
        stream(story, shuffle=True), batch_size=None, num_workers=2, multiprocessing_context="fork"
    )
    found = [(tuple(b["sample_id"].tolist()), b["digit"].double().sum().item()) for b in loader]
    alone = [
        (tuple(b["sample_id"].tolist()), b["digit"].double().sum().item())
        for b in stream(story, shuffle=True)
    ]
    assert Counter(found) == Counter(alone)


def test_epochs_advance_and_a_pass_goes_on_where_its_state_says(story):
    one = stream(story, shuffle=True)
    first, second = ids(one), ids(one)
    assert first != second
    assert sorted(first) == sorted(second)
    one.set_epoch(1)
    passing = iter(one)
    begun = [i for _ in range(5) for i in next(passing)["sample_id"].tolist()]
    state = one.state_dict()
    settings = {
        "seed": SEED, "rows": ROWS, "batch_size": 64, "drop_last": False, "world_size": 1, "shuffle": True,
        "first_row": 0,
    }  # fmt: skip
    assert state == {"epoch": 1, "batches": 5, **settings}
    other = stream(story, shuffle=True)
    other.load_state_dict(state)
    assert begun + ids(other) == second
    assert other.state_dict() == {"epoch": 2, "batches": 0, **settings}


def test_a_state_of_another_seed_or_split_is_refused(story):
    state = stream(story, splits="a=550,b=550", split="a").state_dict()
    with pytest.raises(
        DatasetError, match=r"^state `first_row=0`: expected `first_row=550`, that of this stream, "
    ):
        stream(story, splits="a=550,b=550", split="b").load_state_dict(state)
    with pytest.raises(DatasetError, match=r"^state `seed=5`: expected `seed=6`, that of this stream, "):
        story.stream(64, rows=550, seed=6).load_state_dict(state)


def test_the_method_names_all_options_of_the_stream(story):
    own, whole = (dict(inspect.signature(one).parameters) for one in (type(story).stream, StoryStream))
    del own["self"], whole["story"]
    assert {n: p.replace(annotation=None) for n, p in own.items()} == {
        n: p.replace(annotation=None) for n, p in whole.items()
    }


def test_many_blocks_are_drawn_once_each(story, monkeypatch):
    """Batches of 10 rows do not draw a block of 256 rows 26 times."""
    one, drawn = stream(story, 10, columns=["theta"]), []
    draw = type(story).sample
    monkeypatch.setattr(
        type(story),
        "sample",
        lambda self, rows, seed, start: drawn.append(start) or draw(self, rows, seed, start),
    )
    assert sum(len(batch["theta"]) for batch in one) == ROWS
    assert drawn == [0, 256, 512, 768, 1024]


def test_threads_are_as_they_were(story):
    before = torch.get_num_threads()
    next(iter(stream(story)))
    assert torch.get_num_threads() == before


def test_away_from_cuda_nothing_is_computed_ahead():
    asked = []

    def batches():
        for number in range(3):
            asked.append(number)
            yield {"x": torch.tensor(number)}

    for number, _ in enumerate(ahead(batches(), torch.device("cpu"))):
        assert asked == list(range(number + 1))


def test_latents_that_saturate_are_refused():
    tree = {
        "name": "far",
        "causes": {"c": "normal"},
        "targets": {"theta": "c"},
        "modalities": {"x": {"flow": "vector(64) | affine(scale=40) | cdf", "latent": "0.5*c + noise"}},
    }
    story = loom.load(tree)
    for make in (lambda: next(iter(story.stream(256, rows=256))), lambda: story.observe(story.sample(256))):
        with pytest.raises(
            DatasetError, match=r"^column `x`: [\d,]+ of 16,384 numbers saturate: float32 does not resolve"
        ):
            make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch `0`: expected a positive number."),
        ({"rows": 0}, "rows `0`: expected a number from 1 to 1,000,000,000,000."),
        (
            {"split": "dev", "splits": SPLITS},
            "split `dev`: expected one of train, test. Name it in `splits`, as in `train=0.8,test=0.2`.",
        ),
        ({"split": "test"}, "split `test`: expected one of train."),
        (
            {"columns": ["theta", "nothing"]},
            "column `nothing`: expected one of sample_id, digit, curve, text,",
        ),
        ({"rank": 1}, "rank `1`, world_size `None`: expected both or neither."),
    ],
)
def test_wrong_options_are_explained(story, options, message):
    with pytest.raises(DatasetError, match=re.escape(message)):
        story.stream(**{"batch": 8, "rows": ROWS, **options})


def test_an_accelerator_is_not_for_workers(story, monkeypatch):
    one = stream(story)
    one.device = torch.device("cuda")
    monkeypatch.setattr(torch_data, "get_worker_info", lambda: object())
    with pytest.raises(DatasetError, match=re.escape("device `cuda`: expected `cpu` in workers of a loader")):
        one.between([0, 64])


def test_latents_must_be_there(story):
    rows = story.sample(8)
    del rows["curve"]
    with pytest.raises(
        DatasetError, match=r"expected the latents of `curve` among them\. Give what `story\.sample`"
    ):
        story.observe(rows)


def test_flows_are_certified_or_refused(tmp_path, monkeypatch):
    from infoloom.datasets.making import observe

    told = []
    build = observe.observer
    monkeypatch.setattr(
        "infoloom.datasets.reading.on_the_fly.observer",
        lambda *given, **options: told.append(options["allow_uncertified"]) or build(*given, **options),
    )
    story = loom.load(STORY)
    next(iter(stream(story, allow_uncertified=True, columns=["digit"])))
    next(iter(stream(story, columns=["digit"])))
    assert told == [True, False]
    assert issubclass(FlowError, loom.InfoloomError)
    assert isinstance(stream(story), StoryStream)
