#!/usr/bin/env python
"""How fast are entities found in raw text, and does a long input take more memory?

    python benchmarks/raw_text.py --model_dir=minilm --passages=20000

runs run_ner.py --predict_file on so many passages of the length of abstracts: eight
sentences of the corpus each, drawn at random. The table has the speed up to there and
the memory that the process holds (as in stream_memory.py) when a tenth, half and all of
the passages are done. The time is from when the first passage is read; the model's
loading is in it, the command's own start is not. The model is made by one step of
training, so what it finds means nothing.
"""

import argparse
import json
import os
import random
import sys
import time
from typing import Any, List, Optional, Sequence
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
from benchmarks import stream_memory  # noqa: E402  isort: skip
from biocodes.lib import conll, files  # noqa: E402
from tasks.raw_text import entities  # noqa: E402

HEAD = ("passages done", "passages/s", "its own memory, MB", "all, MB")
SENTENCES = 8


def parse(argv: List[str]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
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


def be_command(count: int, flags: Sequence[str]) -> None:
    """Run run_ner.py in this process; print how it is at each of the SHARES."""
    due = [max(count * share // 100, 1) for share in stream_memory.SHARES]

    class Progress(entities.Progress):
        def count(self, *arguments: Any, **named: Any) -> None:
            super().count(*arguments, **named)
            if due and self.done == due[0]:
                speed = self.done / (time.time() - self.started)
                row = [due.pop(0), speed, *stream_memory.memory()]
                print(json.dumps(row), flush=True)

    with mock.patch.object(entities, "Progress", Progress):
        scripts.run_script("ner", flags)


# Around it


def write_passages(path: str, source: str, count: int) -> None:
    """Write so many passages of sentences of a CoNLL file, a passage a line."""
    sentences = [" ".join(sentence.words) for sentence in conll.read_sentences(source)]
    dice = random.Random(1)
    with files.whole_file(path) as stream:
        for _ in range(count):
            stream.write(" ".join(dice.choices(sentences, k=SENTENCES)) + "\n")


def measure(
    corpus: corpora.Corpus, passages: int, flags: Sequence[str], folder: str
) -> List[List[Any]]:
    """Run the command; return rows of the table.

    Args:
      corpus: the passages' sentences.
      passages: how many there are.
      flags: of the command, but for the passages.
      folder: where they and the results go.
    """
    out = common.new_folder(folder)
    path = os.path.join(out, "passages.txt")
    write_passages(path, corpus.train, passages)
    own = [f"--predict_file={path}", f"--output_dir={os.path.join(out, 'out')}"]
    lines = scripts.lines_of_process(__file__, str(passages), *flags, *own)
    return [json.loads(line) for line in lines if line.startswith("[")]


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
        flags += arguments.flags.split()
        for _ in range(arguments.rounds):
            rows += measure(corpus, arguments.passages, flags, folder)
        note = model.describe()
    common.print_table(HEAD, rows, note)


if __name__ == "__main__":
    common.run(main)
