"""run_qa.py on yes/no and list questions: whole runs, checkpoints, files, scores."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from biocodes import transform_n2b_list, transform_n2b_yesno
from biocodes.lib import files, model_folder
from finetuning import checkpoints
from kit.golden import INIT, PRETRAINED, QA_MODEL
from kit.models import save_checkpoint, value_of, values_of
from kit.qa_runs import load, question, run, squad_file, train, write, yes_no

tf.disable_v2_behavior()

SGM = ("cls/squad/output_weights_sgm", "cls/squad/output_bias_sgm")
CLASSES = ("cls/squad/output_weights_classes", "cls/squad/output_bias_classes")
SPANS = ("cls/squad/output_weights", "cls/squad/output_bias")
YES_NO = "--question_type=yesno"
MAYBE = "--labels=yes,no,maybe"
INITIAL = f"--init_checkpoint={INIT / 'model.ckpt'}"
ID = "0123456789abcdef01234567"
LONG = "The p53 protein binds MDM2 . " * 12  # more than a window of qa_runs.SMALL
BOTH = squad_file(yes_no("a", "yes"), yes_no("b", "no"))


def model_of_the_7th_challenge(folder, scale=0.0, bias=0.0):
    """A checkpoint with the encoder and the head of that system's.

    scale: of the head's weights, which are random.
    """
    size = value_of(PRETRAINED, "bert/pooler/dense/bias").size
    weights = scale * np.random.RandomState(0).randn(1, size)
    head = {SGM[0]: weights.astype(np.float32)}
    head[SGM[1]] = np.full([1], bias, np.float32)
    return save_checkpoint(folder / "model.ckpt-9", dict(values_of(PRETRAINED), **head))


def answer(out, dataset, checkpoint, *more):
    """Predict with a checkpoint."""
    path = write(out.parent / f"{out.name}.json", dataset)
    flags = ["--do_predict=true", f"--predict_file={path}", *more]
    run(out, YES_NO, f"--init_checkpoint={checkpoint}", *flags)
    return load(out, "predictions.json")


def results(out):
    """What eval_results.txt says."""
    lines = (out / "eval_results.txt").read_text().splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


# Checkpoints


@pytest.mark.parametrize("flags, names", [((), SGM), ((MAYBE,), CLASSES)])
def test_variables_have_names_and_sizes_of_the_7th_challenge(flags, names, tmp_path):
    dataset = squad_file(yes_no("a", "yes"), yes_no("b", "no"))
    if flags:
        dataset = squad_file(*map(yes_no, "abc", ("yes", "no", "maybe")))
    train(tmp_path, dataset, YES_NO, INITIAL, *flags, "--num_train_epochs=1")
    shapes = checkpoints.shapes(model_folder.latest(str(tmp_path)))
    size = value_of(PRETRAINED, "bert/pooler/dense/bias").size
    units = 3 if flags else 1
    assert [shapes[name] for name in names] == [[units, size], [units]]
    heads = {name for name in shapes if name.startswith("cls/")}
    assert heads == {*names, *(f"{n}/adam_{x}" for n in names for x in "mv")}


def test_a_checkpoint_of_the_7th_challenge_answers(tmp_path):
    checkpoint = model_of_the_7th_challenge(tmp_path, bias=0.75)
    out = tmp_path / "out"
    assert answer(out, BOTH, checkpoint) == {"a": ["yes", [0.75]], "b": ["yes", [0.75]]}
    text = (out / "predictions.json").read_text()
    assert text == json.dumps(json.loads(text), indent=4) + "\n"
    probabilities = load(out, "probabilities.json")["a"]
    assert probabilities == pytest.approx({"yes": 0.679179, "no": 0.320821}, abs=1e-6)
    assert results(out) == {
        "accuracy": 0.5,
        "f1_no": 0.0,
        "f1_yes": 0.6667,
        "macro_f1": 0.3333,
        "global_step": 0,
        "total": 2,
    }


def test_the_word_is_yes_above_0(tmp_path):
    """That of the 7th challenge's system is above 0.5, unlike what it submits."""
    checkpoint = model_of_the_7th_challenge(tmp_path, bias=0.25)
    assert answer(tmp_path / "out", BOTH, checkpoint)["a"] == ["yes", [0.25]]


