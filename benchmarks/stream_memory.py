#!/usr/bin/env python
"""Does predicting a long file take more memory than predicting a short one?

    python benchmarks/stream_memory.py --sentences=10000,100000,1000000

predicts test files of so many sentences, those of the corpus again and again, with the
tiny model of the tests, for memory beyond the model's is what this is about. The
table has the memory that the process holds (Linux: RssAnon, which is its own, and all
of it, VmRSS) when a tenth, half and all of the sentences have been predicted.
"""

import itertools
import json
import os
import subprocess
import sys
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common  # noqa: E402  isort: skip
from biocodes.lib import (
    conll,  # noqa: E402
    files,  # noqa: E402
)
from finetuning import prediction
from finetuning.batches import in_input_order  # noqa: E402

HEAD = ("sentences", "of them done", "its own, MB", "all, MB", "seconds")
SHARES = (10, 50, 100)
TINY_BERT = os.path.join(common.ROOT, "tests", "data", "init")


def parse(argv):
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


def memory():
    """MB of this process's own memory and of all that it holds, as Linux counts."""
    with open("/proc/self/status") as stream:
        fields = dict(line.split(":", 1) for line in stream)
    return [int(fields[name].split()[0]) // 1024 for name in ("RssAnon", "VmRSS")]


def be_command(count, flags):
    """Runs run_ner.py in this process; prints its memory at each of the SHARES."""
    due = [count * share // 100 for share in SHARES]
    in_order = in_input_order

    def watched_in_input_order(*arguments):
        for index, prediction in in_order(*arguments):
            if due and index + 1 == due[0]:
                print(json.dumps([due.pop(0), *memory()]), flush=True)
            yield index, prediction

    with mock.patch.object(prediction, "in_input_order", watched_in_input_order):
        common.run_script("ner", flags)


# Around it


def write_test_file(path, source, count):
    """Writes so many sentences of a file, from its beginning again at its end."""
    sentences = conll.load_sentences(source, labelled=False)
    texts = [
        "".join(
            f"{word}\t{label or ''}\n" for word, label in zip(one.words, one.labels)
        )
        for one in sentences
    ]
    with files.whole_file(path) as stream:
        for text in itertools.islice(itertools.cycle(texts), count):
            stream.write(text + "\n")


def measure(corpus, model, trained, count, folder):
    """Predicts so many sentences; → (done, own MB, all MB) by share, and seconds."""
    data = common.new_folder(folder)
    write_test_file(os.path.join(data, "test.tsv"), corpus.test, count)
    longer = corpus._replace(flags=[f"--data_dir={data}"])
    flags = common.predict_flags(longer, model, trained)
    command = [sys.executable, os.path.abspath(__file__), "--command", str(count)]
    done = []

    def run():
        out = f"--output_dir={os.path.join(data, 'out')}"
        done.append(subprocess.run([*command, *flags, out], stdout=subprocess.PIPE))

    seconds = common.seconds_of(run)
    if done[0].returncode:
        raise files.InputError("run_ner.py failed, see above")
    lines = done[0].stdout.decode().splitlines()
    return [json.loads(line) for line in lines if line.startswith("[")], seconds


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--command"]:
        return be_command(int(argv[1]), argv[2:])
    arguments = parse(argv)
    rows = []
    with common.work_folder() as folder:
        model = common.model_of(arguments, folder)
        corpus = common.corpus_of("ner", arguments.data, folder)
        trained = common.train_for_a_step(corpus, model, folder)
        for count in arguments.sentences * arguments.rounds:
            found, seconds = measure(corpus, model, trained, count, folder)
            for done, own, everything in found:
                at_end = round(seconds) if done == count else ""
                rows.append((count, done, own, everything, at_end))
        common.print_table(HEAD, rows, common.describe(model))


if __name__ == "__main__":
    common.run(main)
