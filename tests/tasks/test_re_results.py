"""tasks/re/results.py: by what labels are scored, and the scores of dev.tsv."""

import numpy as np
import pytest

import run_re
from biocodes.lib.relations import CHEMPROT_LABELS
from tasks.re.results import Scoring, dev_scores


@pytest.mark.parametrize(
    "task, labels, scoring",
    [
        (run_re.TASKS["gad"], ("0", "1"), "binary"),
        (run_re.TASKS["chemprot"], CHEMPROT_LABELS, "chemprot"),
        (run_re.Task(None), ("0", "1"), "binary"),
        # re_eval has a negative label in this one only.
        (run_re.Task(None, negative="0"), ("0", "1"), "multiclass"),
        (run_re.Task(None), ("a", "b", "c"), "multiclass"),
    ],
)
def test_labels_and_negative_say_how_to_score(task, labels, scoring):
    assert Scoring(labels, task.negative).task == scoring


def test_the_loss_of_a_short_last_batch_counts_as_much_as_the_others():
    scores = dev_scores([True, False, True], [1.0, 2.0, 6.0], batch_size=2)
    assert scores == {
        "eval_accuracy": np.float32(2 / 3),
        "eval_loss": np.float32(3.0),
        "loss": np.float32((1.5 + 6.0) / 2),
    }
