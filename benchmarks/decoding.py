#!/usr/bin/env python
"""How fast do logits become answers to questions, and how does that grow?

    python benchmarks/decoding.py

decodes windows of made-up questions with random logits, as run_qa.py does with a
model's: once for questions with two windows each, once for a single question whose
context fills all the windows. Random logits are the worst there is: the best starts and
ends are all over the window.
"""

import os
import sys

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common  # noqa: E402  isort: skip
import numpy as np  # noqa: E402

import run_qa  # noqa: E402
from biocodes.lib import (
    conll,  # noqa: E402
    squad,  # noqa: E402
)
from tasks.qa import decoding  # noqa: E402
from tasks.qa.results import find_text  # noqa: E402

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


def parse(argv):
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


def question(words, tokenizer, count):
    """An Example with so many windows, and these: list of qa_decoding.Window."""
    head = len(run_qa.ids_of("What is it?", tokenizer)) + 2
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
        windows.append(decoding.Window(start[:size], end[:size], *arrays))
    return example, windows


def decode(example, windows, tokenizer, times):
    """Decides so many times; → windows a call, seconds."""

    def decide():
        for _ in range(times):
            text_of = find_text(example, tokenizer, verbose=False)
            decoding.decide(windows, text_of, LIMITS)

    return len(windows) * times, common.seconds_of(decide)


def main(argv=None):
    arguments = parse(argv)
    rows = []
    with common.work_folder() as folder:
        model = common.model_of(arguments, folder)
        tokenizer = model.tokenizer
        path = os.path.join(arguments.data, "test.tsv")
        words = [
            word
            for sentence in conll.read_sentences(path, labelled=False)
            for word in sentence.words
        ]
        short = question(words, tokenizer, 2)
        for count in arguments.windows:
            long = question(words, tokenizer, count)
            found = common.alternate(
                {
                    "short": lambda n=count: decode(*short, tokenizer, max(n // 2, 1)),
                    "long": lambda one=long: decode(*one, tokenizer, 1),
                },
                arguments.rounds,
            )
            cells = [count]
            for windows, seconds in found.values():
                cells += [seconds, windows / seconds]
            rows.append(cells)
        common.print_table(HEAD, rows, common.describe_rounds(arguments))


if __name__ == "__main__":
    common.run(main)
