"""run_ner.py: the original's numbers, whole runs, exact alignment, wrong inputs."""

import json
import pathlib
import pickle
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import modeling
import run_ner
import tokenization
from biocodes import ner_detokenize
from biocodes.lib import conll, files
from finetuning import checkpoints, records
from finetuning.windows import NO_WORD
from kit.paths import ROOT
from tasks.ner.labels import ORIGINAL_LABELS, Labels, labels_of, save_labels
from tasks.ner.results import (
    PIECE_FILES,
    RESULTS,
    TokenScorer,
    WordLabels,
    count_confusions,
    token_scores,
    whole_sentences,
    write_entities,
    write_predictions,
)

tf.disable_v2_behavior()

DATA = ROOT / "tests" / "data"
GOLDEN = DATA / "ner"
INIT = DATA / "init"
FINE_TUNED = GOLDEN / "model.ckpt-1190"
CHECKPOINT_FILES = (
    "model.ckpt-1190.index",
    "model.ckpt-1190.data-00000-of-00001",
)
DETOKENIZE = "biocodes/ner_detokenize.py"
LABELS = Labels(ORIGINAL_LABELS)


def sentences_of(text):
    return text.strip().split("\n\n")


def typed(text):
    """Every second sentence's entities become chemicals, the others' diseases."""
    kinds = ("Chemical", "Disease")
    return "\n\n".join(
        re.sub(r"\t([BI])$", rf"\t\1-{kinds[i % 2]}", sentence, flags=re.MULTILINE)
        for i, sentence in enumerate(sentences_of(text))
    )


DEVEL = (GOLDEN / "devel.tsv").read_text(encoding="utf-8")
TEST = (GOLDEN / "test.tsv").read_text(encoding="utf-8")
SMALL = "\n\n".join(sentences_of(DEVEL)[:12]) + "\n"


def corpus(folder, train=None, devel=None, test=None):
    """Makes a data_dir. → its flag."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in [("train_dev", train), ("devel", devel), ("test", test)]:
        if text is not None:
            (folder / f"{name}.tsv").write_bytes(text.encode("utf-8"))
    return f"--data_dir={folder}"


def results_in(path):
    """`key = value` lines → dict of str → float."""
    pairs = (line.split(" = ") for line in path.read_text().splitlines())
    return {key: float(value) for key, value in pairs}


def logged(caplog):
    return [
        record.getMessage() for record in caplog.records if record.name == "biobert"
    ]


@pytest.fixture(scope="module")
def tokenizer():
    return tokenization.FullTokenizer(str(INIT / "vocab.txt"), do_lower_case=False)


# The original's checkpoint.


@pytest.fixture(scope="module")
def golden_run(tmp_path_factory, run_command, tiny_bert):
    """The original's model predicts as a command. → data_dir's flag, folder, Finished.

    Nothing but test.tsv and devel.tsv is there, and the checkpoint lies elsewhere.
    """
    folder = tmp_path_factory.mktemp("golden")
    data_dir = corpus(folder / "data", devel=DEVEL, test=TEST)
    done = run_command(
        "run_ner.py",
        *tiny_bert,
        f"--init_checkpoint={FINE_TUNED}",
        data_dir,
        f"--output_dir={folder / 'out'}",
        "--do_train=false",
        "--do_eval=true",
        "--max_seq_length=64",
        "--pad_to_max_length=true",
    )
    assert done.status == 0, done.stderr
    return data_dir, folder / "out", done


@pytest.mark.parametrize("name", ["token_test.txt", "label_test.txt"])
def test_predictions_are_the_originals(golden_run, name):
    _, out, _ = golden_run
    assert (out / name).read_bytes() == (GOLDEN / name).read_bytes()


def test_words_and_their_labels_are_the_originals(golden_run):
    _, out, _ = golden_run

    def columns(path, first):
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line.split(" ")[first:] for line in lines]

    ours = out / "NER_result_conll.txt"
    assert columns(ours, 1) == columns(GOLDEN / "NER_result_conll.txt", 1)
    words = [line.split("\t")[0] for line in TEST.splitlines()]
    assert [line[0] for line in columns(ours, 0)] == words


def test_entity_scores_are_the_originals(golden_run):
    _, out, _ = golden_run
    expected = (GOLDEN / "conlleval.txt").read_bytes()
    assert (out / "entity_level_results.txt").read_bytes() == expected


def test_token_scores_are_the_originals(golden_run):
    _, out, done = golden_run
    expected = results_in(GOLDEN / "eval_results.txt")
    assert results_in(out / "eval_results.txt") == pytest.approx(expected, rel=1e-4)
    after = done.stderr.split("***** token-level evaluation results *****\n")[1]
    found = {
        key: float(value)
        for key, value in re.findall(r"^INFO:tensorflow:  (\w+) = (\S+)$", after, re.M)
    }
    expected = results_in(GOLDEN / "token_level_results.txt")
    expected.update(loss=26.115667, global_step=1190)
    assert found == pytest.approx(expected, rel=1e-4)


def test_log_is_what_a_person_wants_to_read(golden_run):
    """The lines of the original's README as shown there, once, and no noise."""
    _, _, done = golden_run
    number = r"\d+(\.\d+)?"
    scores = [
        f"  eval_f = {number}",
        f"  eval_precision = {number}",
        f"  eval_recall = {number}",
        "  global_step = 1190",
        f"  loss = {number}",
    ]
    expected = [
        "device: .+",
        r"\*\*\*\*\* Eval results \*\*\*\*\*",
        *scores,
        r"\*\*\*\*\* token-level evaluation results \*\*\*\*\*",
        *scores,
        r"\*\*\*\*\* entity-level evaluation results \*\*\*\*\*",
        r"  processed 3988 tokens with 142 phrases; found: .+",
        r"  accuracy: .+",
        r"  +MISC: precision: .+",
    ]
    lines = done.stderr.splitlines()
    assert len(lines) == len(expected), done.stderr
    for line, pattern in zip(lines, expected):
        assert re.fullmatch("INFO:tensorflow:" + pattern, line)
    assert done.stdout == ""


def test_run_is_recorded(golden_run):
    _, out, _ = golden_run
    record = json.loads((out / "run.json").read_text())
    assert record["arguments"]["max_seq_length"] == 64
    assert record["arguments"]["init_checkpoint"] == str(FINE_TUNED)
    assert record["versions"]["tensorflow"] == tf.version.VERSION


def test_stand_alone_scripts_give_the_same(golden_run, run_command, tmp_path):
    _, out, _ = golden_run
    detokenize_and_score(out, GOLDEN / "test.tsv", run_command, tmp_path)


