"""Memory that a step frees is kept for the next one: glibc's malloc told so.

By default malloc returns large blocks to the kernel at once and asks for them again at
the next step, and each of their pages then costs a page fault (docs/benchmarks.md).
"""

import ctypes

# Numbers of malloc.h, and bytes: the size from which on a block is mapped by itself,
# the free memory at the heap's end that is returned, and what is asked for at once.
_OPTIONS = (
    (-3, 32 << 20),  # M_MMAP_THRESHOLD, at the most that every glibc takes
    (-1, 1 << 30),  # M_TRIM_THRESHOLD
    (-2, 64 << 20),  # M_TOP_PAD
)


def keep_freed_memory() -> bool:
    """Let malloc keep what is freed; return whether it can be told so (glibc only)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    taken = [mallopt(name, size) == 1 for name, size in _OPTIONS]
    return all(taken)
