"""How a command ended, and what it logged."""

from typing import Any, List, NamedTuple

from biocodes.lib import command


class Finished(NamedTuple):
    """A command that has ended: exit status, standard output and standard error."""

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one line that wrong input gets; fails when there is more or less."""
        lines = [
            line
            for line in self.stderr.splitlines()
            if not line.startswith(("INFO:", "WARNING:"))
        ]
        assert self.status == command.EXIT_STATUS, self.stderr
        assert len(lines) == 1, self.stderr
        return lines[0]


def logged(caplog: Any) -> List[str]:
    """Return the suite's log lines of the last run; caplog: pytest's."""
    return [
        record.getMessage() for record in caplog.records if record.name == "biobert"
    ]