def detokenize_and_score(out, answers, run_command, folder):
    """ner_detokenize.py and conlleval.pl on a run's files, against what it wrote."""
    done = run_command(
        DETOKENIZE,
        f"--token_test_path={out / 'token_test.txt'}",
        f"--label_test_path={out / 'label_test.txt'}",
        f"--answer_path={answers}",
        f"--output_dir={folder}",
    )
    assert done == (0, "", "")
    result = (folder / "NER_result_conll.txt").read_bytes()
    assert result == (out / "NER_result_conll.txt").read_bytes()
    scores = subprocess.run(
        ["perl", str(ROOT / "biocodes" / "conlleval.pl")],
        input=result,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert scores.stdout == (out / "entity_level_results.txt").read_bytes()


def golden_flags(tiny_bert, out, *more):
    return [
        *tiny_bert,
        f"--init_checkpoint={FINE_TUNED}",
        f"--output_dir={out}",
        "--do_train=false",
        "--max_seq_length=64",
        *more,
    ]


def test_batches_by_length_predict_the_same(golden_run, call, tiny_bert, tmp_path):
    data_dir, out, _ = golden_run
    for size in (8, 200):
        flags = golden_flags(tiny_bert, tmp_path / str(size), data_dir)
        assert call(run_ner, *flags, f"--predict_batch_size={size}").status == 0
        for name in PIECE_FILES:
            found = (tmp_path / str(size) / name).read_bytes()
            assert found == (out / name).read_bytes()


@pytest.mark.parametrize("form", ["crlf", "bom", "blank lines", "no last line end"])
def test_form_of_the_file_changes_nothing(golden_run, call, tiny_bert, tmp_path, form):
    text = {
        "crlf": TEST.replace("\n", "\r\n"),
        "bom": "\ufeff" + TEST,
        "blank lines": "\n\n" + TEST.replace("\n\n", "\n \t\n\n\n") + "\n\n",
        "no last line end": TEST.rstrip("\n"),
    }[form]
    data_dir = corpus(tmp_path / "data", test=text)
    done = call(run_ner, *golden_flags(tiny_bert, tmp_path, data_dir))
    assert done == (0, "", "")
    for name in ("token_test.txt", "label_test.txt", "NER_result_conll.txt"):
        assert (tmp_path / name).read_bytes() == (golden_run[1] / name).read_bytes()


def test_words_without_labels_are_predicted(
    golden_run, call, tiny_bert, tmp_path, caplog
):
    """Then there are no scores, and none of an earlier prediction stay."""
    words = "".join(f"{line.split(chr(9))[0]}\n" for line in TEST.splitlines())
    out = tmp_path / "out"
    flags = golden_flags(tiny_bert, out)
    labelled = corpus(tmp_path / "labelled", test=SMALL)
    assert call(run_ner, *flags, labelled).status == 0
    assert (out / "entity_level_results.txt").exists()
    assert call(run_ner, *flags, corpus(tmp_path / "data", test=words)).status == 0
    assert not (out / "entity_level_results.txt").exists()
    assert any("no labels in test.tsv, so no scores" in line for line in logged(caplog))
    assert not any("results *****" in line for line in logged(caplog))
    golden = (golden_run[1] / "NER_result_conll.txt").read_text(encoding="utf-8")
    expected = [" ".join(line.split(" ")[::2]) for line in golden.split("\n")]
    found = (out / "NER_result_conll.txt").read_text(encoding="utf-8")
    assert found.split("\n") == expected


@pytest.mark.parametrize(
    "path", ["folder", "model.ckpt-1190.index", "model.ckpt-1190.data-00000-of-00001"]
)
def test_checkpoint_may_be_named_by_folder_or_part(
    call, tiny_bert, tmp_path, monkeypatch, path
):
    monkeypatch.chdir(GOLDEN)
    flags = golden_flags(tiny_bert, tmp_path, corpus(tmp_path / "data", test=SMALL))
    first = str(GOLDEN) if path == "folder" else path
    assert call(run_ner, *flags, f"--init_checkpoint={first}") == (0, "", "")
    assert (tmp_path / "NER_result_conll.txt").exists()


def test_training_goes_on_from_the_originals_checkpoint(
    call, tiny_bert, tmp_path, caplog
):
    for name in CHECKPOINT_FILES:
        shutil.copy(str(GOLDEN / name), str(tmp_path))
    done = call(
        run_ner,
        *tiny_bert,
        corpus(tmp_path / "data", train=DEVEL, test=TEST),
        f"--output_dir={tmp_path}",
        "--train_batch_size=8",
        "--max_seq_length=64",
        "--num_train_epochs=80.7",
        "--pad_to_max_length=true",
    )
    assert done == (0, "", "")
    assert "  going on at step 1,190 of 1,210" in logged(caplog)
    prefix = str(tmp_path / "model.ckpt-1210")
    before, after = map(tf.train.load_checkpoint, (str(FINE_TUNED), prefix))
    assert after.get_tensor("global_step") == 1210
    # The slots went on from where they were: β2 keeps 0.98 of v over 20 steps.
    name = "bert/encoder/layer_0/output/dense/kernel/adam_v"
    kept = 0.999**20 * before.get_tensor(name)
    assert (after.get_tensor(name) >= 0.999 * kept).all()
    golden = results_in(GOLDEN / "token_level_results.txt")["eval_f"]
    lines = [line for line in logged(caplog) if line.startswith("  eval_f = ")]
    assert float(lines[-1].split(" = ")[1]) == pytest.approx(golden, abs=0.1)


# Features.


def test_features_are_the_originals(tokenizer):
    sentences = conll.load_sentences(str(GOLDEN / "test.tsv"))
    lines = (GOLDEN / "features.jsonl").read_text().splitlines()
    assert len(lines) == len(sentences)
    for sentence, line in zip(sentences, lines):
        expected = json.loads(line)
        found = run_ner.featurize(
            sentence, tokenizer, LABELS.ids, expected["max_seq_length"]
        )
        assert found["input_ids"] == expected["input_ids"]
        assert found["label_ids"] == expected["label_ids"]


def test_features_say_which_word_a_piece_belongs_to(tokenizer):
    words = ["leukemia", "\u200b", "T-cells", "##x"]
    sentence = conll.Sentence([1, 2, 3, 4], words, ["B", "I", "O", "B"])
    features = run_ner.featurize(sentence, tokenizer, LABELS.ids, 128)
    pieces = tokenizer.convert_ids_to_tokens(features["input_ids"])
    labels = [LABELS.names[i] for i in features["label_ids"]]
    first = {}
    for piece, word, label in zip(pieces, features["word_index"], labels):
        first.setdefault(word, (piece, label))
    assert first[NO_WORD] == ("[CLS]", "[CLS]")
    assert first[0][1] == "B" and first[2] == ("T", "O") and first[3] == ("#", "B")
    assert 1 not in first
    assert labels.count("B") == 2 and labels.count("I") == 0
    cut = run_ner.featurize(sentence, tokenizer, LABELS.ids, 3)
    assert [len(values) for values in cut.values()] == [3, 3, 3]


WORD_SIZES = st.lists(st.integers(0, 6), min_size=1, max_size=40)


class WordsAreNumbers:
    """A tokenizer that makes "3" three pieces."""

    vocab = {"[CLS]": 1, "[SEP]": 2}

    def word_ids(self, word):
        return (7,) * int(word)


class UnpackedRecords(list):
    """Stands for a RecordFile."""


@settings(deadline=None, max_examples=200)
@given(WORD_SIZES, st.integers(8, 24), st.booleans(), st.booleans())
def test_windows_put_together_are_the_sentence(sizes, limit, labelled, padded):
    """Each piece once, with what was predicted where it counts."""
    words = [str(size) for size in sizes]
    labels = ["BIO"[i % 3] if labelled else None for i in range(len(sizes))]
    sentence = conll.Sentence(list(range(1, len(sizes) + 1)), words, labels)
    how = sentence, WordsAreNumbers(), LABELS.ids
    form = run_ner.schema(labelled)
    rows = [form.pack(one) for one in run_ner.featurize_windows(*how, limit)]
    assert len(rows) > 1 or sum(sizes) <= limit - 2
    data = UnpackedRecords(map(form.unpack, rows))
    data.schema = form

    def predictions():
        for index, one in enumerate(data):
            # The number of the word where it counts, and else what nobody must see.
            said = [word if word >= -1 else 99 for word in one["word_index"]]
            yield index, {"label_ids": np.array(said + [98] * padded), "loss": 0.5}

    parts = list(predictions())
    whole = whole_sentences(data, parts)
    ((features, prediction),) = whole
    expected = run_ner.featurize(*how, 10**6)
    assert set(features) == set(expected)
    for name, values in expected.items():
        assert features[name].tolist() == values
    length = len(expected["word_index"])
    assert prediction["label_ids"][:length].tolist() == expected["word_index"]
    assert prediction["loss"] == 0.5 * len(parts)


def test_no_word_loses_its_prediction_in_windows(call, tiny_bert, tmp_path):
    data_dir = corpus(tmp_path / "data", test=TEST)
    runs = {
        "windows": ["--max_seq_length=16", "--long_sentences=window"],
        "whole": ["--max_seq_length=384"],
    }
    for name, more in runs.items():
        flags = golden_flags(tiny_bert, tmp_path / name, data_dir, *more)
        assert call(run_ner, *flags) == (0, "", "")
    for file in ("token_test.txt", "word_test.txt"):
        windows = (tmp_path / "windows" / file).read_bytes()
        assert windows == (tmp_path / "whole" / file).read_bytes()


# Labels.


def test_labels_of_plain_data_are_the_originals():
    sentences = conll.load_sentences(str(GOLDEN / "devel.tsv"))
    assert labels_of(sentences, "x") == LABELS
    assert [LABELS.names[i] for i in LABELS.scored] == ["B", "I"]


def test_labels_of_typed_data_are_sorted():
    labels = ["O", "I-Disease", "B-Disease", "B-Chemical", "I-Chemical"]
    sentences = [conll.Sentence([1] * 5, ["w"] * 5, labels)]
    found = labels_of(sentences, "x")
    assert found.names == ("[PAD]", *sorted(labels), "X", "[CLS]", "[SEP]")
    assert [found.names[i] for i in found.scored] == sorted(labels)[:-1]
    assert [found.ids[name] for name in found.names] == list(range(9))


def test_labels_are_kept_for_us_and_for_old_scripts(tmp_path):
    save_labels(str(tmp_path), LABELS)
    expected = {name: i for i, name in enumerate(ORIGINAL_LABELS)}
    assert json.loads((tmp_path / "label2id.json").read_text()) == expected
    assert pickle.loads((tmp_path / "label2id.pkl").read_bytes()) == expected


# Scores.


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=60))
def test_token_scores_are_macro_averages(pairs):
    matrix = count_confusions([([gold], [predicted]) for gold, predicted in pairs], 5)
    found = token_scores(matrix, [1, 2])
    precisions, recalls, fs = [], [], []
    for label in (1, 2):
        correct = sum(gold == predicted == label for gold, predicted in pairs)
        said = sum(predicted == label for _, predicted in pairs)
        true = sum(gold == label for gold, _ in pairs)
        precisions.append(correct / said if said else 0.0)
        recalls.append(correct / true if true else 0.0)
        fs.append(2 * correct / (said + true) if correct else 0.0)
    assert found == {
        "eval_precision": pytest.approx(np.mean(precisions), abs=1e-6),
        "eval_recall": pytest.approx(np.mean(recalls), abs=1e-6),
        "eval_f": pytest.approx(np.mean(fs), abs=1e-6),
    }


