"""allocator.py: freed memory is kept, so that the next step has no page faults."""

import platform
import subprocess
import sys

import pytest

from finetuning import allocator
from kit.paths import ROOT

# Page faults of the later of several turns, each of which takes 64 MB and frees it.
# Huge pages are off (prctl's PR_SET_THP_DISABLE), for a fault of one counts for many.
TURNS = """
import ctypes, resource, sys
assert ctypes.CDLL(None).prctl(41, 1, 0, 0, 0) == 0
from finetuning import allocator
if sys.argv[1] == "kept":
    assert allocator.keep_freed_memory()
for turn in range(5):
    if turn == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [b"x" * (16 << 20) for _ in range(4)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES_OF_A_TURN = (64 << 20) // 4096


def faults_of(mode):
    """Count them in a new process, "kept" or "as usual"."""
    command = [sys.executable, "-c", TURNS, mode]
    return int(subprocess.check_output(command, cwd=str(ROOT)))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc's malloc")
def test_memory_that_is_taken_again_costs_no_page_faults():
    assert faults_of("as usual") > 2 * PAGES_OF_A_TURN
    assert faults_of("kept") < PAGES_OF_A_TURN / 10


def test_another_malloc_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: object())
    assert not allocator.keep_freed_memory()