def test_a_squad_checkpoint_brings_its_encoder_and_says_what_is_new(tmp_path, logs):
    flags = (f"--init_checkpoint={QA_MODEL}", "--learning_rate=1e-9")
    train(tmp_path, BOTH, YES_NO, *flags, "--num_train_epochs=1")
    last = model_folder.latest(str(tmp_path))
    name = "bert/encoder/layer_0/output/dense/kernel"
    np.testing.assert_allclose(
        value_of(last, name), value_of(str(QA_MODEL), name), atol=1e-6
    )
    (line,) = [text for text in logs.messages if "weights from" in text]
    assert line.endswith(f"; new: {', '.join(SGM)}")


def test_a_yes_no_checkpoint_brings_its_head_to_a_second_training(tmp_path):
    checkpoint = model_of_the_7th_challenge(tmp_path, scale=0.5)
    flags = (f"--init_checkpoint={checkpoint}", "--learning_rate=1e-9")
    train(tmp_path / "out", BOTH, YES_NO, *flags, "--num_train_epochs=1")
    last = model_folder.latest(str(tmp_path / "out"))
    np.testing.assert_allclose(
        value_of(last, SGM[0]), value_of(checkpoint, SGM[0]), atol=1e-6
    )


# Whole runs


def test_yes_no_is_trained_on_predicted_and_converted(tmp_path):
    asked = [yes_no(f"{ID}_001", "yes"), yes_no(f"{ID}_002", "yes")]
    asked += [yes_no(f"{ID[::-1]}_00{i}", "no") for i in (1, 2)]
    path = write(tmp_path / "asked.json", squad_file(*asked))
    out = tmp_path / "out"
    train(
        out,
        path,
        YES_NO,
        INITIAL,
        "--num_train_epochs=2",
        "--do_predict=true",
        f"--predict_file={path}",
    )
    assert list(load(out, "predictions.json")) == [each["id"] for each in asked]
    assert results(out)["total"] == 2  # its snippets are one question
    assert load(out, "label2id.json") == {"yes": 0, "no": 1}
    path = str(out / "predictions.json")
    transform_n2b_yesno.main([f"--nbest_path={path}", f"--output_path={out}"])
    answers = load(out, "BioASQform_BioASQ-answer.json")["questions"]
    assert [each["id"] for each in answers] == [ID, ID[::-1]]


def test_maybe_is_a_third_class(tmp_path):
    dataset = squad_file(*map(yes_no, "abc", ("yes", "no", "maybe")))
    out = tmp_path / "out"
    train(out, dataset, YES_NO, MAYBE, INITIAL, "--num_train_epochs=1")
    # The model says by itself what it knows.
    predicted = answer(tmp_path / "again", dataset, model_folder.latest(str(out)))
    probabilities = load(tmp_path / "again", "probabilities.json")
    for name, (word, logits) in predicted.items():
        assert len(logits) == 3
        assert list(probabilities[name]) == ["yes", "no", "maybe"]
        assert probabilities[name][word] == max(probabilities[name].values())
        assert sum(probabilities[name].values()) == pytest.approx(1)
    assert {"f1_yes", "f1_no", "f1_maybe"} < set(results(tmp_path / "again"))


def test_questions_without_answers_are_answered_and_not_scored(tmp_path, logs):
    checkpoint = model_of_the_7th_challenge(tmp_path)
    bare = squad_file({"id": "q", "question": "Does it bind ?"})
    answer(tmp_path / "out", BOTH, checkpoint)
    assert answer(tmp_path / "out", bare, checkpoint) == {"q": ["no", [0.0]]}
    assert not (tmp_path / "out" / "eval_results.txt").exists()
    assert any("no scores" in message for message in logs.messages)


@pytest.mark.parametrize("context", ["", " \n\u202f", "\u200b"])
def test_without_words_in_the_context_the_question_alone_is_read(context, tmp_path):
    checkpoint = model_of_the_7th_challenge(tmp_path, scale=1.0)
    dataset = squad_file(yes_no("a", "yes"), context=context)
    dataset["data"] += squad_file(yes_no("b", "yes"))["data"]
    predicted = answer(tmp_path / "out", dataset, checkpoint)
    assert list(predicted) == ["a", "b"]
    assert predicted["a"][1] != pytest.approx(predicted["b"][1], abs=1e-2)


