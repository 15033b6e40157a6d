"""tasks/qa/decoding.py: the answers that the original ranks, and their text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import run_qa
import tokenization
from biocodes.lib import squad
from kit.golden import CASED, LOWER
from kit.qa_windows import WORDS, limits_of, with_logits
from tasks.qa import decoding
from tasks.qa.results import make_text_of


def slowly_ranked(windows, n_best_size, max_answer_length):
    """ranked_spans as the original says it: every pair looked at, one by one."""
    spans = []
    for number, window in enumerate(windows):
        ranks = [
            sorted(range(len(logits)), key=lambda i: (-logits[i], i))[:n_best_size]
            for logits in (window.start_logits.tolist(), window.end_logits.tolist())
        ]
        for start in ranks[0]:
            for end in ranks[1]:
                if not window.max_context[start] or window.word_index[end] < 0:
                    continue
                if 1 <= end - start + 1 <= max_answer_length:
                    score = window.start_logits[start] + window.end_logits[end]
                    spans.append((number, start, end, score))
    spans.sort(key=lambda span: -span[3])
    return [span[:3] for span in spans]


@given(
    words=WORDS,
    asked=st.text(max_size=20),
    seed=st.integers(0, 1000),
    sizes=st.tuples(st.integers(10, 30), st.integers(1, 20)),
    tokenizer=st.sampled_from([CASED, LOWER]),
    limits=st.builds(limits_of, st.integers(1, 12), st.integers(1, 12), st.booleans()),
)
@settings(max_examples=200, deadline=None)
def test_answers_are_characters_of_the_context_ranked_as_the_original_does(
    words, asked, seed, sizes, tokenizer, limits
):
    example = squad.Example("q", asked, " ".join(words), None)
    lengths = run_qa.Lengths(sizes[0], sizes[1], 6)
    random = np.random.RandomState(seed)
    windows = [
        with_logits(window, random)
        for window in run_qa.featurize(example, tokenizer, lengths)
    ]
    numbers = {id(window): number for number, window in enumerate(windows)}
    ranked = [
        (numbers[id(window)], start, end)
        for window, start, end in decoding.ranked_spans(windows, limits)
    ]
    sizes = (limits.n_best_size, limits.max_answer_length)
    assert ranked == slowly_ranked(windows, *sizes)

    text_of = make_text_of(example, tokenizer, verbose=False)
    decision = decoding.decide(windows, text_of, limits)
    texts = [answer.text for answer in decision.nbest]
    assert len(set(texts)) == len(texts) <= limits.n_best_size + 1
    assert texts.count("") == limits.version_2_with_negative
    assert decision.text in texts
    scores = [answer.score for answer in decision.nbest]
    assert scores == sorted(scores, reverse=True)
    assert sum(decoding.probabilities(decision.nbest)) == pytest.approx(1.0)
    if texts != ["empty"] or ranked:
        assert all(text in example.context for text in texts)


@given(words=WORDS, ends=st.tuples(st.integers(0, 100), st.integers(0, 100)))
@settings(max_examples=200, deadline=None)
def test_pieces_are_found_back_to_the_character(words, ends):
    text = " ".join(words)
    pieces = CASED.tokenize(text)
    begin, last = sorted(end % max(len(pieces), 1) for end in ends)
    part = pieces[begin : last + 1]
    original = decoding.original_text(part, text, CASED.basic_tokenizer)
    if original is not None:
        assert original in text and original == original.strip(" ")
        spelled = decoding.spell(part).replace(" ", "")
        assert original.replace(" ", "") == spelled
    elif tokenization.UNK not in part and part:
        # Tokenizing dropped characters, or took other white space out of a word.
        assert "".join(CASED.basic_tokenizer.tokenize(text)) != "".join(words)


@pytest.mark.parametrize(
    "pieces, text, original",
    [
        (["ste", "##ve", "smith"], "Steve Smith's", "Steve Smith"),
        (["p", "##53", ",", "mdm"], "(P53,MDM2)", "P53,MDM"),
        (["##53"], "p53", "53"),
        (["angstrom"], "(\xc5ngstr\xf6m)", "\xc5ngstr\xf6m"),
        (["[UNK]"], "\u0524", None),
        (["smith"], "Smith\u200bs", None),  # a character was dropped
        (["jones"], "Smith", None),
    ],
)
def test_mapping_back_to_the_text(pieces, text, original):
    basic_tokenizer = tokenization.BasicTokenizer(do_lower_case=True)
    assert decoding.original_text(pieces, text, basic_tokenizer) == original


A, B, C = (
    decoding.Answer(name, score, 0.0) for name, score in [("a", 3), ("b", 2), ("c", 1)]
)


@pytest.mark.parametrize(
    "answers, score, size, texts",
    [
        ([A, B, C], 2.5, 3, ["a", "", "b"]),  # the worst makes room
        ([A, B, C], 2.0, 4, ["a", "b", "", "c"]),  # after its equal
        ([A, B, C], 0.0, 3, ["a", "b", "c", ""]),  # not among the best: one more
        ([A, B], 9.0, 1, [""]),
        ([], 0.0, 3, [""]),
    ],
)
def test_the_null_answer_among_the_others(answers, score, size, texts):
    null = decoding.Answer("", score, 0.0)
    merged = decoding.insert_null(answers, null, size)
    assert [answer.text for answer in merged] == texts


def test_the_null_score_is_the_least_over_the_windows():
    windows = [
        decoding.WindowLogits(np.array([start]), np.array([end]), None, None, None)
        for start, end in [(5.0, 1.0), (2.0, 1.0), (1.0, 2.0)]
    ]
    assert decoding.null_answer(windows) == decoding.Answer("", 2.0, 1.0)
