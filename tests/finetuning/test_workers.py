"""workers.py: the same as map(), and no process is left behind."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import run_ner
import run_qa
import run_re
from biocodes.lib import files, squad
from biocodes.lib.relations import read_train
from finetuning import workers
from kit import small_run
from kit.models import head_over_pieces, tiny_model
from kit.paths import DATA, ROOT
from tasks.ner.corpora import load_corpora
from tasks.ner.labels import ORIGINAL_LABELS
from tasks.qa import spans


def is_there(pid):
    """Whether a process exists, be it a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pids):
    """Fails when one of the processes is still there after some seconds."""
    for _ in range(200):
        # Orphans are init's to bury; where there is no init they stay as zombies.
        if not any(is_there(pid) and not is_zombie(pid) for pid in pids):
            return
        time.sleep(0.05)
    pytest.fail(f"still there: {pids}")


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def pid_of_worker(_):
    return os.getpid()


# The same as map


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.one_of(st.integers(), st.text(), st.none())),
    st.integers(0, 3),
    st.integers(1, 9),
)
def test_equals_map(items, processes, chunk):
    offset = object()  # a closure over what cannot be sent

    def function(item):
        return repr(item), offset is not None

    result = workers.ordered_map(function, iter(items), processes, chunk)
    assert list(result) == [function(item) for item in items]


def test_work_is_done_in_as_many_processes_as_asked_for():
    pids = set(workers.ordered_map(pid_of_worker, range(40), 3, chunk=1))
    assert len(pids) == 3 and os.getpid() not in pids
    assert set(workers.ordered_map(pid_of_worker, range(4), 0)) == {os.getpid()}


