"""Several corpora in one model: which they are, what they leave open, the training."""

import json
import re

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import run_ner
from biocodes.lib import conll, conll_scores
from kit.paths import DATA
from tasks.ner.corpora import Corpus, load, named_folders
from tasks.ner.labels import SPECIAL, Labels, labels_together
from tasks.ner.partial_annotation import (
    marginal_cross_entropy,
    meanings_of_outside,
    partial_annotation,
)
from tasks.ner.results import (
    ENTITY_SCORES,
    PIECE_FILES,
    RESULTS,
    WORD_FILE,
    TokenScorer,
    write_entities,
)

tf.disable_v2_behavior()

SENTENCES = (DATA / "ner" / "devel.tsv").read_text(encoding="utf-8").split("\n\n")
FILES = ("train_dev", "devel", "test")
LABELS = Labels.of(["O", "B-A", "I-A", "B-B", "I-B"])


def text_of(sentences, kind=""):
    """Sentences of the golden corpus as a file; entities of a type if one is given."""
    text = "\n\n".join(sentences).strip() + "\n"
    return re.sub(r"\t([BI])$", rf"\t\1{kind}", text, flags=re.MULTILINE)


def make_corpus(folder, text):
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / f"{name}.tsv").write_bytes(text.encode("utf-8"))
    return folder


@pytest.fixture
def two(tmp_path):
    """Folders of an untyped corpus, diseases, and of one of chemicals."""
    return (
        make_corpus(tmp_path / "dis", text_of(SENTENCES[:16])),
        make_corpus(tmp_path / "chem", text_of(SENTENCES[16:32], "-Chemical")),
    )


# Which they are.


def test_folders_are_named_with_their_types(tmp_path):
    odd = tmp_path / "a=b,c=d"
    (odd / "x").mkdir(parents=True)
    (tmp_path / "e=f").mkdir()
    assert named_folders(str(odd)) == [(None, str(odd))]
    assert named_folders("a,T=b/c") == [(None, "a"), ("T", "b/c")]
    assert named_folders("T-1=b=c") == [("T-1", "b=c")]
    found = named_folders(f"{tmp_path}/e=f,T=x/")
    assert found == [(None, f"{tmp_path}/e=f"), ("T", "x/")]


def test_corpora_say_what_they_annotate(two):
    disease, chemical = two
    corpora = load(f"Disease={disease},{chemical}/", ["train", "predict"])
    assert [one.name for one in corpora] == ["dis", "chem"]
    assert [one.number for one in corpora] == [0, 1]
    assert [one.types for one in corpora] == [{"Disease"}, {"Chemical"}]
    assert [one.scored_types("predict") for one in corpora] == [
        {"Disease"},
        {"Chemical"},
    ]
    assert labels_together(corpora).names[1:6] == (
        "B-Chemical",
        "B-Disease",
        "I-Chemical",
        "I-Disease",
        "O",
    )
    assert list(corpora[0].sentences) == ["train", "predict"]


def test_corpora_annotate_the_types_of_their_training_whatever_is_read(two):
    """And a file's scores also count the types that only its own labels have."""
    disease, chemical = two
    other = text_of(SENTENCES[:8], "-Gene") + "\n" + text_of(SENTENCES[8:16], "-Drug")
    (chemical / "test.tsv").write_text(other, encoding="utf-8")
    _, corpus = load(f"Disease={disease},{chemical}", ["eval", "predict"])
    assert corpus.types == {"Chemical"}
    assert corpus.scored_types("eval") == {"Chemical"}
    assert corpus.scored_types("predict") == {"Chemical", "Gene", "Drug"}


def test_one_corpus_leaves_nothing_open(two):
    (corpus,) = load(str(two[1]), ["train"])
    assert corpus.types is corpus.scored_types("train") is None
    labels = labels_together([corpus])
    names = labels.names
    assert partial_annotation([corpus], names, SPECIAL) is None
    assert run_ner.schema(True).scalars == ()


# What they leave open.


def corpus_of(number, types):
    return Corpus(number, str(number), None, frozenset(types), {}, {})


