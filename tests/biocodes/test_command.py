"""lib/command.py: exit status, messages and streams of every command."""

import os
import subprocess

import pytest

from biocodes.lib import command
from kit.paths import ROOT
from kit.python import command_of, run_python


@pytest.mark.parametrize(
    "body, status, stdout, stderr",
    [
        ("print('fine')", 0, b"fine\n", b""),
        ("return 3", 3, b"", b""),
        ("raise files.InputError('bad', 'x', 2)", 2, b"", b"-c: error: x:2: bad\n"),
        ("command.fail('bad')", 2, b"", b"-c: error: bad\n"),
        ("command.warn('odd', list('abcdefg'))", 0, b"", None),
        ("command.warn('odd', [])", 0, b"", b""),
    ],
)
def test_command_ends(body, status, stdout, stderr):
    done = run_python(f"def main():\n    {body}\ncommand.run(main)")
    assert (done.returncode, done.stdout) == (status, stdout)
    expected = b"warning: odd: 7 (a, b, c, d, e, ...)\n" if stderr is None else stderr
    assert done.stderr == expected


@pytest.mark.parametrize("bug", ["[][0]", "import os; os.close(99)"])
def test_bug_is_not_hidden(bug):
    done = run_python(f"def main():\n    {bug}\ncommand.run(main)")
    assert done.returncode == 1
    assert b"Traceback" in done.stderr


@pytest.mark.parametrize(
    "body, line",
    [
        ("open('/no/such')", b"-c: error: /no/such: no such file or directory\n"),
        ("bytearray(1 << 60)", b"-c: error: out of memory\n"),
        ("command.fail('two\\nlines')", b"-c: error: two lines\n"),
    ],
)
def test_what_the_system_refuses_is_one_line(body, line):
    done = run_python(f"def main():\n    {body}\ncommand.run(main)")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", line)


def test_ctrl_c_is_one_line():
    done = run_python(
        "import os, signal\n"
        # As in a terminal; what a shell starts in the background ignores the signal.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def main():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "command.run(main)"
    )
    assert done.returncode == 130
    assert done.stderr == b"stopped by SIGINT: no result was written half\n"


@pytest.mark.parametrize("stream", [1, 2])
@pytest.mark.parametrize("body, status", [("print('x')", 0), ("command.fail('x')", 2)])
def test_standard_streams_may_be_closed(stream, body, status):
    done = run_python(
        f"def main():\n    {body}\ncommand.run(main)",
        preexec_fn=lambda: os.close(stream),
        env=dict(os.environ, PYTHONWARNINGS="error"),
    )
    assert done.returncode == status
    assert done.stderr == (b"-c: error: x\n" if status and stream == 1 else b"")


def test_full_standard_output_is_an_error():
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command_of("command.run(lambda: print('x' * 100000))"),
            cwd=str(ROOT),
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 2
    assert done.stderr == (
        b"-c: error: standard output: cannot be written (no space left on device)\n"
    )


def test_reader_that_goes_away_is_no_error():
    process = subprocess.Popen(
        command_of(
            "command.run(lambda: [print('x' * 1000) for _ in range(1000)] and None)"
        ),
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.parametrize(
    "body", ["print('x')", "command.fail('bad')", "print('x'); command.fail('bad')"]
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_streams_leave_the_exit_status_of_an_error(body, stream, unbuffered):
    """Python itself would end with 120, and complain in two lines."""
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with open("/dev/full", "wb") as full:
        streams[stream] = full
        done = subprocess.run(
            command_of(f"def main():\n    {body}\ncommand.run(main)"),
            cwd=str(ROOT),
            env=dict(os.environ, PYTHONUNBUFFERED=unbuffered),
            **streams,
        )
    is_right = stream == "stderr" and "fail" not in body
    assert done.returncode == (0 if is_right else command.EXIT_STATUS)
    if stream == "stdout":
        assert done.stderr.count(b"\n") == 1


# The C locale's encoding is that of no text; Python makes it UTF-8 unless told not to.
@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_what_the_terminal_cannot_show_is_escaped(variables):
    done = run_python(
        r"command.run(lambda: print('na\u00efve \udce9'))",
        env={**os.environ, **variables},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"na\\xefve \\udce9\n"


def test_a_warning_is_one_line_that_counts_all_and_names_five(capsys):
    command.warn("odd ones", ["a\nb", "c", "d", "e", "f", "g"])
    command.warn("nothing", [])
    assert capsys.readouterr().err == "warning: odd ones: 6 (a b, c, d, e, f, ...)\n"