def test_scores_of_labels_that_do_not_exist_are_nothing():
    scores = token_scores(np.zeros([4, 4], int), [])
    assert set(scores.values()) == {0.0}


@pytest.mark.parametrize("count_padding, precision", [(False, 1.0), (True, 0.5)])
def test_padding_is_scored_as_the_original_does_or_not(count_padding, precision):
    scorer = TokenScorer(LABELS, count_padding, batch_size=2)
    # The last position is padding, on which the model sees an entity begin.
    prediction = {"label_ids": np.array([5, 1, 2, 6, 1]), "loss": 3.0}
    for _ in range(3):
        scorer.add([5, 1, 2, 6], prediction)
    results = scorer.results(7)
    assert results["eval_recall"] == 1.0
    assert results["eval_precision"] == pytest.approx((precision + 1.0) / 2)
    assert results["global_step"] == 7
    assert results["loss"] == 4.5  # 9 over two batches


def test_padding_is_out_of_the_loss_unless_it_shall_count():
    """Two sentences padded together lose what each alone does, and no more."""
    config = modeling.BertConfig.from_json_file(str(INIT / "bert_config.json"))
    ids = np.array([[2, 50, 60, 70, 3], [2, 99, 3, 0, 0]])
    # Not 0 for padding, which this model would see coming.
    labels = np.array([[5, 1, 2, 3, 6], [5, 3, 6, 1, 1]])

    def losses(rows, length, count_padding):
        mask = (ids > 0).astype(np.int32)
        parts = {"input_ids": ids, "input_mask": mask, "label_ids": labels}
        with tf.Graph().as_default(), tf.Session() as session:
            features = {
                name: tf.constant(part[rows, :length], tf.int32)
                for name, part in parts.items()
            }
            model = modeling.BertModel(
                config, False, features["input_ids"], features["input_mask"]
            )
            head = run_ner.make_head(7, count_padding)
            loss, predictions = head(model, features, tf.estimator.ModeKeys.EVAL)
            tf.train.Saver().restore(session, str(FINE_TUNED))
            return session.run([loss, predictions["loss"]])

    total, each = losses([0, 1], 5, False)
    assert total == pytest.approx(each.sum(), rel=1e-5)
    for row, length in enumerate((5, 3)):
        alone, _ = losses([row], length, False)
        assert each[row] == pytest.approx(alone, rel=1e-4)
    counted, _ = losses([0, 1], 5, True)
    assert counted > total + 1.0
    # [PAD] on a piece: it counts in another window, and not here. Without each of them
    # in turn, five sums lack each piece once.
    full = labels.copy()
    sums = 0
    for place in range(5):
        labels[0] = full[0]
        labels[0, place] = 0
        sums += losses([0], 5, False)[0]
    assert sums == pytest.approx(4 * each[0], rel=1e-4)


