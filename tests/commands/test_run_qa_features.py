"""run_qa.py's questions, windows and head: the original's, and the odd ones."""

import json
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import run_qa
from biocodes.lib import squad
from finetuning.estimator import ModeKeys
from kit.golden import CASED, QA
from kit.qa_runs import TEST, TRAIN, question, squad_file, write
from kit.qa_windows import SPACES, WORDS, limits_of, with_logits
from tasks.qa import decoding
from tasks.qa import head as qa_head
from tasks.qa.answers import load_to_train
from tasks.qa.results import make_text_of

tf.disable_v2_behavior()


@pytest.mark.parametrize(
    "name, load_examples, lengths",
    [
        (
            "features_train.jsonl",
            lambda: squad.load_to_train(str(TRAIN), with_negative=False)[0],
            run_qa.Lengths(384, 128, 64),
        ),
        (
            "features_predict.jsonl",
            lambda: squad.load_to_predict(str(TEST))[0],
            run_qa.Lengths(96, 32, 24),
        ),
    ],
)
def test_windows_are_the_originals(name, load_examples, lengths):
    with open(str(QA / name), encoding="utf-8") as stream:
        golden = [json.loads(line) for line in stream]
    ours = [
        (index, example.id, window)
        for index, example in enumerate(load_examples()[:16])
        for window in run_qa.featurize(example, CASED, lengths)
    ]
    assert len(ours) == len(golden)
    for number, (theirs, (index, name, window)) in enumerate(zip(golden, ours)):
        assert theirs["unique_id"] == 1000000000 + number
        assert (theirs["example_index"], theirs["qas_id"]) == (index, name)
        assert window["input_ids"] == theirs["input_ids"]
        assert window["segment_ids"] == theirs["segment_ids"]
        words = {str(i): w for i, w in enumerate(window["word_index"]) if w >= 0}
        assert words == theirs["token_to_orig_map"]
        in_context = [i for i, best in enumerate(window["max_context"]) if best]
        assert in_context == sorted(theirs["max_context"])
        if theirs["start_position"] is not None:
            assert window["start_position"] == theirs["start_position"]
            assert window["end_position"] == theirs["end_position"]


# Reading


def test_lost_answers_are_left_out_counted_and_five_named(tmp_path, logs):
    wrong = [question(f"lost{i}", ("p53", 5 * i)) for i in range(7)]
    outside = [question("before", ("The", -1)), question("behind", (".", 40))]
    kept = question("kept", ("p53", 4))
    dataset = squad_file(*wrong, *outside, question("blank", ("", 4)), kept)
    examples = load_to_train(write(tmp_path / "x.json", dataset), False)
    # Where the words are right, the place need not be right to the character.
    assert [example.id for example in examples] == ["lost1", "kept"]
    (warning,) = logs.messages
    assert "9 answers" in warning
    assert warning.endswith("lost0, lost2, lost3, lost4, lost5, ...")


def test_files_may_have_a_byte_order_mark_and_crlf(tmp_path):
    path = tmp_path / "x.json"
    text = json.dumps(squad_file(question("q", ("p53", 4))), indent=1)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    examples, golds = squad.load_to_predict(str(path))
    assert examples[0].question == "What binds ?" and golds == [("q", ["p53"])]


@given(st.data(), WORDS)
@settings(max_examples=100, deadline=None)
def test_every_answer_that_is_there_is_located(data, words):
    context = "".join(word + data.draw(SPACES) for word in words)
    start = data.draw(st.integers(0, len(context) - 1))
    text = context[start : data.draw(st.integers(start + 1, len(context)))]
    span = squad.locate(text, start, context)
    if not squad.words_of(text):
        assert span is None
        return
    covered = " ".join(squad.words_of(context)[span.first_word : span.last_word + 1])
    assert " ".join(squad.words_of(text)) in covered


# Windows


