"""lib/ner_errors.py: what was missed, invented, or has a wrong border or type."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import conll, conll_scores, ner_errors
from biocodes.lib.ner_errors import BORDER, BOTH, INVENTED, MISSED, RIGHT, TYPE

labels = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B", "B", "I"])
sentences = st.lists(st.tuples(labels, labels), max_size=14)


def kinds_of(gold, predicted):
    pairs = ner_errors.compare(gold.split(), predicted.split())
    return [pair.kind for pair in pairs]


@pytest.mark.parametrize(
    "gold, predicted, kinds",
    [
        ("B-A I-A O", "B-A I-A O", [RIGHT]),
        ("B-A I-A O", "O O O", [MISSED]),
        ("O O O", "O B-A O", [INVENTED]),
        ("B-A I-A I-A", "O B-A I-A", [BORDER]),
        ("B-A I-A O", "B-B I-B O", [TYPE]),
        ("B-A I-A I-A", "O B-B I-B", [BOTH]),
        # The predicted one in the middle goes with the one that it has more of.
        ("B-A I-A B-A I-A I-A", "O B-A I-A I-A I-A", [MISSED, BORDER]),
        # The same words first, then the same type, then the longer overlap.
        ("B-A I-A I-A O", "B-A B-B I-B O", [BORDER, INVENTED]),
        ("B-A O B-B", "B-B O B-B", [TYPE, RIGHT]),
    ],
)
def test_kinds_are_those_of_a_reader(gold, predicted, kinds):
    assert kinds_of(gold, predicted) == kinds


@settings(deadline=None, max_examples=200)
@given(sentences)
def test_every_entity_is_in_one_pair_and_right_is_what_the_scorer_counts(sentence):
    gold, predicted = ([pair[side] for pair in sentence] for side in (0, 1))
    pairs = ner_errors.compare(gold, predicted)
    assert sorted(p.gold for p in pairs if p.gold) == conll.entities(gold)
    assert sorted(p.predicted for p in pairs if p.predicted) == sorted(
        conll.entities(predicted)
    )
    counts = conll_scores.evaluate(sentence).overall
    assert sum(pair.kind == RIGHT for pair in pairs) == counts.correct
    assert counts.gold == sum(pair.kind != INVENTED for pair in pairs)
    assert counts.found == sum(pair.kind != MISSED for pair in pairs)
