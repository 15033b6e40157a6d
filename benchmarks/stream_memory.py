#!/usr/bin/env python
"""Does predicting a long file take more memory than predicting a short one?

    python benchmarks/stream_memory.py --sentences=10000,100000,1000000

predicts test files of so many sentences, those of the corpus again and again, with the
tiny model of the tests, for memory beyond the model's is what this is about. The
table has the memory that the process holds (Linux: RssAnon, which is its own, and all
of it, VmRSS) when a tenth, half and all of the sentences have been predicted.
"""

import argparse
import itertools
import json
import os
import sys
import time
from typing import Any, List, Optional, Sequence, Tuple
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
from biocodes.lib import conll, files  # noqa: E402
from finetuning import prediction  # noqa: E402

HEAD = ("sentences", "of them done", "its own, MB", "all, MB", "seconds")
SHARES = (10, 50, 100)
TINY_BERT = os.path.join(common.ROOT, "tests", "data", "init")


def parse(argv: List[str]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 1, **common.DATA_OF_NER)
    parser.set_defaults(model_dir=TINY_BERT, do_lower_case="false")
    parser.add_argument(
        "--sentences",
        type=common.numbers,
        default=[10000, 100000, 1000000],
        help="how many; default: 10000,100000,1000000",
    )
    return parser.parse_args(argv)


# In the command


def memory() -> List[int]:
    """Return the MB of this process's own memory, and of all that it holds (Linux)."""
    with open("/proc/self/status") as stream:
        fields = dict(line.split(":", 1) for line in stream)
    return [int(fields[name].split()[0]) // 1024 for name in ("RssAnon", "VmRSS")]


def be_command(count: int, flags: Sequence[str]) -> None:
    """Run run_ner.py in this process; print its memory at each of the SHARES."""
    due = [count * share // 100 for share in SHARES]
    in_input_order = prediction.in_input_order

    def watched_in_input_order(*arguments: Any) -> Any:
        for index, values in in_input_order(*arguments):
            if due and index + 1 == due[0]:
                print(json.dumps([due.pop(0), *memory()]), flush=True)
            yield index, values

    with mock.patch.object(prediction, "in_input_order", watched_in_input_order):
        scripts.run_script("ner", flags)


# Around it


def write_test_file(path: str, source: str, count: int) -> None:
    """Write so many sentences of a file, from its beginning again at its end."""
    sentences = conll.load_sentences(source, labelled=False)
    texts = [
        "".join(
            f"{word}\t{label or ''}\n"
            for word, label in zip(sentence.words, sentence.labels)
        )
        for sentence in sentences
    ]
    with files.whole_file(path) as stream:
        for text in itertools.islice(itertools.cycle(texts), count):
            stream.write(text + "\n")


def measure(
    source: str, count: int, flags: Sequence[str], folder: str
) -> Tuple[List[List[int]], float]:
    """Predict so many sentences.

    Args:
      source: the file that they are of.
      count: how many.
      flags: of the command, but for the data.
      folder: where they and the results go.

    Returns:
      For each share (done, own MB, all MB); and the seconds of the whole command.
    """
    data = common.new_folder(folder)
    write_test_file(os.path.join(data, "test.tsv"), source, count)
    own = [f"--data_dir={data}", f"--output_dir={os.path.join(data, 'out')}"]
    started = time.perf_counter()
    lines = scripts.lines_of_process(__file__, str(count), *flags, *own)
    seconds = time.perf_counter() - started
    return [json.loads(line) for line in lines if line.startswith("[")], seconds


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--command"]:
        return be_command(int(argv[1]), argv[2:])
    arguments = parse(argv)
    rows = []
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        corpus = corpora.corpus_of("ner", arguments.data, folder)
        fine_tuned = scripts.train_for_a_step(corpus, model, folder)
        without_corpus = corpus._replace(flags=[])
        flags = scripts.predict_flags(without_corpus, model, fine_tuned)
        for count in arguments.sentences * arguments.rounds:
            shares, seconds = measure(corpus.test, count, flags, folder)
            for done, own, everything in shares:
                at_end = round(seconds) if done == count else ""
                rows.append((count, done, own, everything, at_end))
        common.print_table(HEAD, rows, model.describe())


if __name__ == "__main__":
    common.run(main)