@pytest.mark.parametrize(
    "context, text, pieces",
    [
        # The words are "(2014-2015)." and "was"; the piece spells the answer exactly.
        ("It (2014-2015). was", "2014", ["2014"]),
        # "declare" is no piece of "declared": then its words are all there is.
        ("It was declared", "declare", ["decl", "##ar", "##ed"]),
    ],
)
def test_answers_are_tightened_to_the_pieces_that_spell_them(context, text, pieces):
    span = squad.locate(text, context.index(text), context)
    example = squad.Example("q", "What ?", context, span)
    (window,) = run_qa.featurize(example, CASED, run_qa.Lengths(48, 16, 8))
    start, end = window["start_position"], window["end_position"]
    ids = window["input_ids"][start : end + 1]
    assert CASED.convert_ids_to_tokens(ids) == pieces


def test_a_window_without_the_whole_answer_points_at_cls():
    context = " ".join(["the"] * 30 + ["p53", "MDM2"] + ["the"] * 30)
    span = squad.locate("p53 MDM2", context.index("p53"), context)
    example = squad.Example("q", "What ?", context, span)
    windows = list(run_qa.featurize(example, CASED, run_qa.Lengths(24, 6, 8)))
    wanted = CASED.convert_tokens_to_ids(CASED.tokenize("p53 MDM2"))
    whole = 0
    for window in windows:
        start, end = window["start_position"], window["end_position"]
        if (start, end) == (0, 0):
            assert not contains(window["input_ids"], wanted)
        else:
            whole += 1
            assert window["input_ids"][start : end + 1] == wanted
    assert 0 < whole < len(windows)


def contains(ids, part):
    return any(ids[i : i + len(part)] == part for i in range(len(ids)))


def test_a_question_that_fills_the_sequence_is_cut():
    example = squad.Example("q", "binds " * 500, "The p53 protein", None)
    lengths = run_qa.Lengths(20, 5, 16)
    windows = list(run_qa.featurize(example, CASED, lengths))
    assert all(len(window["input_ids"]) == 20 for window in windows)
    assert all(sum(window["segment_ids"]) == 2 for window in windows)


def test_a_context_of_100000_words_is_cut_and_decoded():
    context = " ".join(["The p53 protein binds MDM2"] * 20000)
    example = squad.Example("q", "What binds ?", context, None)
    windows = list(run_qa.featurize(example, CASED, run_qa.Lengths(384, 128, 64)))
    assert sum(sum(window["max_context"]) for window in windows) == len(
        CASED.tokenize(context)
    )
    assert windows[-1]["word_index"][-2] == 99999
    random = np.random.RandomState(0)
    group = [with_logits(window, random) for window in windows]
    text_of = make_text_of(example, CASED, verbose=False)
    decision = decoding.decide(group, text_of, limits_of())
    assert len(decision.nbest) == 20 and decision.text in context


# Head


def test_padding_takes_part_in_the_loss_only_when_asked_to():
    random = np.random.RandomState(0)
    hidden = random.randn(2, 5, 8).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)
    starts, ends = [1, 0], [4, 2]
    mode = ModeKeys.TRAIN
    losses = {}
    with tf.Graph().as_default(), tf.Session() as session:
        encoder = types.SimpleNamespace(get_sequence_output=lambda: tf.constant(hidden))
        features = {
            "input_mask": tf.constant(mask),
            "start_position": tf.constant(starts),
            "end_position": tf.constant(ends),
        }
        for count_padding in (True, False):
            with tf.variable_scope("", reuse=not count_padding):
                losses[count_padding], predictions = qa_head.make_head(count_padding)(
                    encoder, features, mode
                )
        names = [variable.op.name for variable in tf.trainable_variables()]
        assert names == ["cls/squad/output_weights", "cls/squad/output_bias"]
        session.run(tf.global_variables_initializer())
        losses, predictions = session.run([losses, predictions])
    for count_padding in (True, False):
        total = 0.0
        for i in range(2):
            width = 5 if count_padding else mask[i].sum()
            for key, labels in (("start_logits", starts), ("end_logits", ends)):
                logits = predictions[key][i][:width].astype(np.float64)
                total += np.log(np.exp(logits).sum()) - logits[labels[i]]
        assert losses[count_padding].mean() == pytest.approx(total / 4, rel=1e-5)
