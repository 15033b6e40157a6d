"""run_qa.py: the original's windows and answers, its files, and what it refuses."""

import json
import logging
import os
import pathlib
import subprocess
import sys
import types

from kit import paths

# isort: split
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import run_qa
import tokenization
from biocodes.lib import files, squad, squad_scores
from finetuning import command_line
from finetuning.signals import Interruption
from tasks.qa import decoding
from tasks.qa.results import RESULTS, find_text, json_object, write_predictions

tf.disable_v2_behavior()

HERE = paths.TESTS
ROOT = HERE.parent
INIT = HERE / "data" / "init"
GOLDEN = HERE / "data" / "qa"
VOCAB = str(INIT / "vocab.txt")
TRAINED = str(GOLDEN / "model.ckpt-365")
TEST = GOLDEN / "test.json"
TRAIN = GOLDEN / "train_small.json"
SMALL = ("--max_seq_length=96", "--doc_stride=32", "--max_query_length=24")
SETTINGS = {
    "": [],
    "small_windows": [*SMALL, "--n_best_size=10", "--max_answer_length=15"],
    "with_negative": [
        "--version_2_with_negative=true",
        "--null_score_diff_threshold=1.05",
    ],
}

CASED = tokenization.FullTokenizer(VOCAB, do_lower_case=False)
LOWER = tokenization.FullTokenizer(VOCAB, do_lower_case=True)


def arguments(out, *more):
    return [
        str(ROOT / "run_qa.py"),
        f"--vocab_file={VOCAB}",
        f"--bert_config_file={INIT / 'bert_config.json'}",
        "--do_lower_case=false",
        f"--output_dir={out}",
        *map(str, more),
    ]


def run(out, *more):
    run_qa.main(arguments(out, *more), Interruption())


def predict(out, dataset, *more):
    """Predicts with the original's checkpoint; dataset: a path or a value."""
    path = dataset
    if isinstance(dataset, dict):
        path = pathlib.Path(str(out) + ".json")
        path.write_text(json.dumps(dataset))
    given = ("--do_predict=true", f"--init_checkpoint={TRAINED}")
    run(out, *given, f"--predict_file={path}", *more)


def load(folder, name):
    with open(os.path.join(str(folder), name), encoding="utf-8") as stream:
        return json.load(stream)


def squad_file(*questions, context="The p53 protein binds MDM2 ."):
    paragraphs = [{"context": context, "qas": list(questions)}]
    return {"version": "x", "data": [{"title": "t", "paragraphs": paragraphs}]}


def question(name="q", *answers, **more):
    answers = [{"text": text, "answer_start": start} for text, start in answers]
    return dict({"id": name, "question": "What binds ?", "answers": answers}, **more)


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


@pytest.fixture
def logged():
    """What is logged in the test: a list of messages."""
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    level = command_line.log.level
    command_line.log.addHandler(handler)
    command_line.log.setLevel(logging.INFO)
    yield messages
    command_line.log.removeHandler(handler)
    command_line.log.setLevel(level)


# --- The original's numbers ---


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
    with open(str(GOLDEN / name), encoding="utf-8") as stream:
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


def check_nbest(ours, golden):
    """Texts and order are equal up to ties under 1e-4, numbers to 1e-3."""

    def score(entry):
        return entry["start_logit"] + entry["end_logit"]

    assert list(ours) == list(golden)
    for name, entries in golden.items():
        assert len(ours[name]) == len(entries)
        by_text = {entry["text"]: entry for entry in ours[name]}
        for mine, theirs in zip(ours[name], entries):
            assert list(mine) == list(theirs)
            same = by_text[theirs["text"]]
            assert abs(score(same) - score(mine)) < 1e-4
            for key in ("probability", "start_logit", "end_logit"):
                assert same[key] == pytest.approx(theirs[key], abs=1e-3)


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_answers_are_the_originals(setting, tmp_path):
    predict(tmp_path, TEST, *SETTINGS[setting])
    golden = GOLDEN / setting
    check_nbest(
        load(tmp_path, "nbest_predictions.json"), load(golden, "nbest_predictions.json")
    )
    for name in ("predictions.json", "nbest_predictions.json"):
        text = (tmp_path / name).read_text()
        assert text == json.dumps(json.loads(text), indent=4) + "\n"
    texts = load(tmp_path, "predictions.json")
    assert texts == load(golden, "predictions.json")
    scores = squad_scores.evaluate(load(GOLDEN, "test.json"), texts)
    assert (tmp_path / "eval_results.txt").read_text() == (
        f"exact_match = {round(scores['exact_match'], 4)}\n"
        f"f1 = {round(scores['f1'], 4)}\n"
        "global_step = 365\n"
        "total = 80\n"
    )


