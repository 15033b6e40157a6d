"""Snippets of Python that run as a command of the suite, in a process of their own."""

import subprocess
import sys

from kit.paths import ROOT

HEAD = "from biocodes.lib import command, files\n"


def command_of(code, *arguments):
    """Command line of a snippet that finds `command` and `files` imported."""
    return [sys.executable, "-c", HEAD + code, *arguments]


def run_python(code, *arguments, **options):
    """Run a snippet; options are those of subprocess.run."""
    return subprocess.run(
        command_of(code, *arguments), cwd=str(ROOT), capture_output=True, **options
    )
