"""tasks/raw_text/embeddings.py: the arrays and their file, and --layers."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files, passages
from tasks.raw_text import embeddings
from tasks.raw_text.stream import Featurized


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), max_size=8))
def test_arrays_are_what_was_added(texts):
    texts = [text.rstrip("\0") for text in texts]  # NumPy drops NULs at the end
    arrays = embeddings.Arrays(None, embeddings.WORD, 3)
    spans, start = [], 0
    for text in texts:
        spans.append((start, start + len(text)))
        start += len(text)
    passage = passages.Passage("7", "title", "".join(texts))
    vectors = np.arange(3.0 * len(texts), dtype=np.float32).reshape(-1, 3)
    for _ in range(2):
        arrays.add(Featurized(passage, spans, []), vectors)
    stream = io.BytesIO()
    arrays.save(stream)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as saved:
        assert saved["ids"].tolist() == ["7", "7"]
        assert saved["sections"].tolist() == ["title"] * 2
        assert saved["text"].tolist() == texts * 2
        assert saved["start"].tolist() == [start for start, _ in spans] * 2
        assert saved["end"].tolist() == [end for _, end in spans] * 2
        assert saved["passage"].tolist() == [0] * len(texts) + [1] * len(texts)
        np.testing.assert_array_equal(saved["vectors"], np.concatenate([vectors] * 2))


@given(st.integers(1, 24), st.data())
def test_layers_count_from_either_end(count, data):
    chosen = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    written = [data.draw(st.sampled_from([layer, layer - count])) for layer in chosen]
    layers = embeddings.parse_layers(",".join(map(str, written)), count)
    assert layers == tuple(chosen)
    with pytest.raises(files.InputError, match="no layer"):
        embeddings.parse_layers(str(-count - 1), count)