# Alignment.


AWKWARD = [
    "##x",
    "##",
    "[SEP]",
    "[CLS]",
    "[UNK]",
    "[PAD]",
    "-X-",
    "O",
    "\u200b",
    "\0",
    "\ufffd",
    "a\u00adb",
    "IL-2",
    "...",
    "日本語",
    "İ",
    "e\u0301",
    "\U0001f600",
    "x" * 201,
]


def is_word(text):
    return text.split() == [text]


WORDS = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=8),
    st.sampled_from(AWKWARD),
    st.sampled_from(["leukemia", "Ataxia", "adenomatous", "the"]),
).filter(is_word)


def survives_alignment(folder, texts, tokenizer, limit, choose):
    """Every word keeps the label of its first piece, or gets O, in all that is written.

    Args:
      folder: where to write.
      texts: sentences, lists of words.
      tokenizer, limit: FullTokenizer, max_seq_length.
      choose: function of a number → an int below it: what the model "predicts" for
        all that must not matter.
    """
    # A byte-order mark at the start of the file would not be the first word's.
    texts = [["The"], *texts]
    labels = ("B", "I", "O")
    answers = folder / "test.tsv"
    answers.write_bytes(
        "".join(
            "".join(f"{word}\t{labels[i % 3]}\n" for i, word in enumerate(words)) + "\n"
            for words in texts
        ).encode("utf-8")
    )
    sentences = conll.load_sentences(str(answers))
    assert [sentence.words for sentence in sentences] == texts
    data = records.write_records(
        str(folder / "predict.tf_record"),
        run_ner.schema(labelled=True),
        (run_ner.featurize(one, tokenizer, LABELS.ids, limit) for one in sentences),
        {},
    )

    def predictions():
        for index in range(len(texts)):
            words = data[index]["word_index"].tolist()
            ids = [choose(7) for _ in range(limit)]
            for piece, word in enumerate(words):
                if word != NO_WORD and words[piece - 1] != word:
                    ids[piece] = LABELS.ids[labels[(word + 1) % 3]]
            yield index, {"label_ids": np.array(ids)}

    whole = whole_sentences(data, predictions())
    write_predictions(str(folder), sentences, tokenizer, LABELS, whole)
    found = list(WordLabels(str(folder), sentences))
    for words, predicted in zip(texts, found):
        place, expected = 0, []
        for i, word in enumerate(words):
            count = len(tokenizer.tokenize(word))
            is_seen = count and place < limit - 2
            expected.append(labels[(i + 1) % 3] if is_seen else "O")
            place += count
        assert predicted == expected
    write_entities(str(folder), sentences, found)
    again = folder / "again"
    ner_detokenize.main(
        [
            f"--token_test_path={folder / 'token_test.txt'}",
            f"--label_test_path={folder / 'label_test.txt'}",
            f"--answer_path={answers}",
            f"--output_dir={again}",
        ]
    )
    result = (folder / "NER_result_conll.txt").read_bytes()
    assert (again / "NER_result_conll.txt").read_bytes() == result
    rows = result.decode("utf-8").split("\n")
    expected = [
        f"{word} {labels[i % 3]}-MISC {label}-MISC"
        for words, predicted in zip(texts, found)
        for i, (word, label) in enumerate(zip(words, predicted))
    ]
    assert [row for row in rows if row] == expected


@settings(deadline=None, max_examples=120)
@given(
    texts=st.lists(st.lists(WORDS, min_size=1, max_size=9), min_size=1, max_size=3),
    limit=st.integers(3, 24),
    do_lower_case=st.booleans(),
    seed=st.integers(0, 100),
)
def test_every_word_keeps_its_label(texts, limit, do_lower_case, seed):
    choose = random.Random(seed).randrange
    tokenizer = TOKENIZERS[do_lower_case]
    with tempfile.TemporaryDirectory() as folder:
        survives_alignment(pathlib.Path(folder), texts, tokenizer, limit, choose)


TOKENIZERS = [
    tokenization.FullTokenizer(str(INIT / "vocab.txt"), do_lower_case)
    for do_lower_case in (False, True)
]
CHARACTERS = [
    *"abcdefghijklmnopqrstuvwxyzABC0123456789",
    *"-.,;:/()[]#'\"%+*=<>@&",
    *"\0\x01\x7f\u00ad\u200b\u200d\u202e\ufeff\ufffd\ue000",
    *"éßİΣçñøẞﬁ\u0301\u0308\u0345",
    *"日本語中\u3400\U00020000한",
    *"αβγμ→≥°\U0001f600\U0001f468",
]


def test_thousands_of_random_sentences_keep_their_labels(tmp_path, request):
    dice = random.Random(20240229)

    def word():
        kind = dice.random()
        if kind < 0.1:
            return dice.choice(AWKWARD)
        if kind < 0.2:  # any character at all
            text = "".join(
                chr(
                    dice.choice(
                        [dice.randrange(0xD800), dice.randrange(0xE000, 0x11000)]
                    )
                )
                for _ in range(dice.randint(1, 4))
            )
        else:
            text = "".join(dice.choices(CHARACTERS, k=dice.randint(1, 8)))
        return text if is_word(text) else "word"

    count = request.config.getoption("--random_sentences")
    texts = [[word() for _ in range(dice.randint(1, 10))] for _ in range(count)]
    survives_alignment(tmp_path, texts, TOKENIZERS[0], 32, dice.randrange)


# Whole runs.


@pytest.fixture(scope="module")
def typed_run(tmp_path_factory, run_command, tiny_bert):
    """Trains on typed data and predicts, as a command. → arguments, folder, Finished.

    The output folder is named by the last argument, so that a copy can be used instead.
    """
    folder = tmp_path_factory.mktemp("typed")
    arguments = [
        *tiny_bert,
        corpus(folder / "data", typed(DEVEL), typed(DEVEL), typed(TEST)),
        "--do_eval=true",
        "--max_seq_length=64",
        "--train_batch_size=8",
        "--learning_rate=2e-3",
        "--num_train_epochs=10",
        "--save_checkpoints_steps=60",
        f"--output_dir={folder / 'out'}",
    ]
    done = run_command("run_ner.py", *arguments)
    assert done.status == 0, done.stderr
    return arguments, folder / "out", done


