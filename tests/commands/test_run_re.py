"""run_re.py: the original's numbers, whole jobs, folds, and wrong inputs."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import run_re
import tokenization
from biocodes.lib import files
from biocodes.lib.labels import read_labels
from biocodes.lib.relations import CHEMPROT_LABELS, Row, read_test, read_train
from finetuning.folds import Fold, find_folds, fold_table
from finetuning.signals import Interruption
from kit import paths
from tasks.re.results import dev_scores

tf.disable_v2_behavior()

HERE = str(paths.TESTS)
SUITE = os.path.dirname(HERE)
INIT = os.path.join(HERE, "data", "init")
NER = os.path.join(HERE, "data", "ner")
GOLDEN = os.path.join(HERE, "data", "re")
GOLDEN_CHECKPOINT = os.path.join(GOLDEN, "model.ckpt-150")
PRETRAINED = {
    "vocab_file": os.path.join(INIT, "vocab.txt"),
    "bert_config_file": os.path.join(INIT, "bert_config.json"),
    "init_checkpoint": os.path.join(INIT, "model.ckpt"),
    "do_lower_case": False,
}
# Six training steps on the rows that write_data writes.
SHORT = {"train_batch_size": 8, "num_train_epochs": 1.0, "learning_rate": 1e-3}
ALL = {"do_train": True, "do_eval": True, "do_predict": True}
TRAIN = read_train(os.path.join(GOLDEN, "train.tsv"))
TOKENIZER = tokenization.FullTokenizer(PRETRAINED["vocab_file"], do_lower_case=False)


def arguments(**flags):
    """Flags by name → those of a command with the tiny BERT."""
    flags = {**PRETRAINED, **flags}
    return [f"--{name}={value}" for name, value in flags.items() if value is not None]


def run(**flags):
    """run_re.py within this process."""
    run_re.main(["run_re.py", *arguments(**flags)], Interruption())


def command(script, *flags):
    """Runs a script of the suite → its standard output and error; it must succeed."""
    done = subprocess.run(
        [sys.executable, os.path.join(SUITE, script), *flags], capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode("utf-8")
    return done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_data(folder, labels=("0", "1"), test_labels=True):
    """Writes train.tsv, dev.tsv and test.tsv, 48, 10 and 12 rows, labels in turn."""
    rows = [(row.sentence, labels[i % len(labels)]) for i, row in enumerate(TRAIN)]
    write_lines(folder / "train.tsv", map("\t".join, rows[:48]))
    write_lines(folder / "dev.tsv", map("\t".join, rows[48:58]))
    columns = 3 if test_labels else 2
    test = [(f"id-{i}", *row) for i, row in enumerate(rows[58:70])]
    header = ("index", "sentence", "label")
    write_lines(
        folder / "test.tsv", ("\t".join(one[:columns]) for one in [header, *test])
    )
    return folder


def read_table(path):
    """Tab-separated file → list of lists of str."""
    with open(path, encoding="utf-8") as stream:
        return [line.rstrip("\n").split("\t") for line in stream]


def read_text(*path):
    with open(os.path.join(*map(str, path)), encoding="utf-8") as stream:
        return stream.read()


def snapshot(folder):
    """dict of path → content and time of everything in a folder but the lock."""
    found = {}
    for at, _, names in os.walk(str(folder)):
        for name in set(names) - {".lock"}:
            path = os.path.join(at, name)
            with open(path, "rb") as stream:
                found[path] = stream.read(), os.stat(path).st_mtime_ns
    return found


@pytest.fixture
def logged(caplog):
    """What the run logs, whatever another test has made of the logger."""
    log = logging.getLogger("biobert")
    before = log.handlers, log.propagate, log.level
    log.handlers, log.propagate = [caplog.handler], False
    log.setLevel(logging.INFO)
    yield caplog
    log.handlers, log.propagate = before[:2]
    log.setLevel(before[2])


@pytest.fixture(scope="module")
def gad(tmp_path_factory):
    """A gad data set and the folder of a model trained on it by a real command."""
    folder = tmp_path_factory.mktemp("gad")
    data_dir, output_dir = write_data(folder / "data"), folder / "out"
    command(
        "run_re.py",
        *arguments(
            task_name="gad", data_dir=data_dir, output_dir=output_dir, **SHORT, **ALL
        ),
    )
    return data_dir, output_dir


# The original's numbers


def test_features_are_those_of_the_original():
    with open(os.path.join(GOLDEN, "features.jsonl")) as stream:
        expected = [json.loads(line) for line in stream]
    of_train = [one for one in expected if one["guid"].startswith("train-")]
    assert len(of_train) == 100
    for row, features in zip(TRAIN, of_train):
        ours = run_re.featurize(
            row, TOKENIZER, {"0": 0, "1": 1}, features["max_seq_length"]
        )
        assert ours["input_ids"] == features["input_ids"]
        assert ours["label_id"] == features["label_id"]
        assert not any(features["segment_ids"])  # which run_re therefore leaves out


@pytest.mark.parametrize("padded", [True, False])
def test_a_checkpoint_of_the_original_predicts_the_same_here(padded, tmp_path):
    run(
        task_name="GAD",
        do_eval=True,
        do_predict=True,
        data_dir=GOLDEN,
        output_dir=tmp_path,
        init_checkpoint=GOLDEN_CHECKPOINT,
        pad_to_max_length=padded,
    )
    expected = np.loadtxt(os.path.join(GOLDEN, "test_results.tsv"), delimiter="\t")
    found = np.loadtxt(str(tmp_path / "test_results.tsv"), delimiter="\t")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert read_text(tmp_path, "test_scores.txt") == read_text(GOLDEN, "re_eval.txt")
    results, golden = (
        [
            line.split(" = ")
            for line in read_text(folder, "eval_results.txt").split("\n")
        ]
        for folder in (tmp_path, GOLDEN)
    )
    assert [line[0] for line in results] == [line[0] for line in golden]
    for (_, ours), (_, theirs) in zip(results[:-1], golden[:-1]):
        assert float(ours) == pytest.approx(float(theirs), abs=1e-4)


def test_result_lines_have_the_form_of_the_original(gad):
    # As many digits as a float32 needs, a tab between them, no header line.
    number = r"(?:0\.\d+|1\.0|\d(?:\.\d+)?e-\d\d)"
    form = re.compile(rf"(?:{number}\t{number}\n)+")
    for folder in (GOLDEN, gad[1]):
        assert form.fullmatch(read_text(folder, "test_results.tsv"))
    for cells in read_table(gad[1] / "test_results.tsv"):
        assert cells == [str(np.float32(cell)) for cell in cells]


# Features


@given(st.text(min_size=1, max_size=60), st.integers(3, 20))
@settings(deadline=None)
def test_any_text_becomes_the_pieces_of_the_tokenizer(text, limit):
    row = Row(1, text, None)
    features = run_re.featurize(row, TOKENIZER, {}, limit)
    pieces = TOKENIZER.tokenize(text)
    found = TOKENIZER.convert_ids_to_tokens(features["input_ids"])
    assert found == ["[CLS]", *pieces[: limit - 2], "[SEP]"]
    assert features["pieces"] == len(pieces) + 2
    if len(pieces) <= limit - 2:
        assert not features["lost"]


def test_a_placeholder_is_lost_unless_all_of_it_is_kept():
    sentence = "naïve @GENE$-x in @DISEASE$ ."
    pieces = TOKENIZER.tokenize(sentence)
    ends = [i for i, piece in enumerate(pieces, 1) if piece == "$"]
    assert len(ends) == 2
    for kept in range(1, len(pieces) + 1):
        lost = run_re.lost_placeholders(sentence, TOKENIZER, kept)
        assert lost == sum(end > kept for end in ends)


# Scores


@pytest.mark.parametrize(
    "task, labels, scoring",
    [
        (run_re.TASKS["gad"], ("0", "1"), "binary"),
        (run_re.TASKS["chemprot"], CHEMPROT_LABELS, "chemprot"),
        (run_re.Task(None), ("0", "1"), "binary"),
        # re_eval has a negative label in this one only.
        (run_re.Task(None, negative="0"), ("0", "1"), "multiclass"),
        (run_re.Task(None), ("a", "b", "c"), "multiclass"),
    ],
)
def test_labels_and_negative_say_how_to_score(task, labels, scoring):
    assert task.scoring(labels) == scoring


def test_the_loss_of_a_short_last_batch_counts_as_much_as_the_others():
    scores = dev_scores([True, False, True], [1.0, 2.0, 6.0], batch_size=2)
    assert scores == {
        "eval_accuracy": np.float32(2 / 3),
        "eval_loss": np.float32(3.0),
        "loss": np.float32((1.5 + 6.0) / 2),
    }


def test_the_table_of_folds_ends_with_mean_and_sample_deviation():
    lines = fold_table(
        [{"f1 score": 0.5, "recall": 1.0}, {"f1 score": 0.7}, {"f1 score": 0.6}]
    )
    assert [line.split("  ")[0].strip() for line in lines] == [
        *["fold", "1", "2", "3", "mean", "standard deviation"]
    ]
    assert [line.split()[-2:] for line in lines[1:]] == [
        ["50.00%", "100.00%"],
        ["70.00%", "-"],
        ["60.00%", "-"],
        ["60.00%", "100.00%"],
        ["10.00%", "-"],
    ]
    assert len({len(line) for line in lines}) == 1


# Whole jobs


def test_gad_trains_then_predicts_in_another_command(gad, tmp_path):
    data_dir, output_dir = gad
    names = ("test_results.tsv", "test_predictions.tsv", "test_scores.txt")
    trained = {name: read_text(output_dir, name) for name in names}
    again = tmp_path / "again"
    _, logs = command(
        "run_re.py",
        *arguments(
            task_name="gad",
            do_predict="True",
            data_dir=data_dir,
            output_dir=again,
            init_checkpoint=output_dir,
        ),
    )
    assert {name: read_text(again, name) for name in names} == trained
    scores, _ = command(
        "biocodes/re_eval.py",
        f"--output_path={again / 'test_results.tsv'}",
        f"--answer_path={data_dir / 'test.tsv'}",
    )
    assert scores == trained["test_scores.txt"]
    for line in [
        "***** test results *****",
        *("  " + one for one in scores.split("\n")),
    ]:
        assert not line.strip() or logs.count(f"INFO:tensorflow:{line}\n") == 1
    assert json.loads(read_text(output_dir, "label2id.json")) == {"0": 0, "1": 1}


def test_predictions_are_traced_back_to_their_sentences(gad):
    data_dir, output_dir = gad
    test = read_table(data_dir / "test.tsv")
    probabilities = read_table(output_dir / "test_results.tsv")
    header, *table = read_table(output_dir / "test_predictions.tsv")
    assert header == ["index", "label", "0", "1"]
    assert [line[0] for line in table] == [line[0] for line in test[1:]]
    assert [line[2:] for line in table] == probabilities
    best = [str(int(float(one) > float(zero))) for zero, one in probabilities]
    assert [line[1] for line in table] == best


def test_a_second_training_has_nothing_left_to_do(gad, logged, tmp_path):
    data_dir, output_dir = gad
    copy = tmp_path / "out"
    shutil.copytree(str(output_dir), str(copy))
    before = snapshot(copy)
    run(task_name="gad", data_dir=data_dir, output_dir=copy, **SHORT, **ALL)
    assert "nothing left to train" in logged.text
    assert set(snapshot(copy)) == set(before)


def test_chemprot_trains_predicts_and_is_scored(tmp_path):
    data_dir = write_data(tmp_path / "data", CHEMPROT_LABELS)
    output_dir = tmp_path / "out"
    names = {"task_name": "chemprot", "data_dir": data_dir, "output_dir": output_dir}
    command("run_re.py", *arguments(**names, **SHORT, **ALL))
    header = read_table(output_dir / "test_predictions.tsv")[0]
    assert header == ["index", "label", *CHEMPROT_LABELS]
    scores, _ = command(
        "biocodes/re_eval.py",
        f"--output_path={output_dir / 'test_results.tsv'}",
        f"--answer_path={data_dir / 'test.tsv'}",
        "--task=chemprot",
    )
    assert scores == read_text(output_dir, "test_scores.txt")


def test_custom_labels_are_kept_beside_the_model(tmp_path):
    data_dir = write_data(tmp_path / "data", ("treats", "causes", "none"))
    output_dir = tmp_path / "out"
    names = {"task_name": "custom", "data_dir": data_dir, "output_dir": output_dir}
    negative = {"negative": "none"}
    command("run_re.py", *arguments(**names, **negative, **SHORT, **ALL))
    labels = ["causes", "none", "treats"]
    assert read_labels(str(output_dir / "label2id.json")) == labels
    scores, _ = command(
        "biocodes/re_eval.py",
        f"--output_path={output_dir / 'test_results.tsv'}",
        f"--answer_path={data_dir / 'test.tsv'}",
        *("--task=multiclass", "--negative=none"),
    )
    assert scores == read_text(output_dir, "test_scores.txt")

    # The labels are found again with the model; a test.tsv without any is fine.
    write_data(data_dir, ("treats", "causes", "none"), test_labels=False)
    before = read_text(output_dir, "test_predictions.tsv")
    run(**names, do_predict=True)
    assert read_text(output_dir, "test_predictions.tsv") == before
    assert not (output_dir / "test_scores.txt").exists()


def test_labels_have_the_ids_of_their_place_in_the_flag(tmp_path):
    data_dir = write_data(tmp_path / "data", ("b", "a"))
    names = {"task_name": "custom", "data_dir": data_dir, "output_dir": tmp_path}
    run(**names, labels="b,c,a", do_train=True, **SHORT)
    assert json.loads(read_text(tmp_path, "label2id.json")) == {"b": 0, "c": 1, "a": 2}


def test_ddi13_can_be_trained_with_all_its_classes(tmp_path):
    labels = ("advise", "effect", "mechanism", "int", "false")
    data_dir = write_data(tmp_path / "data", labels)
    run(task_name="ddi13", data_dir=data_dir, output_dir=tmp_path, **SHORT, **ALL)
    assert tuple(read_labels(str(tmp_path / "label2id.json"))) == labels
    scores = read_text(tmp_path, "test_scores.txt")
    assert [line.split()[0] for line in scores.splitlines()[1:6]] == list(labels)
    assert "micro average without false" in scores


def test_cut_sentences_are_reported_once(gad, logged, tmp_path):
    data_dir, output_dir = gad
    names = {"task_name": "gad", "data_dir": data_dir, "output_dir": tmp_path}
    source = {"do_predict": True, "init_checkpoint": output_dir}
    run(**names, **source, max_seq_length=8)
    test, _ = read_test(str(data_dir / "test.tsv"))
    sizes = [len(TOKENIZER.tokenize(row.sentence)) + 2 for row in test]
    cuts = [line for line in logged.messages if "--max_seq_length=8" in line]
    assert cuts == [
        "sentences cut at --max_seq_length=8: 12 of 12 in test.tsv; the longest has"
        f" {max(sizes)} pieces"
    ]
    warned = [one for one in logged.records if one.levelno == logging.WARNING]
    assert [one.getMessage().split(":")[0] for one in warned] == [
        "sentences with an entity (@…$) in the part cut off"
    ]
    logged.clear()
    run(**names, **source)
    assert f"none; the longest has {max(sizes)} pieces" in logged.text
    assert not [one for one in logged.records if one.levelno == logging.WARNING]


# Folds


def test_folds_run_one_after_another_and_only_once(logged, tmp_path):
    for fold in ("1", "2"):
        write_data(tmp_path / "data" / fold)
    output_dir = tmp_path / "out"
    flags = dict(
        task_name="gad",
        data_dir=tmp_path / "data",
        output_dir=output_dir,
        **SHORT,
        **ALL,
    )
    _, logs = command("run_re.py", *arguments(**flags))
    assert logs.index("fold 1 of 2") < logs.index("fold 2 of 2")
    table = read_text(output_dir, "fold_scores.txt")
    rows = [line.split() for line in table.splitlines()]
    assert [row[0] for row in rows] == ["fold", "1", "2", "mean", "standard"]
    for number in (1, 2):
        f1 = read_text(output_dir, number, "test_scores.txt").split("\n")[0]
        assert f1.split(" : ")[1] == rows[number][1]
    assert all(f"  {line}\n" in logs for line in table.splitlines())

    # Only the second fold is run again when one of its results is gone.
    before = snapshot(output_dir / "1")
    (output_dir / "2" / "test_scores.txt").unlink()
    run(**flags)
    assert snapshot(output_dir / "1") == before
    assert (output_dir / "2" / "test_scores.txt").exists()
    assert read_text(output_dir, "fold_scores.txt") == table
    assert logged.messages.count("  done already") == 1

    # Both are when their results came from something else, here from other batches.
    logged.clear()
    run(**{**flags, "eval_batch_size": 3})
    assert "  done already" not in logged.messages
    # And a file that does not fit in one fold stops the run before any other.
    write_lines(tmp_path / "data" / "2" / "dev.tsv", ["A sentence.\tmaybe"])
    before = snapshot(output_dir)
    with pytest.raises(files.InputError, match="2/dev.tsv:1: label 'maybe'"):
        run(**flags)
    assert snapshot(output_dir) == before


def test_a_fold_that_failed_is_not_taken_for_done_later(tmp_path):
    (tmp_path / "1").mkdir()
    fold = Fold({}, str(tmp_path / "1"))
    jobs = [run_re.Job(fold, {}, ("0", "1"), None, {"training": None})]
    ran = []

    def succeed(job):
        ran.append(job)
        return {"recall": 0.5}

    def fail(job):
        raise files.InputError("stopped")

    def run_folds(run, afresh):
        run_re.run_folds(str(tmp_path), jobs, run, afresh)
        return len(ran)

    assert run_folds(succeed, afresh=False) == 1
    assert run_folds(succeed, afresh=False) == 1
    assert run_folds(succeed, afresh=True) == 2
    with pytest.raises(files.InputError):
        run_folds(fail, afresh=True)
    assert not (tmp_path / "fold_scores.txt").exists()
    assert run_folds(succeed, afresh=False) == 3
    assert "50.00%" in read_text(tmp_path, "fold_scores.txt")


@pytest.mark.parametrize(
    "scores", ["[]", "7", '{"recall": "1"}', '{"recall": NaN}', '{"recall": 1e400}']
)
def test_record_of_a_fold_is_checked_before_it_is_believed(scores, tmp_path):
    fold = Fold({}, str(tmp_path))
    job = run_re.Job(fold, {}, ("0", "1"), None, {"training": None})
    path = tmp_path / "fold.json"
    path.write_text('{"made_from": {"training": null}, "scores": {"recall": 0.5}}')
    assert run_re.scores_of_done(job) == {"recall": 0.5}
    path.write_text(f'{{"made_from": {{"training": null}}, "scores": {scores}}}')
    with pytest.raises(files.InputError, match="fold.json: not a record of this suite"):
        run_re.scores_of_done(job)
    path.write_text('{"made_from": {"training": 0}}')
    assert run_re.scores_of_done(job) is None


def test_folds_share_the_labels_of_all_training_data(tmp_path):
    paths = {"1": ["A.\tb", "B.\ta"], "2": ["A.\tc", "B.\ta"]}
    for fold, lines in paths.items():
        write_lines(tmp_path / fold / "train.tsv", lines)
    folds = find_folds(str(tmp_path), str(tmp_path / "out"), ["train"])
    assert [os.path.basename(fold.folder) for fold in folds] == ["1", "2"]
    corpora = [run_re.read_corpus(fold.paths) for fold in folds]
    assert run_re.labels_to_learn(run_re.Task(None), corpora) == ("a", "b", "c")


# Wrong inputs


def replace_line(name, number, line):
    """A change to a data set: another line `number`, from 1, of a file."""

    def change(data_dir):
        lines = (data_dir / name).read_bytes().split(b"\n")
        lines[number - 1] = line.encode("latin-1")
        (data_dir / name).write_bytes(b"\n".join(lines))

    return change


def remove(name):
    return lambda data_dir: (data_dir / name).unlink()


def empty(name):
    return lambda data_dir: (data_dir / name).write_bytes(b"")


WRONG_DATA = [
    (replace_line("train.tsv", 3, "No label."), "train.tsv:3: 1 column, expected 2"),
    (replace_line("train.tsv", 3, "7\tTwo.\t1"), "train.tsv:3: 3 columns, expected 2"),
    (replace_line("train.tsv", 1, "sentence\tlabel"), "train.tsv:1: a header line"),
    (replace_line("train.tsv", 5, "One.\t2"), "train.tsv:5: label '2' is not one of"),
    (replace_line("train.tsv", 5, "One.\t"), "train.tsv:5: the label is empty"),
    (replace_line("train.tsv", 5, "\xe9\t1"), "train.tsv:5: byte 1 of the line is not"),
    (replace_line("dev.tsv", 2, "O\0ne.\t1"), "dev.tsv:2: holds a NUL character"),
    (replace_line("dev.tsv", 4, "One.\tyes"), "dev.tsv:4: label 'yes' is not one of"),
    (replace_line("test.tsv", 1, "0\tOne.\t1"), "test.tsv:1: not the header line"),
    (replace_line("test.tsv", 3, "0\tOne.\t-1"), "test.tsv:3: label '-1' is not one"),
    (replace_line("test.tsv", 3, "0\tOne."), "test.tsv:3: 2 columns, expected 3"),
    (empty("train.tsv"), "train.tsv: the file is empty"),
    (empty("test.tsv"), "test.tsv: the file is empty"),
    (remove("train.tsv"), "train.tsv: cannot be read (no such file"),
    (remove("dev.tsv"), "dev.tsv: cannot be read (no such file"),
]


@pytest.mark.parametrize("change, message", WRONG_DATA, ids=[m for _, m in WRONG_DATA])
def test_wrong_data_is_refused_before_anything_is_written(
    change, message, gad, tmp_path
):
    data_dir = write_data(tmp_path / "data")
    change(data_dir)
    before = snapshot(gad[1])
    with pytest.raises(files.InputError, match=re.escape(message)):
        run(
            task_name="gad",
            data_dir=data_dir,
            output_dir=gad[1],
            overwrite_output_dir=True,
            **SHORT,
            **ALL,
        )
    assert snapshot(gad[1]) == before


WRONG_FLAGS = [
    ({"task_name": "mrpc"}, "--task_name: no such task: mrpc; the tasks are gad, "),
    ({"task_name": None}, "--task_name: is required"),
    ({"data_dir": None}, "--data_dir: is required"),
    ({"data_dir": "/no/such"}, "/no/such: cannot be read (no such file"),
    (dict.fromkeys(ALL, False), "there is nothing to do; give --do_train=true"),
    ({"labels": "0,1"}, "--labels: is for --task_name=custom only"),
    ({"negative": "0"}, "--negative: is for --task_name=custom only"),
    ({"task_name": "custom", "labels": "0,,1"}, "--labels: expected different names"),
    ({"task_name": "custom", "labels": "1"}, "--labels: one label alone, 1, leaves"),
    ({"task_name": "custom", "labels": "0,2"}, "train.tsv:2: label '1' is not one of"),
    ({"task_name": "custom", "negative": "no"}, "--negative: no is not one of 0, 1"),
    ({"max_seq_length": 385}, "--max_seq_length: 385 is more than"),
    ({"learning_rate": 1e-4}, "come from another training: --learning_rate was 0.001"),
    (
        {"task_name": "custom", "labels": "1,0"},
        "come from another training: its labels",
    ),
    (
        {"overwrite_output_dir": True, "init_checkpoint": NER},
        "output_weights has shape [7, 32] there but [2, 32]",
    ),
]


@pytest.mark.parametrize("flags, message", WRONG_FLAGS, ids=[m for _, m in WRONG_FLAGS])
def test_wrong_flags_are_refused_before_anything_is_written(flags, message, gad):
    before = snapshot(gad[1])
    usual = {"task_name": "gad", "data_dir": gad[0], "output_dir": gad[1]}
    with pytest.raises(files.InputError, match=re.escape(message)):
        run(**{**usual, **SHORT, **ALL, **flags})
    assert snapshot(gad[1]) == before


def test_a_model_that_does_not_fit_the_task_is_refused(gad, tmp_path):
    data_dir = write_data(tmp_path / "data", test_labels=False)
    usual = {"data_dir": data_dir, "output_dir": tmp_path / "out", "do_predict": True}
    for flags, message in [
        ({"task_name": "chemprot", "init_checkpoint": gad[1]}, "has the labels 0, 1, "),
        ({"task_name": "custom", "labels": "1,0", "init_checkpoint": gad[1]}, "1, not"),
        ({"task_name": "gad", "init_checkpoint": NER}, "labels are unknown; the head"),
        ({"task_name": "gad"}, "has no trained head for this task"),
        ({"task_name": "gad", "init_checkpoint": None}, "there is no checkpoint in it"),
        ({"task_name": "custom", "init_checkpoint": GOLDEN}, "labels are unknown"),
    ]:
        with pytest.raises(files.InputError, match=re.escape(message)):
            run(**{**usual, **flags})
    assert not snapshot(tmp_path / "out")


def test_a_missing_fold_is_named(tmp_path):
    for fold in ("1", "2", "4"):
        (tmp_path / fold).mkdir()
    with pytest.raises(files.InputError, match="folds up to 4 but no folder 3"):
        find_folds(str(tmp_path), "out", ["train"])


def test_a_wrong_input_is_one_line_of_the_command(tmp_path):
    data_dir = write_data(tmp_path / "data", ("0", "yes"))
    flags = arguments(
        task_name="gad", do_train=True, data_dir=data_dir, output_dir=tmp_path / "out"
    )
    done = subprocess.run(
        [sys.executable, os.path.join(SUITE, "run_re.py"), *flags],
        capture_output=True,
    )
    *_, last = lines = done.stderr.decode("utf-8").splitlines()
    assert done.returncode == 2
    assert last == (
        f"run_re.py: error: {data_dir / 'train.tsv'}:2: label 'yes' is not one of 0, 1"
    )
    assert len([line for line in lines if not line.startswith("INFO:")]) == 1
    assert not snapshot(tmp_path / "out")
