"""Real runs of the three scripts, ended at chosen points, and started again.

SIGKILL leaves a run no time for anything. What it leaves must do for the same command
to come to the same end, and no result of an earlier run may lie beside one of this run.
Each chain below is one job that is killed again and again, every time a little further
on, so that what one killed run leaves meets the next.
"""

import shutil
import signal

import pytest

import run_ner
import run_qa
import run_re
from biocodes.lib import model_folder
from finetuning import checkpoints
from finetuning.signals import AGAIN
from kit.forked import At
from kit.small_input import COMMANDS, EARLIER, lay_out

TASKS = {"run_ner.py": run_ner, "run_re.py": run_re, "run_qa.py": run_qa}
# Two steps an epoch: checkpoints at steps 2, 4, 6 and 8; the last two are kept.
FLAGS = [
    *("--num_train_epochs=4", "--save_checkpoints_steps=2", "--keep_checkpoint_max=2")
]
WITHOUT_EVALUATION = {script: ["--do_eval=false"] for script in list(TASKS)[:2]}
# Files that hold times, and TensorFlow's list of checkpoints.
CHANGING = (".lock", "checkpoint", "scores.json", "training.jsonl", "report.html")
SAVER = "tensorflow.compat.v1.train.Saver"


def renamed(name):
    """Just before, and just after, a file takes its place."""
    replaced = At("os.replace", about=f"/{name}'")
    return [replaced, replaced._replace(after=True)]


# Nothing has been trained that a checkpoint would keep.
BEFORE_THE_FIRST_CHECKPOINT = {
    "run_ner.py": [
        At("biocodes.lib.files.decode_line", 50),
        At("tokenization.FullTokenizer.__init__"),
        At("biocodes.lib.files.digest"),
        At("finetuning.checkpoints.check_readable", after=True),
        *renamed("run.json"),
        *renamed("label2id.json"),
        At("finetuning.records.Schema.pack", 5),
        *renamed("train.tf_record"),
        At("finetuning.training.train"),
    ],
    "run_re.py": [
        At("biocodes.lib.relations.make_row", 5),
        At("finetuning.records.Schema.pack", 5),
        *renamed("predict.tf_record"),
        At("finetuning.hooks.WatchTraining.after_create_session"),
    ],
    "run_qa.py": [
        At("biocodes.lib.squad.locate", 5),
        At("modeling.tf.io.TFRecordWriter.write", 3),
        *renamed("train.tf_record"),
        At("finetuning.hooks.WatchTraining.after_run"),
    ],
}
# And the step at which the next run will resume.
IN_TRAINING = [
    (At(f"{SAVER}._RecordLastCheckpoint"), 2),  # written, and not listed yet
    (At("finetuning.hooks.WatchTraining.after_run"), 2),
    (At(f"{SAVER}._MaybeDeleteOldCheckpoints", after=True), 4),
    (At(f"{SAVER}._MaybeDeleteOldCheckpoints"), 6),  # three are there
]
AFTER_TRAINING = {
    "run_ner.py": [
        At("tokenization.FullTokenizer.convert_ids_to_tokens", 5),
        *renamed("label_test.txt"),
        At("os.replace", about="/NER_result_conll.txt'"),
    ],
    "run_re.py": [
        At("finetuning.prediction.batch_of"),
        *renamed("test_results.tsv"),
        At("os.replace", about="/test_scores.txt'"),
    ],
    "run_qa.py": [
        At("tasks.qa.decoding.decide", 2),
        *renamed("predictions.json"),
        At("os.replace", about="/eval_results.txt'"),
    ],
}