def test_padding_to_max_seq_length_changes_no_answer(tmp_path):
    predict(tmp_path, TEST, *SETTINGS["small_windows"], "--pad_to_max_length=true")
    golden = GOLDEN / "small_windows"
    assert load(tmp_path, "predictions.json") == load(golden, "predictions.json")


def test_null_odds_decide_against_the_threshold(tmp_path):
    predict(tmp_path, TEST, *SETTINGS["with_negative"])
    odds = load(tmp_path, "null_odds.json")
    nbest = load(tmp_path, "nbest_predictions.json")
    texts = load(tmp_path, "predictions.json")
    assert list(odds) == list(texts)
    for name, entries in nbest.items():
        null = next(entry for entry in entries if not entry["text"])
        best = next(entry for entry in entries if entry["text"])
        difference = sum(null[key] - best[key] for key in ("start_logit", "end_logit"))
        assert odds[name] == pytest.approx(difference, abs=1e-5)
        assert texts[name] == ("" if odds[name] > 1.05 else best["text"])


# --- The command ---


def command(script, *more):
    return subprocess.run(
        [sys.executable, script, *map(str, more)], capture_output=True, encoding="utf-8"
    )


def test_train_predict_convert_score(tmp_path):
    out = tmp_path / "out"
    script, *flags = arguments(
        out,
        *SMALL,
        "--do_train=true",
        "--do_predict=true",
        f"--train_file={TRAIN}",
        f"--predict_file={TEST}",
        f"--init_checkpoint={INIT / 'model.ckpt'}",
        "--train_batch_size=8",
        "--num_train_epochs=1.0",
    )
    done = command(script, *flags)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    questions = sum(1 for _ in squad.load_to_train(str(TRAIN), False)[0])
    # Epochs count questions, as in the original, not the windows they are cut into.
    assert (out / f"model.ckpt-{questions // 8}.index").exists()
    assert "exact_match = " in done.stderr
    assert "exact_match = " in (out / "eval_results.txt").read_text()
    done = command(
        ROOT / "biocodes" / "transform_nbset2bioasqform.py",
        f"--nbest_path={out / 'nbest_predictions.json'}",
        f"--output_path={out}",
    )
    assert done.returncode == 0, done.stderr
    done = command(
        ROOT / "biocodes" / "bioasq_eval.py",
        GOLDEN / "bioasq_golden.json",
        out / "BioASQform_BioASQ-answer.json",
    )
    assert done.returncode == 0, done.stderr
    assert len([float(number) for number in done.stdout.split()]) == 10


def test_a_mistake_is_one_line_and_status_2(tmp_path):
    script, *flags = arguments(tmp_path / "out", "--do_predict=true")
    done = command(script, *flags, f"--predict_file={write(tmp_path / 'x.json', '{')}")
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if "INFO" not in line]
    assert len(errors) == 1 and errors[0].startswith("run_qa.py: error: ")
    assert "x.json:1: not JSON" in errors[0]
    assert not (tmp_path / "out").exists()


def train(out, dataset, *more):
    path = dataset
    if isinstance(dataset, dict):
        path = write(pathlib.Path(str(out) + ".train.json"), dataset)
    flags = ("--do_train=true", f"--train_file={path}", "--train_batch_size=2")
    run(out, *flags, *SMALL, *more)