def test_results_of_another_kind_of_questions_go(tmp_path):
    out = tmp_path / "out"
    spans = squad_file(question("q", ("p53", 4)))
    flags = ("--do_predict=true", f"--init_checkpoint={QA_MODEL}")
    run(out, *flags, f"--predict_file={write(tmp_path / 'x.json', spans)}")
    assert (out / "nbest_predictions.json").exists()
    answer(out, BOTH, model_of_the_7th_challenge(tmp_path))
    assert not (out / "nbest_predictions.json").exists()
    run(out, *flags, f"--predict_file={write(tmp_path / 'x.json', spans)}")
    assert not (out / "probabilities.json").exists()


# Windows


def test_all_windows_are_averaged_or_the_first_one_counts(tmp_path):
    checkpoint = model_of_the_7th_challenge(tmp_path, scale=100.0)
    dataset = squad_file(yes_no("q", "yes"), context=LONG)
    small = ("--max_seq_length=40", "--doc_stride=16", "--max_query_length=24")
    (mean,) = answer(tmp_path / "all", dataset, checkpoint, *small)["q"][1]
    first_only = (*small, "--first_window_only=true")
    (first,) = answer(tmp_path / "first", dataset, checkpoint, *first_only)["q"][1]
    assert abs(mean - first) > 0.1
    # What is read first is the same when nothing comes after it.
    beginning = squad_file(yes_no("q", "yes"), context=" ".join(LONG.split()[:20]))
    short = answer(tmp_path / "short", beginning, checkpoint, *first_only)["q"][1]
    assert short == pytest.approx([first], abs=1e-2)


# Training


def test_a_training_resumes_only_with_the_same_classes_and_balance(tmp_path):
    flags = (YES_NO, INITIAL, "--num_train_epochs=1.0")
    train(tmp_path, BOTH, *flags)
    for other, fact in (
        ("--balance=none", "balance"),
        ("--examples_per_class=7", "examples_per_class"),
    ):
        with pytest.raises(files.InputError, match=f"its {fact} differs"):
            train(tmp_path, BOTH, *flags, other)


@pytest.mark.parametrize(
    "balance, steps",
    # 5 yes and 2 no in batches of two: an epoch of 2 + 2 or of 7, which fill 2 and 4.
    [("undersample", 6), ("none", 12)],
)
def test_an_epoch_is_whole_batches_of_what_is_drawn(balance, steps, tmp_path):
    names = [yes_no(f"yes{i}", "yes") for i in range(5)]
    dataset = squad_file(*names, yes_no("no1", "no"), yes_no("no2", "no"))
    flags = (YES_NO, INITIAL, f"--balance={balance}", "--num_train_epochs=3")
    train(tmp_path, dataset, *flags)
    assert checkpoints.step(model_folder.latest(str(tmp_path))) == steps


# Lists


def test_entries_of_list_questions_have_the_questions_text(tmp_path):
    dataset = squad_file(question(f"{ID}_001", ("p53", 4), question="List 2 genes ."))
    path = write(tmp_path / "asked.json", dataset)
    out = tmp_path / "out"
    flags = ("--num_train_epochs=2", "--do_predict=true", f"--predict_file={path}")
    train(out, dataset, "--question_type=list", INITIAL, *flags)
    last = checkpoints.shapes(model_folder.latest(str(out)))
    assert last[SPANS[0]][0] == 2 and last[SPANS[1]] == [2]
    (entries,) = load(out, "nbest_predictions.json").values()
    assert {entry["question_text"] for entry in entries} == {"List 2 genes ."}
    keys = ["text", "probability", "start_logit", "end_logit", "question_text"]
    assert list(entries[0]) == keys
    path = str(out / "nbest_predictions.json")
    transform_n2b_list.main([f"--nbest_path={path}", f"--output_path={out}"])
    (answers,) = load(out, "BioASQform_BioASQ-answer.json")["questions"]
    assert 1 <= len(answers["exact_answer"]) <= 2


def test_a_factoid_checkpoint_brings_its_head_to_list_questions(tmp_path):
    dataset = squad_file(question("a", ("p53", 4)), question("b", ("MDM2", 22)))
    flags = (f"--init_checkpoint={QA_MODEL}", "--learning_rate=1e-9")
    train(tmp_path, dataset, "--question_type=list", *flags, "--num_train_epochs=1")
    last = model_folder.latest(str(tmp_path))
    for name in SPANS:
        np.testing.assert_allclose(
            value_of(last, name), value_of(str(QA_MODEL), name), atol=1e-6
        )
