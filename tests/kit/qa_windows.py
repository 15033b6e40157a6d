"""Contexts of odd words, and windows with logits, for the decoding of answers."""

from typing import Any, Dict

import numpy as np
from hypothesis import strategies as st

from biocodes.lib import squad
from tasks.qa.decoding import Limits, WindowLogits

SPACES = st.text(" \t\r\n\u202f", min_size=1, max_size=3)
WORDS = st.lists(
    st.text(
        st.one_of(
            st.sampled_from("aBc,.-(/)#\u03b1\xe9\u0130\ufb01\u4e2d\xa0"),
            st.characters(),
        ),
        min_size=1,
        max_size=8,
    ).filter(lambda word: squad.words_of(word) == [word]),
    min_size=1,
    max_size=12,
)


def limits_of(
    n_best_size: int = 20,
    max_answer_length: int = 30,
    with_negative: bool = False,
    threshold: float = 0.0,
) -> Limits:
    """Return Limits, the original's defaults where nothing is given."""
    return Limits(n_best_size, max_answer_length, with_negative, threshold)


def with_logits(
    features: Dict[str, Any], random: np.random.RandomState
) -> WindowLogits:
    """Give a window of run_qa.featurize whole numbers as logits: many are equal."""
    size = len(features["input_ids"])
    logits = [random.randint(-4, 5, size).astype(np.float32) for _ in range(2)]
    names = ("input_ids", "word_index", "max_context")
    return WindowLogits(*logits, *(np.array(features[name]) for name in names))