def variable(prefix, name):
    return tf.train.load_checkpoint(str(prefix)).get_tensor(name)


def test_a_fine_tuned_checkpoint_brings_its_head_to_a_second_training(tmp_path):
    train(
        tmp_path,
        squad_file(question("a", ("p53", 4)), question("b", ("MDM2", 22))),
        f"--init_checkpoint={TRAINED}",
        "--num_train_epochs=1.0",
        "--learning_rate=1e-9",
    )
    for name in ("cls/squad/output_weights", "cls/squad/output_bias"):
        trained = variable(tmp_path / "model.ckpt-1", name)
        np.testing.assert_allclose(trained, variable(TRAINED, name), atol=1e-6)


def test_squad_2_is_trained_on_and_predicted(tmp_path):
    dataset = squad_file(
        question("yes", ("p53", 4), is_impossible=False),
        question("no", is_impossible=True),
        question("unmarked", ("MDM2", 22)),
    )
    train(
        tmp_path,
        dataset,
        "--version_2_with_negative=true",
        f"--init_checkpoint={INIT / 'model.ckpt'}",
        "--num_train_epochs=2.0",
        "--do_predict=true",
        f"--predict_file={write(tmp_path / 'predict.json', dataset)}",
    )
    assert set(load(tmp_path, "null_odds.json")) == {"yes", "no", "unmarked"}
    for entries in load(tmp_path, "nbest_predictions.json").values():
        assert [entry["text"] for entry in entries].count("") == 1
    assert "total = 3" in (tmp_path / "eval_results.txt").read_text()


def test_questions_without_answers_are_answered_and_not_scored(tmp_path, logged):
    predict(tmp_path, TEST, *SETTINGS["with_negative"])
    bare = {"id": "q", "question": "What binds ?"}
    predict(tmp_path, squad_file(bare))
    assert load(tmp_path, "predictions.json")["q"] in "The p53 protein binds MDM2 ."
    # What an earlier prediction left would now be read as if it belonged to this one.
    assert not (tmp_path / "eval_results.txt").exists()
    assert not (tmp_path / "null_odds.json").exists()
    assert any("no scores" in message for message in logged)


@pytest.mark.parametrize("context", ["", " \n\t\r\u202f", "\u200b \x00"])
def test_a_context_without_words_has_no_answer(context, tmp_path):
    dataset = squad_file(question(), context=context)
    full = squad_file(question("full"), question("after"))
    dataset["data"] += full["data"]
    predict(tmp_path, dataset)
    texts = load(tmp_path, "predictions.json")
    assert list(texts) == ["q", "full", "after"]
    assert texts["q"] == "empty" and texts["full"] == texts["after"] != "empty"
    assert load(tmp_path, "nbest_predictions.json")["q"] == [
        {"text": "empty", "probability": 1.0, "start_logit": 0.0, "end_logit": 0.0}
    ]


def test_contexts_without_words_alone(tmp_path):
    nothing = squad_file(question(), context="")
    predict(tmp_path, nothing, "--version_2_with_negative=true")
    assert load(tmp_path, "predictions.json") == {"q": ""}
    assert load(tmp_path, "null_odds.json") == {"q": 0.0}


def test_verbose_logging_tells_what_is_not_found_back(tmp_path, logged):
    # The Greek letter is unknown to the vocabulary, so that its piece spells nothing.
    dataset = squad_file(question(), context="\u0524")
    predict(tmp_path, dataset, "--verbose_logging=true")
    assert load(tmp_path, "predictions.json") == {"q": "\u0524"}
    assert any("question q" in message for message in logged)


