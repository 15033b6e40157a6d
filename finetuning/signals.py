"""Signals: what SIGTERM, SIGINT and SIGUSR1 do to a run.

Outside training the run ends at once: every file is written whole or not at all, so
there is nothing to bring home. While training it ends after the step that is running,
with a checkpoint. The exit status is 128 + signal, as shells have it.
"""

import contextlib
import os
import signal
import sys
import threading

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
AGAIN = "the same command again goes on from here"


class Interrupted(BaseException):
    """The run was asked to end. Not an Exception, so that nothing swallows it.

    Attributes:
      signal: the signal's number.
      where: how far the run came, in words; "" if nothing is half done.
      again: what to do next, in words, if it is not the usual.
    """

    def __init__(self, number, where="", again=None):
        super().__init__(number)
        self.signal = number
        self.where = where
        self.again = again


class Interruption:
    """Takes the signals of one run.

    Attributes:
      asked: number of the signal that came while it was held back, or None.
    """

    def __init__(self):
        self.asked = None
        self._holding = False

    def install(self):
        """Makes this object the one that the signals reach."""
        for number in _SIGNALS:
            signal.signal(number, self._receive)

    @contextlib.contextmanager
    def held_back(self):
        """Within the block a first signal is noted in `asked`, a second one ends."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    def _receive(self, number, _frame):
        if self._holding and self.asked is None:
            self.asked = number
            return
        raise Interrupted(number)


@contextlib.contextmanager
def ending_at_once():
    """Within the block a signal ends the process without any clean-up.

    For the seconds in which TensorFlow is imported: there is nothing to clean up yet,
    and an exception could come out anywhere. Other threads get no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _end) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: it was not Python that had set the handler.
            signal.signal(number, handler or signal.SIG_DFL)


def _end(number, _frame):
    os.write(2, _farewell(number, "nothing was begun", AGAIN).encode())
    os._exit(128 + number)


def exit_when_interrupted(interrupted, again=AGAIN):
    """Ends the process with one line on how to go on.

    Args:
      interrupted: Interrupted.
      again: what to do next, in words.
    """
    where = interrupted.where or "no result was written half"
    sys.stderr.write(_farewell(interrupted.signal, where, again))
    sys.stderr.flush()
    sys.exit(128 + interrupted.signal)


def _farewell(number, where, again):
    return f"stopped by {signal.Signals(number).name}: {where}; {again}\n"
