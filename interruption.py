"""Signals: what SIGTERM, SIGINT and SIGUSR1 do to a run.

Outside training the run ends at once: every file is written whole or not at all, so
there is nothing to bring home. While training it ends after the step that is running,
with a checkpoint. The exit status is 128 + signal, as shells have it.
"""

import contextlib
import signal
import sys

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Interrupted(BaseException):
    """The run was asked to end. Not an Exception, so that nothing swallows it.

    Attributes:
      signal: the signal's number.
    """

    def __init__(self, number, where=""):
        super().__init__(number)
        self.signal = number
        self.where = where


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


def exit_when_interrupted(interrupted):
    """Ends the process with one line on how to go on."""
    name = signal.Signals(interrupted.signal).name
    where = interrupted.where or "no result was written half"
    sys.stderr.write(
        f"stopped by {name}: {where}; the same command again goes on from here\n"
    )
    sys.stderr.flush()
    sys.exit(128 + interrupted.signal)
