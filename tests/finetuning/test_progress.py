"""progress.py: progress that a person can read."""

import io
import re

import pytest

from finetuning import console, progress
from finetuning.progress import Progress, duration, report_progress


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (75.3, "1 min 15 s"),
        (3599.9, "1 h 0 min"),
        (3660, "1 h 1 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


class Clock:
    """In place of the time module: seconds pass only when a test lets them."""

    def __init__(self):
        self.now = 1000.0

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def passed_on(clock, sizes, total):
    """Pass parts of these sizes on, each of which takes six seconds."""

    def parts():
        for size in sizes:
            clock.now += 6
            yield size

    return list(report_progress("featurized", parts(), total, count_of=int))


def test_progress_is_reported_every_ten_seconds(clock, log):
    sizes = [1000, 500, 500, 500, 500, 100]
    assert passed_on(clock, sizes, 3100) == sizes
    assert log() == [
        "featurized 1,500 of 3,100 (48 %), 125 examples/s",
        "featurized 2,500 of 3,100 (80 %), 83 examples/s, 7 s left",
    ]


def test_progress_of_a_stream_needs_no_total(clock, log):
    assert passed_on(clock, [1000, 500], None) == [1000, 500]
    assert log() == ["featurized 1,500, 125 examples/s"]


def test_what_is_done_needs_no_line(clock, log):
    """The results follow at once."""
    assert passed_on(clock, [1, 1], 2) == [1, 1]
    assert log() == []


def lines_of(clock, log, speeds, total=1000):
    """Return the lines of work that has these speeds, each for ten seconds."""
    work = Progress("step", total)
    for speed in speeds:
        clock.now += 10
        work.add(10 * speed)
    return log()


def left_in(line):
    """Return the time left that a line gives, None if it gives none."""
    match = re.search(", ([^,]*) left$", line)
    return match and match.group(1)


def test_time_left_waits_for_a_steady_speed(clock, log):
    """The first steps are slow: graph, memory and caches are made."""
    lines = lines_of(clock, log, [1, 2, 9, 10])
    assert [left_in(line) for line in lines] == [None, None, None, "1 min 51 s"]


def test_speed_that_never_is_steady_gives_a_time_in_the_end(clock, log):
    lines = lines_of(clock, log, [1, 10, 1, 10, 1])
    assert [left_in(line) for line in lines] == [None] * 4 + ["2 min 20 s"]


def test_speed_is_that_since_the_last_line(clock, log):
    """Steps of an earlier run took no time of this one."""
    steps = Progress("step", 100, units=32)
    steps.count(60)
    clock.now += 5
    steps.start()
    clock.now += 10
    steps.add(20)
    clock.now += 10
    steps.count(5)
    steps.report("loss 0.8, ")
    assert log() == [
        "step 80 of 100 (80 %), 64 examples/s",
        "step 85 of 100 (85 %), loss 0.8, 16.0 examples/s",
    ]


def test_time_left_is_that_of_the_work_left(clock, log):
    """Half of the passages are done, but the others are three times as long."""
    passages = Progress("annotated", 4, unit="passages", work=800)
    for _ in range(2):
        clock.now += 10
        passages.add(1, size=100)
    assert log()[1] == "annotated 2 of 4 (50 %), 0.1 passages/s, 1 min 0 s left"


def test_lines_come_less_often_as_the_work_goes_on(clock, log):
    work = Progress("step", 10**6)
    begun, times = clock.now, []
    while clock.now < begun + 4 * 3600:
        clock.now += 1
        before = len(log())
        work.add()
        times += [clock.now - begun] * (len(log()) - before)
    pauses = [after - before for before, after in zip(times, times[1:])]
    assert pauses == sorted(pauses)
    assert set(pauses) == {10, 30, 60, 300}
    assert len(times) < 180


@pytest.fixture
def terminal(monkeypatch, caplog):
    """Standard error is a terminal; what is written to it is returned."""
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", screen)
    caplog.set_level("INFO", console.log.name)
    monkeypatch.setattr(console.log, "handlers", [console.Console()])
    return screen


def test_terminal_has_a_line_that_changes_in_place(clock, terminal):
    work = Progress("step", 100)
    for _ in range(3):
        clock.now += 0.4
        work.add(10)
    clear = "\r\x1b[K"
    assert terminal.getvalue() == "".join(
        [f"{clear}step 10 of 100 (10 %), 25 examples/s"]
        + [f"{clear}step 30 of 100 (30 %), 25 examples/s"]
    )
    console.log.warning("a line")
    assert terminal.getvalue().endswith(f"/s{clear}WARNING:tensorflow:a line\n")


def test_line_that_changes_is_no_wider_than_the_terminal(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    console.show_live("x" * 100)
    assert terminal.getvalue().count("x") == 19


def test_file_gets_no_line_that_changes(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert not console.Console().has_live_line


def test_line_of_progress_says_when_it_was(terminal):
    console.log_timed("step 1")
    pattern = r"INFO:tensorflow:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d step 1\n"
    assert re.fullmatch(pattern, terminal.getvalue())
