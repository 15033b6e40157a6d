"""evaluation.py: development data scored during training; the best weights; the end."""

import os
import signal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import files, model_folder, run_files
from finetuning import checkpoints, evaluation
from finetuning.evaluation import (
    DevSet,
    Evaluation,
    Evaluations,
    EvaluationSettings,
    Schedule,
)
from finetuning.prediction import PredictionSettings, Predictor
from finetuning.signals import Interrupted
from kit.models import value_of, values_of
from kit.small_run import TRAINING as FLAGS
from kit.small_run import check, data_of, parsed, run_in
from kit.small_training import SETTINGS, counting_model, train

PREDICTION = PredictionSettings(4, 12, None)
TOTAL = SETTINGS.steps()[0]  # 12


def mean_logit(predictions):
    """A score that says exactly which weights it is of."""
    return {
        "x": float(np.mean([prediction["logits"] for _, prediction in predictions]))
    }


def scored_as(*values):
    """A score that takes these values, whatever is predicted."""
    rest = list(values)

    def score(predictions):
        assert len(list(predictions)) == 10
        return {"x": rest.pop(0)}

    return score


def evaluation_in(folder, data, score, steps=4, total=TOTAL, **settings):
    """An Evaluation after every so many steps of small_training."""
    os.makedirs(str(folder), exist_ok=True)
    dev = DevSet("dev.tsv", data, score, ["x"])
    record = Evaluations(str(folder), EvaluationSettings(steps, **settings), dev)
    return Evaluation(dev, Schedule(steps, 2.5, total), record, PREDICTION)


def recorded(folder):
    """{step: scores} of a folder's record."""
    return {
        entry["step"]: entry["scores"]
        for entry in run_files.read_evaluations(str(folder))
    }


# When


@given(
    examples=st.integers(1, 5000),
    size=st.integers(1, 64),
    epochs=st.floats(0.1, 20),
)
def test_each_epoch_ends_with_an_evaluation_and_so_does_training(
    examples, size, epochs
):
    epoch, total = examples / size, int(examples / size * epochs)
    schedule = Schedule(None, epoch, total)
    expected = {int(k * epoch) for k in range(1, int(epochs) + 2)} | {total}
    due = {step for step in range(total + 1) if schedule.is_due(step)}
    assert due == {step for step in expected if 0 < step <= total}


def test_evaluations_come_every_so_many_steps_and_at_the_end():
    schedule = Schedule(4, 2.5, 11)
    assert [step for step in range(12) if schedule.is_due(step)] == [4, 8, 11]


# In training


@pytest.fixture(scope="module")
def watched(data, tmp_path_factory):
    """A training that was evaluated after steps 4, 8 and 12."""
    folder = tmp_path_factory.mktemp("watched") / "out"
    train(data, folder, evaluation=evaluation_in(folder, data, mean_logit))
    return folder


def test_scores_are_those_of_the_checkpoint_of_their_step(data, watched):
    for step, scores in recorded(watched).items():
        prefix = str(watched / f"model.ckpt-{step}")
        predictor = Predictor(counting_model(), prefix, PREDICTION)
        assert scores == pytest.approx(mean_logit(predictor.predict(data)), abs=1e-6)
    assert list(recorded(watched)) == [4, 8, 12]


def test_training_is_the_same_as_without(data, watched, trained):
    watched_values = values_of(str(watched / "model.ckpt-12"))
    for name, value in values_of(trained).items():
        np.testing.assert_array_equal(watched_values[name], value, name)


def test_best_weights_stay_without_the_optimizers(data, tmp_path):
    score = scored_as(0.2, 0.7, 0.7)
    train(
        data, tmp_path, evaluation=evaluation_in(tmp_path, data, score, keep_best=True)
    )
    best = model_folder.best(str(tmp_path))
    assert best == model_folder.to_use(str(tmp_path)) == str(tmp_path / "best.ckpt-8")
    assert model_folder.latest(str(tmp_path)) == str(tmp_path / "model.ckpt-12")
    of_step = values_of(str(tmp_path / "model.ckpt-8"))
    kept = values_of(best)
    assert set(of_step) - set(kept) == {
        name for name in of_step if name.endswith(("/adam_m", "/adam_v"))
    }
    for name, value in kept.items():
        np.testing.assert_array_equal(value, of_step[name], name)
    assert value_of(best, "global_step") == 8
    others = [name for name in os.listdir(str(tmp_path)) if name.startswith("best")]
    assert all(name.startswith("best.ckpt-8.") for name in others)


def test_training_ends_when_scores_get_no_better(data, tmp_path, log):
    def evaluated(*scores):
        return evaluation_in(
            tmp_path, data, scored_as(*scores), steps=2, patience=2, keep_best=True
        )

    train(data, tmp_path, evaluation=evaluated(0.5, 0.4, 0.5))
    assert list(recorded(tmp_path)) == [2, 4, 6]
    assert log()[-1] == "training ends here: no better x in 2 evaluations"
    assert model_folder.best(str(tmp_path)) == str(tmp_path / "best.ckpt-2")
    # And the same command again has nothing to do.
    last = train(data, tmp_path, evaluation=evaluated())
    assert checkpoints.step(last) == 6


