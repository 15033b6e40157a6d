"""tasks/ner/corpora.py: which corpora a run has, and what they annotate."""

import pytest

import run_ner
from kit.several_corpora import SENTENCES, text_of, two_corpora
from tasks.ner.corpora import labels_of_run, load_corpora, named_folders
from tasks.ner.labels import SPECIAL
from tasks.ner.partial_annotation import partial_annotation


@pytest.fixture
def two(tmp_path):
    """Folders of an untyped corpus, diseases, and of one of chemicals."""
    return two_corpora(tmp_path)


def test_folders_are_named_with_their_types(tmp_path):
    odd = tmp_path / "a=b,c=d"
    (odd / "x").mkdir(parents=True)
    (tmp_path / "e=f").mkdir()
    assert named_folders(str(odd)) == [(None, str(odd))]
    assert named_folders("a,T=b/c") == [(None, "a"), ("T", "b/c")]
    assert named_folders("T-1=b=c") == [("T-1", "b=c")]
    named = named_folders(f"{tmp_path}/e=f,T=x/")
    assert named == [(None, f"{tmp_path}/e=f"), ("T", "x/")]


def test_corpora_say_what_they_annotate(two):
    disease, chemical = two
    corpora = load_corpora(f"Disease={disease},{chemical}/", ["train", "predict"])
    assert [corpus.name for corpus in corpora] == ["dis", "chem"]
    assert [corpus.number for corpus in corpora] == [0, 1]
    assert [corpus.types for corpus in corpora] == [{"Disease"}, {"Chemical"}]
    assert [corpus.scored_types("predict") for corpus in corpora] == [
        {"Disease"},
        {"Chemical"},
    ]
    assert labels_of_run(corpora, None)[1:6] == (
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
    _, corpus = load_corpora(f"Disease={disease},{chemical}", ["eval", "predict"])
    assert corpus.types == {"Chemical"}
    assert corpus.scored_types("eval") == {"Chemical"}
    assert corpus.scored_types("predict") == {"Chemical", "Gene", "Drug"}


def test_one_corpus_leaves_nothing_open(two):
    (corpus,) = load_corpora(str(two[1]), ["train"])
    assert corpus.types is corpus.scored_types("train") is None
    labels = labels_of_run([corpus], None)
    assert partial_annotation([corpus], labels, SPECIAL) is None
    assert run_ner.schema(True).scalars == ()
