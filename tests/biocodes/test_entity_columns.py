"""lib/entity_columns.py: entities as the labels of words."""

from hypothesis import given

from biocodes.lib import conll, conll_scores, entity_columns, passages
from biocodes.lib.entities import Annotated, Entity
from biocodes.lib.passages import Passage
from kit.annotated import (
    ABSTRACT,
    ALONE,
    TITLE,
    annotated_documents,
    any_documents,
    round_trip,
)


@any_documents
@given(annotated_documents())
def test_conll_comes_back(tmp_path_factory, annotated):
    expected = []
    line = 1
    for passage, entities in annotated:
        spans = passages.spans(passage)
        words = tuple("".join(passage.text[s:e].split()) for s, e in spans)
        found = Passage(str(line), None, " ".join(words), words)
        places = dict(zip([s for s, _ in spans], passages.spans(found)))
        ends = dict(zip([e for _, e in spans], passages.spans(found)))
        own = []
        for entity in entities:
            start, end = places[entity.start][0], ends[entity.end][1]
            own.append(Entity(start, end, entity.type, found.text[start:end]))
        if words:
            expected.append(Annotated(found, own))
        line += len(words) + 1
    assert round_trip(annotated, "conll", tmp_path_factory) == expected


def test_conll_has_the_labels_that_the_scorer_counts(converted):
    folder = converted([TITLE, ABSTRACT, ALONE], "conll")
    lines = (folder / "entities.conll").read_text(encoding="utf-8")
    assert lines == (
        "Ataxia\tB-Disease\n&\tO\n<\tO\nT\tB-Disease\n-\tI-Disease\ncell\tI-Disease\n"
        ">\tI-Disease\nleukaemia\tI-Disease\n\n"
        "Zinc\tB-Chemical\n.\tO\n\n"
        "über\tO\nAPC\tB-MISC\ndeficiency\tI-MISC\n\n"
    )
    sentences = conll.load_sentences(str(folder / "entities.conll"))
    labels = [label for sentence in sentences for label in [*sentence.labels, None]]
    scores = conll_scores.evaluate(
        [(label, label) if label else None for label in labels]
    )
    assert {kind: counts.correct for kind, counts in scores.by_type.items()} == {
        "Chemical": 1,
        "Disease": 2,
        "MISC": 1,
    }


def test_a_word_that_an_entity_covers_in_part_is_labelled():
    passage = Passage("1", None, "antidiabetics now")
    entities = [Entity(4, 13, "A", "diabetics"), Entity(14, 15, "B", "n")]
    assert entity_columns.labelled_words(passage, entities) == [
        ("antidiabetics", "B-A"),
        ("now", "B-B"),
    ]


def test_neighbours_of_one_type_stay_two(converted):
    passage = Passage("1", None, "a b c")
    entities = [Entity(0, 3, "A", "a b"), Entity(4, 5, "A", "c")]
    folder = converted([Annotated(passage, entities)], "conll")
    found = entity_columns.read(str(folder / "entities.conll"))
    assert next(found).entities == entities