def test_outside_may_be_what_a_corpus_does_not_annotate():
    labels = Labels.of(["O", ".", "B-A", "I-A", "B-B", "B-C-D", "I"])
    corpora = [corpus_of(0, "A"), corpus_of(1, ["B", "C-D"]), corpus_of(2, [])]
    meanings = meanings_of_outside(corpora, labels.names, SPECIAL)
    found = [
        {name for name, is_open in zip(labels.names, row) if is_open}
        for row in meanings
    ]
    assert found == [
        {"O", "B-B", "B-C-D", "I"},
        {"O", "B-A", "I-A", "I"},
        {"O", "B-A", "I-A", "B-B", "B-C-D", "I"},
    ]


PARTIAL = partial_annotation(
    [corpus_of(0, "A"), corpus_of(1, "B"), corpus_of(2, "AB")],
    LABELS.names,
    SPECIAL,
)


def evaluated(logits, label_ids, corpus, partial=PARTIAL):
    """Losses [B, S], and gradients of their sum by the logits."""
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.constant(logits, tf.float32)
        losses = marginal_cross_entropy(
            logits, tf.constant(label_ids), tf.constant(corpus), partial
        )
        return session.run([losses, tf.gradients(losses, logits)[0]])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 3.0, 40.0]))
def test_loss_is_that_of_everything_that_a_label_may_be(seed, scale):
    random = np.random.RandomState(seed)
    count = len(LABELS.names)
    logits = scale * random.randn(4, 5, count)
    label_ids = random.randint(count, size=[4, 5])
    corpus = random.randint(3, size=4)
    losses, gradients = evaluated(logits, label_ids, corpus)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for sentence, position in np.ndindex(4, 5):
        possible = [label_ids[sentence, position]]
        if possible == [PARTIAL.outside]:
            possible = np.flatnonzero(PARTIAL.meanings[corpus[sentence]])
        p = probabilities[sentence, position]
        expected = -np.log(p[possible].sum())
        assert losses[sentence, position] == pytest.approx(expected, 1e-4, 1e-5)
        # What is possible is pushed up in proportion to its probability.
        share = np.zeros(count)
        share[possible] = p[possible] / p[possible].sum()
        np.testing.assert_allclose(
            gradients[sentence, position], p - share, rtol=1e-3, atol=1e-5
        )


def test_outside_does_not_push_against_what_is_not_annotated():
    logits = np.zeros([2, 1, len(LABELS.names)])
    names = LABELS.names
    for other in ("B-B", "I-B"):  # the model is quite sure of an entity of B
        logits[:, 0, names.index(other)] = 5.0
    losses, gradients = evaluated(logits, [[PARTIAL.outside]] * 2, [0, 1])
    # Corpus 0 annotates A alone; corpus 1 does annotate B, and says that it is none.
    assert losses[0, 0] < 0.1 < 4.0 < losses[1, 0]
    at = names.index("B-B")
    assert gradients[0, 0, at] < 0.0 < 0.4 < gradients[1, 0, at]
    for kind in ("B-A", "I-A"):
        assert (gradients[0, 0, names.index(kind)]) > 0.0


def test_corpora_that_annotate_everything_lose_what_one_does():
    random = np.random.RandomState(1)
    logits = random.randn(3, 4, len(LABELS.names))
    label_ids = random.randint(len(LABELS.names), size=[3, 4])
    losses, _ = evaluated(logits, label_ids, [2, 2, 2])
    with tf.Graph().as_default(), tf.Session() as session:
        plain = session.run(
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=label_ids, logits=logits
            )
        )
    np.testing.assert_allclose(losses, plain, rtol=1e-5)


# What it learns.


TRAINING = (
    "--train_batch_size=4",
    "--num_train_epochs=10",
    "--learning_rate=1e-3",
    "--max_seq_length=64",
)


def arguments(tiny_bert, two, out, *more):
    data_dir = f"--data_dir=Disease={two[0]},{two[1]}"
    return [*tiny_bert, *TRAINING, data_dir, f"--output_dir={out}", *more]


