"""own_text.py and run_ner.py --predict_file: entities of raw text, and nothing lost."""

import io
import json
import os
import pathlib
import re
import signal
import threading
import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import run_ner
import tokenization
from benchmarks import own_text as benchmark
from biocodes.lib import conll, files, formats, passages
from biocodes.lib.entities import Annotated, Entity, jsonl_line, read_jsonl
from biocodes.lib.passages import Passage
from finetuning import output_dir
from finetuning.signals import Interruption
from kit.paths import ROOT
from tasks.ner.labels import ORIGINAL_LABELS
from tasks.raw_text import entities
from tasks.raw_text.job import LONG_SENTENCES, Job, Shard, in_shard
from tasks.raw_text.output import Output
from tasks.raw_text.stream import (
    Featurized,
    Feed,
    WakingInput,
    in_passages,
    make_featurizer,
)

tf.disable_v2_behavior()

GOLDEN = ROOT / "tests" / "data" / "ner"
INIT = ROOT / "tests" / "data" / "init"
NAMES = ORIGINAL_LABELS
TOKENIZERS = [
    tokenization.FullTokenizer(str(INIT / "vocab.txt"), do_lower_case)
    for do_lower_case in (False, True)
]
TEXTS = [
    "Ataxia telangiectasia and colorectal cancer were seen.",
    "  Sjögren’s\tsyndrome\u0301, \U0001f600 hereditary\0 breast  cancer. ",
    "\u200b\ufeff",
    "The APC gene, and familial adenomatous polyposis " * 30,
]


def tiny_ner(tiny_bert, out, *more):
    """Flags of a run with the golden model."""
    return [
        *tiny_bert,
        f"--init_checkpoint={GOLDEN / 'model.ckpt-1190'}",
        f"--output_dir={out}",
        "--do_train=false",
        "--max_seq_length=64",
        *more,
    ]


def write(path, texts, end="\n"):
    path.write_bytes("".join(text + end for text in texts).encode("utf-8"))
    return f"--predict_file={path}"


def without_scores(path):
    """[(passage, entities without scores)] of an entities.jsonl.

    A score's last decimal depends on the batch that its passage was in.
    """
    return [
        (passage, [entity._replace(score=None) for entity in entities])
        for passage, entities in read_jsonl(str(path))
    ]


# From text to entities, without a model.


@settings(deadline=None, max_examples=200)
@given(
    text=st.text(st.characters(blacklist_categories=["Cs"]), max_size=80),
    limit=st.integers(3, 24),
    lower=st.booleans(),
    how=st.sampled_from(LONG_SENTENCES),
    data=st.data(),
)
def test_entities_are_what_stands_at_their_offsets(text, limit, lower, how, data):
    """Whatever the text and whatever the model says of it."""
    featurize = make_featurizer(TOKENIZERS[lower], limit, how)
    one = featurize(Passage("1", None, text))
    label = st.integers(0, len(NAMES) - 1)
    predictions = []
    for row, word_index in one.windows:
        assert 2 < len(row) == len(word_index) + 2 <= limit
        ids = data.draw(st.lists(label, min_size=len(row), max_size=len(row) + 3))
        probability = np.full(len(ids), 0.5, np.float32)
        predictions.append({"label_ids": np.array(ids), "probability": probability})
    annotated = entities.annotate(one, predictions, NAMES)
    end = 0
    for entity in annotated.entities:
        assert end <= entity.start < entity.end <= len(text)
        assert entity.text == text[entity.start : entity.end]
        assert entity.type == "MISC" and 0 < entity.score <= 0.5
        end = entity.end
    line = jsonl_line(annotated)
    assert "\n" not in line and json.loads(line)["text"] == text


def test_words_count_where_they_have_most_context():
    """In the other window the model says otherwise, which does not matter."""
    text = "a b c d e f g h i j"
    featurize = make_featurizer(TOKENIZERS[0], 8, "window")
    one = featurize(Passage("1", None, text))
    assert len(one.windows) > 1

    def prediction(word_index):
        counts = ["O", *("B" if i >= 0 else "I" for i in word_index), "O"]
        ids = [NAMES.index(label) for label in counts]
        scores = [0.25 if label == "I" else 0.5 for label in counts]
        return {"label_ids": np.array(ids), "probability": np.array(scores)}

    said = [prediction(word_index) for _, word_index in one.windows]
    found = entities.annotate(one, said, NAMES).entities
    assert [entity.text for entity in found] == text.split()
    assert {entity.score for entity in found} == {0.5}


