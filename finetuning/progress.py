"""Progress of long work: one reporter.

A line each ten seconds at first; as the work goes on they come less often. A terminal
has a line that changes in place between them.
"""

import time
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional, TypeVar

from finetuning import console

# (seconds since the beginning, seconds from a line to the next until then).
PAUSES = ((120.0, 10.0), (900.0, 30.0), (7200.0, 60.0))
LONGEST_PAUSE = 300.0
# Between two states of a terminal's line.
LIVE_SECONDS = 0.5
# The speeds of two stretches that tell how long the rest takes differ no more.
STEADY = 1.5
# After so many lines the time left is given however much the speed varies.
ENOUGH_LINES = 5
Item = TypeVar("Item")


class Stretch(NamedTuple):
    """The work between two lines: its seconds, its count, the sum of its sizes."""

    seconds: float
    done: int
    size: int

    def speed(self, by_size: bool = False) -> float:
        """Return count, or size, a second."""
        return (self.size if by_size else self.done) / max(self.seconds, 1e-9)


def together(stretches: Iterable[Stretch]) -> Stretch:
    """Join stretches, one at least."""
    return Stretch(*map(sum, zip(*stretches)))


class Progress:
    """Counts what is done and logs it when a line is due.

    For example

      predicted 1,500 of 3,000 (50 %), 125 examples/s, 12 s left

    The speed is that since the line before. The time left is estimated by all of them
    but the first, during which memory is got and caches are filled, and not before two
    speeds agree.

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
        self._stretches: List[Stretch] = []
        self._shown = 0.0
        self.start()
        self._begun = self.started

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
        if self.done == self.total:
            return
        if self.is_due():
            self.report()
        else:
            self.show()

    def is_due(self) -> bool:
        """Whether the last line was long enough ago."""
        now = time.time()
        since = now - self._begun
        pauses = (pause for until, pause in PAUSES if since < until)
        return now - self._reported >= next(pauses, LONGEST_PAUSE)

    def show(self, detail: str = "") -> None:
        """Show where the work is on a terminal, if it was not shown just now."""
        now = time.time()
        if console.has_live_line() and now - self._shown >= LIVE_SECONDS:
            self._shown = now
            # With the stretch before: just after a line there is nothing to measure by.
            recent = together([*self._stretches[-1:], self._since()])
            console.show_live(self._line(detail, recent))

    def report(self, detail: str = "") -> None:
        """Log a line; detail: what stands before the speed, "loss 0.8, "."""
        stretch = self._since()
        self.speed = stretch.speed() * self._units
        console.log_timed(self._line(detail, stretch))
        if stretch.done:
            self._stretches.append(stretch)
        self.start()

    def _since(self) -> Stretch:
        """Return what was done since the last line."""
        return Stretch(
            time.time() - self.started,
            self.done - self._done_before,
            self._size - self._size_before,
        )

    def _line(self, detail: str, stretch: Stretch) -> str:
        line = f"{self._title} {self.done:,}"
        if self.total is not None:
            line += f" of {self.total:,} ({100 * self.done // self.total} %)"
        speed = stretch.speed() * self._units
        line += f", {detail}{speed:.{0 if speed >= 20 else 1}f} {self._unit}/s"
        left = self._seconds_left(stretch)
        return line if left is None else f"{line}, {duration(left)} left"

    def _seconds_left(self, last: Stretch) -> Optional[float]:
        """Estimate the time left; None while nothing can be said of it."""
        if self.total is None or self.done >= self.total:
            return None
        known = [*self._stretches, last] if last.done else self._stretches
        if len(known) < 2:
            return None
        by_size = self._work is not None
        slower, faster = sorted(each.speed(by_size) for each in known[-2:])
        if faster > STEADY * slower and len(known) < ENOUGH_LINES:
            return None
        left = self._work - self._size if by_size else self.total - self.done
        return left / max(together(known[1:]).speed(by_size), 1e-9)


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
