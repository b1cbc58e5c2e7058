"""Datasets with captions: columns, readers, checks."""

import numpy as np
import pytest

import infoloom as loom
from infoloom.datasets.checking.verify import verify
from infoloom.datasets.making.captions import caption_rows, speaker
from infoloom.datasets.showing.preview import draw_preview, preview_figure
from infoloom.errors import DatasetError, FlowError, QueryError
from infoloom.observations import build

ROWS = 600


@pytest.fixture(scope="module")
def story():
    text = {
        "flow": 'caption("a {size} {hue} [thing|object]", "the [thing|object] is {hue} and {size}.")',
        "latent": {"size": "0.8*c + 0.6*noise", "hue": "0.5*d + noise"},
        "words": {"size": ["small", "big", "vast"], "hue": {"red": 0.6, "light-blue": 0.4}},
    }
    return loom.load(
        {
            "name": "said",
            "causes": {"c": "normal", "d": "normal"},
            "targets": {"theta": "c + noise"},
            "modalities": {"x": {"flow": "vector(3)", "latent": "0.6*c + noise"}, "text": text},
        }
    )


@pytest.fixture(scope="module")
def data(story, tmp_path_factory):
    root = tmp_path_factory.mktemp("captions") / "said"
    loom.generate(story, root, rows=ROWS, seed=4)
    return loom.open(root)


def test_columns(data, story):
    kinds = {
        column.name: (column.kind, column.shape) for column in data.columns if column.name.startswith("text")
    }
    assert kinds == {"text": ("text", ()), "text_words": ("words", (2,)), "text_tokens": ("tokens", (7,))}
    rows = data[:]
    vocabulary = data.manifest.captions["text"]["vocabulary"]
    for sentence, words, tokens in zip(rows["text"], rows["text_words"], rows["text_tokens"], strict=True):
        said = (["small", "big", "vast"][words[0]], ["red", "light-blue"][words[1]])
        assert all(word in sentence for word in said)
        assert [vocabulary[i - 1] for i in tokens if i] == sentence.replace(".", " .").split()
    assert len(set(rows["text"].tolist())) == 3 * 2 * 4  # words, and synonyms of both sentences
    assert np.array_equal(speaker(story, "text").read(rows["text"]), rows["text_words"])


def test_synonyms_tell_nothing(story):
    rows = story.sample(20_000, seed=0)
    one = speaker(story, "text")
    chosen = one.choices(rows["text"][:, 2:])
    assert chosen.max(axis=0).tolist() == [1, 1, 1]
    for k in range(3):
        seen = np.corrcoef(chosen[:, k], rows["theta"])[0, 1]
        assert abs(seen) <= 4.0 / np.sqrt(len(chosen))
        assert abs(chosen[:, k].mean() - 0.5) <= 2.0 / np.sqrt(len(chosen))


def test_what_is_no_sentence_is_not_read(story):
    assert speaker(story, "text").read(np.array(["a small red cat"])).tolist() == [[-1, -1]]


def test_readers(data):
    torch = pytest.importorskip("torch")
    batch = next(iter(data.torch(batch_size=4)))
    assert batch["text"] == data[:4]["text"].tolist()
    assert batch["text_tokens"].dtype == torch.int64
    assert data.torch()[2]["text"] == data[2]["text"]
    loader = torch.utils.data.DataLoader(data.torch(), batch_size=3)
    assert next(iter(loader))["text"] == data[:3]["text"].tolist()
    assert data.memmap()[5:9]["text"].tolist() == data[5:9]["text"].tolist()


def test_hugging_face_reads_strings(data):
    pytest.importorskip("datasets")
    loaded = data.hf()["train"]
    assert loaded[0]["text"] == data[0]["text"]
    assert loaded.features["text"].dtype == "string"


def test_the_card_names_words_and_vocabulary(data):
    assert "## Words of `text`" in data.card
    assert "- size: 0 small, 1 big, 2 vast" in data.card
    assert "| `text` | string |" in data.card


def test_verify(data, story):
    report = verify(data.root)
    assert report.passed, [check for check in report.checks if not check.passed]
    assert "sentences of text" in {check.name for check in report.checks}
    assert "mean of pmi(x;text)" in {check.name for check in report.checks}
    rows = caption_rows(story, "text", story.sample(ROWS, seed=4))
    assert np.array_equal(rows["text"], data["text"])


def test_verify_sees_another_sentence(data, monkeypatch):
    monkeypatch.setattr(
        "infoloom.datasets.checking.verify.caption_rows",
        lambda story, name, rows: {**caption_rows(story, name, {name: -rows[name]})},
    )
    report = verify(data.root)
    check = next(one for one in report.checks if one.name == "sentences of text")
    assert not check.passed
    assert "differ" in check.detail


def test_what_takes_no_words(story):
    with pytest.raises(
        QueryError, match=r"decomposition of `theta`: `text` is words or classes; expected Gaussian variables"
    ):
        story.decompose("theta", ("x", "text"))
    with pytest.raises(QueryError, match=r"prediction of `theta`: `text` is words or classes"):
        story.predict(story.sample(2), "theta", "text")


def test_previews_show_sentences(data, tmp_path):

    figure = preview_figure(data, "theta")
    below = [ax.get_xlabel().replace("\n", " ") for ax in figure.axes if ax.get_xlabel()]
    assert below
    assert set(below) <= set(data["text"].tolist())
    assert draw_preview(data, tmp_path / "p.png").stat().st_size > 1000


def test_a_dataset_of_captions_alone_has_no_preview(story, tmp_path):
    tree = story.spec.to_dict()
    del tree["modalities"]["x"]
    loom.generate(loom.load(tree), tmp_path / "d", rows=50, seed=0)
    alone = loom.open(tmp_path / "d")
    assert verify(alone.root).passed
    with pytest.raises(
        DatasetError, match=r"preview: expected an observation to draw; this dataset has captions only"
    ):
        draw_preview(alone, tmp_path / "p.png", sort_by="theta")


def test_a_caption_is_no_map(story):
    with pytest.raises(FlowError, match=r"expected a map of numbers; a caption says words"):
        build(story.flow("text"))


def test_exports_keep_sentences(data, tmp_path):
    h5py = pytest.importorskip("h5py")
    data.export(tmp_path / "d.h5", "hdf5")
    with h5py.File(tmp_path / "d.h5") as file:
        assert file["train"]["text"].asstr()[:3].tolist() == data[:3]["text"].tolist()
