#!/usr/bin/env python
"""How fast are entities found in raw text, and does a long input take more memory?

    python benchmarks/own_text.py --model_dir=minilm --passages=20000

runs run_ner.py --predict_file on so many passages of the length of abstracts: eight
sentences of the corpus each, drawn at random. The table has the speed up to there and
the memory that the process holds (as in stream_memory.py) when a tenth, half and all of
the passages are done. The time is from when the first passage is read; the model's
loading is in it, the command's own start is not. The model is made by one step of
training, so what it finds means nothing.
"""

import json
import os
import random
import subprocess
import sys
import time
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, stream_memory  # noqa: E402  isort: skip
from biocodes.lib import (
    conll,  # noqa: E402
    files,  # noqa: E402
)
from tasks.raw_text import entities  # noqa: E402

HEAD = ("passages done", "passages/s", "its own memory, MB", "all, MB")
SENTENCES = 8


def parse(argv):
    parser = common.argument_parser(__doc__, 1, **common.DATA_OF_NER)
    parser.add_argument(
        "--passages", type=common.positive, default=20000, help="default: 20000"
    )
    parser.add_argument(
        "--flags",
        default="",
        help="further flags of run_ner.py, with spaces between them",
    )
    return parser.parse_args(argv)


# In the command


def be_command(count, flags):
    """Runs run_ner.py in this process; prints how it is at each of the SHARES."""
    due = [max(count * share // 100, 1) for share in stream_memory.SHARES]

    class Progress(entities.Progress):
        def count(self, count=1, size=0):
            super().count(count, size)
            if due and self.done == due[0]:
                speed = self.done / (time.time() - self.started)
                row = [due.pop(0), speed, *stream_memory.memory()]
                print(json.dumps(row), flush=True)

    with mock.patch.object(entities, "Progress", Progress):
        common.run_script("ner", flags)


# Around it


def write_passages(path, source, count):
    """Writes so many passages of sentences of a CoNLL file, a passage a line."""
    sentences = [" ".join(one.words) for one in conll.read_sentences(source)]
    dice = random.Random(1)
    with files.whole_file(path) as stream:
        for _ in range(count):
            stream.write(" ".join(dice.choices(sentences, k=SENTENCES)) + "\n")


def measure(corpus, model, trained, arguments, folder):
    """Runs the command; → rows of the table."""
    out = common.new_folder(folder)
    path = os.path.join(out, "passages.txt")
    write_passages(path, corpus.train, arguments.passages)
    without_corpus = common.predict_flags(corpus._replace(flags=[]), model, trained)
    own = [f"--predict_file={path}", f"--output_dir={os.path.join(out, 'out')}"]
    command = [os.path.abspath(__file__), "--command", str(arguments.passages)]
    done = subprocess.run(
        [sys.executable, *command, *without_corpus, *own, *arguments.flags.split()],
        stdout=subprocess.PIPE,
    )
    if done.returncode:
        raise files.InputError("run_ner.py failed, see above")
    lines = done.stdout.decode().splitlines()
    return [json.loads(line) for line in lines if line.startswith("[")]


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
        for _ in range(arguments.rounds):
            rows += measure(corpus, model, trained, arguments, folder)
    common.print_table(HEAD, rows, common.describe(model))


if __name__ == "__main__":
    common.run(main)
