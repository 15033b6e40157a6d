"""tasks/re/cuts.py: entities that a cut sentence loses."""

from kit.golden import CASED
from tasks.re.cuts import lost_placeholders


def test_a_placeholder_is_lost_unless_all_of_it_is_kept():
    sentence = "naïve @GENE$-x in @DISEASE$ ."
    pieces = CASED.tokenize(sentence)
    ends = [i for i, piece in enumerate(pieces, 1) if piece == "$"]
    assert len(ends) == 2
    for kept in range(1, len(pieces) + 1):
        lost = lost_placeholders(sentence, CASED, kept)
        assert lost == sum(end > kept for end in ends)