def test_a_training_goes_on_only_with_the_same_windows(tmp_path):
    dataset = squad_file(question("a", ("p53", 4)), question("b", ("MDM2", 22)))
    flags = (f"--init_checkpoint={INIT / 'model.ckpt'}", "--num_train_epochs=1.0")
    train(tmp_path, dataset, *flags)
    with pytest.raises(files.InputError, match="its doc_stride differs"):
        train(tmp_path, dataset, *flags, "--doc_stride=16")
    train(tmp_path, dataset, *flags, "--doc_stride=16", "--overwrite_output_dir=true")
    assert load(tmp_path, "run.json")["training"]["doc_stride"] == 16


# --- Wrong inputs ---

PREDICTS = ("--do_predict=true", f"--init_checkpoint={TRAINED}")
TRAINS = ("--do_train=true", f"--init_checkpoint={INIT / 'model.ckpt'}")
ONE_ANSWER = ("p53", 4)


@pytest.mark.parametrize(
    "flags, dataset, message",
    [
        (PREDICTS, "{", "FILE:1: not JSON"),
        (PREDICTS, {}, 'no list "data"'),
        (PREDICTS, [], 'no list "data"'),
        (PREDICTS, {"data": [{}]}, 'no list "paragraphs"'),
        (PREDICTS, {"data": [{"paragraphs": [{"context": "x"}]}]}, 'no list "qas"'),
        (PREDICTS, {"data": []}, "no questions"),
        (PREDICTS, squad_file({"question": "?"}), 'without "id"'),
        (PREDICTS, squad_file(question("twin"), question("twin")), "twin .*twice"),
        (PREDICTS, squad_file(question(question=None)), 'q has no text "question"'),
        (PREDICTS, squad_file(question(), context=None), 'q has no text "context"'),
        (PREDICTS, squad_file(question(answers="p53")), 'q has "answers"'),
        (TRAINS, squad_file(question("none")), "none has no answers"),
        (TRAINS, squad_file(question("two", *[ONE_ANSWER] * 2)), "two has 2 answers"),
        (
            TRAINS,
            squad_file(question("no", is_impossible=True)),
            "no has no answers; .*version_2_with_negative",
        ),
        (
            TRAINS,
            squad_file(question("odd", is_impossible=True, answers=["p53"])),
            'odd has no text "text"',
        ),
        (
            TRAINS,
            squad_file(question("half", answers=[{"text": "p53"}])),
            'half has .*no whole number "answer_start"',
        ),
        (TRAINS, squad_file(question("q", ("p53", 0))), "not one of its 1 answers"),
        (TRAINS, squad_file(question("q", ONE_ANSWER)), "make no step of 32"),
    ],
)
def test_wrong_files_are_refused(flags, dataset, message, tmp_path):
    path = write(tmp_path / "FILE", dataset)
    out = tmp_path / "out"
    out.mkdir()
    (out / "predictions.json").write_text("mine")
    phase = "train" if "--do_train=true" in flags else "predict"
    with pytest.raises(files.InputError, match=message):
        run(out, *flags, f"--{phase}_file={path}", "--num_train_epochs=1")
    assert (out / "predictions.json").read_text() == "mine"


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "nothing to do"),
        (["--do_train=true"], "--train_file: is required"),
        (["--do_predict=true"], "--predict_file: is required"),
        ([*PREDICTS, f"--predict_file={TEST}x"], "test.jsonx: cannot be read"),
        (
            [*PREDICTS, "--predict_file=x", "--max_seq_length=67"],
            "--max_seq_length: 67 leaves no room .* must be at least max_query_length",
        ),
        (
            [*PREDICTS, "--predict_file=x", "--max_seq_length=385"],
            "max_position_embeddings 384",
        ),
        ([*PREDICTS, "--predict_file=x", "--doc_stride=0"], "--doc_stride"),
        ([*PREDICTS, "--predict_file=x", "--n_best_size=0"], "--n_best_size"),
        (
            [
                "--do_predict=true",
                f"--predict_file={TEST}",
                f"--init_checkpoint={INIT / 'model.ckpt'}",
            ],
            "no trained head .*cls/squad/output_weights",
        ),
        (["--do_predict=true", f"--predict_file={TEST}"], "there is no checkpoint"),
    ],
)
def test_wrong_flags_are_refused(flags, message, tmp_path):
    (tmp_path / "predictions.json").write_text("mine")
    with pytest.raises(files.InputError, match=message):
        run(tmp_path, *flags)
    assert (tmp_path / "predictions.json").read_text() == "mine"


