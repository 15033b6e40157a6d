"""tasks/qa/results.py: the files of the answers."""

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files
from tasks.qa import decoding
from tasks.qa.results import RESULTS, json_object, window_of, write_predictions


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
        yield "q", decoding.Decision("p53", [decoding.Answer("p53", 3.0, 0.0)], None)
        raise files.InputError("later")

    with pytest.raises(files.InputError):
        write_predictions(str(tmp_path), decisions(), with_null=False)
    assert sorted(os.listdir(str(tmp_path))) == sorted(RESULTS)
    assert all((tmp_path / name).read_bytes() == earlier for name in RESULTS)


# [CLS], a question of one piece, [SEP], two words of context, [SEP].
WINDOW = {
    "input_ids": np.array([101, 7, 102, 8, 9, 102]),
    "word_index": np.array([-1, -1, -1, 0, 1, -1]),
    "max_context": np.array([0, 0, 0, 1, 1, 0]),
}
LOGITS = np.array([1, 2, 3, 4, 5, 0, 9, 8, 7], np.float32)  # the last three of padding


@pytest.mark.parametrize(
    "with_padding, n_best_size, spans",
    [
        (False, 3, [(4, 4), (3, 4), (3, 3)]),
        (True, 3, []),
        (True, 4, [(4, 4)]),
        (True, 5, [(4, 4), (3, 4), (3, 3)]),
    ],
)
def test_padding_takes_places_only_where_it_is_wanted(with_padding, n_best_size, spans):
    prediction = {"start_logits": LOGITS, "end_logits": LOGITS}
    window = window_of(WINDOW, prediction, with_padding)
    limits = decoding.Limits(n_best_size, 30, False, 0.0)
    ranked = decoding.ranked_spans([window], limits)
    assert [span[1:] for span in ranked] == spans
