"""run.py: everything is checked before anything changes; then it is done in order."""

import json
import os

import numpy as np
import pytest

from biocodes.lib import files
from finetuning import output_dir
from finetuning.run import RunSettings
from finetuning.signals import Interrupted
from kit.golden import CONFIG_FILE, FINE_TUNED, PRETRAINED, VOCAB_FILE
from kit.models import (
    PARTS,
    copy_checkpoint,
    head_over_pieces,
    steps_in,
    tiny_config,
    tiny_facts,
    tiny_model,
    value_of,
)
from kit.small_run import (
    RESULTS,
    TRAINING,
    arguments_of,
    check,
    data_of,
    parsed,
    run_in,
    whole_run,
)
from kit.small_training import COUNT, SCHEMA, counting_model, seen_after, sentences

# Settings


def test_flags_become_settings():
    flags = parsed(f"--init_checkpoint={PRETRAINED}.index", "--nodo_train", "--seed=3")
    settings = RunSettings.from_flags(flags)
    assert settings.do_train is False
    assert settings.init_checkpoint == settings.training.init_checkpoint == PRETRAINED
    assert settings.training.seed == 3
    assert settings.prediction.batch_size == 8
    assert settings.arguments == flags.flag_values_dict()
    assert json.loads(json.dumps(settings.arguments)) == settings.arguments
    assert settings.overwrite is False
    assert RunSettings.from_flags(parsed("--overwrite_output_dir")).overwrite is True


def test_checkpoint_to_start_from_must_be_there():
    with pytest.raises(files.InputError, match="--init_checkpoint=no/where: no such"):
        RunSettings.from_flags(parsed("--init_checkpoint=no/where"))