def test_flags_have_the_originals_defaults():
    flags = run_qa.define_flags()
    flags(["run_qa.py"])
    defaults = {
        "train_file": None,
        "predict_file": None,
        "do_lower_case": True,
        "max_seq_length": 384,
        "doc_stride": 128,
        "max_query_length": 64,
        "do_train": False,
        "do_predict": False,
        "train_batch_size": 32,
        "predict_batch_size": 8,
        "learning_rate": 5e-5,
        "num_train_epochs": 3.0,
        "warmup_proportion": 0.1,
        "save_checkpoints_steps": 1000,
        "iterations_per_loop": 1000,
        "n_best_size": 20,
        "max_answer_length": 30,
        "verbose_logging": False,
        "version_2_with_negative": False,
        "null_score_diff_threshold": 0.0,
        "use_tpu": False,
        "tpu_name": None,
        "tpu_zone": None,
        "gcp_project": None,
        "master": None,
        "num_tpu_cores": 8,
    }
    assert {name: flags[name].value for name in defaults} == defaults


# --- Reading ---


def test_lost_answers_are_left_out_counted_and_five_named(tmp_path, logged):
    wrong = [question(f"lost{i}", ("p53", 5 * i)) for i in range(7)]
    outside = [question("before", ("The", -1)), question("behind", (".", 40))]
    kept = question("kept", ONE_ANSWER)
    dataset = squad_file(*wrong, *outside, question("blank", ("", 4)), kept)
    examples = run_qa.load_to_train(write(tmp_path / "x.json", dataset), False)
    # Where the words are right, the place need not be right to the character.
    assert [example.id for example in examples] == ["lost1", "kept"]
    (warning,) = logged
    assert "9 answers" in warning
    assert warning.endswith("lost0, lost2, lost3, lost4, lost5, ...")


def test_files_may_have_a_byte_order_mark_and_crlf(tmp_path):
    path = tmp_path / "x.json"
    text = json.dumps(squad_file(question("q", ONE_ANSWER)), indent=1)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    examples, golds = squad.load_to_predict(str(path))
    assert examples[0].question == "What binds ?" and golds == [("q", ["p53"])]


SPACES = st.text(" \t\r\n\u202f", min_size=1, max_size=3)
WORDS = st.lists(
    st.text(
        st.one_of(
            st.sampled_from("aBc,.-(/)#\u03b1\xe9\u0130\ufb01\u4e2d\xa0"),
            st.characters(),
        ),
        min_size=1,
        max_size=8,
    ).filter(lambda word: squad.words_of(word) == [word]),
    min_size=1,
    max_size=12,
)


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


# --- Windows ---


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
    first, last = window["start_position"], window["end_position"]
    ids = window["input_ids"][first : last + 1]
    assert CASED.convert_ids_to_tokens(ids) == pieces


def test_a_window_without_the_whole_answer_points_at_cls():
    context = " ".join(["the"] * 30 + ["p53", "MDM2"] + ["the"] * 30)
    span = squad.locate("p53 MDM2", context.index("p53"), context)
    example = squad.Example("q", "What ?", context, span)
    windows = list(run_qa.featurize(example, CASED, run_qa.Lengths(24, 6, 8)))
    wanted = CASED.convert_tokens_to_ids(CASED.tokenize("p53 MDM2"))
    whole = 0
    for window in windows:
        first, last = window["start_position"], window["end_position"]
        if (first, last) == (0, 0):
            assert not contains(window["input_ids"], wanted)
        else:
            whole += 1
            assert window["input_ids"][first : last + 1] == wanted
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
    group = [as_window(window, random) for window in windows]
    text_of = find_text(example, CASED, verbose=False)
    decision = decoding.decide(group, text_of, limits())
    assert len(decision.nbest) == 20 and decision.text in context


