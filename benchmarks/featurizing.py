#!/usr/bin/env python
"""How fast do examples become records?

    python benchmarks/featurizing.py --model_dir=minilm

turns the training examples of each task into a record file, with a tokenizer that has
not seen a word yet, by turns in this process and with worker processes. Reading the
corpus is not in it. With --repeat the corpus comes several times over, as a larger one
would but for its words, which are known by then.
"""

import functools
import itertools
import os
import sys

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common  # noqa: E402  isort: skip
import run_ner  # noqa: E402
import run_qa  # noqa: E402
import run_re  # noqa: E402
from finetuning import (
    records,  # noqa: E402
    workers,  # noqa: E402
)
from tasks.ner.labels import labels_of  # noqa: E402

WHAT = {"ner": "NER, sentences", "re": "RE, sentences", "qa": "QA, questions"}


def parse(argv):
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


def maker_of(task, examples, tokenizer):
    """What the scripts make of an example: (schema, function → list of rows)."""
    if task == "ner":
        schema = run_ner.schema(labelled=True)
        label_ids = labels_of(examples, "").ids
        return schema, lambda one: [
            schema.pack(window)
            for window in run_ner.featurize_windows(one, tokenizer, label_ids, 128)
        ]
    if task == "re":
        schema = run_re.schema(labelled=True)
        label_ids = {one.label: 0 for one in examples}
        return schema, lambda one: [
            schema.pack(run_re.featurize(one, tokenizer, label_ids, 128))
        ]
    schema, lengths = run_qa.schema(labelled=True), run_qa.Lengths(384, 128, 64)
    return schema, lambda one: [
        schema.pack(window) for window in run_qa.featurize(one, tokenizer, lengths)
    ]


def measure(task, examples, repeat, model, processes, folder):
    """Seconds from examples to a record file that is open."""
    schema, make = maker_of(task, examples, model.tokenizer)
    many = itertools.chain.from_iterable(itertools.repeat(examples, repeat))
    path = os.path.join(folder, "examples.tf_record")

    def write():
        made = workers.ordered_map(make, many, processes)
        rows = itertools.chain.from_iterable(made)
        records.write_records(path, schema, rows, {})

    return common.seconds_of(write)


def main(argv=None):
    arguments = parse(argv)
    several = arguments.processes
    rows = []
    with common.work_folder() as folder:
        model = common.model_of(arguments, folder)
        for task, what in WHAT.items():
            data = arguments.data and os.path.join(arguments.data, task)
            examples = common.corpus_of(task, data, folder).load_train()
            for repeat in arguments.repeat:
                found = common.alternate(
                    {
                        n: functools.partial(
                            measure, task, examples, repeat, model, n, folder
                        )
                        for n in (0, several)
                    },
                    arguments.rounds,
                )
                count = len(examples) * repeat
                alone, together = found[0], found[several]
                rows.append(
                    (what, count, alone, count / alone, together, alone / together)
                )
        common.print_table(
            (
                "what",
                "how many",
                "one process, s",
                "a second",
                f"{several} workers, s",
                "gain",
            ),
            rows,
            f"{common.describe_rounds(arguments)} {common.describe(model)}",
        )


if __name__ == "__main__":
    common.run(main)
