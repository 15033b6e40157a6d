"""run_ner.py --do_embed: vectors are the encoder's, in order, in a file for NumPy."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
import run_ner
from biocodes.lib import passages
from finetuning import windows
from finetuning.signals import Interrupted
from kit.golden import CASED, INIT, NER, NER_MODEL
from kit.raw_text import write_jsonl
from tasks.raw_text import embeddings

tf.disable_v2_behavior()

# The tiny BERT has two layers.
LAYERS = "--layers=-1,-2"
WORDS = [
    line.split("\t")[0]
    for line in (NER / "devel.tsv").read_text(encoding="utf-8").split("\n")
    if line
]
# Of many lengths, one without a word, one of dozens of windows of 16 pieces.
TEXTS = [
    " ".join(WORDS[3 * i : 3 * i + length])
    for i, length in enumerate([5, 1, 20, 2, 3, 9, 0, 60, 1, 7, 300, 4, 12, 2])
]


class Encoder:
    """The tiny BERT, run on one row of pieces at a time."""

    def __init__(self, checkpoint):
        config = modeling.BertConfig.from_json_file(str(INIT / "bert_config.json"))
        with tf.Graph().as_default():
            self._ids = tf.placeholder(tf.int32, [1, None])
            model = modeling.BertModel(config, False, self._ids)
            self._layers = model.get_all_encoder_layers()
            self._session = tf.Session()
            tf.train.Saver().restore(self._session, str(checkpoint))

    def __call__(self, ids, layers=(0, 1)):
        """float [pieces, H], the mean over layers."""
        outputs = self._session.run(self._layers, {self._ids: [ids]})
        return np.mean([outputs[layer][0] for layer in layers], axis=0)


@pytest.fixture(scope="module")
def encoder():
    return Encoder(INIT / "model.ckpt")


def by_hand(text, encoder, length=16, layers=(0, 1)):
    """Embed a passage window by window.

    Returns:
      [(index of its word, vector)] of each piece, and the vector of the first [CLS].
    """
    spans = passages.word_spans(text)
    pieces = [CASED.word_ids(text[start:end]) for start, end in spans]
    of_pieces, of_cls = [], None
    for ids, word_index in windows.cut_pieces(pieces, length - 2):
        vectors = encoder([CASED.vocab["[CLS]"], *ids, CASED.vocab["[SEP]"]], layers)
        of_cls = vectors[0] if of_cls is None else of_cls
        of_pieces += [
            (word, vector)
            for word, vector in zip(word_index, vectors[1:])
            if word != windows.CONTEXT
        ]
    assert len(of_pieces) == sum(map(len, pieces))
    return of_pieces, of_cls


def arguments(tiny_bert, out, *more):
    return [
        *tiny_bert,
        f"--output_dir={out}",
        "--do_train=false",
        "--do_embed=true",
        LAYERS,
        "--max_seq_length=16",
        *more,
    ]


def load(folder, name="embeddings"):
    with np.load(str(folder / f"{name}.npz"), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_passages_are_the_mean_of_their_pieces(
    call, tiny_bert, encoder, tmp_path, monkeypatch
):
    """Each piece counted once, however many windows, in the order of the input."""
    monkeypatch.setattr(embeddings, "PIECES_WAITING", 64)
    flags = arguments(tiny_bert, tmp_path, write_jsonl(tmp_path / "x.jsonl", TEXTS))
    assert call(run_ner, *flags, "--predict_batch_size=2") == (0, "", "")
    arrays = load(tmp_path)
    assert sorted(arrays) == ["ids", "sections", "vectors"]
    assert arrays["ids"].tolist() == [f"é{i}" for i in range(len(TEXTS))]
    assert set(arrays["sections"].tolist()) == {""}
    assert arrays["vectors"].dtype == np.float32
    for text, vector in zip(TEXTS, arrays["vectors"]):
        pieces, _ = by_hand(text, encoder)
        expected = np.mean(
            [vector for _, vector in pieces] or np.zeros([1, 32]), axis=0
        )
        np.testing.assert_allclose(vector, expected, atol=1e-5)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["arguments"]["embed"] == "passage"

    # Once more with other batches, and the first pieces' vectors of one layer.
    monkeypatch.undo()
    flags += ["--pooling=first", "--layers=-1"]
    assert call(run_ner, *flags) == (0, "", "")
    for text, vector in zip(TEXTS, load(tmp_path)["vectors"]):
        _, of_cls = by_hand(text, encoder, layers=[1])
        expected = np.zeros(32) if of_cls is None else of_cls
        np.testing.assert_allclose(vector, expected, atol=1e-5)


@pytest.mark.parametrize("pooling", embeddings.POOLINGS)
def test_words_have_vectors_and_places(call, tiny_bert, tmp_path, pooling):
    """With a fine-tuned checkpoint, whose head plays no part."""
    flags = arguments(tiny_bert, tmp_path, write_jsonl(tmp_path / "x.jsonl", TEXTS))
    flags += [f"--init_checkpoint={NER_MODEL}", f"--pooling={pooling}", "--embed=word"]
    assert call(run_ner, *flags) == (0, "", "")
    arrays = load(tmp_path)
    places = [
        (number, start, end, text[start:end])
        for number, text in enumerate(TEXTS)
        for start, end in passages.word_spans(text)
    ]
    columns = [arrays[name].tolist() for name in ("passage", "start", "end", "text")]
    assert list(zip(*columns)) == places
    assert len(arrays["ids"]) == len(TEXTS)
    encoder = Encoder(NER_MODEL)
    vectors = iter(arrays["vectors"])
    for text in TEXTS:
        pieces, _ = by_hand(text, encoder)
        for word in range(len(passages.word_spans(text))):
            of_word = [vector for index, vector in pieces if index == word]
            expected = of_word[0] if pooling == "first" else np.mean(of_word, axis=0)
            np.testing.assert_allclose(next(vectors), expected, atol=1e-5)
    assert next(vectors, None) is None


def test_long_passage_is_its_windows_read_alone(call, tiny_bert, tmp_path):
    text = TEXTS[10]
    sizes = [len(CASED.word_ids(text[a:b])) for a, b in passages.word_spans(text)]
    cut = windows.cut_words(sizes, 14)
    spans = passages.word_spans(text)
    alone = [text[spans[part.begin][0] : spans[part.end - 1][1]] for part in cut]
    path = write_jsonl(tmp_path / "x.jsonl", [text, *alone])
    flags = arguments(tiny_bert, tmp_path, path, "--embed=word")
    assert call(run_ner, *flags) == (0, "", "")
    arrays = load(tmp_path)
    whole = arrays["vectors"][arrays["passage"] == 0]
    for number, part in enumerate(cut, 1):
        vectors = arrays["vectors"][arrays["passage"] == number]
        np.testing.assert_allclose(
            whole[part.first : part.last],
            vectors[part.first - part.begin : part.last - part.begin],
            atol=1e-5,
        )


def test_documents_keep_their_sections_and_shards_their_order(
    call, tiny_bert, tmp_path
):
    path = tmp_path / "x.pubtator"
    documents = [f"{i}|t|Title of {i}\n{i}|a|\n\n" for i in range(5)]
    path.write_text("".join(documents))
    flags = arguments(tiny_bert, tmp_path, f"--predict_file={path}")
    for more in ((), ("--shard=1/2",), ("--shard=2/2",)):
        assert call(run_ner, *flags, *more) == (0, "", "")
    whole = load(tmp_path)
    assert whole["ids"].tolist() == [str(i) for i in range(5) for _ in "ta"]
    assert whole["sections"].tolist() == ["title", "abstract"] * 5
    for shard, numbers in ((1, [0, 1, 4, 5, 8, 9]), (2, [2, 3, 6, 7])):
        part = load(tmp_path, f"embeddings-{shard}-of-2")
        for name in whole:
            if name == "vectors":
                np.testing.assert_allclose(part[name], whole[name][numbers], atol=1e-5)
            else:
                assert part[name].tolist() == whole[name][numbers].tolist()


def test_given_words_are_kept_even_without_a_piece(call, tiny_bert, tmp_path):
    path = tmp_path / "x.conll"
    path.write_text("A-1\tO\n\u200b\nx\n", encoding="utf-8")
    flags = arguments(tiny_bert, tmp_path, f"--predict_file={path}", "--embed=word")
    assert call(run_ner, *flags) == (0, "", "")
    arrays = load(tmp_path)
    assert arrays["text"].tolist() == ["A-1", "\u200b", "x"]
    assert arrays["vectors"].any(axis=1).tolist() == [True, False, True]


def test_wrong_line_of_a_stream_leaves_what_was_there(
    call, tiny_bert, tmp_path, monkeypatch, listing
):
    def embed(text):
        given = tmp_path / "given"
        given.write_text(text)
        with given.open() as stream:
            monkeypatch.setattr("sys.stdin", stream)
            return call(run_ner, *arguments(tiny_bert, out, "--predict_file=-"))

    out = tmp_path / "out"
    assert embed("One.\nTwo.\n") == (0, "", "")
    before = listing(out)
    error = embed('{"id": "a", "text": "One."}\n{"id": "b"}\n').error
    assert error.endswith(
        'standard input:2: without "text"; write {"id": "...", "text": "..."}'
    )
    assert listing(out) == before


def test_full_disk_is_one_line(call, tiny_bert, tmp_path, monkeypatch):
    def extend(column, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(embeddings._Numbers, "extend", extend)
    flags = arguments(tiny_bert, tmp_path, write_jsonl(tmp_path / "x.jsonl", TEXTS))
    error = call(run_ner, *flags).error
    assert "/embeddings.npz: cannot be written (no space left on device)" in error
    assert not list(tmp_path.glob("embeddings*"))


def test_interrupted_run_keeps_nothing_and_says_so(
    call, tiny_bert, tmp_path, monkeypatch
):
    def add(arrays, featurized, vectors):
        raise Interrupted(15)

    monkeypatch.setattr(embeddings.Arrays, "add", add)
    flags = arguments(tiny_bert, tmp_path, write_jsonl(tmp_path / "x.jsonl", TEXTS))
    with pytest.raises(Interrupted) as stopped:
        call(run_ner, *flags)
    assert stopped.value.signal == 15
    assert stopped.value.again.endswith("starts from the first passage")
    assert not list(tmp_path.glob("embeddings*"))
