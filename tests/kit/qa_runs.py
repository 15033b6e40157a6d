"""Questions in SQuAD's form, and runs of run_qa.py in this process."""

import json
import pathlib
from typing import Any, Dict, List, Tuple, Union

import run_qa
from finetuning.signals import Interruption
from kit.golden import INIT, QA, QA_MODEL

Answers = Tuple[str, int]
TEST = QA / "test.json"
TRAIN = QA / "train_small.json"
# Windows that cut the contexts of the golden files.
SMALL = ("--max_seq_length=96", "--doc_stride=32", "--max_query_length=24")


# Questions


def question(name: str = "q", *answers: Answers, **more: Any) -> Dict[str, Any]:
    """Make a question; answers: (text, answer_start); more: values of other keys."""
    answers = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": name, "question": "What binds ?", "answers": answers, **more}


def yes_no(name: str, answer: str, **more: Any) -> Dict[str, Any]:
    """Make a yes/no question with its answer."""
    return question(name, answers=answer, is_impossible=answer == "no", **more)


def squad_file(
    *questions: Dict[str, Any], context: Any = "The p53 protein binds MDM2 ."
) -> Dict[str, Any]:
    """Make the value of a file that asks them all of one context."""
    paragraphs = [{"context": context, "qas": list(questions)}]
    return {"version": "x", "data": [{"title": "t", "paragraphs": paragraphs}]}


def write(path: pathlib.Path, value: Any) -> str:
    """Write text, or a value as JSON; return the path."""
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


# Runs

Dataset = Union[str, pathlib.Path, Dict[str, Any]]


def arguments(out: pathlib.Path, *more: str) -> List[str]:
    """Return the flags of a run with the tiny BERT's vocabulary and configuration."""
    return [
        f"--vocab_file={INIT / 'vocab.txt'}",
        f"--bert_config_file={INIT / 'bert_config.json'}",
        "--do_lower_case=false",
        f"--output_dir={out}",
        *map(str, more),
    ]


def run(out: pathlib.Path, *more: str) -> None:
    """Run the script."""
    run_qa.main(["run_qa.py", *arguments(out, *more)], Interruption())


def predict(out: pathlib.Path, dataset: Dataset, *more: str) -> None:
    """Predict with the original's checkpoint; dataset: a path, or a file's value."""
    path = _path_of(dataset, out, "predict")
    flags = ("--do_predict=true", f"--init_checkpoint={QA_MODEL}")
    run(out, *flags, f"--predict_file={path}", *more)


def train(out: pathlib.Path, dataset: Dataset, *more: str) -> None:
    """Train in batches of two questions; dataset: as of predict."""
    path = _path_of(dataset, out, "train")
    flags = ("--do_train=true", f"--train_file={path}", "--train_batch_size=2")
    run(out, *flags, *SMALL, *more)


def _path_of(dataset: Dataset, out: pathlib.Path, phase: str) -> str:
    if isinstance(dataset, dict):
        return write(pathlib.Path(f"{out}.{phase}.json"), dataset)
    return str(dataset)


def load(folder: pathlib.Path, name: str) -> Any:
    """Read a JSON file."""
    return json.loads((folder / name).read_text(encoding="utf-8"))
