"""tasks/ner/fitting.py: labels of a test file that training never saw."""

import pytest

from biocodes.lib import conll, files
from kit.finished import logged
from kit.ner_runs import write_corpus
from tasks.ner import labels as ner_labels
from tasks.ner.corpora import labels_of_run, load_corpora
from tasks.ner.fitting import fitted

TYPED = "Zinc\tB-Chemical\nis\tO\nAtaxia\tB-Disease\nX\tI-Disease\n"
UNTYPED = "Zinc\tB\nis\tO\n"


@pytest.fixture
def fit(tmp_path, caplog):
    """fit(train, test) → labels of the test file as they are scored, log lines."""

    def run(train, test):
        caplog.set_level("INFO", "biobert")
        flag = write_corpus(tmp_path / "data", train, test=test)
        corpora = load_corpora(flag.partition("=")[2], ["train", "predict"])
        caplog.clear()
        (corpus,) = fitted(corpora, labels_of_run(corpora, None))
        sentences = list(corpus.sentences["predict"])
        return [sentence.labels for sentence in sentences], logged(caplog)

    return run


def test_labels_are_closed_under_b_and_i(tmp_path):
    write_corpus(tmp_path, TYPED)
    corpora = load_corpora(str(tmp_path), ["train"])
    assert labels_of_run(corpora, None)[1:6] == (
        "B-Chemical",
        "B-Disease",
        "I-Chemical",
        "I-Disease",
        "O",
    )
    assert ner_labels.closed(["PER", "O", "E-X"]) == {"PER", "O", "E-X"}


def test_a_type_that_training_never_saw_counts_as_missed(fit):
    test = "p53\tB-Gene\np\tI-Gene\n\nZinc\tI-Chemical\np53\tB-Gene\n"
    labels, lines = fit(TYPED, test)
    assert labels == [["B-Gene", "I-Gene"], ["I-Chemical", "B-Gene"]]
    (line,) = lines
    assert line.endswith(
        "test.tsv: labels that the model does not know count as missed: "
        "B-Gene (2, first in line 1), I-Gene (1, first in line 2)"
    )


def test_a_label_that_is_not_known_is_to_the_model_as_o():
    ids = {"[PAD]": 0, "B-A": 1, "O": 2, "X": 3, "[CLS]": 4, "[SEP]": 5}
    pieces = [-1, 0, 0, 1, -1]
    assert ner_labels.ids_of_pieces(pieces, ["B-Gene", "B-A"], ids) == [4, 2, 3, 1, 5]


def test_a_model_without_types_is_scored_without_them(fit):
    labels, lines = fit(UNTYPED, TYPED)
    assert labels == [["B", "O", "B", "I"]]
    (line,) = lines
    assert "test.tsv: scored without its types (Chemical, Disease), as the" in line


@pytest.mark.parametrize(
    "train, test, line, label",
    [
        (TYPED, "a\tO\nZinc\tB-chemical\n", 2, "B-chemical"),
        (TYPED, "a\tO\nZinc\tBChemical\n", 2, "BChemical"),
        (TYPED, "a\tO\nZinc\tE-Chemical\n", 2, "E-Chemical"),
        (TYPED, "a\tO\nZinc\tB\n", 2, "B"),
        (UNTYPED, "a\tB\nZinc\tB-Gene\n", 2, "B-Gene"),
        (UNTYPED, "a\tB\nZinc\to\n", 2, "o"),
    ],
)
def test_a_misspelt_label_is_named_with_its_line(fit, train, test, line, label):
    with pytest.raises(files.InputError) as raised:
        fit(train, test)
    assert f"test.tsv:{line}: the model does not know the label {label}; it knows " in (
        str(raised.value)
    )


def test_files_without_labels_stay_so(fit):
    assert fit(TYPED, "Zinc\nis\n") == ([[None, None]], [])
    assert fit(UNTYPED, "Zinc\nis\n") == ([[None, None]], [])


def test_a_folder_with_train_and_devel_alone_is_trained_on_train(tmp_path, caplog):
    """As MTL-Bioinformatics publishes its corpora."""
    caplog.set_level("INFO", "biobert")
    (tmp_path / "train.tsv").write_text(TYPED)
    (corpus,) = load_corpora(str(tmp_path), ["train"])
    assert corpus.paths["train"] == str(tmp_path / "train.tsv")
    assert logged(caplog) == [
        f"there is no train_dev.tsv, so this is trained on: {tmp_path / 'train.tsv'}"
    ]
    (tmp_path / "train_dev.tsv").write_text(UNTYPED)
    (corpus,) = load_corpora(str(tmp_path), ["train"])
    assert conll.types_in(corpus.sentences["train"]) == {"MISC"}
    (tmp_path / "train_dev.tsv").unlink()
    (tmp_path / "train.tsv").unlink()
    with pytest.raises(files.InputError, match=r"train_dev\.tsv: cannot be read"):
        load_corpora(str(tmp_path), ["train"])


def test_a_scheme_is_said(tmp_path, caplog):
    caplog.set_level("INFO", "biobert")
    write_corpus(tmp_path, "a\tB-A\nb\tE-A\nc\tS-A\n")
    (corpus,) = load_corpora(str(tmp_path), ["train"])
    assert [list(s.labels) for s in corpus.sentences["train"]] == [
        ["B-A", "I-A", "B-A"]
    ]
    (line,) = logged(caplog)
    assert line.endswith(
        "train_dev.tsv: the labels are IOBES; they are read as B, I, O"
    )