def test_score_is_the_product_over_words():
    labels = ["O", "B-A", "I-A", "I-B", "O"]
    spans = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    probabilities = dict(enumerate([0.1, 0.5, 0.5, 0.75, 1.0]))
    found = entities.entities_of("a b c d e", spans, labels, probabilities)
    assert found == [Entity(2, 5, "A", "b c", 0.25), Entity(6, 7, "B", "d", 0.75)]


def featurized(number, windows):
    row = np.array([2, 5, 3], np.int32)
    passage = Passage(str(number), None, "a" if windows else "")
    return Featurized(passage, [(0, 1)] * bool(windows), [(row, [0])] * windows)


@given(st.lists(st.integers(0, 3), max_size=20), st.booleans())
def test_passages_without_words_keep_their_place(counts, broken):
    """And an error in the input comes after all that was before it."""

    def source():
        yield from (featurized(i, count) for i, count in enumerate(counts))
        if broken:
            raise files.InputError("no passage", "x.txt", 9)

    feed = Feed(source())
    prediction = {"label_ids": np.array([5, 1, 6]), "probability": np.ones(3)}
    predictions = [(i, prediction) for i, _ in enumerate(feed.rows())]
    assert len(predictions) == sum(counts)
    found = []
    try:
        for one, of_windows in in_passages(feed, predictions):
            found.append(entities.annotate(one, of_windows, NAMES))
        assert not broken
    except files.InputError as error:
        assert broken and str(error) == "x.txt:9: no passage"
    assert [one.passage.id for one in found] == [str(i) for i in range(len(counts))]
    assert [len(one.entities) for one in found] == [min(count, 1) for count in counts]


# Shards.


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(1, 5))
def test_every_document_is_in_one_shard_as_a_whole(kinds, count):
    found = []
    for number, kind in enumerate(kinds):
        sections = [None, "title", "abstract"][kind : kind + 1]
        sections = ["title", "abstract"] if kind == 2 else sections
        found += [Passage(str(number), section, "") for section in sections]
    shards = [list(in_shard(iter(found), Shard(i + 1, count))) for i in range(count)]
    for index, shard in enumerate(shards):
        assert all(int(one.id) % count == index for one in shard)
    assert sorted(sum(shards, []), key=found.index) == found


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1", "1/0", "a/b", "1/4/2", "-1/4", "1/"]
)
def test_what_is_no_part_is_refused(text):
    with pytest.raises(files.InputError, match="--shard: .* is no part of a whole"):
        Shard.parse(text)
    assert Shard.parse("2/4") == (2, 4)


def test_shards_may_work_side_by_side_and_nobody_else(tmp_path):
    with output_dir.locked(str(tmp_path), "entities-1-of-2"):
        with output_dir.locked(str(tmp_path), "entities-2-of-2"):
            for share in (None, "entities-1-of-2"):
                with pytest.raises(files.InputError, match="another run is at work"):
                    with output_dir.locked(str(tmp_path), share):
                        pass
    with output_dir.locked(str(tmp_path)):
        with pytest.raises(files.InputError, match="another run is at work"):
            with output_dir.locked(str(tmp_path), "entities-1-of-2"):
                pass


# The part.


JOB = Job(
    predict_file="x.txt",
    output_formats=[],
    long_sentences="window",
    max_seq_length=64,
    resume=True,
    overwrite_output_dir=False,
    shard=None,
)
PASSAGES = [
    Passage("1", None, "Ataxia \U0001f600 \u2028 is"),
    Passage("2", "title", "no words", ("no", "words")),
    Passage("3", None, "x" * 70000),
    Passage("4", None, ""),
]
LINES = [Annotated(one, []) for one in PASSAGES]


@settings(deadline=None, max_examples=60)
@given(size=st.integers(0, 72000))
def test_a_part_cut_anywhere_is_gone_on_with(tmp_path_factory, size):
    output = Output(str(tmp_path_factory.mktemp("out")), JOB)
    output.begin({"a": 1})
    assert list(output.append(LINES, Interruption())) == LINES
    part = pathlib.Path(output.part)
    whole = part.read_bytes()
    part.write_bytes(whole[:size])
    found = iter(PASSAGES)
    done = list(output.go_on({"a": 1}, found))
    assert done == LINES[: whole[:size].count(b"\n")]
    list(output.append(LINES[len(done) :], Interruption()))
    assert part.read_bytes() == whole
    assert list(found) == PASSAGES[len(done) :]