def predicted(folder):
    """The labels in NER_result_conll.txt: gold and predicted, sentence by sentence."""
    lines = (folder / "NER_result_conll.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(" ")[1:] for line in lines]


def scores_in(folder):
    return (folder / ENTITY_SCORES).read_text()


def test_types_that_nobody_annotated_are_predicted_but_not_scored(tmp_path):
    gold = ["B-Disease", "I-Disease", "O", "B-Disease", "O"]
    found = ["B-Disease", "I-Chemical", "B-Chemical", "B-Disease", "B-Chemical"]
    sentences = [conll.Sentence([1, 2, 3, 4, 5], list("abcde"), gold)]
    write_entities(str(tmp_path), sentences, [found], frozenset(["Disease"]))
    assert predicted(tmp_path) == [*map(list, zip(gold, found)), []]
    counted = ["B-Disease", "O", "O", "B-Disease", "O"]
    expected = conll_scores.report(conll_scores.evaluate(zip(gold, counted)))
    assert scores_in(tmp_path) == expected
    assert "found: 2 phrases; correct: 1." in expected
    write_entities(str(tmp_path), sentences, [found])
    assert "Chemical:" in scores_in(tmp_path)


def test_token_scores_are_of_the_types_that_count():
    scorer = TokenScorer(LABELS, False, batch_size=1, types={"A"})
    ids = LABELS.ids
    gold = [ids[name] for name in ("[CLS]", "B-A", "O", "O", "[SEP]")]
    found = [ids[name] for name in ("[CLS]", "B-A", "B-B", "I-A", "[SEP]")]
    scorer.add(gold, {"label_ids": np.array(found), "loss": 1.0})
    results = scorer.results(1)
    # Of B-A one of one; of I-A none, but one was found; B-B does not count.
    assert results["eval_precision"] == results["eval_recall"] == 0.5


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
        }
        report = scores_in(out / name)
        assert kind in report and other not in report
        assert f"B-{kind}" in {row[1] for row in predicted(out / name) if row}
    assert not (out / WORD_FILE).exists()

    # Predicting alone, also a corpus at a time, finds and scores the same.
    before = listing(out / "dis")
    again = arguments(tiny_bert, two, out, "--do_train=false", "--do_eval=true")
    assert call(run_ner, *again) == (0, "", "")
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
    afresh = call(run_ner, *same, "--overwrite_output_dir=true", "--num_train_epochs=1")
    assert afresh == (0, "", "")


def test_partial_annotation_can_be_switched_off(
    call, tiny_bert, two, tmp_path, monkeypatch
):
    """Then all labels are taken as they are."""
    used = []
    original = marginal_cross_entropy

    def noted(*arguments):
        used.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(run_ner, "marginal_cross_entropy", noted)
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


# Wrong inputs.


@pytest.mark.parametrize(
    "data_dir, message",
    [
        (
            "{0},{1}",
            r"/dis/train_dev.tsv:\d+: the label B has no type, which several corpora"
            r" need; name the type of this corpus: --data_dir=TYPE=.*/dis,…$",
        ),
        (
            "Disease={0},Drug={1}",
            r"/chem/train_dev.tsv:\d+: the label B-Chemical has a type, so Drug cannot"
            " be given to it; leave the type out",
        ),
        ("{1},{1}/", "--data_dir: two of the corpora are called chem, which"),
        ("Disease={0},,{1}", "--data_dir: a folder is missing; write FOLDER or TYPE="),
        ("Disease=,{1}", "--data_dir: a folder is missing"),
        ("={0},{1}", "--data_dir: '' cannot be the type of an entity; write a word"),
        ("a b={0},{1}", "--data_dir: 'a b' cannot be the type"),
        ("0={0},{1}", "--data_dir: '0' cannot be the type"),
        ("Disease={0},/nowhere", "/nowhere/train_dev.tsv: cannot be read"),
    ],
)
def test_wrong_corpora_are_refused(call, tiny_bert, two, tmp_path, data_dir, message):
    out = tmp_path / "out"
    flags = arguments(tiny_bert, two, out)
    error = call(run_ner, *flags, "--data_dir=" + data_dir.format(*two)).error
    assert re.search(message, error), error
    assert not out.exists()


def test_labels_of_a_file_are_the_models(call, tiny_bert, two, tmp_path):
    path = two[1] / "devel.tsv"
    path.write_text("word\tB-Gene\n")
    flags = arguments(tiny_bert, two, tmp_path / "out", "--do_eval=true")
    assert (
        f"{path}:1: the model does not know the label B-Gene"
        in call(run_ner, *flags).error
    )


def test_results_need_room_for_their_folders(call, tiny_bert, two, tmp_path, listing):
    out = tmp_path / "out"
    out.mkdir()
    (out / "chem").write_text("a file, where a folder is needed")
    before = listing(out)
    error = call(run_ner, *arguments(tiny_bert, two, out)).error
    assert f"{out}/chem: cannot be written (file exists)" in error
    assert listing(out) == before