# Training


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training run that is done. Its folder is not to be changed."""
    return whole_run(tmp_path_factory.mktemp("whole") / "out")


def test_run_makes_a_model_of_its_folder(whole, listing):
    assert whole.checkpoint == os.path.join(whole.folder, "model.ckpt-12")
    assert whole.step == 12
    names = {name for name in listing(whole.folder) if "tfevents" not in name}
    assert names == {
        "checkpoint",
        *(f"model.ckpt-12{part}" for part in PARTS),
        *("vocab.txt", "bert_config.json", "tokenizer_config.json", "training.jsonl"),
        *("run.json", "train.tf_record"),
    }
    for name, source in (("vocab.txt", VOCAB_FILE), ("bert_config.json", CONFIG_FILE)):
        path = os.path.join(whole.folder, name)
        assert files.digest(path) == files.digest(source)


def test_record_has_the_facts_of_model_task_and_flags(whole):
    record = files.read_json(os.path.join(whole.folder, "run.json"))
    shaping = {name: arguments_of(*TRAINING)[name] for name in output_dir.SHAPING_FLAGS}
    assert record["training"] == dict(tiny_facts(), corpus="abc", **shaping)
    assert record["training"] == whole.facts
    assert record["arguments"] == arguments_of(*TRAINING)


def test_facts_are_as_json_gives_them_back(tmp_path, monkeypatch):
    """Or tuples would differ from lists; and a path means the same from anywhere."""
    copy_checkpoint(PRETRAINED, tmp_path)
    monkeypatch.chdir(tmp_path)
    flags = ["--init_checkpoint=model.ckpt", "--train_batch_size=4"]
    run = run_in(tmp_path / "out", *flags)
    check(run, labels=("B", "I"), lengths=(3, (4, 5)))
    assert run.facts["labels"] == ["B", "I"]
    assert run.facts["lengths"] == [3, [4, 5]]
    assert run.facts["init_checkpoint"] == str(tmp_path / "model.ckpt")
    assert json.loads(json.dumps(run.facts)) == run.facts


def test_labels_are_kept_beside_the_checkpoints(tmp_path):
    run = run_in(tmp_path, *TRAINING)
    check(run, tiny_model(head_over_pieces(2), ("O", "é")))
    run.start(RESULTS)
    assert files.read_json(str(tmp_path / "label2id.json")) == {"O": 0, "é": 1}


@pytest.mark.parametrize("folder", ["out", "not/there/yet"])
def test_check_changes_nothing_on_disk(tmp_path, listing, folder):
    (tmp_path / "out").mkdir()
    for name in (*RESULTS, "train.tf_record", "notes.txt"):
        (tmp_path / "out" / name).write_text("of an earlier run")
    before = listing(tmp_path), sorted(os.listdir(str(tmp_path)))
    for flags in ([], ["--overwrite_output_dir"]):
        check(run_in(tmp_path / folder, *TRAINING, *flags))
    predict = ["--nodo_train", f"--init_checkpoint={FINE_TUNED}"]
    check(run_in(tmp_path / folder, *predict), tiny_model(head_over_pieces(7)))
    assert (listing(tmp_path), sorted(os.listdir(str(tmp_path)))) == before


def test_start_removes_results_of_another_model(tmp_path):
    for name in (*RESULTS, "notes.txt"):
        (tmp_path / name).write_text("of an earlier prediction")
    run = check(run_in(tmp_path, *TRAINING))
    run.start(RESULTS)
    assert not any((tmp_path / name).exists() for name in RESULTS)
    assert (tmp_path / "notes.txt").exists()


def test_too_few_examples_are_refused_by_the_check(tmp_path, listing):
    with pytest.raises(files.InputError, match="3 examples make no step of 32 in 5 ep"):
        check(run_in(tmp_path, *TRAINING, "--train_batch_size=32"), examples=3)
    assert listing(tmp_path) == {}


def test_warning_when_vocabulary_and_casing_contradict_each_other(tmp_path, log):
    model = counting_model()
    facts = dict(model.facts, do_lower_case=True)
    check(run_in(tmp_path, *TRAINING), model._replace(facts=facts))
    assert any("is --do_lower_case=false meant?" in line for line in log())


# What training starts from


def tagger(labels=7, config=None):
    return tiny_model(head_over_pieces(labels), config=config)


def check_start(folder, init_checkpoint, model=None, *flags):
    if init_checkpoint:
        flags = [*flags, f"--init_checkpoint={init_checkpoint}"]
    check(run_in(folder, "--train_batch_size=4", *flags), model or tagger())


def test_good_starts_are_accepted(tmp_path):
    check_start(tmp_path, None)
    check_start(tmp_path / "not there yet", PRETRAINED)
    check_start(tmp_path / "not there yet", FINE_TUNED)
    copy_checkpoint(FINE_TUNED, tmp_path)
    check_start(tmp_path, None)
    # Not looked at: the folder's own is what the training resumes from.
    (tmp_path / "b").mkdir()
    check_start(tmp_path, copy_checkpoint(PRETRAINED, tmp_path / "b", cut=300000))


def test_bad_starts_are_refused(tmp_path):
    other = tagger(config=tiny_config(intermediate_size=48))
    with pytest.raises(files.InputError, match=r"\[32, 64\] there but \[32, 48\]"):
        check_start(tmp_path, PRETRAINED, other)
    with pytest.raises(files.InputError, match="trained with other labels"):
        check_start(tmp_path, FINE_TUNED, tagger(9))
    with pytest.raises(files.InputError, match="not a readable"):
        cut = copy_checkpoint(PRETRAINED, tmp_path, cut=300000)
        check_start(tmp_path / "out", cut)


def test_what_lies_in_the_folder_is_checked_unless_it_will_go(tmp_path):
    prefix = copy_checkpoint(FINE_TUNED, tmp_path)
    with pytest.raises(files.InputError, match="trained with other labels"):
        check_start(tmp_path, PRETRAINED, tagger(9))
    check_start(tmp_path, PRETRAINED, tagger(9), "--overwrite_output_dir")
    # Only the optimizer's part is cut: by name, output_weights/adam_v is the last.
    size = os.path.getsize(FINE_TUNED + PARTS[1])
    copy_checkpoint(FINE_TUNED, tmp_path, cut=size - 1)
    with pytest.raises(files.InputError, match="not a readable") as caught:
        check_start(tmp_path, PRETRAINED)
    assert str(caught.value).startswith(prefix)


# The same folder again


def test_interrupted_run_is_resumed(tmp_path, interruption, log):
    """Its records are used again, and each example is seen as often as in one go."""
    run = check(run_in(tmp_path, *TRAINING), counting_model(stop_at=7))
    run.start(RESULTS)
    with pytest.raises(Interrupted):
        run.train(data_of(run), interruption)
    assert run.checkpoint is None
    assert steps_in(tmp_path) == [7]
    records = tmp_path / "train.tf_record"
    written = records.stat().st_mtime_ns
    again = whole_run(tmp_path)
    assert again.step == 12
    assert "  resuming at step 7 of 12" in log()
    assert records.stat().st_mtime_ns == written
    seen = seen_after(data_of(again), 12)
    assert value_of(again.checkpoint, "seen").tolist() == seen


def test_finished_run_again_trains_nothing(whole, listing, log):
    before = listing(whole.folder)
    whole_run(whole.folder)
    assert log()[-1] == "  step 12 of 12: nothing left to train"
    assert listing(whole.folder) == before


@pytest.mark.parametrize(
    "flags, facts, difference",
    [
        (["--seed=2"], {}, "--seed was 1, is 2"),
        (["--learning_rate=1e-4"], {}, "--learning_rate was 0.001, is 0.0001"),
        ([], {"corpus": "abd"}, "its corpus differs"),
    ],
)
def test_another_training_is_refused(whole, listing, flags, facts, difference):
    before = listing(whole.folder)
    run = run_in(whole.folder, *TRAINING, *flags)
    with pytest.raises(files.InputError) as caught:
        check(run, **facts)
    assert str(caught.value) == (
        f"{whole.folder}: the checkpoints in it come from another training:"
        f" {difference}; choose another --output_dir, or start afresh with"
        " --overwrite_output_dir=true"
    )
    flags = [*flags, "--overwrite_output_dir"]
    check(run_in(whole.folder, *TRAINING, *flags), **facts)
    assert listing(whole.folder) == before


def test_facts_that_an_earlier_version_did_not_record_are_not_compared(whole):
    check(run_in(whole.folder, *TRAINING), partial_annotation=True)


def test_files_of_another_model_are_not_replaced(tmp_path):
    (tmp_path / "vocab.txt").write_text("mine\n")
    with pytest.raises(files.InputError, match="vocab.txt: is not .*init/vocab.txt"):
        check(run_in(tmp_path, *TRAINING))
    assert (tmp_path / "vocab.txt").read_text() == "mine\n"


def test_overwriting_starts_from_the_beginning(tmp_path, interruption, log):
    run = check(run_in(tmp_path, *TRAINING), counting_model(stop_at=7))
    run.start(RESULTS)
    with pytest.raises(Interrupted):
        run.train(data_of(run), interruption)
    for name in (*RESULTS, "notes.txt"):
        (tmp_path / name).write_text("of the earlier run")
    over = whole_run(tmp_path, "--seed=2", "--overwrite_output_dir")
    assert "  steps = 12, of them warm-up = 1" in log()
    assert steps_in(tmp_path) == [12]
    seen = seen_after(data_of(over), 12, seed=2)
    assert value_of(over.checkpoint, "seen").tolist() == seen
    assert (tmp_path / "notes.txt").exists()
    assert not any((tmp_path / name).exists() for name in RESULTS)


# Prediction


def test_trained_model_predicts(whole):
    """In the order of the records, the same in any batches, or with another head."""
    data = data_of(whole)
    predictions = list(whole.predict(data))
    assert [index for index, _ in predictions] == list(range(COUNT))
    for (_, alone), (_, together) in zip(whole.predict(data, 1), predictions):
        np.testing.assert_allclose(alone["logits"], together["logits"], atol=1e-5)

    def sure(encoder, features, mode):
        loss, outputs = whole.model.head(encoder, features, mode)
        return loss, {"negated": -outputs["logits"]}

    for (_, expected), (_, actual) in zip(
        predictions, whole.predictor().with_head(sure).predict(data)
    ):
        assert sorted(actual) == ["negated", "row"]
        np.testing.assert_allclose(-actual["negated"], expected["logits"], atol=1e-5)


def test_prediction_needs_a_trained_model(tmp_path):
    with pytest.raises(files.InputError, match="there is no checkpoint in it; train"):
        run_in(tmp_path, "--nodo_train")
    run = run_in(tmp_path, "--nodo_train", f"--init_checkpoint={PRETRAINED}")
    with pytest.raises(files.InputError, match="no trained head"):
        check(run)


def test_prediction_with_a_model_elsewhere_leaves_it_alone(whole, tmp_path, listing):
    before = listing(whole.folder)
    flags = ("--nodo_train", f"--init_checkpoint={whole.folder}")
    run = run_in(tmp_path, *flags)
    assert run.checkpoint == whole.checkpoint
    check(run)
    run.start(RESULTS)
    data = data_of(run, "predict")
    assert len(list(run.predict(data))) == COUNT
    assert run.step == 12 and run.facts is None
    assert sorted(listing(tmp_path)) == ["predict.tf_record", "run.json"]
    assert listing(whole.folder) == before


def test_prediction_is_compared_with_the_training_of_its_model(whole, tmp_path):
    model = counting_model()
    for name, value in (("vocabulary", "0"), ("bert_config", {})):
        other = model._replace(facts=dict(model.facts, **{name: value}))
        flags = ("--nodo_train", f"--init_checkpoint={whole.checkpoint}")
        with pytest.raises(files.InputError, match=f"otherwise: its {name} differs"):
            check(run_in(tmp_path, *flags), other)


def test_results_of_a_prediction_with_another_model_go(whole, tmp_path):
    result = tmp_path / RESULTS[0]

    def predict(checkpoint, model):
        run = run_in(tmp_path, "--nodo_train", f"--init_checkpoint={checkpoint}")
        check(run, model)
        run.start(RESULTS)
        kept = result.exists()
        result.write_text("")
        return kept

    result.write_text("of nobody knows what")
    assert predict(whole.checkpoint, counting_model())
    assert predict(whole.checkpoint, counting_model())
    assert not predict(FINE_TUNED, tagger())


def test_records_lie_in_folders_of_the_folder_and_are_used_again(whole, tmp_path):
    run = run_in(tmp_path, "--nodo_train", f"--init_checkpoint={whole.checkpoint}")
    check(run).start(RESULTS)
    (tmp_path / "corpus").mkdir()
    name = os.path.join("corpus", "predict")
    made_from = {"corpus": "abc"}
    run.records(name, SCHEMA, sentences(), made_from)
    assert os.listdir(str(tmp_path / "corpus")) == ["predict.tf_record"]

    def fail():
        raise AssertionError("featurized again")
        yield

    assert len(run.records(name, SCHEMA, fail(), made_from)) == COUNT
    rows = sentences()[:3]
    assert len(run.records(name, SCHEMA, rows, {"corpus": "abd"})) == 3


# Shards


def test_shards_of_a_job_share_the_folder(whole, tmp_path):
    """Runs of other shares may predict into it at the same time, and no others."""
    flags = ("--nodo_train", f"--init_checkpoint={whole.checkpoint}")

    def shard():
        run = check(run_in(tmp_path, *flags))
        run.start([])
        return [index for index, _ in run.predict(data_of(run, "part"))]

    with output_dir.locked(str(tmp_path), "part-1-of-2"):
        with output_dir.locked(str(tmp_path), "part-2-of-2"):
            assert shard() == shard() == list(range(COUNT))
            for share in ("part-1-of-2", None):
                with pytest.raises(files.InputError, match="another run is at work"):
                    with output_dir.locked(str(tmp_path), share):
                        pass
    with output_dir.locked(str(tmp_path)):
        with pytest.raises(files.InputError, match="another run is at work"):
            with output_dir.locked(str(tmp_path), "part-1-of-2"):
                pass
