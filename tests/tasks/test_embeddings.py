"""embedding.py: vectors are the encoder's, in order, in a file that NumPy reads."""

import io
import json
import re

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import modeling
import run_ner
import tokenization
from biocodes.lib import files, passages
from finetuning import windows
from finetuning.signals import Interrupted
from kit.paths import DATA
from tasks.raw_text import embeddings
from tasks.raw_text.stream import Featurized

tf.disable_v2_behavior()

INIT = DATA / "init"
FINE_TUNED = DATA / "ner" / "model.ckpt-1190"
# The tiny BERT has two layers.
LAYERS = "--layers=-1,-2"
WORDS = [
    line.split("\t")[0]
    for line in (DATA / "ner" / "devel.tsv").read_text(encoding="utf-8").split("\n")
    if line
]
# Of many lengths, one without a word, one of dozens of windows of 16 pieces.
TEXTS = [
    " ".join(WORDS[3 * i : 3 * i + length])
    for i, length in enumerate([5, 1, 20, 2, 3, 9, 0, 60, 1, 7, 300, 4, 12, 2])
]


@pytest.fixture(scope="module")
def tokenizer():
    return tokenization.FullTokenizer(str(INIT / "vocab.txt"), do_lower_case=False)


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


def by_hand(text, tokenizer, encoder, length=16, layers=(0, 1)):
    """What a passage's pieces are: [(word, vector)], and the first [CLS]'s vector."""
    spans = passages.word_spans(text)
    pieces = [tokenizer.word_ids(text[start:end]) for start, end in spans]
    found, first = [], None
    for ids, word_index in windows.cut_pieces(pieces, length - 2):
        vectors = encoder(
            [tokenizer.vocab["[CLS]"], *ids, tokenizer.vocab["[SEP]"]], layers
        )
        first = vectors[0] if first is None else first
        found += [
            (word, vector)
            for word, vector in zip(word_index, vectors[1:])
            if word != windows.CONTEXT
        ]
    assert len(found) == sum(map(len, pieces))
    return found, first


def write_texts(path, texts=TEXTS):
    lines = [
        json.dumps({"id": f"é{i}", "text": text}) + "\n" for i, text in enumerate(texts)
    ]
    path.write_text("".join(lines))
    return f"--predict_file={path}"


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
    call, tiny_bert, tokenizer, encoder, tmp_path, monkeypatch
):
    """Each piece counted once, however many windows, in the order of the input."""
    monkeypatch.setattr(embeddings, "PIECES_WAITING", 64)
    flags = arguments(tiny_bert, tmp_path, write_texts(tmp_path / "x.jsonl"))
    assert call(run_ner, *flags, "--predict_batch_size=2") == (0, "", "")
    found = load(tmp_path)
    assert sorted(found) == ["ids", "sections", "vectors"]
    assert found["ids"].tolist() == [f"é{i}" for i in range(len(TEXTS))]
    assert set(found["sections"].tolist()) == {""}
    assert found["vectors"].dtype == np.float32
    for text, vector in zip(TEXTS, found["vectors"]):
        pieces, _ = by_hand(text, tokenizer, encoder)
        expected = np.mean([one for _, one in pieces] or np.zeros([1, 32]), axis=0)
        np.testing.assert_allclose(vector, expected, atol=1e-5)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["arguments"]["embed"] == "passage"

    # Once more with other batches, and the first pieces' vectors of one layer.
    monkeypatch.undo()
    flags += ["--pooling=first", "--layers=-1"]
    assert call(run_ner, *flags) == (0, "", "")
    for text, vector in zip(TEXTS, load(tmp_path)["vectors"]):
        _, first = by_hand(text, tokenizer, encoder, layers=[1])
        expected = np.zeros(32) if first is None else first
        np.testing.assert_allclose(vector, expected, atol=1e-5)


@pytest.mark.parametrize("pooling", embeddings.POOLINGS)
def test_words_have_vectors_and_places(call, tiny_bert, tokenizer, tmp_path, pooling):
    """With a fine-tuned checkpoint, whose head plays no part."""
    flags = arguments(tiny_bert, tmp_path, write_texts(tmp_path / "x.jsonl"))
    flags += [f"--init_checkpoint={FINE_TUNED}", f"--pooling={pooling}", "--embed=word"]
    assert call(run_ner, *flags) == (0, "", "")
    found = load(tmp_path)
    places = [
        (number, start, end, text[start:end])
        for number, text in enumerate(TEXTS)
        for start, end in passages.word_spans(text)
    ]
    columns = [found[name].tolist() for name in ("passage", "start", "end", "text")]
    assert list(zip(*columns)) == places
    assert len(found["ids"]) == len(TEXTS)
    encoder = Encoder(FINE_TUNED)
    vectors = iter(found["vectors"])
    for text in TEXTS:
        pieces, _ = by_hand(text, tokenizer, encoder)
        for word in range(len(passages.word_spans(text))):
            of_word = [vector for index, vector in pieces if index == word]
            expected = of_word[0] if pooling == "first" else np.mean(of_word, axis=0)
            np.testing.assert_allclose(next(vectors), expected, atol=1e-5)
    assert next(vectors, None) is None


