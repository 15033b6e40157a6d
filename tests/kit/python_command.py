"""A `python` that runs scripts without TensorFlow's seconds of start-up for each.

    with PythonCommand() as folder:    # put the folder in front of PATH
        subprocess.run(["bash", "-c", "python run_ner.py --help"], …)

The command in that folder sends its arguments, folder, variables and streams to a
process that has imported TensorFlow and the suite, and no more: no session, no thread.
A fork of it becomes the script. What is not a script (-c, -m) goes to the real
interpreter. Where kit/forked.py starts scripts from Python, this is for lines of shell,
with their pipes.
"""

import array
import contextlib
import importlib
import json
import os
import pathlib
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Modules that the scripts import when they need TensorFlow.
WITH_TENSORFLOW = (
    *("finetuning.tensorflow_engine", "finetuning.training"),
    *("tasks.ner.head", "tasks.re.head", "tasks.qa.head"),
)
_COMMAND = """#!/bin/sh
exec '{python}' -SE '{file}' '{address}' "$@"
"""


class PythonCommand:
    """Starts the process that is forked; a context manager that gives the folder."""

    def __enter__(self) -> pathlib.Path:
        # Not in pytest's folder: the path of a socket has at most about 100 bytes.
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="python-"))
        address, command = self._folder / "socket", self._folder / "python"
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(address)], stdout=subprocess.PIPE
        )
        if self._server.stdout.readline() != b"ready\n":
            raise RuntimeError("the suite cannot be imported, see above")
        text = _COMMAND.format(python=sys.executable, file=__file__, address=address)
        command.write_text(text)
        command.chmod(0o755)
        return self._folder

    def __exit__(self, *_: Any) -> None:
        self._server.kill()
        self._server.communicate()
        shutil.rmtree(str(self._folder))


def ask(address: str, arguments: List[str]) -> None:
    """Have a script run with this process's folder, variables and streams."""
    if not arguments or arguments[0].startswith("-"):
        os.execv(sys.executable, [sys.executable, *arguments])
    request = {"argv": arguments, "cwd": os.getcwd(), "env": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        streams = array.array("i", [0, 1, 2])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)]
        connection.sendmsg([b"!"], rights)
        connection.sendall(json.dumps(request).encode() + b"\n")
        sys.exit(int(connection.makefile().readline()))


def serve(address: str) -> None:
    """Import what takes long, and fork for each request."""
    sys.path.insert(0, str(ROOT))
    for name in ("run_ner", "run_re", "run_qa", *WITH_TENSORFLOW):
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(8)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(connection)
                os._exit(0)
            connection.close()


def answer(connection: socket.socket) -> None:
    """Fork once more, for the script, and send its exit status."""
    size = 3 * array.array("i").itemsize
    _, rights, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(size))
    streams = array.array("i", rights[0][2][:size])
    request = json.loads(connection.makefile().readline())
    child = os.fork()
    if child == 0:
        connection.close()
        become_script(request, streams)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    status = 128 + os.WTERMSIG(status) if killed else os.WEXITSTATUS(status)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(f"{status}\n".encode())


def become_script(request: Dict[str, Any], streams: Sequence[int]) -> None:
    """Run the script that a request names, with these streams, and end."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)  # a reader of a pipe waits for every copy of its other end
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = request["argv"]
    sys.path[0] = os.path.dirname(os.path.realpath(sys.argv[0]))
    runpy.run_path(sys.argv[0], run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        ask(sys.argv[1], sys.argv[2:])
    serve(sys.argv[1])
