#!/usr/bin/env python
"""How fast are entities found by TensorFlow, by ONNX Runtime, and in 8 bits?

    python benchmarks/engines.py --model_dir=minilm --passages=2000

runs run_ner.py --predict_file by turns with each engine on the same passages, eight
sentences of the corpus each, and exports the model for it: onnx is float32, int8 the
matrix products in 8 bits. The speed is from when the first passage is read until the
last line is written; the model's loading is in it, the command's own start is not.

The rows "by hand" are what there is to reach: ONNX Runtime with the same files and as
many threads, on the same windows, all of them cut beforehand and sorted by length, in
batches of as many pieces, and nothing done with what comes out. The model is made by
one step of training, so what it finds means nothing.
"""

import argparse
import functools
import json
import os
import sys
import time
from typing import Any, Dict, List, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, raw_text, scripts  # noqa: E402
from biocodes import export_model  # noqa: E402
from finetuning import onnx_engine  # noqa: E402
from finetuning.batches import Rows, batch_of  # noqa: E402
from finetuning.engine import ONNX  # noqa: E402
from finetuning.model import Model  # noqa: E402
from finetuning.prediction import PredictionSettings  # noqa: E402
from tasks.raw_text.job import Job  # noqa: E402
from tasks.raw_text.stream import SCHEMA, make_featurizer  # noqa: E402

HEAD = ("engine", "passages/s", "times as fast")
BY_HAND = "by hand"
MAX_SEQ_LENGTH, BATCH_SIZE = 128, 8  # as run_ner.py has them


def parse(argv: List[str]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_NER)
    parser.add_argument(
        "--passages", type=common.positive, default=2000, help="default: 2000"
    )
    return parser.parse_args(argv)


# By hand


def be_by_hand(folder: str, path: str) -> None:
    """Predict the windows of all passages; print how many passages that is a second."""
    model, checkpoint = Model.load(folder, MAX_SEQ_LENGTH, ONNX)
    job = Job(path, [], "window", MAX_SEQ_LENGTH, False, False, None)
    featurize = make_featurizer(model.tokenizer, MAX_SEQ_LENGTH, "window")
    featurized = [featurize(passage) for passage in job.read()]
    rows = [row for passage in featurized for row, _ in passage.windows]
    started = time.time()
    session = onnx_engine.Session(checkpoint)
    examples = Rows(SCHEMA, rows)
    settings = PredictionSettings(BATCH_SIZE, MAX_SEQ_LENGTH, None)
    for indices in settings.order(examples.lengths):
        session.run(batch_of(examples, indices))
    print(json.dumps([len(featurized) / (time.time() - started)]))


# The measurements


def measure(flags: Sequence[str], count: int, folder: str) -> float:
    """Run the command; return passages a second.

    Args:
      flags: of run_ner.py, but for where results go.
      count: passages.
      folder: where results go.
    """
    out = f"--output_dir={os.path.join(common.new_folder(folder), 'out')}"
    lines = scripts.lines_of_process(raw_text.__file__, str(count), *flags, out)
    rows = [json.loads(line) for line in lines if line.startswith("[")]
    return rows[-1][1]


def measure_by_hand(folder: str, path: str) -> float:
    """Run be_by_hand in a process of its own; return passages a second."""
    (line,) = scripts.lines_of_process(__file__, folder, path)
    return json.loads(line)[0]


def exported(fine_tuned: str, folder: str) -> Dict[str, str]:
    """Export a model; return name of the engine → folder."""
    folders = {}
    for name, int8 in (("onnx", "false"), ("int8", "true")):
        folders[name] = os.path.join(common.new_folder(folder), "model")
        export_model.main(
            [
                *(f"--model_dir={fine_tuned}", f"--output_dir={folders[name]}"),
                *(f"--to={export_model.ONNX}", f"--int8={int8}"),
            ]
        )
    return folders


def measurements_of(fine_tuned: str, arguments: Any, folder: str) -> Dict[str, Any]:
    """Return name of an engine → function that measures it.

    Args:
      fine_tuned: folder of the model.
      arguments: of the command line.
      folder: for all that is made.
    """
    path = os.path.join(folder, "passages.txt")
    raw_text.write_passages(
        path, os.path.join(arguments.data, "train_dev.tsv"), arguments.passages
    )
    common_flags = [
        *("--do_train=false", f"--predict_file={path}"),
        *(f"--max_seq_length={MAX_SEQ_LENGTH}", f"--predict_batch_size={BATCH_SIZE}"),
    ]
    folders = exported(fine_tuned, folder)
    flags = {"tensorflow": [f"--model_dir={fine_tuned}"]}
    for name, model in folders.items():
        flags[name] = [f"--model_dir={model}", "--engine=onnx"]
    measurements = {
        name: functools.partial(
            measure, [*common_flags, *own], arguments.passages, folder
        )
        for name, own in flags.items()
    }
    for name, model in folders.items():
        measurements[f"{name}, {BY_HAND}"] = functools.partial(
            measure_by_hand, model, path
        )
    return measurements


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--command"]:
        return be_by_hand(argv[1], argv[2])
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        corpus = corpora.corpus_of("ner", arguments.data, folder)
        flag = scripts.train_for_a_step(corpus, model, folder)
        fine_tuned = flag.split("=", 1)[1]
        measured = common.alternate(
            measurements_of(fine_tuned, arguments, folder), arguments.rounds
        )
        note = f"{common.describe_rounds(arguments)} {model.describe()}"
    slowest = measured["tensorflow"]
    rows = [(name, speed, speed / slowest) for name, speed in measured.items()]
    common.print_table(HEAD, rows, note)


if __name__ == "__main__":
    common.run(main)
