"""lib/json_entries.py: an object entry by entry, as json reads it whole."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files, json_entries

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.text(), values), st.integers(1, 40), st.sampled_from([None, 4])
)
def test_entries_are_those_of_the_whole(tmp_path_factory, value, block, indent):
    path = tmp_path_factory.getbasetemp() / "entries.json"
    path.write_text(json.dumps(value, indent=indent) + "\n")
    before, files.BLOCK = files.BLOCK, block
    try:
        assert list(json_entries.read(str(path))) == list(value.items())
    finally:
        files.BLOCK = before


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a"', '{"a": 1', '{"a": 1,}', "{1: 2}", '{"a": 1} 2', '{"a" 1}'],
)
def test_what_is_no_whole_object_is_refused(write, text):
    path = write(text, "x.json")
    with pytest.raises(files.InputError, match="x.json: not a JSON object"):
        list(json_entries.read(path))


def test_bytes_that_are_no_utf_8_are_refused(write):
    with pytest.raises(files.InputError, match="is not UTF-8 text"):
        list(json_entries.read(write(b'{"\xff": 1}')))
