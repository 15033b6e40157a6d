"""tasks/raw_text/stream.py: passages keep their places; signals wake who waits."""

import io
import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import files
from biocodes.lib.passages import Passage
from tasks.ner.labels import ORIGINAL_LABELS
from tasks.raw_text.entities import annotate
from tasks.raw_text.stream import Featurized, Feed, WakingInput, in_passages


def featurized(number, windows):
    row = np.array([2, 5, 3], np.int32)
    passage = Passage(str(number), None, "a" if windows else "")
    return Featurized(passage, [(0, 1)] * bool(windows), [(row, [0])] * windows)


@given(st.lists(st.integers(0, 3), max_size=20), st.booleans())
def test_passages_without_words_keep_their_place(counts, broken):
    """And an error in the input comes after all that was before it."""

    def source():
        yield from (featurized(i, count) for i, count in enumerate(counts))
        if broken:
            raise files.InputError("no passage", "x.txt", 9)

    feed = Feed(source())
    prediction = {"label_ids": np.array([5, 1, 6]), "probability": np.ones(3)}
    predictions = [(i, prediction) for i, _ in enumerate(feed.rows())]
    assert len(predictions) == sum(counts)
    annotated = []
    try:
        for passage, of_windows in in_passages(feed, predictions):
            annotated.append(annotate(passage, of_windows, ORIGINAL_LABELS))
        assert not broken
    except files.InputError as error:
        assert broken and str(error) == "x.txt:9: no passage"
    ids = [passage.id for passage, _ in annotated]
    assert ids == [str(i) for i in range(len(counts))]
    numbers = [len(entities) for _, entities in annotated]
    assert numbers == [min(count, 1) for count in counts]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_wakes_who_waits_for_standard_input():
    """In another thread, and while the main one is where Python hears no signals."""
    ours, theirs = os.pipe()
    stdin = WakingInput(ours)
    lines, errors = [], []

    def read():
        try:
            for line in io.BufferedReader(stdin):
                lines.append(line)
        except RuntimeError as error:
            errors.append(str(error))

    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    reader = threading.Thread(target=read, daemon=True)
    try:
        reader.start()
        os.write(theirs, b"a passage\nhalf of")
        deadline = time.time() + 30
        while not lines:
            assert time.time() < deadline
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGUSR1)
        reader.join(30)
    finally:
        signal.signal(signal.SIGUSR1, before)
        stdin.wake()
    assert not reader.is_alive()
    assert errors == ["nobody waits for standard input any more"]
    assert lines == [b"a passage\n"]
    os.close(ours), os.close(theirs)
