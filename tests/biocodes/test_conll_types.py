"""conll_types.py: what stays and what goes of a typed corpus."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import conll_types
from biocodes.lib import conll, files

SCRIPT = "biocodes/conll_types.py"
CORPUS = """\
Naloxone\tB-Chemical
reverses\tO
heart\tB-Disease
failure\tI-Disease

Li\tI-Chemical
TTP\tB-Gene-product
.\tO
"""
LABELS = st.builds(
    lambda tag, kind: "O" if tag == "O" else tag + kind,
    st.sampled_from(["B", "I", "E", "O", "[", "]"]),
    st.sampled_from(["-A", "-B", "-A-B", ""]),
)


@settings(deadline=None)
@given(st.lists(LABELS, max_size=12), st.sets(st.sampled_from(["A", "B", "MISC"])))
def test_entities_that_stay_are_those_of_the_whole(labels, types):
    """Also where labels are not well-formed: an I after another type, say."""
    found = conll.entities(conll.only(labels, types))
    assert found == [one for one in conll.entities(labels) if one[2] in types]


def make_corpus(folder, **texts):
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.tsv").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("flag", ["--keep=Chemical", "--drop=Disease,Gene-product"])
def test_corpus_of_one_type_is_made(tmp_path, flag):
    make_corpus(tmp_path / "all", train_dev=CORPUS, test=CORPUS.replace("\n", "\r\n"))
    (tmp_path / "all" / "README").write_text("not a corpus")
    out = tmp_path / "chem"
    conll_types.main([f"--input_dir={tmp_path / 'all'}", f"--output_dir={out}", flag])
    expected = (
        "Naloxone\tB-Chemical\nreverses\tO\nheart\tO\nfailure\tO\n\n"
        "Li\tI-Chemical\nTTP\tO\n.\tO\n\n"
    )
    assert {path.name: path.read_text() for path in out.iterdir()} == {
        "train_dev.tsv": expected,
        "test.tsv": expected,
    }


def test_types_of_a_corpus():
    labels = ["B-A", "O", "I-B-C", "I", "."]
    sentence = conll.Sentence([1] * 5, ["w"] * 5, labels)
    words = conll.Sentence([1], ["w"], [None])
    assert conll.types_in([sentence, words]) == {"A", "B-C", "MISC"}
    assert conll.types_in([words]) == set()


def test_untyped_labels_get_a_type():
    labels = ["B", "I", "O", ".", None]
    sentence = conll.Sentence([1, 2, 3, 4, 5], list("abcde"), labels)
    found = conll.with_type(sentence, "Disease", "x")
    expected = ["B-Disease", "I-Disease", "O", ".", None]
    assert found == sentence._replace(labels=expected)
    with pytest.raises(files.InputError, match="x:1: the label B-Disease has a type, "):
        conll.with_type(found, "Disease", "x")


@pytest.mark.parametrize(
    "change, message",
    [
        (["--keep=Drug"], "--keep: there is no entity of the type 'Drug' in .*; there"),
        (["--keep="], "--keep: there is no entity of the type ''"),
        (["--drop=Disease,disease"], "Chemical, Disease, Gene-product$"),
        (["--keep=Disease", "--output_dir={all}"], "--output_dir: is the folder that"),
        (["--keep=A", "--input_dir={empty}"], "/empty: there is no .tsv file in it"),
        (["--keep=A", "--input_dir={bad}"], "/bad/test.tsv:2: one column where"),
        (["--keep=A", "--input_dir=/nowhere"], "/nowhere: cannot be read"),
    ],
)
def test_wrong_input_is_an_error(tmp_path, listing, change, message):
    make_corpus(tmp_path / "all", test=CORPUS)
    make_corpus(tmp_path / "empty")
    make_corpus(tmp_path / "bad", test="a\tB-A\nb\n")
    before = listing(tmp_path)
    places = {name: tmp_path / name for name in ("all", "empty", "bad", "out")}
    arguments = ["--input_dir={all}", "--output_dir={out}", *change]
    with pytest.raises(files.InputError, match=message):
        conll_types.main([one.format(**places) for one in arguments])
    assert listing(tmp_path) == before
    assert not places["out"].exists()


def test_command_runs_from_any_folder(tmp_path, run_command):
    make_corpus(tmp_path / "all", test=CORPUS)
    done = run_command(
        SCRIPT, "--input_dir=all", "--output_dir=out", "--keep=Disease", cwd=tmp_path
    )
    assert done == (0, "", "")
    assert "failure\tI-Disease" in (tmp_path / "out" / "test.tsv").read_text()
    done = run_command(SCRIPT, "--input_dir=all", "--output_dir=out", cwd=tmp_path)
    assert done.error.endswith("--keep --drop is required; --help lists the flags")
