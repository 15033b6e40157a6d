#!/usr/bin/env python
"""How fast do logits become answers to questions, and how does that grow?

    python benchmarks/decoding.py

decodes windows of made-up questions with random logits, as run_qa.py does with a
model's: once for questions with two windows each, once for a single question whose
context fills all the windows. Random logits are the worst there is: the best starts and
ends are all over the window.
"""

import argparse
import functools
import os
import sys
from typing import List, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, models  # noqa: E402  isort: skip
import numpy as np  # noqa: E402

import run_qa  # noqa: E402
from biocodes.lib import conll, squad  # noqa: E402
from tasks.qa import decoding  # noqa: E402
from tasks.qa.answers import ids_of  # noqa: E402
from tasks.qa.results import make_text_of  # noqa: E402
from tokenization import FullTokenizer  # noqa: E402

LENGTHS = run_qa.Lengths(max_seq_length=384, doc_stride=128, max_query_length=64)
LIMITS = decoding.Limits(
    n_best_size=20,
    max_answer_length=30,
    version_2_with_negative=False,
    null_score_diff_threshold=0.0,
)
HEAD = (
    "windows",
    "two a question, s",
    "windows/s",
    "all of one question, s",
    "windows/s",
)
# Logits that windows take by turns, so that memory does not limit their number.
LOGITS = 64
# A question, and the logits and features of its windows.
Question = Tuple[squad.Example, List[decoding.WindowLogits]]


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(
        __doc__,
        3,
        default=common.NCBI_DISEASE,
        help="folder with test.tsv, whose text the contexts are of; default:"
        " examples/NCBI-disease",
    )
    parser.add_argument(
        "--windows",
        type=common.numbers,
        default=[1000, 10000, 50000],
        help="how many, a row of the table each; default: 1000,10000,50000",
    )
    return parser.parse_args(argv)


def question(words: Sequence[str], tokenizer: FullTokenizer, count: int) -> Question:
    """Make a question with so many windows, the context of words by turns."""
    head = len(ids_of("What is it?", tokenizer)) + 2
    pieces = LENGTHS.max_seq_length - head - 1 + LENGTHS.doc_stride * (count - 1)
    context, length = [], 0
    while length < pieces:
        word = words[len(context) % len(words)]
        length += len(tokenizer.word_ids(word))
        context.append(word)
    example = squad.Example("made up", "What is it?", " ".join(context[:-1]), None)
    random = np.random.RandomState(0)
    logits = random.randn(LOGITS, 2, LENGTHS.max_seq_length).astype(np.float32)
    windows = []
    for features in run_qa.featurize(example, tokenizer, LENGTHS):
        start, end = logits[len(windows) % LOGITS]
        arrays = [
            np.array(features[name], np.int32)
            for name in ("input_ids", "word_index", "max_context")
        ]
        size = len(arrays[0])
        windows.append(decoding.WindowLogits(start[:size], end[:size], *arrays))
    return example, windows


def decode(
    question: Question, tokenizer: FullTokenizer, times: int
) -> Tuple[int, float]:
    """Decide so many times; return the number of windows and the seconds."""
    example, windows = question

    def decide() -> None:
        for _ in range(times):
            text_of = make_text_of(example, tokenizer, verbose=False)
            decoding.decide(windows, text_of, LIMITS)

    return len(windows) * times, common.seconds_of(decide)


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    arguments = parse(argv)
    path = os.path.join(arguments.data, "test.tsv")
    words = [
        word
        for sentence in conll.read_sentences(path, labelled=False)
        for word in sentence.words
    ]
    with common.work_folder() as folder:
        tokenizer = models.model_of(arguments, folder).tokenizer
    short = question(words, tokenizer, 2)
    rows = []
    for count in arguments.windows:
        long = question(words, tokenizer, count)
        half = max(count // 2, 1)
        measured = common.alternate(
            {
                "short": functools.partial(decode, short, tokenizer, half),
                "long": functools.partial(decode, long, tokenizer, 1),
            },
            arguments.rounds,
        )
        cells = [count]
        for windows, seconds in measured.values():
            cells += [seconds, windows / seconds]
        rows.append(cells)
    common.print_table(HEAD, rows, common.describe_rounds(arguments))


if __name__ == "__main__":
    common.run(main)
