"""A Run of a task that there is only here: its flags, its model, its data."""

import os
from typing import Any, Dict, Optional

from finetuning import command_line, common_flags, evaluation, records, seeds
from finetuning.model import Model
from finetuning.run import Run, RunSettings
from finetuning.signals import Interruption
from kit.golden import CONFIG_FILE, PRETRAINED, VOCAB_FILE
from kit.small_training import COUNT, SCHEMA, counting_model, sentences

RESULTS = ("eval_results.txt", "token_test.txt")
# Twelve steps, see small_training.SETTINGS.
TRAINING = (
    f"--init_checkpoint={PRETRAINED}",
    "--train_batch_size=4",
    "--learning_rate=1e-3",
    "--num_train_epochs=5",
    "--max_seq_length=12",
)


def parsed(*arguments: str) -> command_line.Flags:
    """Return the engine's flags with these arguments, the model's files given."""
    flags = common_flags.define_flags(
        do_lower_case=False,
        max_seq_length=128,
        do_train=True,
        do_predict=True,
        num_train_epochs=10.0,
    )
    common_flags.define_evaluation_flags(flags, "devel.tsv")
    evaluation.define_flags(flags, "devel.tsv")
    seeds.define_flags(flags)
    files = [f"--vocab_file={VOCAB_FILE}", f"--bert_config_file={CONFIG_FILE}"]
    flags(["run_x.py", *files, *arguments])
    return flags


def arguments_of(*arguments: str) -> Dict[str, Any]:
    """Return what run.json gets of a script's flags."""
    return parsed(*arguments).flag_values_dict()


def run_in(folder: Any, *arguments: str) -> Run:
    """Return a Run in a folder with these flags."""
    return Run(str(folder), RunSettings.from_flags(parsed(*arguments)))


def check(
    run: Run, model: Optional[Model] = None, examples: int = COUNT, **facts: Any
) -> Run:
    """Check a run of counting_model(), or another; facts: those of the training."""
    run.check(model or counting_model(), examples, dict({"corpus": "abc"}, **facts))
    return run


def data_of(run: Run, name: str = "train") -> records.RecordFile:
    """Write the record file of small_training.sentences() for a run."""
    made_from = run.model.data_facts("abc")
    return run.records(name, SCHEMA, sentences(), made_from)


def whole_run(folder: Any, *arguments: str) -> Run:
    """Do all of a training run: check, start, records, train."""
    os.makedirs(str(folder), exist_ok=True)
    run = check(run_in(folder, *TRAINING, *arguments))
    run.start(RESULTS)
    run.train(data_of(run), Interruption())
    return run
