"""Real runs of the three scripts, without TensorFlow's seconds of start-up for each.

One process imports TensorFlow and the suite's modules, and no more: no session, no
thread. Each run is a child forked from it that executes the script as `__main__`, with
a standard output and error, and an end, of its own. So a run can be killed, at a chosen
call of a chosen function, or live under limits, and nobody else notices.

    with forked.Launcher() as launch:
        done = launch("run_ner.py", "--help")
        launch("run_ner.py", …, at=forked.At("os.replace", about="label2id.json"))
"""

import functools
import importlib
import json
import os
import pathlib
import resource
import runpy
import select
import signal
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Modules that the scripts import when they need TensorFlow.
WITH_TENSORFLOW = (
    *("finetuning.tensorflow_engine", "finetuning.training"),
    *("tasks.ner.head", "tasks.re.head", "tasks.qa.head"),
)


class At(NamedTuple):
    """Where a run gets a signal.

    Attributes:
      function: "module.name" or "module.Class.name".
      call: which of its calls, from 1.
      about: only calls count in whose arguments this text occurs.
      after: whether the signal comes when the call has returned, not before it.
      signal: the signal's number.
    """

    function: str
    call: int = 1
    about: str = ""
    after: bool = False
    signal: int = signal.SIGKILL


class Done(NamedTuple):
    """A run that has ended: exit status (or minus the signal's number), outputs."""

    status: int
    stdout: str
    stderr: str


class Launcher:
    """Starts the process that is forked; a context manager, and then a function."""

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __call__(self, script, *arguments, at=None, limits=None, stdout=None):
        """Runs a script.

        Args:
          script: path below the suite's folder.
          arguments: its flags.
          at: At, or None.
          limits: dict of a resource's name ("RLIMIT_FSIZE") → the most it may use.
          stdout: file that standard output goes to; default: into Done.

        Returns:
          Done.
        """
        request = {
            "argv": [str(ROOT / script), *map(str, arguments)],
            "at": at,
            "limits": limits or {},
            "stdout": stdout,
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Done(*json.loads(self._process.stdout.readline()))


def answer(request):
    """Forks the child that a request asks for → Done; does not return in the child."""
    pipes = [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        become_script(request, [end for _, end in pipes])
    texts = {}
    for end, written in pipes:
        os.close(written)
        texts[end] = b""
    waiting = list(texts)
    while waiting:
        for end in select.select(waiting, [], [])[0]:
            part = os.read(end, 1 << 16)
            texts[end] += part
            if not part:
                waiting.remove(end)
                os.close(end)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    status = -os.WTERMSIG(status) if killed else os.WEXITSTATUS(status)
    return Done(status, *(text.decode() for text in texts.values()))


def become_script(request, outputs):
    """What a child does; outputs: file descriptors of its standard output and error."""
    if request["stdout"]:
        outputs[0] = os.open(request["stdout"], os.O_WRONLY)
    for number, end in enumerate([os.open(os.devnull, os.O_RDONLY), *outputs]):
        os.dup2(end, number)
    for name, most in request["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    if request["at"] is not None:
        signal_at(At(*request["at"]))
    sys.argv = request["argv"]
    runpy.run_path(sys.argv[0], run_name="__main__")
    sys.exit()


def signal_at(at):
    """Makes a function send its process a signal at one of its calls."""
    owner, name = owner_of(at.function)
    function, calls = getattr(owner, name), []

    @functools.wraps(function)
    def wrapper(*arguments, **options):
        if at.about in f"{arguments} {options}":
            calls.append(1)
        is_due = len(calls) == at.call
        if is_due:
            calls.append(1)  # never again
        if is_due and not at.after:
            os.kill(os.getpid(), at.signal)
        result = function(*arguments, **options)
        if is_due and at.after:
            os.kill(os.getpid(), at.signal)
        return result

    setattr(owner, name, wrapper)


def owner_of(function):
    """ "module.Class.name" → the class or module, "name"."""
    *path, name = function.split(".")
    owner = importlib.import_module(path[0])
    for index, part in enumerate(path[1:], 2):
        if not hasattr(owner, part):
            importlib.import_module(".".join(path[:index]))
        owner = getattr(owner, part)
    return owner, name


def main():
    """Reads requests, a line each, and answers them."""
    if hasattr(os, "sched_setaffinity"):
        # Sums come out the same to the last bit only when one core makes them. Suites
        # that run side by side take different ones.
        cores = sorted(os.sched_getaffinity(0))
        number = int(os.environ.get("TEST_CORE", "0"))
        os.sched_setaffinity(0, {cores[number % len(cores)]})
    sys.path.insert(0, str(ROOT))
    for name in ("run_ner", "run_re", "run_qa", *WITH_TENSORFLOW):
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
