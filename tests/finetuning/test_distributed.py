"""distributed.py and its neighbours, where there is one process, or a made-up other."""

import importlib.util
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import files
from finetuning import distributed, launchers, shadow, shares
from finetuning.signals import Interruption
from kit.small_run import parsed

SLURM = {
    "SLURM_JOB_ID": "17",
    "SLURM_PROCID": "2",
    "SLURM_NODEID": "1",
    "SLURM_LOCALID": "0",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
    "SLURM_STEP_NODELIST": "localhost",
}


class Other:
    """A Horovod of two processes, of which the other one says what it is told to."""

    def __init__(self, *messages):
        self.messages = list(messages)

    def gather(self, message, _name="gather"):
        other = self.messages.pop(0) if self.messages else message
        is_bytes = isinstance(other, bytes)
        return [message, other if is_bytes else json.dumps(other).encode()]


@pytest.fixture
def as_one_of_two(monkeypatch):
    """as_one_of_two(rank, *messages of the other process)."""

    def become(rank, *messages):
        group = distributed._Group(rank, 2, rank, exchange=Other(*messages))
        monkeypatch.setattr(distributed, "_group", group)

    return become


# A process alone


def test_process_alone_does_all_of_it():
    rows = np.arange(5)
    assert shares.share(rows).tolist() == rows.tolist()
    assert list(shares.share_of_batches([1, 2, 3])) == [1, 2, 3]
    assert list(shares.together(iter([1, 2, 3]), 3)) == [1, 2, 3]
    assert shares.summed() is None
    assert shares.of_first() == []
    assert distributed.gather({"a": 1}) == [{"a": 1}]
    assert distributed.seed(7) == 7


def test_signal_to_a_process_alone_counts_at_once():
    interruption = Interruption()
    agreement = shares.Agreement(interruption)
    agreement.agree()
    assert agreement.asked is None
    interruption.asked = 15
    assert agreement.asked == 15


# One of two


def test_shares_are_the_whole_and_alike(as_one_of_two):
    lengths = np.arange(32)
    as_one_of_two(0)
    first = shares.share(lengths)
    as_one_of_two(1)
    second = shares.share(lengths)
    assert sorted([*first, *second]) == lengths.tolist()
    assert abs(first.mean() - second.mean()) <= 1


