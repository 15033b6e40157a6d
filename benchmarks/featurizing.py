#!/usr/bin/env python
"""How fast do examples become records?

    python benchmarks/featurizing.py --model_dir=minilm

turns the training examples of each task into a record file, with a tokenizer that has
not seen a word yet, by turns in this process and with worker processes. Reading the
corpus is not in it. With --repeat the corpus comes several times over, as a larger one
would but for its words, which are known by then.
"""

import argparse
import functools
import itertools
import os
import sys
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models  # noqa: E402  isort: skip
import numpy as np  # noqa: E402

import run_ner  # noqa: E402
import run_qa  # noqa: E402
import run_re  # noqa: E402
from finetuning import records, workers  # noqa: E402
from finetuning.windows import cut_pieces  # noqa: E402
from tasks.ner import labels  # noqa: E402
from tokenization import FullTokenizer  # noqa: E402

WHAT = {"ner": "NER, sentences", "re": "RE, sentences", "qa": "QA, questions"}


class Trial(NamedTuple):
    """What is featurized.

    Attributes:
      task: one of common.TASKS.
      examples: of the task, as its script reads them.
      repeat: how often they come.
      model: its tokenizer is used.
    """

    task: str
    examples: Sequence[Any]
    repeat: int
    model: models.Pretrained


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(
        __doc__,
        3,
        default=None,
        help="folder with a folder for each task, ner, re and qa; default:"
        " examples/NCBI-disease, for re and qa made into such files",
    )
    parser.add_argument(
        "--repeat",
        type=common.numbers,
        default=[1, 10],
        help="how often the corpus comes, a row of the table each; default: 1,10",
    )
    parser.add_argument(
        "--processes",
        type=common.positive,
        default=2,
        help="worker processes; default: 2",
    )
    return parser.parse_args(argv)


def maker_of(
    task: str, examples: Sequence[Any], tokenizer: FullTokenizer
) -> Tuple[records.Schema, Callable[[Any], List[np.ndarray]]]:
    """Return what the scripts make of an example: the schema, and its rows."""
    if task == "ner":
        schema = run_ner.schema(labelled=True)
        names = labels.of_file(examples, "")
        label_ids = {name: index for index, name in enumerate(names)}
        featurize = functools.partial(
            run_ner.featurize,
            tokenizer=tokenizer,
            label_ids=label_ids,
            max_seq_length=128,
            cut=cut_pieces,
        )
    elif task == "re":
        schema = run_re.schema(labelled=True)
        label_ids = {row.label: 0 for row in examples}

        def featurize(row: Any) -> List[Any]:
            return [run_re.featurize(row, tokenizer, label_ids, 128)]

    else:
        schema = run_qa.schema(labelled=True)
        featurize = functools.partial(
            run_qa.featurize,
            tokenizer=tokenizer,
            lengths=run_qa.Lengths(384, 128, 64),
        )
    return schema, lambda example: [
        schema.pack(features) for features in featurize(example)
    ]


def measure(trial: Trial, processes: int, folder: str) -> float:
    """Measure the seconds from examples to a record file that is open."""
    schema, make = maker_of(trial.task, trial.examples, trial.model.tokenizer)
    many = itertools.chain.from_iterable(itertools.repeat(trial.examples, trial.repeat))
    path = os.path.join(folder, "examples.tf_record")

    def write() -> None:
        made = workers.ordered_map(make, many, processes)
        rows = itertools.chain.from_iterable(made)
        records.write_records(path, schema, rows, {})

    return common.seconds_of(write)


def row_of(trial: Trial, processes: int, rounds: int, folder: str) -> Tuple[Any, ...]:
    """Measure a row of the table."""
    measured = common.alternate(
        {
            number: functools.partial(measure, trial, number, folder)
            for number in (0, processes)
        },
        rounds,
    )
    count = len(trial.examples) * trial.repeat
    alone, together = measured[0], measured[processes]
    return WHAT[trial.task], count, alone, count / alone, together, alone / together


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    arguments = parse(argv)
    processes, rounds = arguments.processes, arguments.rounds
    workers_head = f"{processes} workers, s"
    head = ("what", "how many", "one process, s", "a second", workers_head, "gain")
    rows = []
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        for task in WHAT:
            data = arguments.data and os.path.join(arguments.data, task)
            examples = corpora.corpus_of(task, data, folder).load_train()
            for repeat in arguments.repeat:
                trial = Trial(task, examples, repeat, model)
                rows.append(row_of(trial, processes, rounds, folder))
        note = f"{common.describe_rounds(arguments)} {model.describe()}"
        common.print_table(head, rows, note)


if __name__ == "__main__":
    common.run(main)