@pytest.fixture
def finished(typed_run, tmp_path):
    """A copy of the typed run's folder, to be changed. → arguments, folder"""
    arguments, out, _ = typed_run
    copy = tmp_path / "out"
    shutil.copytree(str(out), str(copy))
    return [*arguments[:-1], f"--output_dir={copy}"], copy


def test_typed_data_just_works(typed_run, run_command, tmp_path):
    arguments, out, done = typed_run
    table = (out / "entity_level_results.txt").read_text()
    assert re.search(r"^ +Chemical: precision: ", table, re.MULTILINE)
    assert re.search(r"^ +Disease: precision: ", table, re.MULTILINE)
    assert "MISC" not in table
    for line in table.splitlines():
        assert f"INFO:tensorflow:  {line}\n" in done.stderr
    data = out.parent / "data"
    detokenize_and_score(out, data / "test.tsv", run_command, tmp_path)
    labels = json.loads((out / "label2id.json").read_text())
    assert list(labels) == sorted(labels, key=labels.get)
    assert set(labels) > {"B-Chemical", "I-Disease", "O"}
    lines = (out / "label_test.txt").read_text().splitlines()
    assert set(lines) <= set(labels) - {"[PAD]"}


def test_something_is_learned(typed_run):
    """devel.tsv is the training file here."""
    _, out, _ = typed_run
    results = results_in(out / "eval_results.txt")
    assert results["global_step"] == 150
    assert results["eval_f"] > 0.3


def test_training_log_has_no_noise_and_no_line_twice(typed_run):
    _, _, done = typed_run
    lines = done.stderr.splitlines()
    assert all(line.startswith("INFO:tensorflow:") for line in lines), done.stderr
    assert done.stdout == ""
    for start in (
        "device: ",
        "***** training *****",
        "  steps = 150, of them warm-up = 15",
        "step 150 of 150 (100 %), loss ",
        "***** Eval results *****",
        "***** token-level evaluation results *****",
        "***** entity-level evaluation results *****",
    ):
        assert done.stderr.count(f"INFO:tensorflow:{start}") == 1


def test_checkpoint_has_the_originals_variables(finished):
    _, out = finished
    path = DATA / "model" / "checkpoint_variables_ner.json"
    expected = {
        name[: -len(":0")] if name.endswith(":0") else name: shape
        for name, shape in json.loads(path.read_text())
    }
    for name in expected:
        if name.startswith(("output_weights", "output_bias")):
            expected[name][0] = 9  # here with nine labels
    assert checkpoints.shapes(str(out / "model.ckpt-150")) == expected


def test_checkpoints_are_saved_on_the_way(typed_run):
    _, out, _ = typed_run
    found = {pathlib.Path(one).name for one in checkpoints.prefixes_in(str(out))}
    assert found == {"model.ckpt-60", "model.ckpt-120", "model.ckpt-150"}


def test_second_run_has_nothing_left_and_predicts_the_same(
    finished, call, caplog, listing
):
    arguments, out = finished
    before = listing(out)
    assert call(run_ner, *arguments) == (0, "", "")
    assert "  step 150 of 150: nothing left to train" in logged(caplog)
    after = listing(out)
    for changing in ("run.json", "checkpoint"):
        before.pop(changing), after.pop(changing)
    assert after == before


def test_prediction_alone_takes_the_model_in_the_folder(
    finished, call, listing, tiny_bert
):
    arguments, out = finished
    before = (out / "label_test.txt").read_bytes()
    for name in ("label_test.txt", "label2id.pkl"):
        (out / name).unlink()
    for name in ("train_dev.tsv", "devel.tsv"):
        assert (out.parent / "data" / name).exists() is False
    data_dir = corpus(out.parent / "data", test=typed(TEST))
    done = call(run_ner, *arguments, data_dir, "--do_train=false", "--do_eval=false")
    assert done == (0, "", "")
    assert (out / "label_test.txt").read_bytes() == before
    record = json.loads((out / "run.json").read_text())
    assert record["training"]["learning_rate"] == 2e-3


@pytest.mark.parametrize(
    "change, difference",
    [
        (["--learning_rate=1e-3"], "--learning_rate was 0.002, is 0.001"),
        (["--max_seq_length=32"], "--max_seq_length was 64, is 32"),
        (["--do_lower_case"], "--do_lower_case was False, is True"),
        (["corpus"], "its corpus differs"),
        (["vocabulary"], "its vocabulary differs"),
    ],
)
def test_other_training_is_refused_in_the_same_folder(
    finished, call, listing, tmp_path, change, difference
):
    arguments, out = finished
    if change == ["corpus"]:
        text = typed(DEVEL).replace("\n", "\n\n", 1)
        change = [corpus(tmp_path / "data", text, typed(DEVEL), typed(TEST))]
    if change == ["vocabulary"]:
        pieces = (INIT / "vocab.txt").read_text(encoding="utf-8").splitlines()
        pieces[1500:1502] = pieces[1501:1499:-1]
        path = tmp_path / "vocab.txt"
        path.write_text("\n".join(pieces) + "\n", encoding="utf-8")
        change = [f"--vocab_file={path}"]
    before = listing(out)
    error = call(run_ner, *arguments, *change).error
    assert error.startswith(
        f"run_ner.py: error: {out}: the checkpoints in it come from"
    )
    assert difference in error
    assert error.endswith("or start afresh with --overwrite_output_dir=true")
    assert listing(out) == before


def test_starting_afresh_replaces_what_was_there(finished, call, caplog):
    arguments, out = finished
    (out / "notes.txt").write_text("mine")
    change = ["--overwrite_output_dir=true", "--num_train_epochs=0.2", "--seed=2"]
    assert call(run_ner, *arguments, *change) == (0, "", "")
    assert "  steps = 3, of them warm-up = 0" in logged(caplog)
    assert [pathlib.Path(one).name for one in checkpoints.prefixes_in(str(out))] == [
        "model.ckpt-3"
    ]
    assert (out / "notes.txt").read_text() == "mine"
    assert results_in(out / "eval_results.txt")["global_step"] == 3


def test_afresh_or_not_a_bad_start_removes_nothing(finished, call, listing):
    arguments, out = finished
    before = listing(out)
    first = str(out.parent / "model.ckpt")
    for part in (".index", ".data-00000-of-00001"):
        content = (INIT / f"model.ckpt{part}").read_bytes()
        pathlib.Path(first + part).write_bytes(content[:300000])
    change = [f"--init_checkpoint={first}", "--overwrite_output_dir=true"]
    assert "not a readable TensorFlow" in call(run_ner, *arguments, *change).error
    assert listing(out) == before


SHORT = ["--train_batch_size=4", "--max_seq_length=48", "--num_train_epochs=2"]


