"""Progress of long work: one reporter, about every ten seconds a line."""

import time
from typing import Callable, Iterable, Iterator, Optional, TypeVar

from finetuning.command_line import log

PROGRESS_SECONDS = 10.0
Item = TypeVar("Item")


class Progress:
    """Counts what is done and logs it when a line is due.

    For example

      predicted 1,500 of 3,000 (50 %), 125 examples/s, 12 s left

    Attributes:
      total: how many there are, or None.
      done: how many are done, those of an earlier run included.
      started: when this run began with the next, as time.time().
      speed: units a second, as the last line said.
    """

    def __init__(
        self,
        title: str,
        total: Optional[int] = None,
        unit: str = "examples",
        units: int = 1,
        work: Optional[int] = None,
    ) -> None:
        """Begin to count.

        Args:
          title: what a line begins with, "predicted".
          total: how many there are; None when that is not known.
          unit: what the speed is given in.
          units: how many of them each counts for, such as the examples of a step.
          work: sum of the sizes that `add` gets, by which the time left is estimated
            where things of very different sizes are counted. Default: by count.
        """
        self.done = 0
        self.speed = 0.0
        self._title = title
        self.total = total
        self._unit = unit
        self._units = units
        self._work = work
        self._size = 0
        self.start()

    def start(self) -> None:
        """Measure the speed from here on; what was counted so far is done."""
        self.started = self._reported = time.time()
        self._done_before, self._size_before = self.done, self._size

    def count(self, count: int = 1, size: int = 0) -> None:
        """Count what is done."""
        self.done += count
        self._size += size

    def add(self, count: int = 1, size: int = 0) -> None:
        """Count what is done, and log a line if one is due."""
        self.count(count, size)
        if self.is_due() and self.done != self.total:
            self.report()

    def is_due(self) -> bool:
        """Whether the last line was long enough ago."""
        return time.time() - self._reported >= PROGRESS_SECONDS

    def report(self, detail: str = "") -> None:
        """Log a line; detail: what stands before the speed, "loss 0.8, "."""
        self._reported = time.time()
        seconds = max(self._reported - self.started, 1e-9)
        rate = (self.done - self._done_before) / seconds
        speed = self.speed = rate * self._units
        line = f"{self._title} {self.done:,}"
        if self.total is not None:
            line += f" of {self.total:,} ({100 * self.done // self.total} %)"
        line += f", {detail}{speed:.{0 if speed >= 20 else 1}f} {self._unit}/s"
        if self.total is not None and self.done < self.total:
            line += f", {duration(self._seconds_left(rate, seconds))} left"
        log.info("%s", line)

    def _seconds_left(self, rate: float, seconds: float) -> float:
        if self._work is None:
            return (self.total - self.done) / max(rate, 1e-9)
        size = max(self._size - self._size_before, 1)
        return (self._work - self._size) * seconds / size


def report_progress(
    title: str,
    parts: Iterable[Item],
    total: Optional[int] = None,
    count_of: Callable[[Item], int] = lambda part: 1,
) -> Iterator[Item]:
    """Pass parts of long work on, and report its progress.

    Args:
      title: what is done with the examples, "predicted".
      parts: what is passed on.
      total: number of examples in all of them; None when it is not known.
      count_of: function of a part → number of examples in it.
    """
    progress = Progress(title, total)
    for part in parts:
        yield part
        progress.add(count_of(part))


def duration(seconds: float) -> str:
    """Write seconds as a person says them: 75.3 → "1 min 15 s"."""
    seconds = int(round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