@pytest.mark.parametrize(
    "facts, found, message",
    [
        ({"a": 2}, PASSAGES, "part: was begun with another a; go on with that, or"),
        ({"b": 1}, PASSAGES, "part: was begun with another a; "),
        ({"a": 1}, PASSAGES[1:], "part:1: not passage 1 of x.txt; give the input"),
        ({"a": 1}, PASSAGES[:2], "part:3: not passage 3 of x.txt; give the input"),
    ],
)
def test_another_job_does_not_go_on_with_a_part(tmp_path, facts, found, message):
    output = Output(str(tmp_path), JOB)
    output.begin({"a": 1})
    list(output.append(LINES, Interruption()))
    with pytest.raises(files.InputError, match=message):
        list(output.go_on(facts, iter(found)))


def test_a_signal_ends_the_work_between_two_lines(tmp_path):
    output = Output(str(tmp_path), JOB)
    output.begin({})
    interruption = Interruption()

    def annotated():
        for one in LINES:
            yield one
            interruption.asked = signal.SIGTERM

    with pytest.raises(entities.Interrupted):
        list(output.append(annotated(), interruption))
    assert list(read_jsonl(output.part)) == LINES[:2]


def test_a_signal_wakes_who_waits_for_standard_input():
    """In another thread, and while the main one is where Python hears no signals."""
    ours, theirs = os.pipe()
    stdin = WakingInput(ours)
    lines, errors = [], []

    def read():
        try:
            for line in io.BufferedReader(stdin):
                lines.append(line)
        except RuntimeError as error:
            errors.append(str(error))

    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    reader = threading.Thread(target=read, daemon=True)
    try:
        reader.start()
        os.write(theirs, b"a passage\nhalf of")
        deadline = time.time() + 30
        while not lines:
            assert time.time() < deadline
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGUSR1)
        reader.join(30)
    finally:
        signal.signal(signal.SIGUSR1, before)
        stdin.wake()
    assert not reader.is_alive()
    assert errors == ["nobody waits for standard input any more"]
    assert lines == [b"a passage\n"]
    os.close(ours), os.close(theirs)


# Real runs.


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A file of 400 passages, made of the golden sentences. → its flag"""
    sentences = conll.load_sentences(str(GOLDEN / "test.tsv"))
    texts = [" ".join(sentence.words) for sentence in sentences]
    texts = [" ".join(texts[i % 150 : i % 150 + 4]) for i in range(400)]
    return write(tmp_path_factory.mktemp("many") / "many.txt", texts)


def test_entities_are_those_that_conlleval_counts(call, tiny_bert, tmp_path):
    """The original's predictions for the same sentences, cut as it cuts them."""
    golden = conll.load_sentences(str(GOLDEN / "NER_result_conll.txt"))
    path = tmp_path / "test.conll"
    path.write_bytes((GOLDEN / "test.tsv").read_bytes())
    flags = [f"--predict_file={path}", "--long_sentences=truncate"]
    assert call(run_ner, *tiny_ner(tiny_bert, tmp_path, *flags)) == (0, "", "")
    found = list(read_jsonl(str(tmp_path / "entities.jsonl")))
    assert len(found) == len(golden)
    count = 0
    for (passage, entities), sentence in zip(found, golden):
        spans = passages.spans(passage)
        assert [(entity.start, entity.end, entity.type) for entity in entities] == [
            (spans[begin][0], spans[end - 1][1], kind)
            for begin, end, kind in conll.entities(sentence.labels)
        ]
        assert all(0 < entity.score <= 1 for entity in entities)
        count += len(entities)
    scores = (GOLDEN / "conlleval.txt").read_text()
    assert f"found: {count} phrases" in scores


