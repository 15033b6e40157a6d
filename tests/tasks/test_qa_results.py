"""tasks/qa/results.py: the files of the answers."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files
from tasks.qa import decoding
from tasks.qa.results import RESULTS, json_object, write_predictions


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