@given(count=st.integers(0, 100))
def test_predictions_of_both_come_in_the_order_of_the_batches(count):
    def batches(rank):
        numbers = range(rank, count, 2)
        return [{"row": np.array([n]), "x": np.full([1, 3], n / 7)} for n in numbers]

    mine, others = batches(0), batches(1)
    starts = range(0, count, 2 * shares.ROUND)
    messages = [
        shares._packed(others[start // 2 :][: shares.ROUND]) for start in starts
    ]
    before = distributed._group
    distributed._group = distributed._Group(0, 2, 0, exchange=Other(*messages))
    try:
        merged = list(shares.together(iter(mine), count))
    finally:
        distributed._group = before
    assert [batch["row"].tolist() for batch in merged] == [[n] for n in range(count)]
    for number, batch in enumerate(merged):
        np.testing.assert_array_equal(batch["x"], np.full([1, 3], number / 7))


def test_signal_counts_once_both_know_of_it(as_one_of_two):
    interruption = Interruption()
    as_one_of_two(0, 0, 15)
    agreement = shares.Agreement(interruption)
    interruption.asked = 10
    assert agreement.asked is None
    agreement.agree()
    assert agreement.asked == 10
    agreement.agree()
    assert agreement.asked == 10


def test_what_differs_is_named(as_one_of_two):
    as_one_of_two(0, {"--seed": 2, "d/train.tsv": "ab"})
    with pytest.raises(files.InputError) as caught:
        distributed.check_same({"--seed": 2, "d/train.tsv": "cd"})
    assert str(caught.value) == (
        "d/train.tsv: is cd in process 0 but ab in process 1; start all processes with"
        " the same flags, on files that they all have"
    )
    as_one_of_two(0, {"d/dev.tsv": "ab"})
    with pytest.raises(files.InputError, match="dev.tsv: is missing in process 0 but"):
        distributed.check_same({})


def test_dropout_of_each_process_has_a_seed_of_its_own(as_one_of_two):
    seeds = set()
    for rank in (0, 1):
        as_one_of_two(rank)
        seeds.update(distributed.seed(of_run) for of_run in (0, 1, 2, 2**31 - 1))
    assert len(seeds) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)


# Facts that are compared


def test_facts_are_flags_and_the_files_that_they_name(tmp_path):
    for name in ("a/1/train.tsv", "b/test.tsv", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    flags = parsed("--seed=3")
    flags["model_dir"].value = str(tmp_path)
    (tmp_path / "model.ckpt.index").write_text("")
    facts = launchers.facts_of(flags)
    assert facts["--seed"] == 3
    index = str(tmp_path / "model.ckpt.index")
    assert facts[index] == files.digest(index)[:12]
    assert list(launchers._below(str(tmp_path), ".tsv")) == [
        str(tmp_path / name) for name in ("a/1/train.tsv", "b/test.tsv")
    ]
    flags["init_checkpoint"].value = str(tmp_path / "no.ckpt")
    assert launchers.facts_of(flags)[str(tmp_path / "no.ckpt.index")] == "missing"


def test_processes_that_share_cores_divide_them():
    machines = [
        {"name": "a", "cores": [0, 1, 2, 3]},
        {"name": "a", "cores": [0, 1, 2, 3]},
        {"name": "b", "cores": [0, 1]},
        {"name": "c", "cores": [0]},
        {"name": "c", "cores": [0]},
    ]
    divided = [launchers.share_of_cores(machines, rank) for rank in range(5)]
    assert divided == [2, 2, None, 1, 1]


# SLURM


def test_slurms_variables_become_horovods():
    place = launchers.Place.of_slurm(SLURM)
    variables = place.variables()
    assert variables["HOROVOD_RANK"] == "2"
    assert variables["HOROVOD_SIZE"] == "3"
    assert variables["HOROVOD_LOCAL_RANK"] == "0"
    assert variables["HOROVOD_LOCAL_SIZE"] == "1"
    assert variables["HOROVOD_CROSS_RANK"] == "1"
    assert variables["HOROVOD_CROSS_SIZE"] == "2"
    assert variables["HOROVOD_GLOO_RENDEZVOUS_ADDR"] == "127.0.0.1"
    assert 10_000 <= int(variables["HOROVOD_GLOO_RENDEZVOUS_PORT"]) < 30_000


@pytest.mark.parametrize(
    "text, counts", [("4", [4]), ("2(x3),1", [2, 2, 2, 1]), ("16(x2)", [16, 16])]
)
def test_counts_of_tasks_are_expanded(text, counts):
    assert list(launchers.expand_counts(text)) == counts


@pytest.mark.parametrize(
    "text, name",
    [
        ("gpu7", "gpu7"),
        ("gpu[03-07,9],cpu1", "gpu03"),
        ("a1,a2", "a1"),
        ("rack[2,4]-gpu", "rack2-gpu"),
    ],
)
def test_first_machine_of_a_list(text, name):
    assert launchers.first_name(text) == name


# What is refused


@pytest.mark.parametrize("version", ["2.16.0", "2.21.0", "3.0.1"])
def test_tensorflow_without_a_horovod_is_refused(version):
    with pytest.raises(files.InputError, match="Horovod does not support TensorFlow "):
        launchers.start(version)


def test_horovod_that_is_missing_is_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(files.InputError) as caught:
        launchers.start("2.15.1")
    assert str(caught.value) == (
        "--horovod: Horovod is not installed; ./install.sh --with=horovod builds it"
    )


def test_exported_models_are_refused():
    flags = parsed("--horovod", "--engine=onnx")
    with pytest.raises(files.InputError, match="--engine=onnx"), distributed.joined(
        flags
    ):
        raise AssertionError


def test_batch_that_does_not_divide_is_refused(as_one_of_two):
    flags = parsed("--horovod", "--do_train", "--train_batch_size=30")
    flags["gradient_accumulation_steps"].value = 5
    as_one_of_two(0)
    distributed._check_all(flags)
    flags["train_batch_size"].value = 25
    with pytest.raises(files.InputError) as caught:
        distributed._check_all(flags)
    assert str(caught.value) == (
        "--train_batch_size: 25 examples cannot be divided among 10 parts; give a"
        " multiple of 10"
    )


# The shadow of the output folder


def test_shadow_shows_the_folder_and_leaves_it_alone(as_one_of_two, tmp_path, listing):
    real = tmp_path / "out"
    (real / "1").mkdir(parents=True)
    for name in ("run.json", "1/model.ckpt-4.index", "scores.txt", ".lock"):
        (real / name).write_text(name)
    before = listing(real)
    flags = parsed(f"--output_dir={real}")
    as_one_of_two(1)
    with shadow.cast(flags):
        own = flags.output_dir
        assert own != str(real) and flags.report is False
        shadow.renew(own)
        assert sorted(os.listdir(own)) == ["1", "run.json", "scores.txt"]
        files.write_json(os.path.join(own, "run.json"), {})
        files.write_json(os.path.join(own, "scores.txt"), {})
        os.remove(os.path.join(own, "1", "model.ckpt-4.index"))
        (real / "1" / "model.ckpt-8.index").write_text("")
        shadow.renew(os.path.join(own, "1"))
        assert sorted(os.listdir(os.path.join(own, "1"))) == [
            "model.ckpt-4.index",
            "model.ckpt-8.index",
        ]
    (real / "1" / "model.ckpt-8.index").unlink()
    assert listing(real) == before
    assert not os.path.exists(own)


def test_first_process_has_no_shadow(as_one_of_two, tmp_path):
    flags = parsed(f"--output_dir={tmp_path}")
    as_one_of_two(0)
    with shadow.cast(flags):
        assert flags.output_dir == str(tmp_path)
        shadow.renew(str(tmp_path))
    assert os.listdir(str(tmp_path)) == []