def test_text_becomes_entities_in_all_formats(call, tiny_bert, tmp_path, caplog):
    out = tmp_path / "out"
    file = write(tmp_path / "own.txt", ["\ufeff" + TEXTS[0], "", *TEXTS[1:]], "\r\n")
    names = ",".join(formats.FORMATS)
    flags = tiny_ner(tiny_bert, out, file, f"--output_formats={names}")
    assert call(run_ner, *flags) == (0, "", "")
    found = list(read_jsonl(str(out / "entities.jsonl")))
    assert [passage for passage, _ in found] == [
        Passage(str(number), None, text) for number, text in zip((1, 3, 4, 5), TEXTS)
    ]
    count = sum(len(entities) for _, entities in found)
    assert found[0].entities and found[3].entities
    line = f"{count:,} entities in 4 passages: {out / 'entities.jsonl'}"
    assert [record.getMessage() for record in caplog.records][-1] == line
    made = {"entities.conll", "entities.pubtator", "entities.bioc.json", "brat"}
    kept = {"entities.jsonl", "entities.html", "run.json", ".lock"}
    assert {path.name for path in out.iterdir()} == made | kept
    assert "Entities in own.txt" in (out / "entities.html").read_text()
    # Of another input: nothing of this one may stay beside it.
    other = write(tmp_path / "other.txt", TEXTS[:1])
    refused = call(run_ner, *tiny_ner(tiny_bert, out, other)).error
    assert f"{out / 'brat'}: an earlier prediction's, which would stay" in refused
    (out / "brat").rename(tmp_path / "brat")
    assert call(run_ner, *tiny_ner(tiny_bert, out, other)) == (0, "", "")
    assert {path.name for path in out.iterdir()} == {
        "entities.jsonl",
        "run.json",
        ".lock",
    }
    assert without_scores(out / "entities.jsonl") == [
        (passage, [entity._replace(score=None) for entity in entities])
        for passage, entities in found[:1]
    ]


def test_an_interrupted_run_is_resumed(start_command, call, tiny_bert, tmp_path, many):
    out, whole = tmp_path / "out", tmp_path / "whole"
    assert call(run_ner, *tiny_ner(tiny_bert, whole, many)) == (0, "", "")
    flags = tiny_ner(tiny_bert, out, many, "--predict_batch_size=1")
    part = out / "entities.jsonl.part"
    process = start_command("run_ner.py", *flags)
    deadline = time.time() + 60
    while not (part.exists() and part.stat().st_size):
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate()
    last = stderr.decode().splitlines()[-1]
    match = re.fullmatch(
        r"stopped by SIGTERM: (\d+) passages are done; "
        r"the same command with --resume=true goes on from here",
        last,
    )
    assert process.returncode == 128 + signal.SIGTERM and match, last
    assert 0 < part.read_bytes().count(b"\n") == int(match.group(1)) < 400
    assert not (out / "entities.jsonl").exists()
    refused = call(run_ner, *flags).error
    assert f"{part}: a prediction was interrupted here; go on with it by" in refused
    refused = call(run_ner, *flags, "--resume=true", "--max_seq_length=32").error
    assert "was begun with --max_seq_length=64, not 32" in refused
    # As if it had been killed in the middle of a line.
    part.write_bytes(part.read_bytes()[:-10])
    assert call(run_ner, *flags, "--resume=true") == (0, "", "")
    found, expected = (
        without_scores(out / "entities.jsonl"),
        without_scores(whole / "entities.jsonl"),
    )
    assert found == expected
    assert not part.exists() and not (out / "entities.jsonl.part.json").exists()


def test_shards_are_the_whole(call, tiny_bert, tmp_path):
    path = tmp_path / "own.pubtator"
    documents = [f"{i}|t|{TEXTS[i % 2]}\n{i}|a|{TEXTS[3]}\n\n" for i in range(5)]
    path.write_text("".join(documents), encoding="utf-8")
    flags = tiny_ner(tiny_bert, tmp_path / "out", f"--predict_file={path}")
    assert call(run_ner, *flags) == (0, "", "")
    together = []
    for i in (1, 2):
        more = [f"--shard={i}/2", "--output_formats=pubtator"]
        assert call(run_ner, *flags, *more) == (0, "", "")
        together += without_scores(tmp_path / "out" / f"entities-{i}-of-2.jsonl")
        assert (tmp_path / "out" / f"entities-{i}-of-2" / "entities.pubtator").exists()
    whole = without_scores(tmp_path / "out" / "entities.jsonl")
    assert [passage.id for passage, _ in together] == list("0022441133")
    assert sorted(together, key=whole.index) == whole


def test_standard_input_is_read_to_its_wrong_line(run_command, tiny_bert, tmp_path):
    lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate(TEXTS)]
    flags = tiny_ner(tiny_bert, tmp_path / "out", "--predict_file=-")
    wrong = "\n".join([*lines, '{"id": 7'])
    done = run_command("run_ner.py", *flags, input=wrong.encode())
    assert re.search(
        r"error: standard input:5: not JSON .*; what came before it is done and kept: "
        "put the line right, and go on with --resume=true$",
        done.error,
    )
    part = tmp_path / "out" / "entities.jsonl.part"
    assert [passage.text for passage, _ in without_scores(part)] == TEXTS