def test_seed_fixes_a_run(call, tiny_bert, tmp_path, caplog):
    data_dir = corpus(tmp_path / "data", train=SMALL, test=SMALL)

    def run(name, seed):
        out = tmp_path / name
        flags = [*tiny_bert, data_dir, *SHORT, f"--output_dir={out}", f"--seed={seed}"]
        assert call(run_ner, *flags) == (0, "", "")
        (step,) = [line for line in logged(caplog) if line.startswith("step 6 of 6")]
        reader = tf.train.load_checkpoint(str(out / "model.ckpt-6"))
        return step.split(", learning")[0], reader.get_tensor("output_weights")

    first, again, other = run("a", 1), run("b", 1), run("c", 2)
    assert first[0] == again[0] != other[0]
    np.testing.assert_allclose(first[1], again[1], rtol=0, atol=1e-6)
    assert np.abs(first[1] - other[1]).max() > 0.01


def test_loss_that_is_not_finite_ends_the_run(call, tiny_bert, tmp_path):
    out = tmp_path / "out"
    error = call(
        run_ner,
        *tiny_bert,
        corpus(tmp_path / "data", train=SMALL, test=SMALL),
        *SHORT,
        f"--output_dir={out}",
        "--learning_rate=1e30",
        "--save_checkpoints_steps=1",
    ).error
    assert re.search(r"error: the (loss|gradient) is (nan|inf) at step 2; ", error)
    assert "try a lower --learning_rate" in error
    names = [pathlib.Path(one).name for one in checkpoints.prefixes_in(str(out))]
    assert names == ["model.ckpt-1"]
    assert not list(out.glob("*_test.txt"))


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"]
)
def test_stopped_run_is_finished_by_the_same_command(
    start_command, run_command, tiny_bert, tmp_path, number
):
    out = tmp_path / "out"
    arguments = [
        *tiny_bert,
        corpus(tmp_path / "data", train=SMALL, test=SMALL),
        f"--output_dir={out}",
        "--train_batch_size=4",
        "--max_seq_length=32",
        "--num_train_epochs=100",
        "--save_checkpoints_steps=10",
    ]
    process = start_command("run_ner.py", *arguments)
    deadline = time.time() + 60
    while not list(out.glob("model.ckpt-*.index")):
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    _, stderr = process.communicate()
    step = checkpoints.step(checkpoints.latest(str(out)))
    assert 10 <= step < 300
    if number == signal.SIGTERM:
        assert process.returncode == 128 + number
        assert stderr.decode().splitlines()[-1] == (
            f"stopped by SIGTERM: checkpoint saved at step {step} of 300; "
            "the same command again goes on from here"
        )
    else:
        assert process.returncode == -number
    assert not list(out.glob("*_test.txt"))
    done = run_command("run_ner.py", *arguments)
    assert done.status == 0, done.stderr
    assert f"INFO:tensorflow:  going on at step {step} of 300\n" in done.stderr
    assert checkpoints.step(checkpoints.latest(str(out))) == 300
    for name in (*PIECE_FILES, "NER_result_conll.txt"):
        assert (out / name).stat().st_size


# Wrong inputs.


class Workspace:
    """What a run needs, small, in folders of its own, ready to be spoiled.

    The output folder has results of an earlier run, which no refusal may touch.
    """

    def __init__(self, folder):
        self.folder = folder
        self.data, self.model = folder / "data", folder / "model"
        self.out = folder / "out"
        self.flags = [corpus(self.data, SMALL, SMALL, SMALL), *SHORT, "--do_eval=true"]
        shutil.copytree(str(INIT), str(self.model))
        self.out.mkdir()
        for name in RESULTS:
            (self.out / name).write_text("of an earlier run\n")

    def arguments(self):
        return [
            f"--vocab_file={self.model / 'vocab.txt'}",
            f"--bert_config_file={self.model / 'bert_config.json'}",
            f"--init_checkpoint={self.model / 'model.ckpt'}",
            f"--output_dir={self.out}",
            *self.flags,
        ]


def spoil(path, content):
    """Gives a file below the workspace other content; None removes it."""

    def change(workspace):
        file = workspace.folder / path
        if content is None:
            file.unlink()
        else:
            file.write_bytes(
                content if isinstance(content, bytes) else content.encode()
            )

    return change


def cut(path, size):
    def change(workspace):
        file = workspace.folder / path
        file.write_bytes(file.read_bytes()[:size])

    return change


def become_folder(path):
    def change(workspace):
        (workspace.folder / path).unlink()
        (workspace.folder / path).mkdir()

    return change


def line(path, number, text):
    """Replaces a line (from 1) of a file."""

    def change(workspace):
        file = workspace.folder / path
        lines = file.read_bytes().split(b"\n")
        lines[number - 1] = text
        file.write_bytes(b"\n".join(lines))

    return change


def config(**changes):
    def change(workspace):
        file = workspace.model / "bert_config.json"
        values = dict(json.loads(file.read_text()), **changes)
        values = {key: value for key, value in values.items() if value is not ...}
        file.write_text(json.dumps(values))

    return change


def flags(*arguments):
    def change(workspace):
        for argument in arguments:
            workspace.flags.append(argument.format(**vars(workspace)))

    return change


def predicting(workspace):
    workspace.flags.append("--do_train=false")
    for name in CHECKPOINT_FILES:
        shutil.copy(str(GOLDEN / name), str(workspace.out))


def predicting_without_model(workspace):
    workspace.flags += ["--do_train=false", "--init_checkpoint="]