# --- Head ---


def test_padding_takes_part_in_the_loss_only_when_asked_to():
    random = np.random.RandomState(0)
    hidden = random.randn(2, 5, 8).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)
    starts, ends = [1, 0], [4, 2]
    mode = tf.estimator.ModeKeys.TRAIN
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
                losses[count_padding], predictions = run_qa.make_head(count_padding)(
                    encoder, features, mode
                )
        names = [one.op.name for one in tf.trainable_variables()]
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


# --- Decoding ---


def limits(n_best_size=20, max_answer_length=30, null=False, threshold=0.0):
    return decoding.Limits(n_best_size, max_answer_length, null, threshold)


def as_window(features, random):
    """Window of features with logits that are whole numbers, so that many are equal."""
    size = len(features["input_ids"])
    arrays = [
        np.array(features[key]) for key in ("input_ids", "word_index", "max_context")
    ]
    logits = [random.randint(-4, 5, size).astype(np.float32) for _ in range(2)]
    return decoding.Window(*logits, *arrays)


def slowly_ranked(windows, n_best_size, max_answer_length):
    """ranked_spans as the original says it: every pair looked at, one by one."""
    found = []
    for number, window in enumerate(windows):
        ranks = [
            sorted(range(len(logits)), key=lambda i: (-logits[i], i))[:n_best_size]
            for logits in (window.start_logits.tolist(), window.end_logits.tolist())
        ]
        for start in ranks[0]:
            for end in ranks[1]:
                if not window.max_context[start] or window.word_index[end] < 0:
                    continue
                if 1 <= end - start + 1 <= max_answer_length:
                    score = window.start_logits[start] + window.end_logits[end]
                    found.append((number, start, end, score))
    found.sort(key=lambda span: -span[3])
    return [span[:3] for span in found]


@given(
    words=WORDS,
    asked=st.text(max_size=20),
    seed=st.integers(0, 1000),
    sizes=st.tuples(st.integers(10, 30), st.integers(1, 20)),
    tokenizer=st.sampled_from([CASED, LOWER]),
    limits=st.builds(limits, st.integers(1, 12), st.integers(1, 12), st.booleans()),
)
@settings(max_examples=200, deadline=None)
def test_answers_are_characters_of_the_context_ranked_as_the_original_does(
    words, asked, seed, sizes, tokenizer, limits
):
    example = squad.Example("q", asked, " ".join(words), None)
    lengths = run_qa.Lengths(sizes[0], sizes[1], 6)
    random = np.random.RandomState(seed)
    windows = [
        as_window(one, random) for one in run_qa.featurize(example, tokenizer, lengths)
    ]
    numbers = {id(window): number for number, window in enumerate(windows)}
    ranked = [
        (numbers[id(window)], start, end)
        for window, start, end in decoding.ranked_spans(windows, limits)
    ]
    sizes = (limits.n_best_size, limits.max_answer_length)
    assert ranked == slowly_ranked(windows, *sizes)

    text_of = find_text(example, tokenizer, verbose=False)
    decision = decoding.decide(windows, text_of, limits)
    texts = [answer.text for answer in decision.nbest]
    assert len(set(texts)) == len(texts) <= limits.n_best_size + 1
    assert texts.count("") == limits.version_2_with_negative
    assert decision.text in texts
    scores = [answer.score for answer in decision.nbest]
    assert scores == sorted(scores, reverse=True)
    assert sum(decoding.probabilities(decision.nbest)) == pytest.approx(1.0)
    if texts != ["empty"] or ranked:
        assert all(text in example.context for text in texts)