def test_a_model_is_trained_and_then_used(call, tiny_bert, tmp_path):
    """Without test.tsv, which nobody asked for; what another model found goes."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "entities.html").write_text("of an earlier run\n")
    (tmp_path / "train_dev.tsv").write_bytes((GOLDEN / "devel.tsv").read_bytes())
    done = call(
        run_ner,
        *tiny_bert,
        f"--data_dir={tmp_path}",
        f"--output_dir={out}",
        write(tmp_path / "own.txt", TEXTS),
        "--do_predict=false",
        "--num_train_epochs=0.2",
        "--train_batch_size=4",
        "--max_seq_length=32",
    )
    assert done == (0, "", "")
    assert len(without_scores(out / "entities.jsonl")) == len(TEXTS)
    assert not (out / "entities.html").exists()


def test_benchmark_measures_what_it_says(tmp_path, capsys):
    for name in ("train_dev.tsv", "test.tsv"):
        (tmp_path / name).write_bytes((GOLDEN / "devel.tsv").read_bytes())
    model = [f"--model_dir={INIT}", "--do_lower_case=false", f"--data={tmp_path}"]
    benchmark.main([*model, "--passages=20"])
    rows = [line for line in capsys.readouterr().out.split("\n") if line[:1] == "|"]
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| 2", "| 10", "| 20"]


# Wrong inputs.

WRONG = [
    (
        "no such file",
        ["--predict_file={folder}/no.txt"],
        r"no.txt: cannot be read \(no",
    ),
    ("a folder", ["--predict_file={folder}"], r"cannot be read \(is a directory\)"),
    ("an empty file", ["--predict_file=/dev/null"], "there is no passage in it"),
    (
        "a wrong line",
        ["--predict_file={folder}/wrong.jsonl"],
        r"wrong.jsonl:2: without \"text\"; write",
    ),
    (
        "format",
        ["{own}", "--output_formats=html,xml"],
        "--output_formats: 'xml' is no f",
    ),
    (
        "windows",
        ["{own}", "--long_sentences=cut"],
        "long_sentences.* <window|truncate>",
    ),
    ("shard", ["{own}", "--shard=3/2"], "--shard: '3/2' is no part of a whole; write"),
    (
        "a shard beside a corpus",
        ["{own}", "--shard=1/2", "--data_dir=x"],
        "--shard: is for --predict_file alone",
    ),
    (
        "both resumed and afresh",
        ["{own}", "--resume=true", "--overwrite_output_dir=true"],
        "--resume: goes on where --overwrite_output_dir=true starts afresh; leave one",
    ),
    ("resume without", ["--resume=true"], "--resume: means nothing without --predict_"),
    ("format without", ["--output_formats=html"], "--output_formats: means nothing"),
    ("shard without", ["--shard=1/2"], "--shard: means nothing without --predict_file"),
    (
        "training without a corpus",
        ["{own}", "--do_train=true"],
        "--data_dir: is required by --do_train and --do_eval",
    ),
    (
        "no head",
        ["{own}", f"--init_checkpoint={INIT / 'model.ckpt'}"],
        "model.ckpt: has no trained head",
    ),
    (
        "a brat folder that is not ours",
        ["{own}", "--output_formats=brat"],
        "out/brat: mine is in it, which is not made here",
    ),
]


@pytest.mark.parametrize(
    "name, arguments, message", WRONG, ids=[one[0] for one in WRONG]
)
def test_wrong_input_is_one_line(
    name, arguments, message, call, tiny_bert, tmp_path, listing
):
    own = write(tmp_path / "own.txt", TEXTS)
    (tmp_path / "wrong.jsonl").write_text('{"id": 1, "text": "a"}\n{"id": 2}\n')
    out = tmp_path / "out"
    out.mkdir()
    (out / "entities.jsonl").write_text("of an earlier run\n")
    if "brat" in name:
        (out / "brat").mkdir()
        (out / "brat" / "mine").write_text("")
    before = listing(tmp_path)
    more = [one.format(folder=tmp_path, own=own) for one in arguments]
    error = call(run_ner, *tiny_ner(tiny_bert, out, *more)).error
    assert error.startswith("run_ner.py: error: ") and re.search(message, error), error
    after = listing(tmp_path)
    if name == "an empty file":  # a stream, which is read only when all is ready
        after.pop(os.path.join("out", "run.json"))
    assert after == before
