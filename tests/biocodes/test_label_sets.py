"""lib/label_sets.py: several labels in a column, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import label_sets
from biocodes.lib.files import InputError
from biocodes.lib.relations import Row, read_train

NAMES = st.lists(
    st.text(min_size=1).map(str.strip).filter(lambda name: name and "|" not in name),
    unique=True,
    max_size=5,
)


@given(NAMES)
def test_labels_come_back(names):
    assert label_sets.split(label_sets.joined(names)) == names


@given(st.text())
def test_any_text_is_labels_or_says_why_not(text):
    try:
        names = label_sets.split(text.strip(), "none")
    except ValueError as error:
        assert repr(text.strip())[:3] in str(error) or "label" in str(error)
    else:
        assert "" not in names and "none" not in names


@pytest.mark.parametrize(
    "label, problem",
    [
        ("a||b", "an empty label in 'a||b'"),
        ("a|", "an empty label"),
        ("a|b|a", "a label occurs twice"),
        ("a|none", "'none' is for none of the labels, but stands beside"),
    ],
)
def test_what_cannot_be_split(label, problem):
    with pytest.raises(ValueError) as error:
        label_sets.split(label, "none")
    assert problem in str(error.value)


def test_nothing_and_the_negative_label_are_no_label():
    assert label_sets.split("", "none") == label_sets.split("none", "none") == []
    assert label_sets.split("none") == ["none"]
    assert label_sets.joined([], "none") == "none"
    assert label_sets.joined([]) == ""
    assert label_sets.flags_of("c | a", ["a", "b", "c"]) == [True, False, True]


def test_an_empty_column_is_read_where_it_means_something(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text("One.\ta|b\nTwo.\t\n")
    rows = read_train(str(path), may_be_empty=True)
    assert rows == [Row(1, "One.", "a|b"), Row(2, "Two.", "")]
    with pytest.raises(InputError, match="train.tsv:2: the label is empty"):
        read_train(str(path))
    with pytest.raises(InputError, match="train.tsv:1: label 'b' is not one of a, c"):
        label_sets.check_known(rows, ["a", "c"], str(path), None)