@given(words=WORDS, places=st.tuples(st.integers(0, 100), st.integers(0, 100)))
@settings(max_examples=200, deadline=None)
def test_pieces_are_found_back_to_the_character(words, places):
    text = " ".join(words)
    pieces = CASED.tokenize(text)
    first, last = sorted(place % max(len(pieces), 1) for place in places)
    part = pieces[first : last + 1]
    found = decoding.original_text(part, text, CASED.basic_tokenizer)
    if found is not None:
        assert found in text and found == found.strip(" ")
        spelled = decoding.spell(part).replace(" ", "")
        assert found.replace(" ", "") == spelled
    elif tokenization.UNK not in part and part:
        # Tokenizing dropped characters, or took other white space out of a word.
        assert "".join(CASED.basic_tokenizer.tokenize(text)) != "".join(words)


@pytest.mark.parametrize(
    "pieces, text, found",
    [
        (["ste", "##ve", "smith"], "Steve Smith's", "Steve Smith"),
        (["p", "##53", ",", "mdm"], "(P53,MDM2)", "P53,MDM"),
        (["##53"], "p53", "53"),
        (["angstrom"], "(\xc5ngstr\xf6m)", "\xc5ngstr\xf6m"),
        (["[UNK]"], "\u0524", None),
        (["smith"], "Smith\u200bs", None),  # a character was dropped
        (["jones"], "Smith", None),
    ],
)
def test_mapping_back_to_the_text(pieces, text, found):
    basic_tokenizer = tokenization.BasicTokenizer(do_lower_case=True)
    assert decoding.original_text(pieces, text, basic_tokenizer) == found


A, B, C = (
    decoding.Answer(name, score, 0.0) for name, score in [("a", 3), ("b", 2), ("c", 1)]
)


@pytest.mark.parametrize(
    "answers, score, size, texts",
    [
        ([A, B, C], 2.5, 3, ["a", "", "b"]),  # the worst makes room
        ([A, B, C], 2.0, 4, ["a", "b", "", "c"]),  # after its equal
        ([A, B, C], 0.0, 3, ["a", "b", "c", ""]),  # not among the best: one more
        ([A, B], 9.0, 1, [""]),
        ([], 0.0, 3, [""]),
    ],
)
def test_the_null_answer_among_the_others(answers, score, size, texts):
    null = decoding.Answer("", score, 0.0)
    merged = decoding.insert_null(answers, null, size)
    assert [answer.text for answer in merged] == texts


def test_the_null_score_is_the_least_over_the_windows():
    windows = [
        decoding.Window(np.array([start]), np.array([end]), None, None, None)
        for start, end in [(5.0, 1.0), (2.0, 1.0), (1.0, 2.0)]
    ]
    assert decoding.null_answer(windows) == decoding.Answer("", 2.0, 1.0)


# --- Writing ---


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.one_of(
            st.text(max_size=5), st.lists(st.floats(allow_nan=False), max_size=2)
        ),
        max_size=3,
    )
)
@settings(max_examples=50, deadline=None)
def test_entry_by_entry_gives_the_file_of_json_dump(tmp_path_factory, value):
    path = str(tmp_path_factory.mktemp("json") / "x.json")
    with files.whole_file(path) as stream, json_object(stream) as write:
        for key, entry in value.items():
            write(key, entry)
    with open(path, encoding="utf-8", newline="") as stream:
        assert stream.read() == json.dumps(value, indent=4) + "\n"


def test_a_prediction_that_fails_leaves_the_earlier_files(tmp_path):
    earlier = b"mine"
    for name in RESULTS:
        (tmp_path / name).write_bytes(earlier)

    def decisions():
        yield "q", decoding.Decision("p53", [A], None)
        raise files.InputError("later")

    with pytest.raises(files.InputError):
        write_predictions(str(tmp_path), decisions(), with_null=False)
    assert sorted(os.listdir(str(tmp_path))) == sorted(RESULTS)
    assert all((tmp_path / name).read_bytes() == earlier for name in RESULTS)


def test_a_second_prediction_reads_the_new_file(tmp_path):
    path = tmp_path / "predict.json"
    out = tmp_path / "out"
    for context in ("The p53 protein", "The MDM2 protein"):
        write(path, squad_file(question(), context=context))
        predict(out, path)
        assert load(out, "predictions.json")["q"] in context