# Interruption


def test_killed_run_is_evaluated_by_the_next(data, tmp_path):
    """The checkpoint is there, the evaluation is not."""

    def killed(predictions):
        next(predictions)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path, evaluation=evaluation_in(tmp_path, data, killed))
    assert model_folder.latest(str(tmp_path)) == str(tmp_path / "model.ckpt-4")
    assert recorded(tmp_path) == {}
    train(data, tmp_path, evaluation=evaluation_in(tmp_path, data, mean_logit))
    first = Predictor(counting_model(), str(tmp_path / "model.ckpt-4"), PREDICTION)
    assert list(recorded(tmp_path)) == [4, 8, 12]
    assert recorded(tmp_path)[4] == pytest.approx(mean_logit(first.predict(data)))


def test_run_killed_in_the_last_evaluation_makes_it_without_training(data, tmp_path):
    def killed(predictions):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path, evaluation=evaluation_in(tmp_path, data, killed, 100))
    train(data, tmp_path, evaluation=evaluation_in(tmp_path, data, mean_logit, 100))
    assert list(recorded(tmp_path)) == [12]


def test_signal_ends_an_evaluation_without_a_result(data, tmp_path, interruption):
    def stopped(predictions):
        os.kill(os.getpid(), signal.SIGTERM)
        return mean_logit(predictions)

    with pytest.raises(Interrupted, match="15") as caught:
        train(
            data,
            tmp_path,
            interruption=interruption,
            evaluation=evaluation_in(tmp_path, data, stopped),
        )
    assert caught.value.where == "checkpoint saved at step 4 of 12"
    assert recorded(tmp_path) == {}


def test_checkpoints_older_than_the_record_are_refused(data, tmp_path):
    train(data, tmp_path, evaluation=evaluation_in(tmp_path, data, mean_logit))
    for name in os.listdir(str(tmp_path)):
        if name.startswith("model.ckpt-12"):
            os.remove(str(tmp_path / name))
    with pytest.raises(files.InputError, match="evaluation of step 12.* of step 8"):
        train(data, tmp_path, evaluation=evaluation_in(tmp_path, data, mean_logit))


@pytest.mark.parametrize(
    "text", ["{}", "[1]", '[{"step": "x", "scores": {}}]', '[{"step": 1}]']
)
def test_record_of_something_else_is_refused(tmp_path, text):
    (tmp_path / evaluation.RECORD).write_text(text)
    with pytest.raises(files.InputError, match="not a record of this suite"):
        run_files.read_evaluations(str(tmp_path))


# Flags


def settings_of(*arguments):
    flags = parsed(*arguments)
    return EvaluationSettings.from_flags(flags)


def test_flags_become_settings():
    assert settings_of() is None
    assert settings_of("--eval_every=epoch") == EvaluationSettings()
    assert settings_of(
        "--eval_every=50", "--keep_best", "--best_metric=x", "--patience=3"
    ) == EvaluationSettings(50, True, "x", 3)
    assert settings_of("--eval_every=epoch", "--nodo_train") is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--eval_every=0"], "--eval_every: is epoch or a number of steps, not 0"),
        (["--eval_every=epochs"], "not epochs"),
        (["--keep_best"], "--keep_best: needs development data"),
        (["--patience=2"], "--patience: needs development data"),
        (["--best_metric=f1"], "--best_metric: needs development data"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(arguments, message):
    with pytest.raises(files.InputError, match=message):
        settings_of(*arguments)


def test_metric_must_be_one_of_the_tasks():
    assert evaluation.check_metric(None, ["f1", "recall"]) == "f1"
    assert evaluation.check_metric("recall", ["f1", "recall"]) == "recall"
    with pytest.raises(files.InputError, match="x is none of f1, recall"):
        evaluation.check_metric("x", ["f1", "recall"])


# The run


def evaluated_run(folder, score, *flags):
    os.makedirs(str(folder), exist_ok=True)
    run = check(run_in(folder, *FLAGS, "--eval_every=4", *flags))
    run.start(())
    data = data_of(run)
    return run, data, DevSet("dev.tsv", data, score, ["x"])


def test_run_predicts_with_the_best_weights(tmp_path, interruption):
    run, data, dev = evaluated_run(tmp_path, scored_as(0.9, 0.1, 0.2), "--keep_best")
    run.train(data, interruption, dev)
    assert run.checkpoint == str(tmp_path / "best.ckpt-4")
    again = run_in(tmp_path, "--nodo_train")
    assert again.checkpoint == str(tmp_path / "best.ckpt-4")


def test_best_weights_are_not_left_behind_by_another_training(tmp_path, interruption):
    run, data, dev = evaluated_run(tmp_path, scored_as(0.9, 0.1, 0.2), "--keep_best")
    run.train(data, interruption, dev)
    with pytest.raises(files.InputError, match="give --keep_best=true again"):
        check(run_in(tmp_path, *FLAGS))
    check(run_in(tmp_path, *FLAGS, "--overwrite_output_dir")).start(())
    assert model_folder.best(str(tmp_path)) is None
    assert not os.path.exists(str(tmp_path / evaluation.RECORD))
