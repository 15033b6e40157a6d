#!/usr/bin/env python
"""How does the cost grow with the corpus, with the sentences and with the batch?

    python benchmarks/scaling.py --model_dir=minilm

runs run_ner.py on made-up corpora whose words are those of NCBI-disease:

    sentences          so many sentences of the corpus are predicted (the test set once,
                       twice, four times): seconds, from reading to the last result
    words a sentence   training on sentences that are all so long, --batch_size of them
                       in a step: seconds of the steps
    batch size         training on the corpus with so many examples in a step

Where the cost is proportional, the last column stays the same.
"""

import argparse
import functools
import os
import sys
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
from biocodes.lib import conll, files  # noqa: E402

HEAD = ("what grows", "to", "seconds", "examples/s", "pieces/s")
# Words and labels of a sentence.
Columns = Tuple[Sequence[str], Sequence[str]]
# Seconds, examples and pieces.
Cost = Tuple[float, int, int]


class Steps(NamedTuple):
    """How long is trained: steps that are not timed, and those after them that are."""

    warm_up: int
    timed: int


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_NER)
    for name, default, text in (
        ("repeat", "1,2,4", "how often the test set is predicted"),
        ("lengths", "12,25,50,100,200,400", "words a sentence in training"),
        ("batch_sizes", "8,16,32,64", "examples in a training step"),
    ):
        parser.add_argument(
            f"--{name}",
            type=common.numbers,
            default=common.numbers(default),
            help=f"{text}; default: {default}",
        )
    common.add_counts(
        parser,
        ("--batch_size", 8, "examples in a step when sentences grow"),
        ("--steps", 30, "training steps that are timed"),
        ("--warm_up", 5, "steps before these"),
    )
    return parser.parse_args(argv)


def write_sentences(path: str, sentences: Sequence[Columns]) -> None:
    """Write sentences as run_ner.py reads them."""
    with files.whole_file(path) as stream:
        for words, labels in sentences:
            stream.writelines(f"{pair[0]}\t{pair[1]}\n" for pair in zip(words, labels))
            stream.write("\n")


def columns_of(path: str) -> List[Columns]:
    """Read the words and labels of a file."""
    sentences = conll.load_sentences(path)
    return [(sentence.words, sentence.labels) for sentence in sentences]


def corpus_of_sentences(
    folder: str, train: Sequence[Columns], test: Sequence[Columns]
) -> corpora.Corpus:
    """Make a corpus of sentences in a folder."""
    data = common.new_folder(folder)
    for name, sentences in (("train_dev.tsv", train), ("test.tsv", test)):
        write_sentences(os.path.join(data, name), sentences)
    return corpora.corpus_of("ner", data, folder)


def equally_long(
    sentences: Sequence[Columns], length: int, count: int
) -> List[Columns]:
    """Cut so many sentences of `length` words each from the text without a break."""
    words = [word for of_sentence, _ in sentences for word in of_sentence]
    labels = [label for _, of_sentence in sentences for label in of_sentence]
    starts = [number * length % (len(words) - length) for number in range(count)]
    return [
        (words[start : start + length], labels[start : start + length])
        for start in starts
    ]


def predicting(flags: List[str], folder: str) -> Cost:
    """Measure a prediction from reading the test set to the last result."""
    out = f"--output_dir={common.new_folder(folder)}"
    with scripts.watched_steps() as watched:
        seconds = common.seconds_of(lambda: scripts.run_script("ner", flags, [out]))
    lengths = [length for batch in watched.lengths for length in batch.tolist()]
    return seconds, len(lengths), sum(lengths)


def training(
    corpus: corpora.Corpus,
    model: models.Pretrained,
    batch_size: int,
    steps: Steps,
    folder: str,
) -> Cost:
    """Measure the training steps that are timed."""
    longest = min(512, model.config["max_position_embeddings"])
    with scripts.watched_steps() as watched:
        scripts.run_script(
            "ner",
            scripts.train_flags(corpus, model),
            [f"--max_seq_length={longest}", f"--train_batch_size={batch_size}"],
            ["--do_predict=false", f"--output_dir={common.new_folder(folder)}"],
            [scripts.epochs_of(corpus, sum(steps), batch_size)],
        )
    lengths = watched.lengths_from(steps.warm_up)
    return watched.seconds(steps.warm_up), len(lengths), sum(lengths)


def measurements(
    given: corpora.Corpus,
    model: models.Pretrained,
    arguments: argparse.Namespace,
    folder: str,
) -> Dict[Tuple[str, int], Callable[[], Cost]]:
    """Map (what grows, to) to the function that measures it."""
    train, test = columns_of(given.train), columns_of(given.test)
    fine_tuned = scripts.train_for_a_step(given, model, folder)
    steps = Steps(arguments.warm_up, arguments.steps)
    measures = {}
    for times in arguments.repeat:
        corpus = corpus_of_sentences(folder, train[:100], test * times)
        flags = scripts.predict_flags(corpus, model, fine_tuned)
        measures["sentences", len(test) * times] = functools.partial(
            predicting, flags, folder
        )
    for length in arguments.lengths:
        sentences = equally_long(train, length, arguments.batch_size * 4)
        corpus = corpus_of_sentences(folder, sentences, train[:1])
        measures["words a sentence", length] = functools.partial(
            training, corpus, model, arguments.batch_size, steps, folder
        )
    for size in arguments.batch_sizes:
        measures["batch size", size] = functools.partial(
            training, given, model, size, steps, folder
        )
    return measures


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        given = corpora.corpus_of("ner", arguments.data, folder)
        measured = common.alternate(
            measurements(given, model, arguments, folder), arguments.rounds
        )
        common.print_table(
            HEAD,
            [
                (what, size, seconds, count / seconds, pieces / seconds)
                for (what, size), (seconds, count, pieces) in measured.items()
            ],
            f"{common.describe_rounds(arguments)} {model.describe()}",
        )


if __name__ == "__main__":
    common.run(main)