class Job:
    """One command and the folders that it works in.

    Attributes:
      out: its output folder, with results of an earlier run in it.
      final: {name: content} of what it leaves when nobody disturbs it.
      results: names of the results among that.
    """

    def __init__(self, script, here, launch):
        self._script = script
        self._launch = launch
        flags = [*COMMANDS[script], *FLAGS, *WITHOUT_EVALUATION.get(script, [])]
        self._flags = [flag.format(here=here) for flag in flags]
        self.here, self.out = here, here / "out"
        shutil.copytree(str(self.out), str(here / "before"))
        done = self.run()
        assert done.status == 0, done.stderr
        self.final = self.content()
        self.results = set(TASKS[script].RESULTS) & set(self.final)
        shutil.copytree(str(self.out), str(here / "after"))

    def run(self, at=None):
        return self._launch(self._script, *self._flags, at=at)

    def begin(self, name):
        """Makes the output folder what it was "before" or "after" the run."""
        shutil.rmtree(str(self.out))
        shutil.copytree(str(self.here / name), str(self.out))

    def earlier_results(self):
        """Puts results of an earlier run in the place of this run's."""
        for name in self.results:
            (self.out / name).write_text(EARLIER)

    def content(self):
        """{name: content} of the output folder, but for what holds times."""
        return {
            path.name: path.read_bytes()
            for path in self.out.iterdir()
            if path.name not in CHANGING and "tfevents" not in path.name
        }

    def killed(self, at):
        """Runs the command, which does not survive `at`."""
        done = self.run(at)
        assert done.status == -signal.SIGKILL, f"{at} is not on the way: {done.stderr}"

    def check_results(self, at):
        """Results are whole, and not those of two runs."""
        content = self.content()
        results = {name: content[name] for name in self.results if name in content}
        older = {
            name: text for name, text in results.items() if text == EARLIER.encode()
        }
        assert older in ({}, results), at
        assert older or all(results[name] == self.final[name] for name in results), at


@pytest.fixture(scope="module")
def jobs(tmp_path_factory, launch):
    """script → Job; each has been run once."""
    made = {}

    def job(script):
        if script not in made:
            here = tmp_path_factory.mktemp(script) / "here"
            here.mkdir()
            lay_out(here)
            made[script] = Job(script, here, launch)
        return made[script]

    return job


@pytest.mark.parametrize("script", BEFORE_THE_FIRST_CHECKPOINT)
def test_killed_before_the_first_checkpoint(jobs, script):
    job = jobs(script)
    job.begin("before")
    for at in BEFORE_THE_FIRST_CHECKPOINT[script]:
        job.killed(at)
        job.check_results(at)
    assert job.run().status == 0
    assert job.content() == job.final


def test_killed_in_training(jobs):
    """Dropout differs from there on, and so do the weights."""
    job = jobs("run_ner.py")
    job.begin("before")
    for at, step in IN_TRAINING:
        job.killed(at)
        assert model_folder.step_of_name(model_folder.latest(str(job.out))) == step, at
        assert not job.results & set(job.content())
    assert job.run().status == 0
    content = job.content()
    assert set(content) == set(job.final)
    for name in ("token_test.txt", "word_test.txt", "label2id.json"):
        assert content[name] == job.final[name]
    for name in ("label_test.txt", "NER_result_conll.txt"):
        assert content[name].count(b"\n") == job.final[name].count(b"\n")
    last = model_folder.latest(str(job.out))
    assert checkpoints.step(last) == 8
    checkpoints.check_resumable(last)


@pytest.mark.parametrize("script", AFTER_TRAINING)
def test_killed_after_training(jobs, script):
    job = jobs(script)
    job.begin("after")
    job.earlier_results()
    for at in AFTER_TRAINING[script]:
        job.killed(at)
        job.check_results(at)
    assert job.run().status == 0
    assert job.content() == job.final


def test_points_are_many():
    chains = [*BEFORE_THE_FIRST_CHECKPOINT.values(), IN_TRAINING]
    assert sum(map(len, [*chains, *AFTER_TRAINING.values()])) >= 20


# Signals that leave time for a word.


@pytest.mark.parametrize(
    "script, at",
    [
        ("run_ner.py", At("biocodes.lib.files.decode_line", 50, signal=signal.SIGINT)),
        ("run_qa.py", At("tasks.qa.decoding.decide", 2, signal=signal.SIGTERM)),
        (
            "run_re.py",
            At("finetuning.prediction.in_input_order", signal=signal.SIGUSR1),
        ),
        ("run_re.py", At("os.fsync", 3, signal=signal.SIGTERM)),
    ],
)
def test_signal_outside_of_training_leaves_results_as_they_were(jobs, script, at):
    job = jobs(script)
    job.begin("after")
    job.earlier_results()
    done = job.run(at)
    assert done.status == 128 + at.signal
    assert done.stderr.splitlines()[-1] == (
        f"stopped by {signal.Signals(at.signal).name}: no result was written half;"
        f" {AGAIN}"
    )
    assert "Traceback" not in done.stderr
    after = job.content()
    assert {name: after[name] for name in job.results} == dict.fromkeys(
        job.results, EARLIER.encode()
    )


def test_signal_while_featurizing_leaves_no_half_record(jobs):
    job = jobs("run_ner.py")
    job.begin("before")
    done = job.run(At("finetuning.records.Schema.pack", 5, signal=signal.SIGTERM))
    assert done.status == 128 + signal.SIGTERM
    assert not [name for name in job.content() if "tf_record" in name]
