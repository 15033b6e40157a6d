"""progress.py: progress that a person can read."""

import pytest

from finetuning import progress
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
    sizes = [1000, 500, 500, 500, 500]
    assert passed_on(clock, sizes, 3000) == sizes
    assert log() == [
        "featurized 1,500 of 3,000 (50 %), 125 examples/s, 12 s left",
        "featurized 2,500 of 3,000 (83 %), 104 examples/s, 5 s left",
    ]


def test_progress_of_a_stream_needs_no_total(clock, log):
    assert passed_on(clock, [1000, 500], None) == [1000, 500]
    assert log() == ["featurized 1,500, 125 examples/s"]


def test_what_is_done_needs_no_line(clock, log):
    """The results follow at once."""
    assert passed_on(clock, [1, 1], 2) == [1, 1]
    assert log() == []


def test_speed_is_that_since_the_start(clock, log):
    """Steps of an earlier run took no time of this one."""
    steps = Progress("step", 100, units=32)
    steps.count(60)
    clock.now += 5
    steps.start()
    clock.now += 10
    steps.add(20)
    assert log() == ["step 80 of 100 (80 %), 64 examples/s, 10 s left"]
    steps.start()
    clock.now += 10
    steps.count(5)
    steps.report("loss 0.8, ")
    assert log()[1] == "step 85 of 100 (85 %), loss 0.8, 16.0 examples/s, 30 s left"


def test_time_left_is_that_of_the_work_left(clock, log):
    """Half of the passages are done, but the others are three times as long."""
    passages = Progress("annotated", 4, unit="passages", work=800)
    clock.now += 10
    passages.add(2, size=200)
    assert log() == ["annotated 2 of 4 (50 %), 0.2 passages/s, 30 s left"]