def test_without_fork_the_work_is_done_here(monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert set(workers.ordered_map(pid_of_worker, range(4), 2)) == {os.getpid()}


def test_large_items_and_results_do_not_block_each_other():
    """Each is more than a pipe holds."""
    items = [bytes([number]) * 300000 for number in range(20)]
    assert list(workers.ordered_map(bytes.upper, items, 2, chunk=2)) == items


def test_a_result_comes_before_the_next_item():
    """As from a person who types a line and waits for the answer."""
    answered = threading.Semaphore(0)

    def typed():
        for number in range(5):
            yield number
            assert answered.acquire(timeout=30), "no answer to what was typed"

    answers = []
    for answer in workers.ordered_map(int, typed(), 2, chunk=3):
        answers.append(answer)
        answered.release()
    assert answers == [0, 1, 2, 3, 4]


def test_what_is_read_ahead_is_bounded():
    read = itertools.count()
    endless = (next(read) for _ in itertools.count())
    results = workers.ordered_map(int, endless, 2, chunk=4)
    assert list(itertools.islice(results, 1000)) == list(range(1000))
    results.close()
    # Two chunks under way to each worker and two that wait, the one that is being sent,
    # the rest of the chunk that was received last, and an item in the reader's hand.
    assert next(read) <= 1000 + (2 * 2 + 2 + 1 + 1) * 4 + 1


def test_forks_at_the_call():
    """Not at the first next(): a TensorFlow session may be open by then."""
    said = "before"

    def function(item):
        return said

    results = workers.ordered_map(function, [1], 1)
    said = "after"
    assert list(results) == ["before"]


# Errors


def test_error_of_the_function_comes_at_its_place():
    def function(item):
        if item == 11:
            raise files.InputError("no such thing", "corpus.tsv", 11, "remove it")
        return item

    results = workers.ordered_map(function, range(100), 2, chunk=4)
    assert list(itertools.islice(results, 11)) == list(range(11))
    with pytest.raises(files.InputError) as raised:
        next(results)
    assert str(raised.value) == "corpus.tsv:11: no such thing; remove it"
    assert list(results) == []


def test_input_error_keeps_its_fields():
    def function(item):
        raise expected

    expected = files.InputError("no such thing", "corpus.tsv", 11, "remove it")
    with pytest.raises(files.InputError) as raised:
        next(workers.ordered_map(function, [1], 1))
    assert vars(raised.value) == vars(expected)
    assert str(raised.value) == str(expected)


def test_trace_of_the_error_names_the_place_in_the_worker():
    with pytest.raises(ZeroDivisionError) as raised:
        next(workers.ordered_map(lambda item: 1 // item, [0], 1))
    assert "1 // item" in str(raised.value.__cause__)


def test_error_of_the_items_comes_at_its_place():
    def items():
        yield from range(10)
        raise files.InputError("not UTF-8 text", "corpus.tsv", 10)

    results = workers.ordered_map(int, items(), 2, chunk=4)
    assert list(itertools.islice(results, 10)) == list(range(10))
    with pytest.raises(files.InputError, match="corpus.tsv:10: not UTF-8 text"):
        next(results)


def test_error_that_cannot_be_sent_keeps_its_text():
    class Local(Exception):
        pass

    def function(item):
        raise Local("nothing to be done")

    with pytest.raises(RuntimeError, match="Local: nothing to be done"):
        next(workers.ordered_map(function, [1], 1))


@pytest.mark.parametrize("items", [[lambda: 0], [1, 2, lambda: 0]])
def test_item_that_cannot_be_sent_is_an_error(items):
    with pytest.raises(Exception, match="pickle|local object"):
        list(workers.ordered_map(str, items, 2, chunk=1))


def test_result_that_cannot_be_sent_is_an_error():
    with pytest.raises(Exception, match="pickle|local object"):
        list(workers.ordered_map(lambda item: lambda: 0, [1], 2))


def test_killed_worker_is_an_error():
    def function(item):
        if item == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    results = workers.ordered_map(function, range(100), 2, chunk=1)
    with pytest.raises(files.InputError, match="killed"):
        list(results)


# Signals, and the end


@pytest.mark.parametrize("end", ["close", "drop", "never started", "exhaust", "error"])
def test_no_process_is_left(end):
    pids = []
    fork = os.fork

    def noted_fork():
        pids.append(fork())
        return pids[-1]

    def function(item):
        return 1 // (item - 150)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fork", noted_fork)
        items = range(100) if end == "exhaust" else range(1000)
        results = workers.ordered_map(function, items, 2, chunk=8)
    assert all(is_there(pid) for pid in pids) and len(pids) == 2
    if end in ("close", "drop"):
        next(results)
    if end == "close":
        results.close()
    elif end in ("drop", "never started"):
        del results
    elif end == "exhaust":
        assert len(list(results)) == 100
    else:
        with pytest.raises(ZeroDivisionError):
            list(results)
    assert not any(is_there(pid) for pid in pids)  # nor as zombies


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1"])
def test_workers_leave_signals_to_the_parent(name):
    """As when Ctrl-C or a batch system reaches all processes of a job."""
    results = workers.ordered_map(pid_of_worker, itertools.count(), 1, chunk=1)
    pid = next(results)
    os.kill(pid, getattr(signal, name))
    assert set(itertools.islice(results, 100)) == {pid}


def run_python(code, **options):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_workers_end_with_a_parent_that_is_killed():
    process = run_python(
        "import itertools, os, time\n"
        "from finetuning import workers\n"
        "endless = itertools.count()\n"
        "results = workers.ordered_map(lambda _: os.getpid(), endless, 3, chunk=1)\n"
        "print(*{next(results) for _ in range(30)}, flush=True)\n"
        "time.sleep(60)\n"
    )
    with process:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 3 and all(is_there(pid) for pid in pids)
        process.kill()
    wait_until_gone(pids)


def test_process_can_end_while_an_item_is_waited_for():
    """Python aborts when sys.stdin is being read in another thread at the end."""
    process = run_python(
        "from finetuning import workers\n"
        "from biocodes.lib import command, files\n"
        "def main():\n"
        "    lines = files.read_lines('-')\n"
        "    for number in workers.ordered_map(lambda line: int(line[1]), lines, 2):\n"
        "        print(number, flush=True)\n"
        "command.run(main)\n",
        stdin=subprocess.PIPE,
    )
    with process:
        process.stdin.write(b"12\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"12\n"
        process.stdin.write(b"twelve\n")
        process.stdin.flush()
        # Standard input stays open.
        process.wait(30)
        stderr = process.stderr.read().decode()
    assert process.returncode == 1 and "invalid literal for int" in stderr
    assert "Fatal Python error" not in stderr


# How many


def test_few_examples_need_no_workers(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4), raising=False)
    assert workers.processes_for(0) == workers.processes_for(1000) == 0
    assert workers.processes_for(None) == 0
    assert workers.processes_for(10**6) == 4


@pytest.mark.parametrize("cores, expected", [(1, 0), (2, 2), (64, 8)])
def test_as_many_workers_as_cores_up_to_a_limit(monkeypatch, cores, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(cores), raising=False)
    assert workers.processes_for(10**6) == expected
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert workers.processes_for(10**6) == expected


# In the scripts


def records_of_scripts(folder):
    """All rows that the scripts make of some examples, and how many examples."""
    run = small_run.run_in(folder)
    run.model = tiny_model(head_over_pieces(2), ("0", "1"))
    questions = squad.load_to_train(str(DATA / "qa" / "train_small.json"), False)[0]
    settings = spans.Settings(spans.FACTOID, False, False)
    kind = spans.Spans(run_qa.Lengths(64, 32, 16), spans.LIMITS, settings)
    of_questions = run_qa.make_records(run, "train", kind, questions, corpus="abc")
    rows = read_train(str(DATA / "re" / "train.tsv"))
    fold = run_re.FoldRun(run, {"eval": rows}, {"eval": "abc"})
    of_rows = run_re.make_records(fold, 64)["eval"]
    run.model = tiny_model(head_over_pieces(7), ORIGINAL_LABELS)
    corpora = load_corpora(str(DATA / "ner"), ["predict"])
    settings = run_ner.Settings(None, "train_dev.tsv", 64, 8, False, True, None)
    of_ner = run_ner.featurize_all(run, corpora, ["predict"], settings)["predict", ""]
    made = [
        [data.row(index).tolist() for index in range(len(data))]
        for data in (of_questions, of_rows, of_ner)
    ]
    counts = [len(questions), len(rows), len(corpora[0].sentences["predict"])]
    return made, counts


def test_records_are_the_same_whoever_makes_them(monkeypatch, tmp_path):
    """And each script asks how many workers pay."""
    asked = []

    def made_by(processes):
        def processes_for(count):
            asked.append(count)
            return processes

        monkeypatch.setattr(workers, "processes_for", processes_for)
        folder = tmp_path / str(processes)
        folder.mkdir()
        return records_of_scripts(folder)

    made, counts = made_by(0)
    assert made_by(2) == (made, counts)
    assert all(made) and asked == counts * 2
