"""windows.py: nothing is lost, nothing counts twice, and no window is too long."""

from hypothesis import given, settings
from hypothesis import strategies as st

from finetuning import windows

SIZES = st.lists(st.integers(0, 9), max_size=60)
ROOMS = st.integers(1, 12)


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 25))
@settings(max_examples=200, deadline=None)
def test_windows_show_every_piece_and_one_of_them_best(count, room, stride):
    spans = windows.cut_windows(count, room, stride)
    seen = [[] for _ in range(count)]
    for number, (begin, end) in enumerate(spans):
        assert 0 < end - begin <= room
        for piece in range(begin, end):
            context = min(piece - begin, end - 1 - piece) + 0.01 * (end - begin)
            seen[piece].append((-context, number))
    assert all(seen)
    owners = windows.best_windows(count, spans).tolist()
    assert owners == [min(several)[1] for several in seen]


@given(SIZES, ROOMS)
@settings(max_examples=300, deadline=None)
def test_every_word_counts_in_one_window_where_it_is_whole(sizes, room):
    cut = windows.cut_words(sizes, room)
    counting = [word for window in cut for word in range(window.first, window.last)]
    assert counting == list(range(len(sizes)))
    for window in cut:
        assert window.begin <= window.first < window.last <= window.end
        pieces = sizes[window.begin : window.end]
        # Only a word that is longer than any window is too long for its own.
        assert sum(pieces) <= room or sum(size > 0 for size in pieces) == 1
        assert sum(min(size, room) for size in pieces) <= room


@given(SIZES, ROOMS)
@settings(max_examples=300, deadline=None)
def test_a_word_counts_where_it_has_most_context(sizes, room):
    cut = windows.cut_words(sizes, room)
    lengths = [min(size, room) for size in sizes]

    def context(word, window):
        left, right = lengths[window.begin : word], lengths[word + 1 : window.end]
        return min(sum(left), sum(right))

    for window in cut:
        for word in range(window.first, window.last):
            others = [other for other in cut if other.begin <= word < other.end]
            most = max(context(word, other) for other in others)
            assert context(word, window) == most


@given(st.integers(1, 400), st.integers(8, 126))
@settings(max_examples=100, deadline=None)
def test_words_of_a_piece_see_an_eighth_of_a_window_on_either_side(count, room):
    for window in windows.cut_words([1] * count, room):
        for word in range(window.first, window.last):
            assert window.begin == 0 or word - window.begin >= room // 8 - 1
            assert window.end == count or window.end - 1 - word >= room // 8 - 1


def test_windows_are_those_of_the_docstring():
    assert windows.cut_words([1, 2, 1, 2, 1], 4) == [(0, 3, 0, 3), (2, 5, 3, 5)]
    assert windows.cut_words([1, 2], 4) == [(0, 2, 0, 2)]
    assert windows.cut_words([], 4) == []


@given(SIZES, ROOMS)
@settings(max_examples=300, deadline=None)
def test_every_piece_counts_once(sizes, room):
    """But for the rest of a word that is longer than a window."""
    pieces = [tuple(range(10 * word, 10 * word + n)) for word, n in enumerate(sizes)]
    counting = []
    for ids, word_index in windows.cut_pieces(pieces, room):
        assert len(ids) == len(word_index) <= room
        counting += [
            (piece, word)
            for piece, word in zip(ids, word_index)
            if word != windows.CONTEXT
        ]
    assert counting == [
        (piece, word) for word, some in enumerate(pieces) for piece in some[:room]
    ]


def test_what_counts_elsewhere_is_context():
    pieces = [(1,), (20, 21), (3,), (40, 41), (5,)]
    context = windows.CONTEXT
    assert list(windows.cut_pieces(pieces, 4)) == [
        ([1, 20, 21, 3], [0, 1, 1, 2]),
        ([3, 40, 41, 5], [context, 3, 3, 4]),
    ]


@given(SIZES, ROOMS)
@settings(max_examples=100, deadline=None)
def test_truncating_keeps_the_first_pieces(sizes, room):
    pieces = [(word,) * size for word, size in enumerate(sizes)]
    expected = [word for some in pieces for word in some][:room]
    assert list(windows.truncate_pieces(pieces, room)) == [(expected, expected)]
