"""Two processes that are one run, by Horovod: what test_two_processes.py looks at.

    with two_processes.finished(folder) as results: ...

starts this file twice, as srun would, and waits for both. Each trains and predicts in
the folder and writes what it found to RANK.json; at the end the second one kills
itself, and the first one notes what it hears of that.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

if __name__ == "__main__":
    folders = (".", "..", "../..")
    sys.path[:0] = [str((pathlib.Path(__file__).parent / x).resolve()) for x in folders]

# What each part changes in small_training.SETTINGS.
TRAININGS = {
    "whole": {},
    "micro_batches": {"gradient_accumulation_steps": 2},
    "scaled_loss": {"mixed_precision": True},
}
FLAGS = ("--do_train", "--train_batch_size=4", "--horovod=true")
SECONDS = 300


def command(folder, rank):
    """Return the variables of srun's process and the command that it runs."""
    from benchmarks.processes import variables_of

    variables = dict(variables_of(rank, 2), TF_CPP_MIN_LOG_LEVEL="3")
    return dict(os.environ, **variables), [sys.executable, __file__, str(folder)]


def run(folder):
    """Run both to their end → (exit statuses, standard errors, RANK.json of each)."""
    folder.mkdir()
    processes = []
    for rank in (0, 1):
        environment, words = command(folder, rank)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes.append(subprocess.Popen(words, env=environment, **pipes))
    try:
        errors = [each.communicate(timeout=SECONDS)[1].decode() for each in processes]
    finally:
        for each in processes:
            each.kill()
    statuses = [each.returncode for each in processes]
    paths = [folder / f"{rank}.json" for rank in (0, 1)]
    found = [json.loads(path.read_text()) if path.exists() else {} for path in paths]
    return statuses, errors, found


def main(folder):
    """Be one of the two."""
    from finetuning import checkpoints, distributed, mixed_precision, shadow
    from kit.models import tiny_config, tiny_model, value_of
    from kit.small_run import parsed
    from kit.small_training import head_that_counts

    flags = parsed(*FLAGS, f"--output_dir={folder}")
    # As on a card, but in float32, so that the result can be compared.
    mixed_precision.needs_loss_scale = lambda: True
    mixed_precision.switch_on = lambda options: None
    found = {}
    with distributed.joined(flags), shadow.cast(flags):
        own = pathlib.Path(flags.output_dir)
        found["rank"], found["is_shadow"] = distributed.rank(), own != folder
        quiet = tiny_model(head_that_counts(), config=tiny_config().without_dropout())
        for name, changes in TRAININGS.items():
            (own / name).mkdir()
            prefix = train_in(own / name, quiet, **changes)
            found[name] = checkpoints.step(prefix)
            found[f"{name}_head"] = value_of(prefix, "output_weights").tolist()
        found["predicted"] = predictions(own / "whole", quiet)
        found["stopped"] = stopped(own)
        (folder / f"{distributed.rank()}.json").write_text(json.dumps(found))
        found["heard"] = heard_of_a_kill(own)
        (folder / f"{distributed.rank()}.json").write_text(json.dumps(found))
        distributed.horovod().shutdown()
        os._exit(0)  # the other process is no more


def train_in(folder, model, interruption=None, **changes):
    """Train both processes' share → prefix of the last checkpoint."""
    from kit import small_training

    return small_training.train(
        small_records(folder), folder, model, interruption, processes=2, **changes
    )


def small_records(folder):
    from finetuning import records, shadow
    from kit.small_training import SCHEMA, sentences

    path = str(folder / "train.tf_record")
    return shadow.made_once(
        str(folder), lambda: records.open_or_write(path, SCHEMA, sentences(), "test")
    )


def predictions(folder, model):
    """Predict with the weights in a folder → logits of all, in order."""
    from biocodes.lib.model_folder import latest
    from finetuning.prediction import PredictionSettings, Predictor

    settings = PredictionSettings(2, 12, None)
    predictor = Predictor(model, latest(str(folder)), settings)
    predicted = predictor.predict(small_records(folder))
    return [[index, one["logits"].tolist()] for index, one in predicted]


def stopped(own):
    """Get a signal in the second process → where both stopped, and resumed."""
    from finetuning import checkpoints, distributed
    from finetuning.signals import Interrupted, Interruption
    from kit.small_training import counting_model

    (own / "stopped").mkdir()
    interruption = Interruption()
    interruption.install()
    stop_at = 7 if distributed.rank() else None
    try:
        train_in(own / "stopped", counting_model(stop_at), interruption)
    except Interrupted as interrupted:
        prefix = train_in(own / "stopped", counting_model())
        return [interrupted.signal, interrupted.where, checkpoints.step(prefix)]


def heard_of_a_kill(own):
    """Kill the second process during a step → what the first one says."""
    from biocodes.lib import files
    from finetuning import distributed
    from kit.small_training import counting_model

    (own / "killed").mkdir()
    if distributed.rank():
        signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    try:
        with distributed.losses_reported():
            stop_at = 5 if distributed.rank() else None
            often = {"save_checkpoints_steps": 2}
            train_in(own / "killed", counting_model(stop_at), **often)
    except files.InputError as error:
        return str(error)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
