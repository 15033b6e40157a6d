"""benchmarks/: every script measures something and prints its one table.

The settings are the tiniest there are, and no time is looked at: what is protected is
that the benchmarks keep working as the suite changes.
"""

import itertools
import re
import statistics

import pytest
import tensorflow.compat.v1 as tf

import run_qa
import run_re
from benchmarks import (
    common,
    corpora,
    decoding,
    engines,
    featurizing,
    models,
    prediction,
    processes,
    raw_text,
    scaling,
    scripts,
    startup,
    stream_memory,
    training,
    whole_job,
)
from biocodes.lib import conll, files, squad
from kit.paths import DATA, ROOT
from kit.small_corpus import SENTENCES

TINY = [f"--model_dir={DATA / 'init'}", "--do_lower_case=false", "--rounds=1"]


@pytest.fixture(autouse=True)
def small_data(small_corpus, monkeypatch):
    tf.disable_v2_behavior()
    monkeypatch.setattr(common, "NCBI_DISEASE", small_corpus)


@pytest.fixture
def run(capsys):
    """run(benchmark, *flags) → (the head of its table, its rows)."""

    def run(module, *flags):
        module.main([*TINY, *flags])
        printed = capsys.readouterr().out.strip().split("\n")
        head, rule, *rows = [line for line in printed if line.startswith("|")]
        assert re.fullmatch(r"[|:-]+", rule)
        assert f"TensorFlow {tf.version.VERSION}" in printed[-1]
        return cells(head), [cells(row) for row in rows]

    return run


def cells(line):
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def number(cell):
    return float(cell.replace(",", ""))


def test_training(run):
    head, rows = run(
        training, "--task=qa", "--steps=2", "--padded_steps=1", "--warm_up=1"
    )
    assert head == training.HEAD
    assert [row[0] for row in rows] == ["default", scripts.PADDED]
    assert all(number(cell) > 0 for row in rows for cell in row[1:])


def test_training_of_a_model_that_is_made_up(run, monkeypatch):
    for name in ("hidden_size", "intermediate_size", "num_attention_heads"):
        monkeypatch.setitem(models.MINILM, name, 12)
    monkeypatch.setitem(models.MINILM, "num_hidden_layers", 1)
    head, rows = run(
        training, "--model_dir=", "--steps=1", "--padded_steps=1", "--warm_up=1"
    )
    assert head == training.HEAD and len(rows) == 2


def test_prediction(run, monkeypatch):
    commands = []
    monkeypatch.setattr(scripts, "run_command", lambda *given: commands.append(given))
    head, rows = run(prediction, "--task=re")
    assert head == ("batches", "in the process, s", "whole command, s")
    assert [row[0] for row in rows] == ["default", scripts.PADDED]
    assert [scripts.PADDED in flags for _, flags in commands] == [False, True]


def test_featurizing(run):
    head, rows = run(featurizing, "--repeat=1,2")
    assert head[-1] == "gain"
    ner = [row for row in rows if row[0].startswith("NER")]
    assert [row[1] for row in ner] == [str(SENTENCES), str(2 * SENTENCES)]
    assert len(rows) == 6


def test_startup(run):
    """Both commands are real ones here."""
    head, rows = run(startup)
    assert head == ("until", "training, s", "predicting, s")
    assert [row[0] for row in rows] == [*startup.STAGES, "all"]
    *stages, (_, *sums) = rows
    for column, total in enumerate(sums, 1):
        parts = [number(row[column]) for row in stages if row[column]]
        assert sum(parts) == pytest.approx(number(total), abs=0.2)
        # Nothing takes no time: each mark has been met.
        assert number({row[0]: row for row in rows}["first step"][column]) > 0


def test_decoding(run):
    head, rows = run(decoding, "--windows=2,10")
    assert head == decoding.HEAD
    assert [row[0] for row in rows] == ["2", "10"]


def test_scaling(run, small_corpus):
    head, rows = run(
        scaling,
        f"--data={small_corpus}",
        "--repeat=2",
        "--lengths=8",
        "--batch_sizes=2",
        "--steps=1",
        "--warm_up=1",
    )
    assert head == scaling.HEAD
    assert [row[:2] for row in rows] == [
        ("sentences", str(2 * SENTENCES)),
        ("words a sentence", "8"),
        ("batch size", "2"),
    ]
    # Each has met batches, and sentences have more pieces than there are of them.
    assert all(0 < number(row[3]) < number(row[4]) for row in rows)


def test_processes_are_laid_out_in_a_table(monkeypatch):
    """What Horovod adds is measured only where it is installed."""
    monkeypatch.setattr(processes.os, "sched_getaffinity", lambda _: {3, 5})
    compared = processes.layouts(32)
    assert compared["two"] == processes.Layout(((3,), (5,)), 32)
    seconds = dict.fromkeys(compared, (1.0, 0.0))
    seconds.update(half=(0.6, 0.0), two=(0.8, 44e6))
    rows = processes.rows(compared, seconds)
    assert all(len(row) == len(processes.HEAD) for row in rows)
    assert rows[-1] == (2, 1, 32, 1.25, 40.0, 44.0, "25%")
    table = tf.IndexedSlices(tf.zeros([7, 3]), tf.zeros([7], tf.int32))
    values = [tf.zeros([2, 5]), table, None]
    assert processes.bytes_of(values, pieces=9.0) == 4 * (10 + 9 * 4)


