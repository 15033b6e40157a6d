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

import functools
import os
import sys

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common  # noqa: E402  isort: skip
from biocodes.lib import (
    conll,  # noqa: E402
    files,  # noqa: E402
)

HEAD = ("what grows", "to", "seconds", "examples/s", "pieces/s")


def parse(argv):
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
    for name, default, text in (
        ("batch_size", 8, "examples in a step when sentences grow"),
        ("steps", 30, "training steps that are timed"),
        ("warm_up", 5, "steps before these"),
    ):
        parser.add_argument(
            f"--{name}",
            type=common.positive,
            default=default,
            help=f"{text}; default: {default}",
        )
    return parser.parse_args(argv)


def write_sentences(path, sentences):
    """Writes (words, labels) as run_ner.py reads them."""
    with files.whole_file(path) as stream:
        for words, labels in sentences:
            stream.writelines(f"{pair[0]}\t{pair[1]}\n" for pair in zip(words, labels))
            stream.write("\n")


def columns_of(path):
    """Words and labels of a file: list of (words, labels)."""
    return [(one.words, one.labels) for one in conll.load_sentences(path)]


def corpus_of_sentences(folder, train, test):
    """A Corpus of (words, labels)."""
    data = common.new_folder(folder)
    for name, sentences in (("train_dev.tsv", train), ("test.tsv", test)):
        write_sentences(os.path.join(data, name), sentences)
    return common.corpus_of("ner", data, folder)


def equally_long(sentences, length, count):
    """So many sentences of `length` words each, cut from the text without a break."""
    words = [word for one, _ in sentences for word in one]
    labels = [label for _, one in sentences for label in one]
    starts = [number * length % (len(words) - length) for number in range(count)]
    return [
        (words[start : start + length], labels[start : start + length])
        for start in starts
    ]


def predicting(corpus, model, trained, folder):
    """Seconds from reading a test set to the last result, its examples and pieces."""
    flags = common.predict_flags(corpus, model, trained)
    out = f"--output_dir={common.new_folder(folder)}"
    with common.watched_steps() as watched:
        seconds = common.seconds_of(lambda: common.run_script("ner", flags, [out]))
    lengths = [length for batch in watched.lengths for length in batch.tolist()]
    return seconds, len(lengths), sum(lengths)


def training(corpus, model, batch_size, arguments, folder):
    """Seconds of the training steps that are timed, their examples and pieces."""
    first = arguments.warm_up
    longest = min(512, model.config["max_position_embeddings"])
    with common.watched_steps() as watched:
        common.run_script(
            "ner",
            common.train_flags(corpus, model),
            [f"--max_seq_length={longest}", f"--train_batch_size={batch_size}"],
            ["--do_predict=false", f"--output_dir={common.new_folder(folder)}"],
            [common.epochs_of(corpus, first + arguments.steps, batch_size)],
        )
    lengths = watched.lengths_from(first)
    return watched.seconds(first), len(lengths), sum(lengths)


def corpora_of_lengths(sentences, arguments, folder):
    """dict of words a sentence → Corpus."""
    count = arguments.batch_size * 4
    return {
        length: corpus_of_sentences(
            folder, equally_long(sentences, length, count), sentences[:1]
        )
        for length in arguments.lengths
    }


def measurements(given, model, arguments, folder):
    """dict of (what grows, to) → function that measures it."""
    train, test = columns_of(given.train), columns_of(given.test)
    trained = common.train_for_a_step(given, model, folder)
    found = {}
    for times in arguments.repeat:
        corpus = corpus_of_sentences(folder, train[:100], test * times)
        found["sentences", len(test) * times] = functools.partial(
            predicting, corpus, model, trained, folder
        )
    for length, corpus in corpora_of_lengths(train, arguments, folder).items():
        found["words a sentence", length] = functools.partial(
            training, corpus, model, arguments.batch_size, arguments, folder
        )
    for size in arguments.batch_sizes:
        found["batch size", size] = functools.partial(
            training, given, model, size, arguments, folder
        )
    return found


def main(argv=None):
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = common.model_of(arguments, folder)
        given = common.corpus_of("ner", arguments.data, folder)
        found = common.alternate(
            measurements(given, model, arguments, folder), arguments.rounds
        )
        common.print_table(
            HEAD,
            [
                (what, size, seconds, count / seconds, pieces / seconds)
                for (what, size), (seconds, count, pieces) in found.items()
            ],
            f"{common.describe_rounds(arguments)} {common.describe(model)}",
        )


if __name__ == "__main__":
    common.run(main)
