"""Signals: what SIGTERM, SIGINT and SIGUSR1 do to a run.

Outside training the run ends at once: every file is written whole or not at all, so
there is nothing to save. While training it ends after the step that is running, with a
checkpoint. The exit status is 128 + signal, as shells have it.
"""

import contextlib
import os
import signal
import sys
import threading
from typing import Any, Iterator, Optional

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
AGAIN = "the same command again resumes from here"


class Interrupted(BaseException):
    """The run was asked to end. Not an Exception, so that nothing swallows it.

    Attributes:
      signal: the signal's number.
      where: how far the run came, in words; "" if nothing is half done.
      again: what to do next, in words, if it is not the usual.
    """

    def __init__(
        self, number: int, where: str = "", again: Optional[str] = None
    ) -> None:
        """Say which signal it was, how far the run came and what to do next."""
        super().__init__(number)
        self.signal = number
        self.where = where
        self.again = again


class Interruption:
    """The signals of a run.

    Attributes:
      asked: number of the signal that came while it was held back, or None.
    """

    def __init__(self) -> None:
        self.asked: Optional[int] = None
        self._holding = False

    def install(self) -> None:
        """Take the signals of this process."""
        for number in SIGNALS:
            signal.signal(number, self._receive)

    @contextlib.contextmanager
    def held_back(self) -> Iterator[None]:
        """Within the block, note the first signal in `asked`; the second one ends."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    def _receive(self, number: int, _frame: Any) -> None:
        if self._holding and self.asked is None:
            self.asked = number
            return
        raise Interrupted(number)


@contextlib.contextmanager
def ending_at_once(stderr: int = 2) -> Iterator[None]:
    """Within the block, end the process at a signal without any clean-up.

    For the seconds in which TensorFlow is imported: there is nothing to clean up yet,
    and an exception could come out anywhere. Other threads get no signals.

    Args:
      stderr: descriptor that the farewell is written to.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: Any) -> None:
        os.write(stderr, _farewell(number, "nothing was begun", AGAIN).encode())
        os._exit(128 + number)

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: it was not Python that had set the handler.
            signal.signal(number, handler or signal.SIG_DFL)


def exit_when_interrupted(interrupted: Interrupted, again: str = AGAIN) -> None:
    """End the process with one line that says how to resume.

    Args:
      interrupted: what was raised.
      again: what to do next, in words.
    """
    where = interrupted.where or "no result was written half"
    sys.stderr.write(_farewell(interrupted.signal, where, again))
    sys.stderr.flush()
    sys.exit(128 + interrupted.signal)


def _farewell(number: int, where: str, again: str) -> str:
    return f"stopped by {signal.Signals(number).name}: {where}; {again}\n"
