"""Standard error as the scripts write it: log lines, and a terminal's changing line."""

import logging
import shutil
import sys
import time
from typing import Iterable

log = logging.getLogger("biobert")


class Console(logging.StreamHandler):
    """Standard error: log lines as TensorFlow prints them, each of them once.

    A terminal may have a line below them that changes in place.
    """

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.has_live_line = bool(sys.stderr) and sys.stderr.isatty()
        self._live = ""

    def format(self, record: logging.LogRecord) -> str:
        """Lay out a record; those of log_timed say when it was."""
        stamp = ""
        if getattr(record, "timed", False):
            moment = time.localtime(record.created)
            stamp = time.strftime("%Y-%m-%d %H:%M:%S ", moment)
        return f"{record.levelname}:tensorflow:{stamp}{super().format(record)}"

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, in place of the line that changes."""
        self.show("")
        super().emit(record)

    def show(self, line: str) -> None:
        """Show this line where the last one was; "" for none."""
        if line or self._live:
            width = shutil.get_terminal_size().columns - 1
            self._live = line[:width]
            self.stream.write(f"\r\x1b[K{self._live}")
            self.flush()


def log_timed(message: str) -> None:
    """Log a line that says when it was."""
    log.info("%s", message, extra={"timed": True})


def has_live_line() -> bool:
    """Whether there is a terminal to show a changing line on."""
    return any(getattr(each, "has_live_line", False) for each in log.handlers)


def show_live(line: str) -> None:
    """Show a line on the terminal until the next one, or a log line, takes its place.

    To be called where has_live_line.
    """
    for handler in log.handlers:
        if isinstance(handler, Console):
            handler.show(line)


def set_up_console() -> None:
    """Print log lines to standard error, and only there."""
    log.handlers = [Console()]
    log.setLevel(logging.INFO)
    log.propagate = False


def log_results(title: str, lines: Iterable[str]) -> None:
    """Log a heading and the lines under it."""
    log.info("***** %s *****", title)
    for line in lines:
        log.info("  %s", line)