# Name, what is done to the workspace, what the error line says.
WRONG = [
    # The corpus.
    (
        "no training file",
        [spoil("data/train_dev.tsv", None)],
        r"/data/train_dev.tsv: cannot be read \(no such file or directory\)",
    ),
    (
        "training file is a folder",
        [become_folder("data/train_dev.tsv")],
        r"/data/train_dev.tsv: cannot be read \(is a directory\)",
    ),
    (
        "empty training file",
        [spoil("data/train_dev.tsv", "")],
        "/data/train_dev.tsv: there is no sentence in it; write a word and its label",
    ),
    (
        "blank training file",
        [spoil("data/train_dev.tsv", "\n \r\n\t\n")],
        "/data/train_dev.tsv: there is no sentence in it",
    ),
    (
        "one column",
        [line("data/train_dev.tsv", 3, b"alone")],
        "/data/train_dev.tsv:3: one column where a word and its label are needed; ",
    ),
    (
        "bytes that are no text",
        [line("data/train_dev.tsv", 2, b"na\xefve\tO")],
        "/data/train_dev.tsv:2: byte 3 of the line is not UTF-8 text; save the file as",
    ),
    (
        "UTF-16",
        [spoil("data/train_dev.tsv", SMALL.encode("utf-16"))],
        "/data/train_dev.tsv:1: byte 1 of the line is not UTF-8",
    ),
    (
        "binary training file",
        [spoil("data/train_dev.tsv", bytes(range(256)) * 9)],
        "/data/train_dev.tsv:[0-9]+: ",
    ),
    (
        "reserved label",
        [line("data/train_dev.tsv", 4, b"word\t[CLS]")],
        r"/data/train_dev.tsv:4: the label \[CLS\] is reserved; give the label another",
    ),
    (
        "reserved label X",
        [line("data/train_dev.tsv", 5, b"word X")],
        "/data/train_dev.tsv:5: the label X is reserved",
    ),
    (
        "no devel.tsv",
        [spoil("data/devel.tsv", None)],
        "/data/devel.tsv: cannot be read",
    ),
    (
        "one column in devel.tsv",
        [line("data/devel.tsv", 1, b"alone")],
        "/data/devel.tsv:1: one column",
    ),
    (
        "unknown label in devel.tsv",
        [line("data/devel.tsv", 6, b"word\tB-Gene")],
        "/data/devel.tsv:6: the model does not know the label B-Gene; it knows B, I, O",
    ),
    (
        "no test.tsv",
        [spoil("data/test.tsv", None)],
        "/data/test.tsv: cannot be read",
    ),
    (
        "empty test.tsv",
        [spoil("data/test.tsv", "\ufeff")],
        "/data/test.tsv: there is no sentence in it",
    ),
    (
        "unknown label in test.tsv",
        [line("data/test.tsv", 2, b"word\tE")],
        "/data/test.tsv:2: the model does not know the label E; ",
    ),
    (
        "some words of test.tsv without a label",
        [line("data/test.tsv", 3, b"alone")],
        "/data/test.tsv:3: a word without a label after words with one; label all",
    ),
    (
        "some words of test.tsv with a label",
        [spoil("data/test.tsv", "a\nb\nc\tO\n")],
        "/data/test.tsv:3: a word with a label after words without; label all",
    ),
    (
        "no data_dir",
        [flags("--data_dir={folder}/nowhere")],
        "/nowhere/train_dev.tsv: cannot be read",
    ),
    (
        "data_dir is a file",
        [flags("--data_dir={data}/test.tsv")],
        r"/data/test.tsv/train_dev.tsv: cannot be read \(not a directory\)",
    ),
    (
        "too few sentences for a step",
        [flags("--train_batch_size=1000")],
        "12 examples make no step of 1000 in 2 epochs; lower --train_batch_size",
    ),
    # Vocabulary and configuration.
    (
        "no vocabulary",
        [spoil("model/vocab.txt", None)],
        "/model/vocab.txt: cannot be read",
    ),
    ("empty vocabulary", [spoil("model/vocab.txt", "")], "/model/vocab.txt: empty"),
    (
        "vocabulary of another size",
        [cut("model/vocab.txt", 20000)],
        r"/model/vocab.txt: [\d,]+ pieces, but the configuration says vocab_size 3,000",
    ),
    (
        "vocabulary without [SEP]",
        [line("model/vocab.txt", 4, b"other")],
        r"/model/vocab.txt: without the piece \[SEP\]",
    ),
    (
        "undecodable vocabulary",
        [line("model/vocab.txt", 9, b"\xff")],
        "/model/vocab.txt:9: byte 1 of the line is not UTF-8",
    ),
    (
        "no configuration",
        [spoil("model/bert_config.json", None)],
        "/model/bert_config.json: cannot be read",
    ),
    (
        "empty configuration",
        [spoil("model/bert_config.json", "")],
        "/model/bert_config.json:1: not JSON",
    ),
    (
        "truncated configuration",
        [cut("model/bert_config.json", 100)],
        r"/model/bert_config.json:\d: not JSON .*; is the file complete\?",
    ),
    (
        "configuration is a list",
        [spoil("model/bert_config.json", "[]")],
        "/model/bert_config.json: the configuration must be a JSON object",
    ),
    (
        "configuration lacks keys",
        [config(hidden_act=..., vocab_size=...)],
        "/model/bert_config.json: missing vocab_size, hidden_act",
    ),
    (
        "configuration with text for a number",
        [config(hidden_size="32")],
        "/model/bert_config.json: hidden_size must be a whole number from 1, not '32'",
    ),
    (
        "configuration with a list for a name",
        [config(hidden_act=["gelu"])],
        "/model/bert_config.json: hidden_act must be one of",
    ),
    (
        "configuration with an unknown activation",
        [config(hidden_act="swish")],
        "/model/bert_config.json: hidden_act must be one of gelu",
    ),
    (
        "configuration with too high a rate",
        [config(hidden_dropout_prob=1.5)],
        "/model/bert_config.json: hidden_dropout_prob must be from 0 to below 1",
    ),
    (
        "heads that do not divide",
        [config(num_attention_heads=5)],
        "/model/bert_config.json: hidden_size 32 is not a multiple of num_attention",
    ),
    (
        "sequences too long for the model",
        [flags("--max_seq_length=385")],
        "--max_seq_length: 385 is more than the model's max_position_embeddings 384",
    ),
    (
        "case against the checkpoint's name",
        [flags("--init_checkpoint=/x/uncased_L-12_H-768_A-12/bert_model.ckpt")],
        "is a model of lower-cased text; use --do_lower_case=true",
    ),
    # The checkpoint.
    (
        "no such checkpoint",
        [flags("--init_checkpoint={model}/model.ckpt-1000000")],
        "no such checkpoint; in .*/model there is model.ckpt$",
    ),
    (
        "no folder of a checkpoint",
        [flags("--init_checkpoint={folder}/nowhere/model.ckpt")],
        "no such folder; in .*/nowhere there is no checkpoint at all",
    ),
    (
        "folder without a checkpoint",
        [flags("--init_checkpoint={data}")],
        "--init_checkpoint=.*/data: no checkpoint in this folder",
    ),
    (
        "checkpoint without its data",
        [spoil("model/model.ckpt.data-00000-of-00001", None)],
        "the checkpoint's .data file is missing or incomplete",
    ),
    (
        "truncated checkpoint",
        [cut("model/model.ckpt.data-00000-of-00001", 100000)],
        "/model/model.ckpt: not a readable TensorFlow checkpoint; copy or download it",
    ),
    (
        "garbage for a checkpoint",
        [spoil("model/model.ckpt.index", b"\x01" * 900)],
        "/model/model.ckpt: not a readable TensorFlow checkpoint",
    ),
    (
        "checkpoint of another shape",
        [config(intermediate_size=128)],
        r"kernel has shape \[32, 64\] there but \[32, 128\] in this model; is --bert_",
    ),
    (
        "checkpoint of fewer layers",
        [config(num_hidden_layers=3)],
        "/model/model.ckpt: lacks 16 variables of the encoder, bert/encoder/layer_2/",
    ),
    (
        "head of other labels",
        [
            flags(f"--init_checkpoint={FINE_TUNED}"),
            line("data/train_dev.tsv", 1, b"word\tB-Gene"),
        ],
        r"output_\w+ has shape \[7.*\] there but \[8.*; it was trained with other",
    ),
    # Prediction.
    (
        "nothing to predict with",
        [predicting_without_model],
        "/out: there is no checkpoint in it; train first .* --init_checkpoint",
    ),
    (
        "prediction without a head",
        [flags("--do_train=false")],
        "/model/model.ckpt: has no trained head for this task .* train first",
    ),
    (
        "prediction with another configuration",
        [predicting, config(intermediate_size=128)],
        "/out/model.ckpt-1190: bert/encoder/layer_0/.* is --bert_config_file the one",
    ),
    (
        "prediction with a truncated checkpoint",
        [predicting, cut("out/model.ckpt-1190.data-00000-of-00001", 90000)],
        "/out/model.ckpt-1190: not a readable TensorFlow checkpoint",
    ),
    (
        "labels that are no JSON",
        [predicting, spoil("out/label2id.json", "{")],
        "/out/label2id.json:1: not JSON",
    ),
    (
        "labels of another form",
        [predicting, spoil("out/label2id.json", '{"B": [1]}')],
        "/out/label2id.json: not a JSON object of labels",
    ),
    (
        "labels of another model",
        [predicting, spoil("out/label2id.json", '{"[PAD]": 0, "B": 1}')],
        "/out/label2id.json: 2 labels, but the checkpoint's head has 7",
    ),
    (
        "labels of another task",
        [
            predicting,
            spoil(
                "out/label2id.json", json.dumps({c: i for i, c in enumerate("abcdefg")})
            ),
        ],
        "/out: not the labels of a model for entity recognition: a, b",
    ),
    (
        "prediction with another vocabulary",
        [
            predicting,
            spoil("out/run.json", '{"training": {"vocabulary": "0123"}}'),
        ],
        "/out: the model in it was trained otherwise: its vocabulary differs; predict",
    ),
    (
        "run record that is none",
        [predicting, spoil("out/run.json", "[]")],
        "/out/run.json: not a record of this suite; remove it",
    ),
    (
        "truncated run record",
        [predicting, spoil("out/run.json", '{"training": {')],
        "/out/run.json:1: not JSON",
    ),
    (
        "unknown label for the given model",
        [predicting, line("data/test.tsv", 2, b"word\tB-Gene")],
        "/data/test.tsv:2: the model does not know the label B-Gene; it knows B, I, O",
    ),
    # Flags.
    ("unknown flag", [flags("--epochs=3")], "epochs.*--help lists the flags"),
    ("stray argument", [flags("train")], "'train' is not a flag; flags look like"),
    ("flag of the wrong type", [flags("--seed=x")], "seed.*--help lists the flags"),
    (
        "number out of range",
        [flags("--warmup_proportion=2")],
        "--warmup_proportion: must be at most 1.0, not 2.0",
    ),
    ("learning rate 0", [flags("--learning_rate=0")], "--learning_rate: must be above"),
    ("no data_dir given", [flags("--data_dir=")], "--data_dir: is required"),
    ("other task", [flags("--task_name=re")], "--task_name: re is not a task"),
    ("TPU", [flags("--use_tpu=true")], "--use_tpu: TPUs are not supported; leave the"),
    # The output folder.
    (
        "output_dir is a file",
        [flags("--output_dir={data}/test.tsv")],
        "/data/test.tsv: cannot be written",
    ),
    (
        "output_dir below a file",
        [flags("--output_dir={data}/test.tsv/out")],
        "/data/test.tsv/out: cannot be written",
    ),
    (
        "output_dir where no folder can be made",
        [flags("--output_dir=/proc/nowhere/out")],
        "/proc/nowhere/out: cannot be written",
    ),
]
BY_NAME = {name: (changes, message) for name, changes, message in WRONG}
AS_COMMANDS = [
    "one column",
    "vocabulary of another size",
    "truncated checkpoint",
    "prediction without a head",
    "unknown flag",
    "output_dir is a file",
]


