"""tasks/raw_text/entities.py: from what a model says of text to its entities."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib.entities import Entity, jsonl_line
from biocodes.lib.passages import Passage
from kit.golden import CASED, LOWER
from tasks.ner.labels import ORIGINAL_LABELS
from tasks.raw_text.entities import annotate, entities_of
from tasks.raw_text.job import LONG_SENTENCES
from tasks.raw_text.stream import make_featurizer


@settings(deadline=None, max_examples=200)
@given(
    text=st.text(st.characters(blacklist_categories=["Cs"]), max_size=80),
    limit=st.integers(3, 24),
    lower=st.booleans(),
    long_sentences=st.sampled_from(LONG_SENTENCES),
    data=st.data(),
)
def test_entities_are_what_stands_at_their_offsets(
    text, limit, lower, long_sentences, data
):
    """Whatever the text and whatever the model says of it."""
    featurize = make_featurizer(LOWER if lower else CASED, limit, long_sentences)
    featurized = featurize(Passage("1", None, text))
    label = st.integers(0, len(ORIGINAL_LABELS) - 1)
    predictions = []
    for row, word_index in featurized.windows:
        assert 2 < len(row) == len(word_index) + 2 <= limit
        ids = data.draw(st.lists(label, min_size=len(row), max_size=len(row) + 3))
        probability = np.full(len(ids), 0.5, np.float32)
        predictions.append({"label_ids": np.array(ids), "probability": probability})
    annotated = annotate(featurized, predictions, ORIGINAL_LABELS)
    end = 0
    for entity in annotated.entities:
        assert end <= entity.start < entity.end <= len(text)
        assert entity.text == text[entity.start : entity.end]
        assert entity.type == "MISC" and 0 < entity.score <= 0.5
        end = entity.end
    line = jsonl_line(annotated)
    assert "\n" not in line and json.loads(line)["text"] == text


def test_words_count_where_they_have_most_context():
    """In the other window the model says otherwise, which does not matter."""
    text = "a b c d e f g h i j"
    featurize = make_featurizer(CASED, 8, "window")
    featurized = featurize(Passage("1", None, text))
    assert len(featurized.windows) > 1

    def prediction(word_index):
        counts = ["O", *("B" if i >= 0 else "I" for i in word_index), "O"]
        ids = [ORIGINAL_LABELS.index(label) for label in counts]
        scores = [0.25 if label == "I" else 0.5 for label in counts]
        return {"label_ids": np.array(ids), "probability": np.array(scores)}

    said = [prediction(word_index) for _, word_index in featurized.windows]
    entities = annotate(featurized, said, ORIGINAL_LABELS).entities
    assert [entity.text for entity in entities] == text.split()
    assert {entity.score for entity in entities} == {0.5}


def test_score_is_the_product_over_words():
    labels = ["O", "B-A", "I-A", "I-B", "O"]
    spans = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    probabilities = dict(enumerate([0.1, 0.5, 0.5, 0.75, 1.0]))
    entities = entities_of("a b c d e", spans, labels, probabilities)
    assert entities == [Entity(2, 5, "A", "b c", 0.25), Entity(6, 7, "B", "d", 0.75)]