def test_long_passage_is_its_windows_read_alone(call, tiny_bert, tokenizer, tmp_path):
    text = TEXTS[10]
    sizes = [len(tokenizer.word_ids(text[a:b])) for a, b in passages.word_spans(text)]
    cut = windows.cut_words(sizes, 14)
    spans = passages.word_spans(text)
    alone = [text[spans[one.begin][0] : spans[one.end - 1][1]] for one in cut]
    path = write_texts(tmp_path / "x.jsonl", [text, *alone])
    flags = arguments(tiny_bert, tmp_path, path, "--embed=word")
    assert call(run_ner, *flags) == (0, "", "")
    found = load(tmp_path)
    whole = found["vectors"][found["passage"] == 0]
    for number, one in enumerate(cut, 1):
        vectors = found["vectors"][found["passage"] == number]
        np.testing.assert_allclose(
            whole[one.first : one.last],
            vectors[one.first - one.begin : one.last - one.begin],
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
    found = load(tmp_path)
    assert found["text"].tolist() == ["A-1", "\u200b", "x"]
    assert found["vectors"].any(axis=1).tolist() == [True, False, True]


# The file.


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), max_size=8))
def test_arrays_are_what_was_added(texts):
    texts = [text.rstrip("\0") for text in texts]  # NumPy drops NULs at the end
    arrays = embeddings.Arrays(None, embeddings.WORD, 3)
    spans, start = [], 0
    for text in texts:
        spans.append((start, start + len(text)))
        start += len(text)
    passage = passages.Passage("7", "title", "".join(texts))
    vectors = np.arange(3.0 * len(texts), dtype=np.float32).reshape(-1, 3)
    for _ in range(2):
        arrays.add(Featurized(passage, spans, []), vectors)
    stream = io.BytesIO()
    arrays.save(stream)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as found:
        assert found["ids"].tolist() == ["7", "7"]
        assert found["sections"].tolist() == ["title"] * 2
        assert found["text"].tolist() == texts * 2
        assert found["start"].tolist() == [start for start, _ in spans] * 2
        assert found["end"].tolist() == [end for _, end in spans] * 2
        assert found["passage"].tolist() == [0] * len(texts) + [1] * len(texts)
        np.testing.assert_array_equal(found["vectors"], np.concatenate([vectors] * 2))


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
    flags = arguments(tiny_bert, tmp_path, write_texts(tmp_path / "x.jsonl"))
    error = call(run_ner, *flags).error
    assert "/embeddings.npz: cannot be written (no space left on device)" in error
    assert not list(tmp_path.glob("embeddings*"))


def test_interrupted_run_keeps_nothing_and_says_so(
    call, tiny_bert, tmp_path, monkeypatch
):
    def add(arrays, featurized, vectors):
        raise Interrupted(15)

    monkeypatch.setattr(embeddings.Arrays, "add", add)
    flags = arguments(tiny_bert, tmp_path, write_texts(tmp_path / "x.jsonl"))
    with pytest.raises(Interrupted) as stopped:
        call(run_ner, *flags)
    assert stopped.value.signal == 15
    assert stopped.value.again.endswith("starts from the first passage")
    assert not list(tmp_path.glob("embeddings*"))


# Wrong inputs.


@pytest.mark.parametrize(
    "change, message",
    [
        ("--predict_file=", "--predict_file: is required by --do_embed; name the file"),
        ("--predict_file=/nowhere", "/nowhere: cannot be read"),
        (
            "--do_train=true",
            "--do_train: does not go with --do_embed; give --do_train=f",
        ),
        ("--do_eval=true", "--do_eval: does not go with --do_embed; leave it out"),
        ("--data_dir=x", "--data_dir: does not go with --do_embed"),
        ("--output_formats=html", "--output_formats: does not go with --do_embed"),
        ("--resume=true", "--resume: does not go with --do_embed"),
        ("--do_embed=false", "--layers: means nothing without --do_embed"),
        ("--embed=sentence", "embed=sentence.*passage.*word.*--help lists the flags"),
        ("--pooling=max", "pooling=max"),
        ("--layers=", "--layers: '' is no list of layers; write numbers with commas"),
        ("--layers=-1,x", "--layers: '-1,x' is no list of layers"),
        ("--layers=-3", "--layers: there is no layer -3; the model has 2: 0 to 1, or"),
        ("--layers=2", "--layers: there is no layer 2"),
        ("--layers=-1,1", "--layers: -1,1 names a layer twice"),
        ("--shard=3/2", "--shard: '3/2' is no part"),
        ("--init_checkpoint=", "/out: there is no checkpoint in it"),
    ],
)
def test_wrong_flags_are_one_line(call, tiny_bert, tmp_path, change, message):
    out = tmp_path / "out"
    flags = arguments(tiny_bert, out, write_texts(tmp_path / "x.jsonl"))
    error = call(run_ner, *flags, change).error
    assert re.search(message, error), error
    assert not out.exists() or [path.name for path in out.iterdir()] == [".lock"]


def test_encoder_has_to_be_there(call, tiny_bert, tmp_path):
    config = json.loads((INIT / "bert_config.json").read_text())
    path = tmp_path / "bert_config.json"
    path.write_text(json.dumps(dict(config, num_hidden_layers=3)))
    flags = arguments(tiny_bert, tmp_path, write_texts(tmp_path / "x.jsonl"))
    error = call(run_ner, *flags, f"--bert_config_file={path}").error
    assert "lacks 16 variables of the encoder" in error


@given(st.integers(1, 24), st.data())
def test_layers_count_from_either_end(count, data):
    chosen = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    written = [data.draw(st.sampled_from([one, one - count])) for one in chosen]
    found = embeddings.parse_layers(",".join(map(str, written)), count)
    assert found == tuple(chosen)
    with pytest.raises(files.InputError, match="no layer"):
        embeddings.parse_layers(str(-count - 1), count)