def check_refusal(name, run, tmp_path, listing):
    changes, message = BY_NAME[name]
    workspace = Workspace(tmp_path)
    for change in changes:
        change(workspace)
    before = listing(tmp_path)
    error = run(*workspace.arguments()).error
    assert error.startswith("run_ner.py: error: ")
    assert re.search(message, error), error
    assert listing(tmp_path) == before


def test_names_of_wrong_inputs_are_unique():
    assert len(BY_NAME) == len(WRONG)


@pytest.mark.parametrize("name", BY_NAME)
def test_wrong_input_is_one_line(name, call, tmp_path, listing):
    def run(*arguments):
        return call(run_ner, *arguments)

    check_refusal(name, run, tmp_path, listing)


@pytest.mark.parametrize("name", AS_COMMANDS)
def test_wrong_input_is_one_line_of_the_command(name, run_command, tmp_path, listing):
    def run(*arguments):
        return run_command("run_ner.py", *arguments)

    check_refusal(name, run, tmp_path, listing)


def test_workspace_is_good_as_long_as_nobody_spoils_it(call, tmp_path):
    """Otherwise the refusals above would prove nothing."""
    workspace = Workspace(tmp_path)
    assert call(run_ner, *workspace.arguments()) == (0, "", "")
    for name in RESULTS:
        assert (workspace.out / name).read_text() != "of an earlier run\n"


def test_second_run_in_a_folder_at_work_is_refused(
    start_command, call, tiny_bert, tmp_path
):
    out = tmp_path / "out"
    arguments = [
        *tiny_bert,
        corpus(tmp_path / "data", train=SMALL, test=SMALL),
        f"--output_dir={out}",
        "--train_batch_size=4",
        "--num_train_epochs=100000",
    ]
    process = start_command("run_ner.py", *arguments)
    deadline = time.time() + 60
    while not (out / "run.json").exists():
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.02)
    error = call(run_ner, *arguments).error
    assert error == (
        f"run_ner.py: error: {out}: another run is at work in this folder; "
        "wait for it, or choose another --output_dir"
    )


def test_full_disk_ends_the_run_in_one_line(run_command, tiny_bert, tmp_path):
    """No file may grow beyond 300,000 bytes: the checkpoint cannot be saved."""
    resource = pytest.importorskip("resource")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))

    out = tmp_path / "out"
    done = run_command(
        "run_ner.py",
        *tiny_bert,
        corpus(tmp_path / "data", train=SMALL, test=SMALL),
        *SHORT,
        f"--output_dir={out}",
        preexec_fn=limit,
    )
    assert done.error == (
        f"run_ner.py: error: {out}/model.ckpt-6: cannot be written (file too large); "
        "nothing there was changed"
    )
    assert checkpoints.latest(str(out)) is None


def test_help_is_printed(run_command):
    done = run_command("run_ner.py", "--help")
    assert (done.status, done.stderr) == (0, "")
    assert "--[no]do_train" in done.stdout and "train_dev.tsv" in done.stdout


def test_input_errors_have_their_own_class():
    """So that main can be used as a function."""
    with pytest.raises(files.InputError, match="--vocab_file: is required"):
        run_ner.main(["run_ner.py"], None)
