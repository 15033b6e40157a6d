"""run_ner.py with several corpora: one model learns the types of all."""

import json

import pytest
import tensorflow.compat.v1 as tf

import run_ner
from kit.ner_runs import scores_in, word_labels_in
from kit.several_corpora import SENTENCES, make_corpus, text_of, two_corpora
from tasks.ner import head as ner_head
from tasks.ner.partial_annotation import marginal_cross_entropy
from tasks.ner.results import ENTITY_SCORES, PIECE_FILES, RESULTS, WORD_FILE

tf.disable_v2_behavior()


@pytest.fixture
def two(tmp_path):
    """Folders of an untyped corpus, diseases, and of one of chemicals."""
    return two_corpora(tmp_path)


TRAINING = (
    "--train_batch_size=4",
    "--num_train_epochs=10",
    "--learning_rate=1e-3",
    "--max_seq_length=64",
)


def arguments(tiny_bert, two, out, *more):
    data_dir = f"--data_dir=Disease={two[0]},{two[1]}"
    return [*tiny_bert, *TRAINING, data_dir, f"--output_dir={out}", *more]


def test_one_model_learns_the_types_of_both(call, tiny_bert, two, tmp_path, listing):
    out = tmp_path / "out"
    done = call(run_ner, *arguments(tiny_bert, two, out, "--do_eval=true"))
    assert done == (0, "", "")
    for name, kind, other in (
        ("dis", "Disease", "Chemical"),
        ("chem", "Chemical", "Disease"),
    ):
        assert {path.name for path in (out / name).iterdir()} == {
            *RESULTS,
            "eval.tf_record",
            "predict.tf_record",
            "report.html",
        }
        (out / name / "report.html").unlink()  # it has the time of the run
        report = scores_in(out / name)
        assert kind in report and other not in report
        assert f"B-{kind}" in {row[1] for row in word_labels_in(out / name) if row}
    assert not (out / WORD_FILE).exists()

    # Predicting alone, also a corpus at a time, finds and scores the same.
    before = listing(out / "dis")
    again = arguments(tiny_bert, two, out, "--do_train=false", "--do_eval=true")
    assert call(run_ner, *again, "--report=false") == (0, "", "")
    assert listing(out / "dis") == before
    alone = tmp_path / "alone"
    flags = [*again, f"--data_dir=Disease={two[0]}", f"--output_dir={alone}"]
    assert call(run_ner, *flags, f"--init_checkpoint={out}") == (0, "", "")
    for name in (*PIECE_FILES, WORD_FILE, ENTITY_SCORES):
        assert (alone / name).read_bytes() == (out / "dis" / name).read_bytes()

    # The training is over; with anything else it would be another one.
    check_other_trainings(call, tiny_bert, two, out)


def check_other_trainings(call, tiny_bert, two, out):
    same = arguments(tiny_bert, two, out)
    swapped = f"--data_dir={two[1]},Disease={two[0]}"
    retyped = f"--data_dir=Chemical={two[0]},{two[1]}"
    assert call(run_ner, *same, "--partial_annotation=false").error.endswith(
        "from another training: its partial_annotation differs; choose another"
        " --output_dir, or start afresh with --overwrite_output_dir=true"
    )
    assert ": its corpus differs; " in call(run_ner, *same, swapped).error
    assert ": its corpus differs, its labels" in call(run_ner, *same, retyped).error
    with (two[1] / "train_dev.tsv").open("a") as stream:
        stream.write("\nmore\tO\n")
    assert ": its corpus differs; " in call(run_ner, *same).error
    overwriting = ["--overwrite_output_dir=true", "--num_train_epochs=1"]
    assert call(run_ner, *same, *overwriting) == (0, "", "")


def test_partial_annotation_can_be_switched_off(
    call, tiny_bert, two, tmp_path, monkeypatch
):
    """Then all labels are taken as they are."""
    used = []
    original = marginal_cross_entropy

    def noted(*arguments):
        used.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(ner_head, "marginal_cross_entropy", noted)
    short = ("--num_train_epochs=1", "--do_predict=false")
    for value, is_used in (("false", False), ("true", True)):
        flags = arguments(tiny_bert, two, tmp_path / value, *short)
        flags.append(f"--partial_annotation={value}")
        assert call(run_ner, *flags) == (0, "", "")
        assert bool(used) == is_used


def test_one_corpus_may_be_given_its_type(call, tiny_bert, two, tmp_path):
    """And then it is as if its labels had been written with it."""
    typed = make_corpus(tmp_path / "typed", text_of(SENTENCES[:16], "-Disease"))
    for name, data_dir in (("a", f"Disease={two[0]}"), ("b", typed)):
        flags = arguments(tiny_bert, two, tmp_path / name, "--num_train_epochs=1")
        assert call(run_ner, *flags, f"--data_dir={data_dir}") == (0, "", "")
    for name in ("label_test.txt", "label2id.json", WORD_FILE):
        expected = (tmp_path / "b" / name).read_bytes()
        assert (tmp_path / "a" / name).read_bytes() == expected
    facts = json.loads((tmp_path / "b" / "run.json").read_text())["training"]
    assert isinstance(facts["corpus"], str) and "partial_annotation" not in facts