def test_whole_job(run, small_corpus, monkeypatch):
    def in_process(*given):
        return common.seconds_of(lambda: scripts.run_script(*given))

    monkeypatch.setattr(scripts, "run_command", in_process)
    head, rows = run(whole_job, f"--data={small_corpus}", "--epochs=1")
    assert head == whole_job.HEAD
    assert [row[0] for row in rows] == ["default"]


def test_stream_memory(run, small_corpus):
    """The command that predicts is a real one here."""
    head, rows = run(stream_memory, f"--data={small_corpus}", "--sentences=100")
    assert head == stream_memory.HEAD
    assert [row[:2] for row in rows] == [("100", "10"), ("100", "50"), ("100", "100")]
    assert all(0 < number(row[2]) < number(row[3]) for row in rows)


def test_raw_text(run, small_corpus):
    head, rows = run(raw_text, f"--data={small_corpus}", "--passages=20")
    assert head == raw_text.HEAD
    assert [row[0] for row in rows] == ["2", "10", "20"]
    assert all(number(row[1]) > 0 for row in rows)
    assert all(0 < number(row[2]) < number(row[3]) for row in rows)


def test_engines(run, small_corpus):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    head, rows = run(engines, f"--data={small_corpus}", "--passages=20")
    assert head == engines.HEAD
    names = [row[0] for row in rows]
    assert names == ["tensorflow", "onnx", "int8", "onnx, by hand", "int8, by hand"]
    assert all(number(row[1]) > 0 and number(row[2]) > 0 for row in rows)


def test_a_command_that_fails_is_named(small_corpus):
    with pytest.raises(files.InputError, match="run_ner.py failed: .*required"):
        scripts.run_command("ner", [f"--data_dir={small_corpus}"])


def test_a_measurement_that_fails_is_named(capfd):
    with pytest.raises(files.InputError, match="raw_text.py --command 7 failed, see"):
        scripts.lines_of_process(raw_text.__file__, "7")
    assert "--vocab_file: is required" in capfd.readouterr().err


# Their parts


def test_operations_of_a_sequence_are_counted_as_the_docstring_says():
    config = {"num_hidden_layers": 2, "hidden_size": 2, "intermediate_size": 3}
    dense = 2 * 5 * (4 * 2 * 2 + 2 * 2 * 3)
    attention = 2 * (2 * 5 * 5 * 2)
    assert training.operations(config, [5]) == 3 * 2 * (dense + attention)
    assert training.operations(config, [5, 5]) == 2 * training.operations(config, [5])


def test_rounds_alternate_and_give_medians():
    counter = itertools.count()
    order = []

    def measure(name):
        order.append(name)
        return (float(next(counter)), 1.0)

    medians = common.alternate({name: lambda n=name: measure(n) for name in "AB"}, 3)
    assert "".join(order) == "ABABAB"
    assert medians == {"A": (2.0, 1.0), "B": (3.0, 1.0)}


def test_table_is_markdown_with_readable_numbers(capsys):
    common.print_table(
        ("what", "how many"), [("a", 1234567), ("b", 1234.5), ("c", 0.123)], "Note."
    )
    assert capsys.readouterr().out.split("\n")[:6] == [
        "| what | how many |",
        "|---|---:|",
        "| a | 1,234,567 |",
        "| b | 1,234 |",
        "| c | 0.12 |",
        "",
    ]


def test_made_up_vocabulary_and_corpora_have_lengths_like_real_ones(
    tmp_path, monkeypatch
):
    """BERT's own vocabulary makes 34 pieces of a sentence; GAD has 42, COVID-QA 240."""
    monkeypatch.undo()  # all of NCBI-disease
    arguments = common.argument_parser("", 1).parse_args([])
    tokenizer = models.model_of(arguments, str(tmp_path)).tokenizer
    assert tokenizer.vocab_size == models.MINILM["vocab_size"]
    sentences = conll.load_sentences(str(ROOT / "examples/NCBI-disease/test.tsv"))
    lengths = [
        2 + sum(len(tokenizer.word_ids(word)) for word in sentence.words)
        for sentence in sentences
    ]
    assert 30 < statistics.mean(lengths) < 38
    rows = corpora.corpus_of("re", None, str(tmp_path)).load_train()
    ids = {"0": 0, "1": 1}
    lengths = [run_re.featurize(row, tokenizer, ids, 128)["pieces"] for row in rows]
    assert 36 < statistics.mean(lengths) < 48
    path = corpora.corpus_of("qa", None, str(tmp_path)).test
    limits = run_qa.Lengths(384, 128, 64)
    lengths = [
        len(window["input_ids"])
        for example in squad.load_to_predict(path)[0]
        for window in run_qa.featurize(example, tokenizer, limits)
    ]
    assert 200 < statistics.mean(lengths) < 280
